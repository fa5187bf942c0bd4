"""How well calibrated each rung is on test, and what a temperature from other examples does for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from scipy import stats

from rungwise.errors import ConfigError
from rungwise.evaluation.outcomes import Results, common_repeats
from rungwise.evaluation.resampling import LEVEL
from rungwise.kinds import OutputKind
from rungwise.metrics.calibration import Calibration, calibration, fit_temperature, tempered
from rungwise.metrics.probabilities import LOG_LOSS

__all__ = ["RungCalibration", "calibrations", "why_uncalibrated"]

_REASONS = {
    OutputKind.NUMBER: "it predicts numbers, without a distribution about them",
    OutputKind.TAGS: "rungs give the tags of a sentence, without their probabilities",
}

_CLEAR = float(stats.chi2.ppf(LEVEL, 1))
"""What twice the logarithm of one parameter's likelihood ratio is below in 95 of 100 samples by chance (Wilks 1938)."""


@dataclass(frozen=True)
class RungCalibration:
    """The calibration of one rung.

    Attributes:
        rung: its name.
        temperature: what its log-probabilities are to be divided by; above 1 where it is too sure.
        fitted_on: what that was learned from: "validation", or "the folds".
        num_fitted: examples of that.
        before: on test, as the rung was fitted.
        after: on test, with the temperature.
        gain: by how much the temperature lowers the log-loss on what it was fitted on, of an example.
    """

    rung: str
    temperature: float
    fitted_on: str
    num_fitted: int
    before: Calibration
    after: Calibration
    gain: float

    @property
    def is_clear(self) -> bool:
        """Whether the temperature does more for what it was fitted on than chance would (likelihood-ratio test, 5 %).

        Models are given theirs by this, as the test part only judges.
        """
        return 2 * self.num_fitted * self.gain > _CLEAR

    @property
    def is_worth_it(self) -> bool:
        """Whether the temperature makes the log-loss on test smaller, which it was not learned from."""
        return self.after.log_loss < self.before.log_loss

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"is_clear": self.is_clear}


def why_uncalibrated(kind: OutputKind) -> str | None:
    """Why a run that predicts this has no calibration; None where it has."""
    return _REASONS.get(kind)


def calibrations(results: Results, rung: str | None = None) -> list[RungCalibration]:
    """The rungs of a run, cheapest first, or one of them.

    A temperature is fitted on what rungs are chosen by: the folds where all rungs have some, as a fit stops by the
    validation part, else that. Of several seeds it is the model's own.

    Raises:
        ConfigError: if the run predicts no classes.
        RunError: if no rung has predictions, or that one hasn't.
    """
    folds = common_repeats(results.outcomes)
    found = []
    for outcome in results.finished(rung):
        test = outcome.test
        assert test is not None
        if (reason := why_uncalibrated(test.kind)) is not None:
            raise ConfigError(f"{results.run_folder} has no probabilities to calibrate: {reason}.")
        learned = outcome.fits("valid", folds)[0]
        assert learned.probabilities is not None
        assert test.probabilities is not None
        temperature = fit_temperature(learned.target, learned.probabilities)
        losses = [
            LOG_LOSS.score(learned.target, each)
            for each in (learned.probabilities, tempered(learned.probabilities, temperature))
        ]
        found.append(
            RungCalibration(
                outcome.rung,
                temperature,
                "the folds" if outcome.num_folds and folds else "validation",
                len(learned.target),
                calibration(test.target, test.probabilities),
                calibration(test.target, tempered(test.probabilities, temperature)),
                losses[0] - losses[1],
            )
        )
    return found
