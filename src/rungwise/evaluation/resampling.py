"""The bootstrap over examples: scores on the same resamples for all that is compared.

A resample gives each example a weight: how often it is drawn. Every metric is a link of a weighted mean, so
the scores of all resamples are one product of the weights with the examples' values (Efron 1979). From
`_EXACT` examples on, the weights are independent Poisson numbers (Chamandy et al. 2012), made by looking up
random bits: memory stays bounded and a million examples take seconds.
"""

# N examples, M of them or of clusters that are drawn, B resamples, S values an example

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special, stats

from rungwise.metrics import Metric

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "TAILS",
    "Bounds",
    "Floats",
    "bootstrap",
    "influences",
    "resample",
    "resample_each",
    "widening",
]

RESAMPLES = 1000
LEVEL = 0.95
"""How often the intervals are meant to hold."""

TAILS = (50 * (1 - LEVEL), 50 * (1 + LEVEL))
"""What is beyond an interval, as percentiles."""

_NO_ERROR = 1e-3
"""Of the sample's standard error, what a resample has at least if it can tell its own."""

_UNSEEN = 2
"""So many examples that move a score furthest may be missing, for all that the sample tells; shares of examples have
as many added to either side (Agresti & Coull 1998)."""

_STEP = 1e-4
"""Of the size of an example's values, by how much their mean is moved to see how the score does."""

_EXACT = 2048
_CHUNK = 2048
_COUNTS = stats.poisson.ppf((np.arange(1 << 16) + 0.5) / (1 << 16), 1)
"""16 random bits -> a Poisson number of mean 1, float64."""

Floats = NDArray[np.float64]
Bounds = tuple[float, float]
"""The lower and the upper end of an interval."""


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
    judged = [(metric, target, output) for metric, output in outputs]
    return resample_each(judged, seed=seed, resamples=resamples, clusters=clusters)


def resample_each(
    judged: Sequence[tuple[Metric, Any, Any]],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    clusters: NDArray[np.int64] | None = None,
) -> tuple[Floats, list[Bounds | None]]:
    """The same of outputs that have each their metric and their own targets of the N examples."""
    num_examples = len(judged[0][1])
    each = [metric.per_example(target, output) for metric, target, output in judged]
    metrics = [metric for metric, _, _ in judged]
    values, sizes = _drawn(each, num_examples, clusters)
    are_losses = [_is_loss(metric, value) for metric, value in zip(metrics, values, strict=True)]
    drawn = [
        _with_squares(value, sizes) if is_loss else value
        for value, is_loss in zip(values, are_losses, strict=True)
    ]
    means = _resampled_means(drawn, sizes, np.random.SFC64(seed), resamples)
    scores = [
        metric.link(mean[:1] if is_loss else mean)
        for metric, mean, is_loss in zip(metrics, means, are_losses, strict=True)
    ]
    bounds: list[Bounds | None] = []
    for row, (metric, target, output) in enumerate(judged):
        if are_losses[row]:
            most = float(np.abs(_beyond(values[row], sizes)).max()) / num_examples
            bounds.append(
                _loss_bounds(metric, drawn[row].sum(0) / num_examples, means[row], num_examples, most)
            )
        elif metric.is_share and values[row].shape[1] == 1:
            bounds.append(None)
        else:
            most = float(np.abs(_influences(metric, values[row], sizes)).max())
            bounds.append(_scaled_bounds(metric, metric.score(target, output), scores[row], len(sizes), most))
    return np.stack(scores), bounds


def _drawn(
    values: Sequence[Any], num_examples: int, clusters: NDArray[np.int64] | None
) -> tuple[list[Any], Floats]:
    """Values (N, S) of examples -> those of what is drawn together (M, S), and how many examples that is (M, 1)."""
    sizes = np.ones((num_examples, 1))
    if clusters is None:
        return list(values), sizes
    codes = np.unique(clusters, return_inverse=True)[1]
    sums = sparse.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))))
    return [sums @ value for value in values], sums @ sizes


def influences(metric: Metric, target: Any, output: Any, clusters: NDArray[np.int64] | None = None) -> Floats:
    """Target (N,) or `Tags` (N), output -> by how much one more such example, or cluster of them, moves the score (M,).

    It is the score's derivative by the example's weight (the infinitesimal jackknife, Jaeckel 1972).
    """
    [value], sizes = _drawn([metric.per_example(target, output)], len(target), clusters)
    return _influences(metric, value, sizes)


def _influences(metric: Metric, value: Any, sizes: Floats) -> Floats:
    """Values (M, S) of what is drawn, and how many examples that is (M, 1) -> how far each moves the score (M,)."""
    total = sizes.sum()
    mean = np.asarray(value.sum(0)).ravel() / total  # (S,)
    slope = np.ones(len(mean))
    if metric.weighted is None:
        squares = value.multiply(value) if sparse.issparse(value) else value**2
        steps = _STEP * np.sqrt(np.asarray(squares.sum(0)).ravel() / total)
        beside = np.diag(steps)
        ends = metric.link(mean[:, None] + beside) - metric.link(mean[:, None] - beside)
        slope = np.divide(ends, 2 * steps, out=np.zeros(len(mean)), where=steps > 0)
    moved: Floats = (value @ slope - sizes[:, 0] * (mean @ slope)) / total
    return moved


def _scaled_bounds(
    metric: Metric, whole: float, scores: Floats, num_drawn: int, most: float
) -> Bounds | None:
    """The ends of the interval of a share, an area or R², on the scale of its log-odds, or of the logarithm of 1 - R².

    None where the score is at the end of its scale, or isn't known.

    Args:
        metric: it.
        whole: its score.
        scores: the same on resamples (B,).
        num_drawn: how many examples, or clusters of them, a resample draws.
        most: by how much one of them moves the score.
    """
    is_bounded = metric.is_share or metric.weighted is not None
    if not np.isfinite(scores).all() or not whole < 1 or (is_bounded and not whole > 0) or num_drawn == 1:
        return None
    error = np.hypot(np.std(scores, ddof=1) * widening(num_drawn), _UNSEEN * most)
    if error == 0:
        return None
    reach = stats.norm.ppf((1 + LEVEL) / 2) * error * np.array([-1, 1])
    if not is_bounded:
        with np.errstate(over="ignore"):
            low, high = 1 - (1 - whole) * np.exp(-reach / (1 - whole))
    else:
        low, high = special.expit(special.logit(whole) + reach / (whole * (1 - whole)))
    return float(low), float(high)


def _is_loss(metric: Metric, value: Any) -> bool:
    """Whether a metric is a mean loss without a bound, or a function of one that rises with it."""
    is_unbounded = not metric.greater_is_better and not metric.is_share and metric.weighted is None
    return is_unbounded and not sparse.issparse(value) and value.shape[1] == 1


def _with_squares(value: Floats, sizes: Floats) -> Floats:
    """Losses (N, 1) of what is drawn, examples that it has (N, 1) -> what `_loss_bounds` takes means of (N, 4)."""
    beyond = _beyond(value, sizes)  # about 0, so that squares don't cancel
    return np.hstack([value, beyond**2, beyond * sizes, sizes**2])


def _beyond(value: Floats, sizes: Floats) -> Floats:
    """Losses (N, 1) of what is drawn, examples that it has (N, 1) -> what is beyond the mean loss (N, 1)."""
    return np.asarray(value - value.sum() / sizes.sum() * sizes)


def _loss_bounds(
    metric: Metric, sample: Floats, means: Floats, num_examples: int, most: float
) -> Bounds | None:
    """The ends of a loss's interval by the bootstrap-t of its logarithm (Efron 1979; Hall 1988); None of a loss of 0.

    Args:
        metric: the loss, by its link.
        sample: the mean loss, and means of the square of what is beyond it, of that times the size of what is drawn,
            and of that size's square (4,).
        means: the same on resamples (4, B).
        num_examples: N.
        most: by how much the loss moves with one more of what is drawn.
    """
    loss, square, product, size = np.column_stack([sample, means])  # (1 + B,) each
    if not (loss > 0).all():
        return None
    # of a ratio of two sums over what is drawn, by its linearisation
    moved = loss - loss[0]
    errors = np.sqrt(np.maximum(square - 2 * moved * product + moved**2 * size, 0) / num_examples) / loss
    if not (errors > _NO_ERROR * errors[0]).all():
        return None
    tails = np.percentile(np.log(loss[1:] / loss[0]) / errors[1:], TAILS)[::-1]
    unseen = stats.norm.ppf((1 + LEVEL) / 2) * _UNSEEN * most / loss[0]
    reach = np.sign(tails) * np.hypot(tails * errors[0], unseen)
    with np.errstate(over="ignore"):
        ends = metric.link(loss[0] * np.exp(-reach[None]))
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


def widening(num_drawn: int) -> float:
    """By how much resamples of so few examples or clusters spread too little: Student's tails, and N - 1 in place of N.

    Source: Hesterberg (2015), What teachers should know about the bootstrap, The American Statistician 69.
    """
    if num_drawn == 1:
        return 1.0
    upper = (1 + LEVEL) / 2
    tails = stats.t.ppf(upper, num_drawn - 1) / stats.norm.ppf(upper)
    return float(tails * (num_drawn / (num_drawn - 1)) ** 0.5)
