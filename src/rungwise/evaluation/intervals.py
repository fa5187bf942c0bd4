"""How sure a score is, and by how much one is better than another: intervals from the resamples of `resampling`.

Shares of examples have the interval of the percentiles. Where `benchmarks/intervals.py` found that too narrow, it is
made on a scale on which scores spread evenly: a loss without a bound, such as RMSE, has that of the bootstrap-t of its
logarithm, R² that of the logarithm of what it leaves unexplained, F1 and areas under curves that of their log-odds.
And resampling can't know what it hasn't seen: a difference has as much more variance as one example brings that moves
it as far as the one that moves it furthest (for shares: Agresti & Min 2005), and such a score as much as two do.
"""

# N examples, B resamples, K seeds

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from rungwise.evaluation.resampling import (
    LEVEL,
    RESAMPLES,
    TAILS,
    Bounds,
    Floats,
    bootstrap,
    influences,
    widening,
)
from rungwise.metrics import Metric

__all__ = [
    "Difference",
    "FoldError",
    "Score",
    "difference",
    "fold_error",
    "furthest",
    "paired",
    "score",
    "unseen_share",
]


@dataclass(frozen=True)
class Score:
    """A score, or an amount, with the ends of its interval; infinite where it isn't known or reached."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """By how much one output is better than another; negative if it is worse, whichever way the metric runs.

    Attributes:
        mean: the difference of the two scores.
        standard_error: its standard deviation over the resamples, and over the seeds where there are some, with what a
            sample can't tell of itself.
        sample_error: the same without that; the margin goes by it, as a wider one would let worse rungs through.
        low: the lower end of its interval.
        high: the upper end.
        smallest: about the smallest difference that so many examples could have shown.
        p_value: two-sided, of there being no difference, by the share of resamples on the other side of 0.
    """

    mean: float
    standard_error: float
    sample_error: float
    low: float
    high: float
    smallest: float
    p_value: float


@dataclass(frozen=True)
class FoldError:
    """How sure the mean of differences on several folds is.

    Attributes:
        standard_error: of the mean.
        freedom: degrees of freedom of Student's distribution, which the mean over its error has.
    """

    standard_error: float
    freedom: int

    @property
    def reach(self) -> float:
        """How far the ends of the interval are from the mean."""
        return self.standard_error * float(stats.t.ppf((1 + LEVEL) / 2, self.freedom))

    def sample(self, count: int) -> Floats:
        """So many errors of the mean, by their quantiles (B,)."""
        return np.asarray(self.standard_error * stats.t.ppf((np.arange(count) + 0.5) / count, self.freedom))


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
        (value + (np.percentile(scores, TAILS) - value) * widening(num_drawn)) if bounds is None else bounds
    )
    if num_drawn == 1:
        low, high = -np.inf, np.inf
    is_bounded = metric.is_share or metric.weighted is not None  # areas go from 0 to 1 too
    if is_bounded:
        low, high = max(low, 0), min(high, 1)
    elif not metric.greater_is_better:
        low = max(low, 0)
    if is_bounded and low == high and value in (0, 1):
        unseen = unseen_share(num_drawn)
        low, high = max(value - unseen, 0), min(value + unseen, 1)
    return Score(value, float(low), float(high))


def unseen_share(num_drawn: int) -> float:
    """The largest share that can well stay unseen among so many examples."""
    return float(1 - ((1 - LEVEL) / 2) ** (1 / num_drawn))


def difference(
    metric: Metric,
    num_examples: int,
    num_drawn: int,
    values: tuple[Floats, Floats],
    scores: tuple[Floats, Floats],
    most: float,
    on_folds: FoldError | None = None,
) -> Difference:
    """By how much the first is better than the second: the mean over the seeds that each was fitted with.

    What comes of the seeds, whose mean has Student's distribution, is joined with what comes of the examples.

    Args:
        metric: what they are judged by.
        num_examples: that they are judged on.
        num_drawn: how many of them, or clusters of them, a resample draws; from one alone nothing can be known.
        values: the score of each seed (K,), of the first and of the second.
        scores: the same on resamples (K, B), column b all of the same one.
        most: by how much one more of what is drawn can move the difference.
        on_folds: how sure it is by what it is on each fold, where it is of several; the interval is at least as wide.
    """
    sign = 1 if metric.greater_is_better else -1
    mean = sign * float(values[0].mean() - values[1].mean())
    if num_drawn == 1:
        return Difference(mean, np.inf, np.inf, -np.inf, np.inf, np.inf, 1.0)
    sample = sign * (scores[0].mean(0) - scores[1].mean(0))
    plain = [float(np.std(sample, ddof=1))]
    sample = mean + (sample - mean) * widening(num_drawn)
    errors = [float(np.std(sample, ddof=1))]
    rng = np.random.Generator(np.random.SFC64(0))
    if most > 0:
        errors.append(most)
        sample = _joined(sample, most * rng.standard_normal(len(sample)))
    for seeds in values:
        if len(seeds) > 1:
            of_seeds = float(np.std(seeds, ddof=1)) / len(seeds) ** 0.5
            errors.append(of_seeds)
            plain.append(of_seeds)
            sample = _joined(sample, of_seeds * rng.standard_t(len(seeds) - 1, len(sample)))
    error = float(np.linalg.norm(errors))
    smallest = float(stats.norm.ppf((1 + LEVEL) / 2)) * error
    low, high = np.percentile(sample, TAILS)
    if on_folds is not None and on_folds.reach > (high - low) / 2:
        sample, low, high = mean + on_folds.sample(len(sample)), mean - on_folds.reach, mean + on_folds.reach
        error, smallest = max(error, on_folds.standard_error), max(smallest, on_folds.reach)
    if metric.is_share:
        smallest = max(smallest, unseen_share(num_examples))
    return Difference(
        mean, error, float(np.linalg.norm(plain)), float(low), float(high), smallest, _p_value(sample)
    )


def _joined(sample: Floats, errors: Floats) -> Floats:
    """Differences (B,), errors (B,) -> their sums (2 B,), such that the difference the other way is the negative."""
    return np.concatenate([sample + errors, sample - errors])


def furthest(metric: Metric, first: Sequence[Floats], second: Sequence[Floats], num_examples: int) -> float:
    """By how much one more example can move the difference of two outputs, or an example unseen that of two shares.

    Args:
        metric: what they are judged by.
        first: how far each example moves the score of each seed (K, M).
        second: the same of the other.
        num_examples: N.
    """
    moved = np.mean(first, axis=0) - np.mean(second, axis=0)
    return max(float(np.abs(moved).max()), 1 / num_examples if metric.is_share else 0.0)


def fold_error(differences: Floats, num_train: int, num_valid: int) -> FoldError:
    """The error of the mean of differences on several folds (K,), whose fits have most rows in common.

    Source: Nadeau & Bengio (2003), Inference for the generalization error, Machine Learning 52: the variance over the
    folds counts 1 / K, and as much more as a fold's validation part is of what is learned from; Student's tails have
    K - 1 degrees of freedom.

    Args:
        differences: one a fold, of two at least.
        num_train: rows that a fold learns from.
        num_valid: rows that it is judged on.
    """
    share = 1 / len(differences) + num_valid / num_train
    return FoldError(float((share * np.var(differences, ddof=1)) ** 0.5), len(differences) - 1)


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
    moved = [influences(metric, target, output) for output in outputs]
    most = furthest(metric, moved[:1], moved[1:], len(target))
    return difference(
        metric, len(target), len(target), (values[0], values[1]), (scores[:1], scores[1:]), most
    )
