"""Learning curves of a run: the errors of its fits on parts of train, and of its own fits.

Each fit on a part of train is judged on the test part and on the rows of train that it hasn't seen, of which small
parts leave many. The run's own fits have seen them all: of these the test part's error is taken, less what that part is
harder than the rows aside, by the fits on the largest parts, which were judged on both.
"""

# N examples, K sizes

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rungwise.data.subsets import judged_rows
from rungwise.evaluation.families import Floats
from rungwise.evaluation.forecast import NOISE, Curve
from rungwise.evaluation.grown import Grown
from rungwise.evaluation.outcomes import BASELINE, Outcome, Results
from rungwise.evaluation.predictions import Predictions, joined
from rungwise.kinds import OutputKind
from rungwise.metrics import Metric, metric

__all__ = [
    "Points",
    "error_of",
    "error_on",
    "learning_curves",
    "level_of",
    "noise_of",
    "points_of",
    "rows_aside",
    "score_of",
]

COMPARED = 4
"""The largest parts that tell how hard the test part is."""

_LEAST_NOISE = 0.003

_UNEVEN = 1.2
"""By how much a curve's level is less sure than if all its fits were judged on all rows."""


@dataclass(frozen=True)
class Points:
    """Errors of a rung by how many rows it learned from (K,), rising, the last being the run's own fit.

    Attributes:
        sizes: rows (K,).
        errors: by the test part and the rows aside (K,).
        tests: by the test part alone (K,).
        draws: fits of each size (K,).
        noise: of the logarithm of one fit's error, over the draws of a size; None where no size has two.
    """

    sizes: np.ndarray
    errors: np.ndarray
    tests: np.ndarray
    draws: np.ndarray
    noise: float | None = None


def error_of(by: Metric, score: Any) -> Any:
    """A score as an error, which is the better the smaller it is: what is missing to 1 where more is better."""
    return 1 - score if by.greater_is_better else score


def score_of(by: Metric, error: Any) -> Any:
    """The score of an error; see `error_of`."""
    return 1 - error if by.greater_is_better else error


def learning_curves(results: Results, by: Metric) -> dict[str, Curve]:
    """Rung → its curve, of those that have fits on parts of train."""
    [judged] = results.judge("test", [by])
    baseline = next((o for o in results.outcomes if o.rung == BASELINE and o.is_finished), None)
    chance = None if baseline is None else error_of(by, judged.mean(BASELINE))
    curves = {}
    for outcome in results.outcomes:
        fits = [grown for grown in results.growth if grown.rung == outcome.rung]
        if not fits or not outcome.is_finished:
            continue
        points = _measured(outcome, fits, by)
        score = judged.score(outcome.rung)
        num_judged = len(fits[0].test.target) + max(len(fit.aside.target) for fit in fits)
        error = max(error_of(by, score.value), 1e-12)
        spread = float(np.std(judged.scores[outcome.rung][0])) / error
        level = level_of(spread, len(judged.target), num_judged)
        curves[outcome.rung] = points_of(points, level=level, chance=chance, most=_most(by))
    return curves


def _most(by: Metric) -> float:
    """What no error can be above: shares, and areas under a curve, are within 0 and 1."""
    is_area = by.greater_is_better and by.output is OutputKind.LABEL
    return 1.0 if by.is_share or is_area else np.inf


def points_of(points: Points, *, level: float, chance: float | None, most: float = np.inf) -> Curve:
    """The curve of a rung's points.

    Args:
        points: as they were measured.
        level: see `Curve`.
        chance: see `Curve`.
        most: see `Curve`.
    """
    errors, known = points.errors.copy(), slice(-1 - COMPARED, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        harder = (
            np.mean(np.log(points.tests[known]) - np.log(points.errors[known])) if len(errors) > 1 else 0.0
        )
    if np.isfinite(harder):
        errors[-1] *= np.exp(-harder)
    noise = NOISE if points.noise is None else max(points.noise, _LEAST_NOISE)
    return Curve(points.sizes, np.minimum(errors, most), points.draws**0.5, level, chance, noise, most)


def noise_of(errors: Sequence[Floats]) -> float | None:
    """Of each size the errors of its fits -> the spread of the logarithm of one; None where no size has two."""
    spreads = [np.var(np.log(same), ddof=1) for same in errors if len(same) > 1 and min(same) > 0]
    return float(np.mean(spreads) ** 0.5) if spreads else None


def level_of(spread: float, num_test: int, num_judged: int) -> float:
    """How far all of a curve's errors may be off alike, as the standard error of their logarithm.

    Args:
        spread: that of the error on the test part.
        num_test: rows of the test part.
        num_judged: rows that some fit is judged on.
    """
    return float(_UNEVEN * spread * (num_test / num_judged) ** 0.5)


def _measured(outcome: Outcome, fits: Sequence[Grown], by: Metric) -> Points:
    assert outcome.test is not None
    rows: list[tuple[float, float, float, float]] = []
    errors: list[Floats] = []
    for num_rows in sorted({fit.num_rows for fit in fits}):
        same = [fit for fit in fits if fit.num_rows == num_rows]
        errors.append(np.array([error_on(by, fit, len(same)) for fit in same]))
        rows.append(
            (
                float(np.mean([fit.num_train for fit in same])),
                float(np.mean(errors[-1])),
                float(np.mean([_error(by, fit.test) for fit in same])),
                len(same),
            )
        )
    own = _error(by, _some(outcome.test, judged_rows(len(outcome.test.target))))
    rows.append((fits[0].num_all, own, own, 1))
    sizes, means, tests, draws = np.array(rows, float).T
    return Points(sizes, means, tests, draws, noise_of(errors))


def rows_aside(num_all: int, num_aside: int, num_draws: int) -> int:
    """How many different rows of train so many fits are judged on together, each on so many of all."""
    return min(num_all, num_draws * num_aside)


def error_on(by: Metric, fit: Grown, num_draws: int = 1) -> float:
    """The error of a fit on a part of train, on the test part and the rows aside.

    All fits of a size have the test part, while each has its own rows aside: these count for all of them, so that
    in the mean over the fits each row counts alike.

    Args:
        by: the metric.
        fit: the fit.
        num_draws: fits of that size that it is joined with.
    """
    num_test, num_aside = len(fit.test.target), len(fit.aside.target)
    of_each = rows_aside(fit.num_all, num_aside, num_draws) / max(num_aside, 1)
    weights = np.repeat([1.0, of_each], [num_test, num_aside])
    return _error(by, joined([fit.test, fit.aside]), weights)


def _some(predictions: Predictions, rows: np.ndarray) -> Predictions:
    """What was said of some examples."""
    if predictions.tags or len(rows) == len(predictions.target):
        return predictions
    values = (predictions.target, predictions.prediction, predictions.probabilities)
    target, prediction, probabilities = (None if value is None else value[rows] for value in values)
    return Predictions(target, prediction, probabilities)


def _error(by: Metric, predictions: Predictions, weights: Floats | None = None) -> float:
    if predictions.tags:  # a small part may lack some, so that they have other numbers
        by = metric(by.name, tags=predictions.tags)
    return float(error_of(by, by.score(predictions.target, predictions.output(by), weights)))
