"""Where a rung is worse than elsewhere: its score on parts of the test examples, by the values of columns."""

# N examples, U units of them that are drawn together, S values an example

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from rungwise.evaluation.intervals import LEVEL, Score, resample, score
from rungwise.evaluation.predictions import Predictions
from rungwise.evaluation.significance import OF_RIGHT, holm
from rungwise.evaluation.slicing import Grouping
from rungwise.metrics import Metric
from rungwise.tags import Tags

__all__ = ["LEAST_EXAMPLES", "Slice", "Slices", "slices"]

LEAST_EXAMPLES = 30
"""Of a slice: of fewer, little can be said."""

_CHUNK_VALUES = 2**22


@dataclass(frozen=True)
class Slice:
    """The examples of one value of a column, or of a range of its numbers.

    Attributes:
        column: its name.
        value: as it is written.
        num_examples: in the slice.
        score: on them, with its 95 % interval.
        rest: the score on all other examples.
        difference: by how much it is better here than there; negative where it is worse.
        p_value: two-sided, of there being no difference: Fisher's (1934), exact, of answers that are right or wrong,
            each by itself; else by Student's distribution with errors of the jackknife (Efron & Stein 1981).
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
    target, output, clusters = predictions.target, predictions.output(metric), predictions.clusters
    found, num_small = [], 0
    for grouping in grouped:
        for code, name in enumerate(grouping.names):
            is_inside = grouping.codes == code
            count = int(is_inside.sum())
            if count == len(target):
                continue
            if count < LEAST_EXAMPLES or len(target) - count < LEAST_EXAMPLES:
                num_small += count > 0
                continue
            slice_ = _slice(metric, target, output, clusters, is_inside, seed)
            if slice_ is not None:
                found.append(replace(slice_, column=grouping.column, value=name))
    adjusted = holm([each.p_value for each in found])
    return Slices(
        rung,
        metric.name,
        _score(metric, target, output, clusters, seed),
        tuple(grouping.column for grouping in grouped),
        tuple(replace(each, adjusted=joint) for each, joint in zip(found, adjusted, strict=True)),
        num_small,
    )


def _score(metric: Metric, target: Any, output: Any, clusters: NDArray[np.int64] | None, seed: int) -> Score:
    drawn, [bounds] = resample(target, [(metric, output)], seed=seed, clusters=clusters)
    num_drawn = len(target) if clusters is None else len(np.unique(clusters))
    return score(metric, num_drawn, metric.score(target, output), drawn[0], bounds)


def _slice(
    metric: Metric,
    target: Any,
    output: Any,
    clusters: NDArray[np.int64] | None,
    is_inside: NDArray[np.bool_],
    seed: int,
) -> Slice | None:
    """The score inside and outside; None where either isn't defined, as an area of one class."""
    sides = []
    for chosen in (np.flatnonzero(is_inside), np.flatnonzero(~is_inside)):
        some = None if clusters is None else clusters[chosen]
        sides.append((_take(target, chosen), _take(output, chosen), some))
    values = [metric.score(*side[:2]) for side in sides]
    if not np.isfinite(values).all():
        return None
    difference = float((values[0] - values[1]) * (1 if metric.greater_is_better else -1))
    if metric.name in OF_RIGHT and clusters is None:
        rights = [int((said == truth).sum()) for truth, said, _ in sides]
        table = [[right, len(side[0]) - right] for right, side in zip(rights, sides, strict=True)]
        p_value = float(stats.fisher_exact(table).pvalue)
    else:
        p_value = _p_value(metric, sides, difference)
    return Slice("", "", len(sides[0][0]), _score(metric, *sides[0], seed), values[1], difference, p_value)


def _p_value(metric: Metric, sides: Sequence[tuple[Any, Any, Any]], difference: float) -> float:
    """Two-sided, by Student's distribution with as many degrees of freedom as the smaller side has."""
    variances, sizes = [], []
    for target, output, clusters in sides:
        error, num_units = jackknife_error(metric, target, output, clusters)
        variances.append(error**2 + (1 / len(target) ** 2 if metric.is_share else 0.0))
        sizes.append(num_units)
    error = sum(variances) ** 0.5
    if min(sizes) < 2 or not np.isfinite(error):
        return 1.0
    if error == 0:
        return float(difference == 0)
    return float(2 * stats.t.sf(abs(difference) / error, min(sizes) - 1))


def jackknife_error(
    metric: Metric, target: Any, output: Any, clusters: NDArray[np.int64] | None
) -> tuple[float, int]:
    """Target (N,), output (N,) -> the standard error of the score, from leaving out each unit once; and U.

    Source: Efron & Stein (1981), The jackknife estimate of variance, The Annals of Statistics 9.
    """
    values, sizes = metric.per_example(target, output), np.ones(len(target))
    if clusters is not None:
        codes = np.unique(clusters, return_inverse=True)[1]
        sums = sparse.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))))
        values, sizes = sums @ values, sums @ sizes
    num_units = len(sizes)
    if num_units < 2:
        return float("inf"), num_units
    total = np.asarray(values.sum(axis=0)).ravel()
    rows = max(1, _CHUNK_VALUES // max(1, len(total)))
    scores = []
    for start in range(0, num_units, rows):
        some = values[start : start + rows]
        dense = some.toarray() if sparse.issparse(some) else some
        left = (total - dense).T / (sizes.sum() - sizes[start : start + rows])
        scores.append(metric.link(left))
    spread = np.concatenate(scores)
    variance = (num_units - 1) / num_units * float(((spread - spread.mean()) ** 2).sum())
    return variance**0.5, num_units


def _take(values: Any, chosen: NDArray[np.int64]) -> Any:
    return values.take(chosen) if isinstance(values, Tags) else values[chosen]
