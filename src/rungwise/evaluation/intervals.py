"""How sure a score is: the bootstrap over examples, on the same resamples for all that is compared.

A resample gives each example a weight: how often it is drawn. Every metric is a link of a weighted mean, so
the scores of all resamples are one product of the weights with the examples' values (Efron 1979). From
`_EXACT` examples on, the weights are independent Poisson numbers (Chamandy et al. 2012), made by looking up
random bits: memory stays bounded and a million examples take seconds.

Intervals are those of percentiles, but for two cases in which `benchmarks/verdict.py` found them too narrow. A loss
without a bound, such as RMSE, hangs on few examples: its interval is that of the bootstrap-t of its logarithm. And
where two outputs differ in a handful of examples, resampling can't know how many that is by chance: a difference of
shares has as much more variance as one example brings (Agresti & Min 2005).
"""

# N examples, B resamples, S values an example, M pairs of a metric and an output

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from rungwise.metrics import Metric

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "Difference",
    "Score",
    "bootstrap",
    "difference",
    "paired",
    "resample",
    "score",
]

RESAMPLES = 1000
LEVEL = 0.95
"""How often the intervals are meant to hold."""

_TAILS = (50 * (1 - LEVEL), 50 * (1 + LEVEL))  # percentiles
_NO_ERROR = 1e-3
"""Of the sample's standard error, what a resample has at least if it can tell its own."""

_EXACT = 2048
_CHUNK = 2048
_COUNTS = stats.poisson.ppf((np.arange(1 << 16) + 0.5) / (1 << 16), 1)
"""16 random bits -> a Poisson number of mean 1, float64."""

Floats = NDArray[np.float64]
Bounds = tuple[float, float]
"""The lower and the upper end of an interval."""


@dataclass(frozen=True)
class Score:
    """A score with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """By how much one output is better than another; negative if it is worse, whichever way the metric runs.

    Attributes:
        mean: the difference of the two scores.
        standard_error: its standard deviation over the resamples, and over the seeds where there are some.
        low: the lower end of its interval.
        high: the upper end.
        smallest: about the smallest difference that so many examples could have shown.
        p_value: two-sided, of there being no difference, by the share of resamples on the other side of 0.
    """

    mean: float
    standard_error: float
    low: float
    high: float
    smallest: float
    p_value: float


def bootstrap(
    target: Any,
    outputs: Sequence[tuple[Metric, Any]],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    clusters: NDArray[np.int64] | None = None,
) -> Floats:
    """Target (N,) or `Tags` (N), M metrics with their outputs -> scores (M, B), column b all of the same resample.

    Args: as in `resample`.
    """
    return resample(target, outputs, seed=seed, resamples=resamples, clusters=clusters)[0]


def resample(
    target: Any,
    outputs: Sequence[tuple[Metric, Any]],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    clusters: NDArray[np.int64] | None = None,
) -> tuple[Floats, list[Bounds | None]]:
    """Target (N,) or `Tags` (N), M metrics with their outputs -> scores (M, B), column b all of the same resample.

    The second are the ends of the intervals (M) of metrics whose scores' percentiles won't do.

    Args:
        target: class numbers or numbers, at least one.
        outputs: what is scored, each with its metric.
        seed: of the resamples.
        resamples: B.
        clusters: (N,), examples of equal number are drawn together (Davison & Hinkley 1997).
    """
    values = [metric.per_example(target, output) for metric, output in outputs]
    sizes = np.ones((len(target), 1))
    if clusters is not None:
        codes = np.unique(clusters, return_inverse=True)[1]
        sums = sparse.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))))
        sizes, *values = [sums @ value for value in (sizes, *values)]
    are_losses = [_is_loss(metric, value) for (metric, _), value in zip(outputs, values, strict=True)]
    values = [
        _with_squares(value, sizes) if is_loss else value
        for value, is_loss in zip(values, are_losses, strict=True)
    ]
    means = _resampled_means(values, sizes, np.random.SFC64(seed), resamples)
    scores = [
        metric.link(mean[:1] if is_loss else mean)
        for (metric, _), mean, is_loss in zip(outputs, means, are_losses, strict=True)
    ]
    bounds = [
        _loss_bounds(metric, value.sum(0) / len(target), mean, len(target)) if is_loss else None
        for (metric, _), value, mean, is_loss in zip(outputs, values, means, are_losses, strict=True)
    ]
    return np.stack(scores), bounds


def _is_loss(metric: Metric, value: Any) -> bool:
    """Whether a metric is a mean loss without a bound, or a function of one that rises with it."""
    is_unbounded = not metric.greater_is_better and not metric.is_share and metric.weighted is None
    return is_unbounded and not sparse.issparse(value) and value.shape[1] == 1


def _with_squares(value: Floats, sizes: Floats) -> Floats:
    """Losses (N, 1) of what is drawn, examples that it has (N, 1) -> what `_loss_bounds` takes means of (N, 4)."""
    beyond = value - value.sum() / sizes.sum() * sizes  # about 0, so that squares don't cancel
    return np.hstack([value, beyond**2, beyond * sizes, sizes**2])


def _loss_bounds(metric: Metric, sample: Floats, means: Floats, num_examples: int) -> Bounds | None:
    """The ends of a loss's interval by the bootstrap-t of its logarithm (Efron 1979; Hall 1988); None of a loss of 0.

    Args:
        metric: the loss, by its link.
        sample: the mean loss, and means of the square of what is beyond it, of that times the size of what is drawn,
            and of that size's square (4,).
        means: the same on resamples (4, B).
        num_examples: N.
    """
    loss, square, product, size = np.column_stack([sample, means])  # (1 + B,) each
    if not (loss > 0).all():
        return None
    # of a ratio of two sums over what is drawn, by its linearisation
    moved = loss - loss[0]
    errors = np.sqrt(np.maximum(square - 2 * moved * product + moved**2 * size, 0) / num_examples) / loss
    if not (errors > _NO_ERROR * errors[0]).all():
        return None
    low, high = np.percentile(np.log(loss[1:] / loss[0]) / errors[1:], _TAILS)
    with np.errstate(over="ignore"):
        ends = metric.link(loss[0] * np.exp(-errors[0] * np.array([[high, low]])))
    return (float(ends[0]), float(ends[1])) if np.isfinite(ends).all() else None


def _resampled_means(
    values: Sequence[Any], sizes: Floats, bits: np.random.BitGenerator, resamples: int
) -> list[Floats]:
    """Values (N, S) each of what is drawn, and how many examples that is (N, 1) -> their means (S, B) each."""
    kinds = [sparse.issparse(value) for value in values]
    dense = [value for value, is_sparse in zip(values, kinds, strict=True) if not is_sparse]
    stacks: dict[bool, Any] = {False: np.hstack([sizes, *dense])}
    if any(kinds):
        sparses = [value for value, is_sparse in zip(values, kinds, strict=True) if is_sparse]
        stacks[True] = sparse.hstack(sparses, format="csr")
    totals = {kind: np.zeros((stack.shape[1], resamples)) for kind, stack in stacks.items()}
    for rows, weights in _weights(len(sizes), np.random.Generator(bits), resamples):
        for kind, stack in stacks.items():
            totals[kind] += stack[rows].T @ weights
    num_drawn, next_row, means = totals[False][0], {False: 1, True: 0}, []
    for value, kind in zip(values, kinds, strict=True):
        first, next_row[kind] = next_row[kind], next_row[kind] + value.shape[1]
        means.append(totals[kind][first : next_row[kind]] / num_drawn)
    return means


def _weights(num_examples: int, rng: np.random.Generator, resamples: int) -> Iterator[tuple[slice, Floats]]:
    """Chunks of examples, and how often each is drawn in each resample (chunk, B)."""
    if num_examples < _EXACT:
        shares = np.full(num_examples, 1 / num_examples)
        yield slice(None), rng.multinomial(num_examples, shares, size=resamples).T.astype(np.float64)
        return
    for start in range(0, num_examples, _CHUNK):
        rows = slice(start, min(start + _CHUNK, num_examples))
        shape = (rows.stop - start, resamples)
        yield rows, _COUNTS[rng.integers(0, len(_COUNTS), size=shape, dtype=np.uint16)]


def score(
    metric: Metric, num_drawn: int, value: float, scores: Floats, bounds: Bounds | None = None
) -> Score:
    """A score with its interval, from its scores (B,) on resamples of so many examples, or clusters of them.

    Its ends are the scores' percentiles, or bounds; from one cluster alone nothing can be known. Where nothing varies,
    as when every prediction is right, resampling can't show doubt; the interval is that of Clopper & Pearson (1934).
    """
    if np.isnan(value):
        return Score(value, value, value)
    low, high = (
        (value + (np.percentile(scores, _TAILS) - value) * _widening(num_drawn)) if bounds is None else bounds
    )
    if num_drawn == 1:
        low, high = -np.inf, np.inf
    if metric.is_share or metric.weighted is not None:  # areas go from 0 to 1 too
        low, high = max(low, 0), min(high, 1)
    elif not metric.greater_is_better:
        low = max(low, 0)
    if metric.is_share and low == high and value in (0, 1):
        unseen = _unseen(num_drawn)
        low, high = max(value - unseen, 0), min(value + unseen, 1)
    return Score(value, float(low), float(high))


def _unseen(num_drawn: int) -> float:
    """The largest share that can well stay unseen among so many examples."""
    return float(1 - ((1 - LEVEL) / 2) ** (1 / num_drawn))


def _widening(num_drawn: int) -> float:
    """By how much resamples of so few examples or clusters spread too little: Student's tails, and N - 1 in place of N.

    Source: Hesterberg (2015), What teachers should know about the bootstrap, The American Statistician 69.
    """
    if num_drawn == 1:
        return 1.0
    upper = (1 + LEVEL) / 2
    tails = stats.t.ppf(upper, num_drawn - 1) / stats.norm.ppf(upper)
    return float(tails * (num_drawn / (num_drawn - 1)) ** 0.5)


def difference(
    metric: Metric,
    num_examples: int,
    num_drawn: int,
    values: tuple[Floats, Floats],
    scores: tuple[Floats, Floats],
    least_error: float = 0.0,
) -> Difference:
    """By how much the first is better than the second: the mean over the seeds that each was fitted with.

    What comes of the seeds, whose mean has Student's distribution, is joined with what comes of the examples.

    Args:
        metric: what they are judged by.
        num_examples: that they are judged on.
        num_drawn: how many of them, or clusters of them, a resample draws; from one alone nothing can be known.
        values: the score of each seed (K,), of the first and of the second.
        scores: the same on resamples (K, B), column b all of the same one.
        least_error: that the standard error is in any case.
    """
    sign = 1 if metric.greater_is_better else -1
    mean = sign * float(values[0].mean() - values[1].mean())
    if num_drawn == 1:
        return Difference(mean, np.inf, -np.inf, np.inf, np.inf, 1.0)
    sample = mean + (sign * (scores[0].mean(0) - scores[1].mean(0)) - mean) * _widening(num_drawn)
    errors = [float(np.std(sample, ddof=1))]
    rng = np.random.Generator(np.random.SFC64(0))
    if metric.is_share:
        errors.append(1 / num_examples)
        sample = _joined(sample, errors[-1] * rng.standard_normal(len(sample)))
    for seeds in values:
        if len(seeds) > 1:
            errors.append(float(np.std(seeds, ddof=1)) / len(seeds) ** 0.5)
            sample = _joined(sample, errors[-1] * rng.standard_t(len(seeds) - 1, len(sample)))
    error = float(np.linalg.norm(errors))
    if error < least_error:
        sample = mean + (sample - mean) * (least_error / error if error else 0.0)
        error = least_error
    low, high = np.percentile(sample, _TAILS)
    smallest = float(stats.norm.ppf((1 + LEVEL) / 2)) * error
    if metric.is_share:
        smallest = max(smallest, _unseen(num_examples))
    return Difference(mean, error, float(low), float(high), smallest, _p_value(sample))


def _joined(sample: Floats, errors: Floats) -> Floats:
    """Differences (B,), errors (B,) -> their sums (2 B,), such that the difference the other way is the negative."""
    return np.concatenate([sample + errors, sample - errors])


def fold_error(differences: Floats, num_train: int, num_valid: int) -> float:
    """The standard error of the mean of differences on several folds (K,), whose fits have most rows in common.

    Source: Nadeau & Bengio (2003), Inference for the generalization error, Machine Learning 52: the variance over the
    folds counts 1 / K, and as much more as a fold's validation part is of what is learned from.

    Args:
        differences: one a fold, of two at least.
        num_train: rows that a fold learns from.
        num_valid: rows that it is judged on.
    """
    share = 1 / len(differences) + num_valid / num_train
    return float((share * np.var(differences, ddof=1)) ** 0.5)


def _p_value(sample: Floats) -> float:
    """Differences (B,) on resamples -> the level at which their interval would just reach 0."""
    if not np.isfinite(sample).all():
        return 1.0
    beyond = min(int((sample <= 0).sum()), int((sample >= 0).sum()))
    return float(min(1.0, 2 * (beyond + 1) / (len(sample) + 1)))


def paired(
    metric: Metric,
    target: Any,
    first: Any,
    second: Any,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """By how much the first output is better than the second, by the paired bootstrap."""
    outputs = first, second
    scores = bootstrap(target, [(metric, output) for output in outputs], seed=seed, resamples=resamples)
    values = np.array([[metric.score(target, output)] for output in outputs])
    return difference(metric, len(target), len(target), (values[0], values[1]), (scores[:1], scores[1:]))
