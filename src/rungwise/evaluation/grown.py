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
        test: what it said of the test part's judged rows.
        aside: what it said of rows of train that it hasn't seen.
    """

    rung: str
    num_rows: int
    num_train: int
    num_all: int
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
        name = growth_name(record["rung"], record["num_rows"], record["draw"])
        if has_predictions(run_folder, name):
            aside, test = (read_predictions(run_folder, name, part) for part in ("valid", "test"))
            sizes = (record[key] for key in ("num_rows", "num_train", "num_all"))
            grown.append(Grown(record["rung"], *sizes, test, aside))
    return grown
