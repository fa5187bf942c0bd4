"""The fits of a run on parts of train, as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rungwise.evaluation.predictions import Predictions, growth_name, has_predictions, read_predictions
from rungwise.evaluation.records import read_records

__all__ = ["Grown", "read_growth"]


@dataclass(frozen=True)
class Grown:
    """A fit on a part of train.

    Attributes:
        rung: its rung.
        num_rows: that it was to learn from.
        num_train: that it learned from.
        num_all: of all of train.
        width: its hidden size, where that is another than the run's; else 0.
        parameters: of its model.
        test: what it said of the test part's judged rows.
        aside: what it said of rows of train that it hasn't seen.
    """

    rung: str
    num_rows: int
    num_train: int
    num_all: int
    width: int
    parameters: int
    test: Predictions
    aside: Predictions


def read_growth(run_folder: Path) -> list[Grown]:
    """The fits on parts of train of a run that have a result.

    Raises:
        RunError: if the journal or a file of predictions can't be read.
    """
    grown = []
    for record in read_records(run_folder):
        if record["type"] != "growth" or record["status"] != "done":
            continue
        width = record.get("width", 0)
        name = growth_name(record["rung"], record["num_rows"], record["draw"], width)
        if has_predictions(run_folder, name):
            grown.append(
                Grown(
                    rung=record["rung"],
                    num_rows=record["num_rows"],
                    num_train=record["num_train"],
                    num_all=record["num_all"],
                    width=width,
                    parameters=record.get("parameters", 0),
                    test=read_predictions(run_folder, name, "test"),
                    aside=read_predictions(run_folder, name, "valid"),
                )
            )
    return grown
