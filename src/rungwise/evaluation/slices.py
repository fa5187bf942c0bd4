"""Where a rung is worse than elsewhere: its score on parts of the test examples, by the values of columns."""

# N examples, U units of them that are drawn together

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rungwise.evaluation.intervals import Score, score, unseen_share
from rungwise.evaluation.predictions import Predictions
from rungwise.evaluation.resampling import LEVEL, influences, resample
from rungwise.evaluation.significance import OF_RIGHT, holm
from rungwise.evaluation.slicing import Grouping
from rungwise.metrics import Metric
from rungwise.tags import Tags

__all__ = ["LEAST_EXAMPLES", "Slice", "Slices", "slices"]

LEAST_EXAMPLES = 30
"""Of a slice: of fewer, little can be said."""

_LARGEST_POWER = 700.0  # of e, that is still a number


@dataclass(frozen=True)
class Slice:
    """The examples of one value of a column, or of a range of its numbers.

    Attributes:
        column: its name.
        value: as it is written.
        num_examples: in the slice.
        score: on them, with its 95 % interval: Wilson's (1927) of answers that are right or wrong, each by itself; else
            by Student's distribution with errors of the infinitesimal jackknife (Jaeckel 1972).
        rest: the score on all other examples.
        difference: by how much it is better here than there; negative where it is worse.
        p_value: two-sided, of there being no difference: Fisher's (1934), exact, of such answers; else by those errors.
        adjusted: the same among all slices that were looked at, by Holm.
    """

    column: str
    value: str
    num_examples: int
    score: Score
    rest: float
    difference: float
    p_value: float
    adjusted: float = 1.0

    @property
    def is_worse(self) -> bool:
        """Whether it is worse here than so many slices would show by chance in one of twenty runs at most."""
        return self.difference < 0 and self.adjusted < 1 - LEVEL


@dataclass(frozen=True)
class Slices:
    """The slices of the test examples by some columns.

    Attributes:
        rung: whose scores these are.
        metric: of the scores.
        overall: on all examples.
        columns: that were looked at.
        slices: in the order of columns and values.
        num_small: values with too few examples, which were left out.
    """

    rung: str
    metric: str
    overall: Score
    columns: tuple[str, ...]
    slices: tuple[Slice, ...]
    num_small: int

    def worst(self, count: int) -> list[Slice]:
        """Those that are worst, clear ones before others."""
        behind = [each for each in self.slices if each.difference < 0]
        return sorted(behind, key=lambda each: (not each.is_worse, each.difference))[:count]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        slices = [asdict(each) | {"is_worse": each.is_worse} for each in self.slices]
        return asdict(self) | {"slices": slices}


def slices(
    rung: str, predictions: Predictions, metric: Metric, grouped: Sequence[Grouping], *, seed: int = 0
) -> Slices:
    """The scores of a rung on each slice.

    Args:
        rung: its name.
        predictions: what it said of the test part.
        metric: of the scores.
        grouped: the examples by each column.
        seed: of the resamples.
    """
    every = _Side(metric, predictions.target, predictions.output(metric), predictions.clusters)
    found, num_small = [], 0
    for grouping in grouped:
        for code, name in enumerate(grouping.names):
            is_inside = grouping.codes == code
            count = int(is_inside.sum())
            if count == len(is_inside):
                continue
            if min(count, len(is_inside) - count) < LEAST_EXAMPLES:
                num_small += count > 0
                continue
            slice_ = _slice(every, is_inside)
            if slice_ is not None:
                found.append(replace(slice_, column=grouping.column, value=name))
    adjusted = holm([each.p_value for each in found])
    return Slices(
        rung,
        metric.name,
        _overall(every, seed),
        tuple(grouping.column for grouping in grouped),
        tuple(replace(each, adjusted=joint) for each, joint in zip(found, adjusted, strict=True)),
        num_small,
    )


@dataclass(frozen=True)
class _Side:
    """Some of the examples."""

    metric: Metric
    target: Any
    output: Any
    clusters: NDArray[np.int64] | None

    @property
    def value(self) -> float:
        """Their score."""
        return self.metric.score(self.target, self.output)

    @property
    def num_right(self) -> int:
        """Of those answers that are right or wrong."""
        return int((self.target == self.output).sum())

    def take(self, chosen: NDArray[np.int64]) -> _Side:
        """Some of them."""
        clusters = None if self.clusters is None else self.clusters[chosen]
        return _Side(self.metric, _take(self.target, chosen), _take(self.output, chosen), clusters)


def _overall(every: _Side, seed: int) -> Score:
    """The score of all, with the interval that leaderboards have."""
    drawn, [bounds] = resample(
        every.target, [(every.metric, every.output)], seed=seed, clusters=every.clusters
    )
    num_drawn = len(every.target) if every.clusters is None else len(np.unique(every.clusters))
    return score(every.metric, num_drawn, every.value, drawn[0], bounds)


def _slice(every: _Side, is_inside: NDArray[np.bool_]) -> Slice | None:
    """The score inside and outside; None where either isn't defined, as an area of one class."""
    inside, outside = (every.take(np.flatnonzero(chosen)) for chosen in (is_inside, ~is_inside))
    metric, values = every.metric, (inside.value, outside.value)
    if not np.isfinite(values).all():
        return None
    difference = float((values[0] - values[1]) * (1 if metric.greater_is_better else -1))
    if metric.name in OF_RIGHT and every.clusters is None:
        table = [[side.num_right, len(side.target) - side.num_right] for side in (inside, outside)]
        p_value = float(stats.fisher_exact(table).pvalue)
        interval = _wilson(metric, *table[0])
    else:
        errors = [_error(side) for side in (inside, outside)]
        p_value = _p_value(metric, (inside, outside), errors, difference)
        interval = _by_error(metric, values[0], *errors[0])
    return Slice("", "", len(inside.target), Score(values[0], *interval), values[1], difference, p_value)


def _wilson(metric: Metric, num_right: int, num_wrong: int) -> tuple[float, float]:
    """The ends of a share's interval (Wilson 1927)."""
    count = num_right if metric.greater_is_better else num_wrong
    found = stats.binomtest(count, num_right + num_wrong).proportion_ci(LEVEL, method="wilson")
    return float(found.low), float(found.high)


def _by_error(metric: Metric, value: float, error: float, num_units: int) -> tuple[float, float]:
    """The ends of an interval by Student's distribution: of a loss without a bound, that of its logarithm."""
    reach = float(stats.t.ppf((1 + LEVEL) / 2, max(1, num_units - 1))) * error
    if metric.is_share or metric.weighted is not None:
        if reach == 0 and value in (0, 1):  # nothing varies, which shows no doubt
            reach = unseen_share(num_units)
        return max(0.0, value - reach), min(1.0, value + reach)
    if not metric.greater_is_better and value > 0 and np.isfinite(error):
        factor = float(np.exp(min(reach / value, _LARGEST_POWER)))
        return value / factor, value * factor
    return value - reach, value + reach


def _p_value(
    metric: Metric, sides: Sequence[_Side], errors: Sequence[tuple[float, int]], difference: float
) -> float:
    """Two-sided, by Student's distribution with as many degrees of freedom as the smaller side has.

    A share has as much more variance as one example brings, as where rungs are compared (`intervals`).
    """
    unseen = [1 / len(side.target) if metric.is_share else 0.0 for side in sides]
    error = float(np.linalg.norm([*(each for each, _ in errors), *unseen]))
    num_units = min(count for _, count in errors)
    if num_units < 2 or not np.isfinite(error):
        return 1.0
    if error == 0:
        return float(difference == 0)
    return float(2 * stats.t.sf(abs(difference) / error, num_units - 1))


def _error(side: _Side) -> tuple[float, int]:
    """The standard error of the score by the infinitesimal jackknife, and how many units that is over (U)."""
    moved = influences(side.metric, side.target, side.output, side.clusters)
    num_units = len(moved)
    if num_units < 2:
        return float("inf"), num_units
    return float((num_units / (num_units - 1) * (moved**2).sum()) ** 0.5), num_units


def _take(values: Any, chosen: NDArray[np.int64]) -> Any:
    return values.take(chosen) if isinstance(values, Tags) else values[chosen]
