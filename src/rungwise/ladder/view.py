"""What a run came to, from Python: its leaderboard, its verdict and its models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise import registry
from rungwise.artifacts import is_model_folder, load_model
from rungwise.data import Dataset
from rungwise.errors import ConfigError, RunError, UnknownNameError
from rungwise.estimators import RungEstimator
from rungwise.evaluation import Amount, Results, Terms, Verdict, cost_frame, costs_of, leaderboard, verdict
from rungwise.evaluation.calibration import RungCalibration, calibrations
from rungwise.evaluation.label_errors import LabelErrors, label_errors
from rungwise.evaluation.next_steps import NextStep, next_steps
from rungwise.evaluation.slices import Slices, slices
from rungwise.kinds import OutputKind
from rungwise.ladder.beyond import calibrate_models, grouped_by
from rungwise.ladder.folder import Paths
from rungwise.language import parse_language

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RunView"]

_OF_ONE = ("accuracy", "error", "log-loss")
"""Metrics of classes that mean something among examples of one of them."""


class RunView:
    """A run's folder, looked at.

    Attributes:
        metric: what rungs are compared by.
        terms: what else they are chosen by.
        dataset: what they learned from and are judged on.
    """

    metric: str | None
    terms: Terms
    dataset: Dataset
    _paths: Paths | None = None
    _results: Results | None = None

    @property
    def paths(self) -> Paths:
        """Where things stand in the run's folder.

        Raises:
            RunError: if there is no run yet.
        """
        if self._paths is None:
            raise RunError(
                "this ladder hasn't been climbed yet; call `fit` first, or `Ladder.open` a run's folder."
            )
        return self._paths

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.paths.run

    @property
    def results(self) -> Results:
        """What the run came to: records and predictions, read once."""
        if self._results is None:
            self._results = Results(self.paths.run)
        return self._results

    def leaderboard(self) -> pd.DataFrame:
        """One row a rung, cheapest first: scores with 95 % intervals, and costs."""
        return leaderboard(self.results, str(self.metric))

    def costs(self, price_per_hour: float | None = None) -> pd.DataFrame:
        """One row a finished rung, cheapest first, and two columns a cost: its amount and its provenance.

        Args:
            price_per_hour: of the machine, in any currency; the run's when None.

        Raises:
            ConfigError: if the price is no number above 0.
        """
        return cost_frame(self.amounts(price_per_hour))

    def amounts(self, price_per_hour: float | None = None) -> dict[str, dict[str, Amount]]:
        """Rung → cost → amount, provenance and a note, of the finished rungs; as `costs`, for programs.

        Args:
            price_per_hour: of the machine, in any currency; the run's when None.

        Raises:
            ConfigError: if the price is no number above 0.
        """
        price = self._price(price_per_hour)
        return {o.rung: costs_of(o, price) for o in self.results.outcomes if o.is_finished}

    @property
    def verdict(self) -> Verdict:
        """Which rung pays, and the evidence."""
        return verdict(self.results, str(self.metric), self.terms)

    def verdict_by(
        self,
        *,
        metric: str | None = None,
        margin: float | None = None,
        cost: str | None = None,
        max_latency: str | float | None = None,
        max_size: str | float | None = None,
        price_per_hour: float | None = None,
    ) -> Verdict:
        """The verdict by other terms than the run's, as if it had been begun with them; nothing is fitted.

        Args:
            metric: what rungs are compared by; the run's when None.
            margin: how far behind the best a rung may be, in the metric's unit; one standard error when None.
            cost: of which the recommended rung is to have least: "train", "size", "latency", "energy" or "price"; the
                order of the ladder when None.
            max_latency: for one example, such as "5ms", or in seconds.
            max_size: of a model, such as "20MB", or in bytes.
            price_per_hour: of the machine; the run's when None.

        Raises:
            UnknownNameError: if there is no such metric.
            ConfigError: if the metric doesn't fit the run, or a term can't be used.
        """
        terms = Terms.parse(
            margin=margin,
            cost=cost,
            max_latency=max_latency,
            max_size=max_size,
            price_per_hour=self._price(price_per_hour),
        )
        return verdict(self.results, metric or str(self.metric), terms)

    def _price(self, given: float | None) -> float | None:
        """What an hour of the machine costs: that is no term that others replace."""
        return self.terms.price_per_hour if given is None else given

    # -------------------------------------------------------------------------------- beyond the score

    def calibration(self, rung: str | None = None) -> list[RungCalibration]:
        """Whether rungs are right as often as they say, on test, and what a temperature does for that.

        Args:
            rung: one of them; all when None.

        Raises:
            ConfigError: if the run predicts no classes.
            RunError: if no rung has predictions, or that one hasn't.
        """
        return calibrations(self.results, rung)

    def calibrate(self, rung: str | None = None, *, reset: bool = False) -> list[RungCalibration]:
        """The same, and gives models their temperatures, by which `predict_proba` goes from then on.

        Those whose temperature is 1 but for chance (`is_clear`) stay as they are.

        Args:
            rung: one of them; all when None.
            reset: give models back what they were fitted with instead, a temperature of 1.

        Raises:
            ConfigError: if the run predicts no classes.
            RunError: if a rung has no predictions or no model, or another command is at work on the run.
        """
        found = calibrations(self.results, rung)
        given = {each.rung: 1.0 if reset else each.temperature for each in found if reset or each.is_clear}
        calibrate_models(self.paths, self.results, given)
        return found

    def slices(
        self, by: Sequence[str] | None = None, *, rung: str | None = None, metric: str | None = None
    ) -> Slices:
        """The scores of a rung on parts of the test examples.

        Args:
            by: columns whose values make the parts: of the run's data or of the file that test was read from; "length"
                of texts and sentences, "brightness" of images; the target too. All of the run but that when None.
            rung: whose scores; the recommended rung's when None.
            metric: of the scores; the run's when None.

        Raises:
            UnknownNameError: if there is no such column or metric.
            ConfigError: if the metric doesn't fit the run, or what is sliced by.
            RunError: if the rung has no predictions, or a column's file is gone.
        """
        chosen = self.results.metric(metric or str(self.metric))
        asked = self.results.finished(rung or self.verdict.recommended)
        test = asked[-1].test
        assert test is not None
        if test.kind is OutputKind.LABEL and self.dataset.target in (by or ()) and chosen.name not in _OF_ONE:
            raise ConfigError(
                f"metric {chosen.name!r} isn't defined within one class of {self.dataset.target!r}; take another "
                f"column, or one of {', '.join(_OF_ONE)}."
            )
        return slices(asked[-1].rung, test, chosen, grouped_by(self.paths, self.dataset, by))

    def label_errors(self, part: str = "test", *, top: int = 20) -> LabelErrors:
        """Examples of a part whose label may be wrong, as the rungs agree on another.

        Args:
            part: "test" or "valid".
            top: how many to give, the most suspicious first.

        Raises:
            ConfigError: if there is no such part or number.
            RunError: if fewer than two rungs are better than the baseline on validation.
        """
        return label_errors(self.results, self.dataset, self.results.metric(str(self.metric)), part, top)

    # --------------------------------------------------------------------------------------- its models

    def next_steps(self) -> list[NextStep]:
        """What to do next, by the facts of the run; each with what to type, where there is something."""
        return next_steps(self.verdict, self.results)

    def report(
        self,
        format: str = "html",
        *,
        lang: str = "en",
        rung: str | None = None,
        out: str | Path | None = None,
    ) -> Path:
        """Writes what the run came to, and returns the file.

        Args:
            format: "html", "md", "json", "pdf-ready" or "card".
            lang: of the sentences, "en" or "zh"; readers of the page may switch. Model cards are in English.
            rung: whose model card; the recommended one when None.
            out: the file; one in the run's folder when None.

        Raises:
            UnknownNameError: if there is no such format or language.
            RunError: if the run folder can't be read, or the rung has no model.
            ConfigError: if a rung is named for another format than a card.
        """
        from rungwise.report import Format, write_report

        if format not in tuple(Format):
            raise UnknownNameError("format", format, Format)
        language = parse_language(lang)
        file = None if out is None else Path(out)
        return write_report(self.results, Format(format), language=language, rung=rung, out=file)

    @property
    def recommended(self) -> RungEstimator:
        """The fitted model of the recommended rung.

        Raises:
            RunError: if no rung finished, or none is within the limits.
        """
        return self.model()

    def model(self, rung: str | None = None) -> RungEstimator:
        """The fitted model of a rung, of the recommended one when None.

        Raises:
            RunError: if the rung has no model.
            UnknownNameError: if there is no such rung.
        """
        rung = rung or self.verdict.recommended
        if rung is None:
            raise RunError(f"{self.paths.run}: {self.verdict.sentence}")
        if not is_model_folder(self.paths.model(rung)):
            have = sorted(path.name for path in (self.run / "models").glob("*") if is_model_folder(path))
            registry.check_name(rung, have)
            raise RunError(f"{self.paths.run}: rung {rung!r} has no model; these have: {', '.join(have)}.")
        return load_model(self.paths.model(rung))
