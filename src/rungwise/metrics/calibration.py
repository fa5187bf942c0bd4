"""Whether a model is right as often as it says: reliability, the calibration error, and one temperature to mend it."""

# N examples, K classes, B bins, R resamples

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from rungwise.metrics.metric import Floats
from rungwise.metrics.probabilities import LOG_LOSS

__all__ = [
    "MOST_TEMPERATURE",
    "Calibration",
    "ReliabilityBin",
    "calibration",
    "fit_temperature",
    "tempered",
]

MOST_TEMPERATURE = 100.0
"""A temperature is no higher, and no lower than one over it."""

_NUM_BINS = 15  # as Guo et al. have them
_RESAMPLES = 1000
_TAIL = 0.95
_FLOOR = float(np.finfo(np.float32).eps)
"""No probability counts as less, as in the log-loss."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Examples of about equal confidence.

    Attributes:
        confidence: the mean probability of what was predicted.
        accuracy: the share that is right.
        low: the lower end of that share's 95 % interval, by Wilson (1927).
        high: the upper end.
        num_examples: in the bin.
    """

    confidence: float
    accuracy: float
    low: float
    high: float
    num_examples: int


@dataclass(frozen=True)
class Calibration:
    """How far the confidence in what is predicted is from the share that is right.

    Attributes:
        ece: the expected calibration error, the mean distance of both over the bins, weighted by their examples.
        ece_by_chance: what that is below in 95 of 100 test sets of this size where a model is calibrated.
        confidence: the mean probability of what was predicted.
        accuracy: the share that is right.
        brier: the mean squared distance of the probabilities from the truth, over all classes (Brier 1950).
        log_loss: the mean negative logarithm of the probability of the truth.
        bins: the reliability diagram, by confidence.
    """

    ece: float
    ece_by_chance: float
    confidence: float
    accuracy: float
    brier: float
    log_loss: float
    bins: tuple[ReliabilityBin, ...]

    @property
    def is_off(self) -> bool:
        """Whether the error is more than a calibrated model would show by chance."""
        return self.ece > self.ece_by_chance


def calibration(target: NDArray[Any], probabilities: NDArray[Any], *, seed: int = 0) -> Calibration:
    """Target (N,), probabilities (N, K) -> the calibration of the class predicted ("top-label").

    Bins hold equally many examples, but those of equal confidence stay together. The error is that of the sample, and
    so never below 0 (Kumar et al. 2019, Verified uncertainty calibration): `ece_by_chance` says what to compare it
    with, drawn from the bins' own confidences (consistency resampling, Bröcker & Smith 2007).

    Source: Guo et al. (2017), On calibration of modern neural networks; equal mass as in Nguyen & O'Connor (2015).

    Args:
        target: class numbers, `UNSEEN` for a class that training had not.
        probabilities: of each class.
        seed: of the resampling.
    """
    prediction = probabilities.argmax(1)
    confidence = probabilities.max(1).astype(np.float64)
    is_right = prediction == target
    order = np.argsort(confidence, kind="stable")
    ranked = confidence[order]
    evenly = np.arange(_NUM_BINS) * len(ranked) // _NUM_BINS
    starts = np.unique(np.searchsorted(ranked, ranked[evenly]))
    counts = np.diff(np.append(starts, len(ranked)))
    means = np.add.reduceat(ranked, starts) / counts
    hits = np.add.reduceat(is_right[order].astype(np.int64), starts)
    drawn = np.random.default_rng(seed).binomial(counts, np.clip(means, 0, 1), (_RESAMPLES, len(counts)))
    by_chance = np.abs(drawn / counts - means) @ counts / len(ranked)  # (R,)
    return Calibration(
        ece=float(np.abs(hits / counts - means) @ counts / len(ranked)),
        ece_by_chance=float(np.quantile(by_chance, _TAIL)),
        confidence=float(confidence.mean()),
        accuracy=float(is_right.mean()),
        brier=_brier(target, probabilities),
        log_loss=LOG_LOSS.score(target, probabilities),
        bins=tuple(
            _bin(float(mean), int(hit), int(count))
            for mean, hit, count in zip(means, hits, counts, strict=True)
        ),
    )


def _bin(confidence: float, hits: int, count: int) -> ReliabilityBin:
    interval = stats.binomtest(hits, count).proportion_ci(method="wilson")
    return ReliabilityBin(confidence, hits / count, float(interval.low), float(interval.high), count)


def _brier(target: NDArray[Any], probabilities: NDArray[Any]) -> float:
    rows = np.arange(len(target))
    of_target = np.where(target >= 0, probabilities[rows, np.maximum(target, 0)], 0).astype(np.float64)
    squares = np.einsum("nk,nk->n", probabilities, probabilities, dtype=np.float64)
    return float((squares - 2 * of_target + 1).mean())


def tempered(probabilities: NDArray[Any], temperature: float) -> Floats:
    """Probabilities (N, K), a temperature -> p^(1/T) over its sum (N, K), which has the same order in each row.

    It is the softmax of logits over T, up to what is below `float32`'s precision, for models that have no logits too.
    """
    logs = np.log(np.clip(probabilities.astype(np.float64), _FLOOR, None)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(target: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Target (N,), probabilities (N, K) -> the temperature of the least log-loss; above 1 where a model is too sure.

    Classes that training had not are left out: no temperature helps them.

    Source: Guo et al. (2017). Beyond it, log T has a normal prior of mean 0 and deviation 1, which is worth less than
    an example: where few examples are all right, the likelihood alone would be sure of everything.
    """
    seen = np.flatnonzero(target >= 0)
    if not len(seen):
        return 1.0
    logs = np.log(np.clip(probabilities[seen].astype(np.float64), _FLOOR, None))
    of_target = logs[np.arange(len(seen)), target[seen]]

    def loss(log_temperature: float) -> float:
        inverse = math.exp(-log_temperature)
        scaled = logs * inverse
        highest = scaled.max(axis=1)
        totals = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))
        return float((totals - of_target * inverse).sum() + log_temperature**2 / 2)

    most = math.log(MOST_TEMPERATURE)
    found = optimize.minimize_scalar(loss, bounds=(-most, most), method="bounded", options={"xatol": 1e-4})
    return float(math.exp(found.x))
