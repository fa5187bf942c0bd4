"""What the page is made from: a run, read once for all of its sections."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rungwise.data import Dataset
from rungwise.errors import RunError
from rungwise.evaluation import Outcome, Outlook, Results, Terms, Verdict, leaderboard, verdict
from rungwise.evaluation.calibration import RungCalibration, calibrations, why_uncalibrated
from rungwise.evaluation.label_errors import LabelErrors, label_errors
from rungwise.evaluation.outcomes import BASELINE
from rungwise.evaluation.outlook import outlook_as_asked
from rungwise.evaluation.slices import Slices, slices
from rungwise.evaluation.slicing import built_in, groupings
from rungwise.kinds import OutputKind
from rungwise.language import Message, term
from rungwise.metrics import Metric
from rungwise.report.cutting import MAX_NAME, cut

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Content"]

_SUSPECTS = 10
"""Labels to look at, at most."""


@dataclass(frozen=True)
class Content:
    """A run, as the sections of the page look at it.

    Attributes:
        results: records and predictions.
        config: what was asked and what was inferred, as `config.json` has it.
        dataset: the data.
        metric: what the rungs are compared by.
    """

    results: Results
    config: dict[str, Any]
    dataset: Dataset
    metric: Metric

    @classmethod
    def read(cls, results: Results) -> Content:
        """Reads what a page needs beside the results.

        Raises:
            RunError: if the run folder can't be read.
            DataError: if its dataset can't be read.
        """
        config = _read_config(results.run_folder)
        dataset = Dataset.open(results.run_folder / "data")
        return cls(results, config, dataset, results.metric(config["metric"]))

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """Of the rungs, cheapest first."""
        return self.results.outcomes

    @property
    def finished(self) -> list[Outcome]:
        """Of the rungs that have predictions."""
        return [outcome for outcome in self.outcomes if outcome.is_finished]

    @property
    def name(self) -> str:
        """The run's."""
        return self.results.run_folder.resolve().name

    @cached_property
    def table(self) -> pd.DataFrame:
        """The leaderboard."""
        return leaderboard(self.results, self.config["metric"])

    @cached_property
    def verdict(self) -> Verdict:
        """By the run's own terms."""
        return verdict(self.results, self.config["metric"], Terms.parse(**self.config.get("terms", {})))

    @property
    def recommended(self) -> str | None:
        """The rung to take; None if there is none."""
        return self.verdict.recommended

    @cached_property
    def outlook(self) -> Outlook | None:
        """What more data would bring; None where no forecast was asked for."""
        return outlook_as_asked(self.results, self.metric, self.recommended, self.verdict.beyond)

    @cached_property
    def calibrations(self) -> Sequence[RungCalibration]:
        """Of the rungs that look at an input; none where no classes are predicted."""
        if not self.finished or why_uncalibrated(self.dataset.pair[1]) is not None:
            return []
        return [each for each in calibrations(self.results) if each.rung != BASELINE]

    @cached_property
    def slices(self) -> Slices | None:
        """Of the recommended rung, by all columns but the target; None where nothing can be sliced."""
        chosen = next((outcome for outcome in self.finished if outcome.rung == self.recommended), None)
        if chosen is None or chosen.test is None:
            return None
        names = [name for name in built_in(self.dataset) if name != self.dataset.target]
        found = slices(chosen.rung, chosen.test, self.metric, groupings(self.dataset, names))
        return found if found.slices else None

    @cached_property
    def label_errors(self) -> LabelErrors | None:
        """Of the test part, the most doubtful; None where no label is suspected, or too few rungs can tell."""
        try:
            found = label_errors(self.results, self.dataset, self.metric, top=_SUSPECTS)
        except RunError:  # too few rungs beat the baseline, which the page says elsewhere
            return None
        return found if found.suspects else None

    @property
    def metric_title(self) -> Message:
        """The metric's, as a sentence has it."""
        return term(self.metric.title)

    @property
    def class_names(self) -> list[str]:
        """Of a run that predicts classes; else none."""
        if self.dataset.classes is None or self.dataset.pair[1] is OutputKind.TAGS:
            return []
        return [cut(str(name), MAX_NAME) for name in self.dataset.classes]

    @property
    def has_robustness(self) -> bool:
        """Whether a rung was measured on corrupted examples, by this metric."""
        return any(o.robustness and o.robustness.metric == self.metric.name for o in self.outcomes)


def _read_config(run_folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((run_folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{run_folder} has no readable config.json ({error}); `rungwise fit` makes one."
        ) from None
    return config
