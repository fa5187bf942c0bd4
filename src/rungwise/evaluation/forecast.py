"""What more data would bring: a learning curve's points → its error at larger sizes, with a band, or a refusal.

The families of `families` are fitted to the logarithm of the error, which is log ε(1) + log u(x) + noise. At each
point of a family's grid ε(1) follows from the sizes by weighted least squares, and the noise's spread is integrated
out, which leaves Student's distribution (Gelman et al. 2013, Bayesian data analysis, ch. 14). Sizes far off weigh less,
as by Huber's (1964) loss. A grid's points are weighed by how well they fit, families by how well they foretell the
larger sizes from the smaller ones, for all models that learn from the same rows; the forecast is the mean of all by
these weights, the band their spread.
"""

# K sizes, F families, G points of a grid, S samples

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rungwise.evaluation.families import LIMITED, Family, Floats, families
from rungwise.language import Message, say

__all__ = [
    "LEAST_POINTS",
    "MISFIT",
    "NOISE",
    "NOISE_POINTS",
    "SAMPLES",
    "Curve",
    "Forecast",
    "forecast",
    "weighed_together",
]

LEAST_POINTS = 5
"""Sizes that a curve has, to be forecast."""

SAMPLES = 1000
_TAILS = (2.5, 97.5)

_HELD, _LEAST_LEARNED = 3, 3
"""The largest sizes that families are weighed by, if so many smaller ones are left."""

NOISE, NOISE_POINTS = 0.02, 4.0
"""Of an error's logarithm, the noise expected where nothing is known of it, and as how many points that counts."""

MISFIT = 1.5
"""The noise about a family's curve, against that of one fit: no family holds exactly, and fits share rows."""

_SMALL = 0.5
"""A point counts as the power of its size to this: small parts differ more, and the families hold less well there."""

_HUBER = 1.5
_NOISES = 1.4826  # median absolute deviations in a standard deviation

_SIMPLE = {"M0": 1 / 2, "M1": 1 / 4}
"""How likely the simple families are before a curve is seen; the others share the rest."""

_RISES, _WORSE = 3.0, 3.0
"""Standard errors by which a curve has to rise, or the families to miss the largest sizes further than the last smaller
one does, to be refused."""

_LEVELLED = 1e6
"""Times the data at which a curve has levelled off."""

_DRIFT = 0.06
"""Of an error's logarithm, what forecasts miss for each doubling beside what a curve shows; chosen by
`benchmarks/forecast.py`, so that bands hold."""


@dataclass(frozen=True)
class Curve:
    """Errors by how many rows were learned from.

    Attributes:
        sizes: rows (K,), rising; the last is all that there are.
        errors: of each size (K,), smaller being better; the mean over the draws.
        weights: what each point counts beside the others (K,), 1 for a single fit that is judged as the last is.
        level: standard error of the logarithm of all errors alike, since the rows that judge are a sample.
        chance: the error without learning, None if it isn't known.
        noise: of the logarithm of one fit's error, as far as it is known from several of a size.
        most: what no error can be above: 1 of a share.
    """

    sizes: Floats
    errors: Floats
    weights: Floats
    level: float = 0.0
    chance: float | None = None
    noise: float = NOISE
    most: float = np.inf

    def fits_about(self, logs: Floats, levels: Floats, doublings: Any, rng: np.random.Generator) -> Floats:
        """Logarithms of errors that are expected (S, K) -> errors that fits may come to (S, K).

        Args:
            logs: as what was seen leaves them open.
            levels: by which all errors are off alike (S,).
            doublings: how far that is beyond what was seen (K,).
            rng: draws what forecasts miss, and the noise of a fit.
        """
        drift = _DRIFT * rng.standard_normal((len(logs), 1)) * doublings
        own = self.noise * rng.standard_normal((len(logs), 1))
        return np.asarray(np.minimum(np.exp(logs + levels[:, None] + drift + own), self.most))


@dataclass(frozen=True)
class _Fit:
    """A family fitted: at each point of its grid its weight (G,) and log ε(1) (G,), and the noise's scale (G,)."""

    family: Family
    posterior: Floats
    start: Floats
    scale: Floats
    freedom: float
    total: float


@dataclass(frozen=True)
class Forecast:
    """What a curve is expected to come to.

    Attributes:
        curve: what it is made of.
        weights: family, "M0" to "M4" → its weight.
        missed: how far the families missed the largest sizes when they were held back, in logarithms of the error.
        missed_by_last: the same of the last value before them.
        refusal: why there is none, in words; None where there is one.
        fits: what it is made from.
    """

    curve: Curve
    weights: dict[str, float] = field(default_factory=dict)
    missed: float = float("nan")
    missed_by_last: float = float("nan")
    refusal: Message | None = None
    fits: tuple[_Fit, ...] = ()

    @property
    def family(self) -> str | None:
        """The family that counts most; None where it is refused."""
        return max(self.weights, key=lambda name: self.weights[name]) if self.refusal is None else None

    @property
    def parameters(self) -> dict[str, float]:
        """Of that family, those that fit best."""
        if self.family is None:
            return {}
        fit = self._fit_of(self.family)
        most = int(np.argmax(fit.posterior))
        return {name: float(values[most]) for name, values in fit.family.parameters.items()}

    @property
    def is_flat(self) -> bool:
        """Whether more data most likely bring nothing that the points show."""
        return self.family == "M0"

    def at(self, sizes: Any) -> Floats:
        """Rows (K,) -> the error expected (K,); NaN where there is no forecast."""
        x = np.asarray(sizes, float) / self.curve.sizes[-1]
        if self.refusal is not None:
            return np.full(x.shape, np.nan)
        logs = sum(
            self.weights[fit.family.name] * (fit.posterior @ (fit.start[:, None] + fit.family.shape(x)))
            for fit in self.fits
        )
        return np.asarray(np.minimum(np.exp(logs), self.curve.most))

    @property
    def limit(self) -> float | None:
        """The error at which the family that counts most levels off; None where it has no limit, or all is refused."""
        if self.family not in LIMITED:
            return None
        fit = self._fit_of(self.family)
        log = fit.posterior @ (fit.start + fit.family.shape(np.array([_LEVELLED]))[:, 0])
        return float(np.minimum(np.exp(log), self.curve.most))

    def sample(self, sizes: Any, *, seed: int = 0, levels: Floats | None = None) -> Floats:
        """Rows (K,) -> errors that a fit may come to (S, K).

        Args:
            sizes: rows.
            seed: of the samples.
            levels: logarithms by which all errors are off alike (S,); drawn by the curve's `level` when None.
        """
        x = np.asarray(sizes, float) / self.curve.sizes[-1]
        rng = np.random.default_rng(seed)
        number = SAMPLES if levels is None else len(levels)
        if self.refusal is not None:
            return np.full((number, len(x)), np.nan)
        which = rng.choice(len(self.fits), number, p=[self.weights[fit.family.name] for fit in self.fits])
        logs = np.empty((number, len(x)))
        for place, fit in enumerate(self.fits):
            rows = np.flatnonzero(which == place)
            points = rng.choice(len(fit.posterior), len(rows), p=fit.posterior)
            start = fit.start[points] + fit.scale[points] / fit.total**0.5 * rng.standard_t(
                fit.freedom, len(rows)
            )
            logs[rows] = start[:, None] + fit.family.shape(x)[points]
        if levels is None:
            levels = self.curve.level * rng.standard_normal(number)
        return self.curve.fits_about(logs, levels, np.maximum(0, np.log2(x)), rng)

    def _fit_of(self, name: str) -> _Fit:
        return next(fit for fit in self.fits if fit.family.name == name)

    def band(self, sizes: Any) -> tuple[Floats, Floats]:
        """Rows (K,) -> the lower and the upper end of the 95 % band (K,) of the error."""
        low, high = np.percentile(self.sample(sizes), _TAILS, axis=0)
        return low, high


def forecast(curve: Curve) -> Forecast:
    """Fits the families to a curve, or says why it can't be forecast."""
    problem = _unfit(curve)
    if problem is not None:
        return Forecast(curve, refusal=problem)
    x, y = curve.sizes / curve.sizes[-1], np.log(_positive(curve.errors))
    noise = MISFIT * curve.noise
    weights = curve.weights * x**_SMALL
    known = families(None if curve.chance is None else curve.chance / max(curve.errors[-1], 1e-12))
    weighed = _weighed(known, x, y, weights, noise)
    away = np.abs(y - _mean(weighed, x)) * weights**0.5
    typical = _HUBER * _NOISES * float(np.median(away))
    if typical > 0:
        weights = weights * np.minimum(1, typical / np.maximum(away, 1e-12))
        weighed = _weighed(known, x, y, weights, noise)
    missed, by_last, scatter = _held_back(known, x, y, weights, noise)
    shared = {fit.family.name: share for fit, share in weighed}
    found = Forecast(curve, shared, missed, by_last, None, tuple(fit for fit, _ in weighed))
    problem = _ill_behaved(found, x, y, weights, scatter)
    return (
        found if problem is None else Forecast(curve, missed=missed, missed_by_last=by_last, refusal=problem)
    )


def weighed_together(forecasts: Mapping[str, Forecast]) -> dict[str, Forecast]:
    """Forecasts of models that learn from the same rows, each with the weights that families have for all of them.

    One curve's few points say little of its family, and what holds of the data, such as that they are used up, or that
    the error falls as a power, mostly holds for each model. A family's weight is the geometric mean over the curves.

    Args:
        forecasts: name → forecast; those that are refused have no say, and stay as they are.
    """
    told = [found.weights for found in forecasts.values() if found.refusal is None]
    means = {
        name: np.exp(np.mean([np.log(weights[name] + 1e-12) for weights in told if name in weights]))
        for name in {name for weights in told for name in weights}
    }
    shared = {}
    for rung, found in forecasts.items():
        total = sum(means[name] for name in found.weights)
        weights = {name: float(means[name] / total) for name in found.weights}
        shared[rung] = found if found.refusal is not None else replace(found, weights=weights)
    return shared


def _positive(errors: Floats) -> Floats:
    """Errors of 0, of which there is no logarithm, as half of the least other one."""
    above = errors[errors > 0]
    return np.asarray(np.maximum(errors, above.min() / 2))


def _unfit(curve: Curve) -> Message | None:
    if not np.isfinite(curve.errors).all():
        return say("its score isn't defined for every size")
    if len(curve.sizes) < LEAST_POINTS:
        return say(
            "{count} sizes are too few for a curve; {least} are needed: give the fits more time with "
            "`rungwise forecast RUN --budget …`, or more rows of each class",
            count=len(curve.sizes),
            least=LEAST_POINTS,
        )
    if not (curve.errors > 0).any():
        return say("it makes no errors, at any size")
    return None


def _ill_behaved(found: Forecast, x: Floats, y: Floats, weights: Floats, scatter: float) -> Message | None:
    """Why a curve isn't one that these families are for, None if it is."""
    logs = np.log(x)
    centred = logs - np.average(logs, weights=weights)
    spread = float(weights @ centred**2)
    slope = float(weights @ (centred * y)) / spread
    rest = y - np.average(y, weights=weights) - slope * centred
    scale = (
        float((NOISE_POINTS * found.curve.noise**2 + weights @ rest**2) / (NOISE_POINTS + len(x) - 2)) ** 0.5
    )
    if slope > _RISES * scale / spread**0.5:
        return say("its errors grow with the data, by more than chance")
    if found.missed > found.missed_by_last + _WORSE * scatter:
        return say(
            "its largest sizes can't be foretold from the smaller ones: the last value does that better"
        )
    return None


def _fit(family: Family, x: Floats, y: Floats, weights: Floats, noise: float) -> tuple[_Fit, Floats]:
    """A family on points (K,); the second is the logarithm of each grid point's weight, not normalised (G,)."""
    away = y - family.shape(x)  # (G, K)
    total = float(weights.sum())
    start = away @ weights / total
    squares = NOISE_POINTS * noise**2 + (away - start[:, None]) ** 2 @ weights
    freedom = NOISE_POINTS + len(x) - 1
    logs = family.prior - freedom / 2 * np.log(squares)
    posterior = np.exp(logs - np.logaddexp.reduce(logs))
    return _Fit(family, posterior, start, (squares / freedom) ** 0.5, freedom, total), logs


def _num_held(num_points: int) -> int:
    return min(_HELD, num_points - _LEAST_LEARNED)


def _weighed(
    known: Sequence[Family], x: Floats, y: Floats, weights: Floats, noise: float
) -> list[tuple[_Fit, float]]:
    """Each family fitted to all sizes, with its weight: how likely it makes the largest, given the smaller ones."""
    count = len(x) - _num_held(len(x))
    logs = []
    for family in known:
        _, early = _fit(family, x[:count], y[:count], weights[:count], noise)
        _, late = _fit(family, x, y, weights, noise)
        logs.append(np.logaddexp.reduce(late) - np.logaddexp.reduce(early))
    rest = (1 - sum(_SIMPLE.values())) / (len(known) - len(_SIMPLE))
    prior = np.array([_SIMPLE.get(family.name, rest) for family in known])
    shares = np.array(logs) + np.log(prior)
    shares = np.exp(shares - np.logaddexp.reduce(shares))
    return [
        (_fit(family, x, y, weights, noise)[0], float(share))
        for family, share in zip(known, shares, strict=True)
    ]


def _mean(weighed: Sequence[tuple[_Fit, float]], x: Floats) -> Floats:
    """The logarithm of the error expected at x (K,)."""
    means = [share * (fit.posterior @ (fit.start[:, None] + fit.family.shape(x))) for fit, share in weighed]
    return np.asarray(np.sum(means, axis=0))


def _held_back(
    known: Sequence[Family], x: Floats, y: Floats, weights: Floats, noise: float
) -> tuple[float, float, float]:
    """How far the families, and the last value, miss the largest sizes from the smaller ones; and the noise of that."""
    count = len(x) - _num_held(len(x))
    if count - _num_held(count) < _LEAST_LEARNED or count == len(x):
        return float("nan"), float("nan"), float("nan")
    weighed = _weighed(known, x[:count], y[:count], weights[:count], noise)
    told = _mean(weighed, x)
    scatter = float(np.median(np.abs(y - told) * weights**0.5)) * _NOISES
    beyond = slice(count, None)
    missed = float(np.abs(y[beyond] - told[beyond]).mean())
    by_last = float(np.abs(y[beyond] - y[count - 1]).mean())
    return missed, by_last, max(scatter, noise) / float(weights[beyond].mean()) ** 0.5
