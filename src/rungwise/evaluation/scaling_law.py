"""A scaling law: a rung's error by how large its model is and how many rows it learned from.

    L(N, D) = E + A N^-α + B D^-β

Source: Hoffmann et al. (2022), Training compute-optimal large language models, arXiv 2203.15556, eq. 2. Given α and β
the rest is linear: it is solved by non-negative least squares, and α and β alone are searched for (variable projection,
Golub & Pereyra 1973), by Huber's loss of relative errors. How sure a law is tells a parametric bootstrap (Efron &
Tibshirani 1993, ch. 9): laws of errors that are drawn about it, as far off as the fits are.
"""

# K fits, S laws

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize, nnls

from rungwise.evaluation.families import Floats
from rungwise.evaluation.forecast import NOISE_POINTS

__all__ = ["LEAST_FITS", "ScalingLaw", "resampled_laws", "scaling_law"]

LEAST_FITS = 6
"""Fits that a law takes, of at least `_LEAST_SIZES` sizes of model and of data."""

_LEAST_SIZES = 3
_EXPONENTS = np.geomspace(0.05, 1.5, 8)
_PASSES = 3
_HUBER = 0.02
"""A relative error from which on a fit counts linearly."""

_FAR = 2.0
"""Median errors from which on a fit counts less in how far off fits are."""

_FINE_EXPONENTS = np.geomspace(_EXPONENTS[0], _EXPONENTS[-1], 15)
_NUM_PARAMETERS = 5
_LEAST_ERROR = 0.01
"""Of what a law expects, that a drawn error has at least: none is below 0."""

_TERMS = [terms for terms in product((True, False), repeat=3) if any(terms)]
"""Which of E, A and B are above 0."""


@dataclass(frozen=True)
class ScalingLaw:
    """L(N, D) = limit + model (N / N₀)^-alpha + data (D / D₀)^-beta.

    Attributes:
        limit: E, which no size and no data go under.
        model: what the model's size adds at N₀.
        alpha: how fast that falls.
        data: what the data's size adds at D₀.
        beta: how fast that falls.
        parameters: N₀, the geometric mean of the fits'.
        rows: D₀.
    """

    limit: float
    model: float
    alpha: float
    data: float
    beta: float
    parameters: float
    rows: float

    def error(self, parameters: float, rows: float) -> float:
        """The error of a model of a size that learned from so many rows."""
        by_size = self.model * (parameters / self.parameters) ** -self.alpha
        return float(self.limit + by_size + self.data * (rows / self.rows) ** -self.beta)

    def balanced_parameters(self, rows: float) -> float | None:
        """The size for so many rows at which size and data are worth the same to whoever pays for their product.

        At the least error for a given N D, α A N^-α = β B D^-β. None where the law shows no gain by size or data.
        """
        if not (self.model > 0 and self.data > 0):
            return None
        by_data = self.beta * self.data * (rows / self.rows) ** -self.beta
        return float(self.parameters * (self.alpha * self.model / by_data) ** (1 / self.alpha))


def scaling_law(parameters: Floats, rows: Floats, errors: Floats) -> ScalingLaw | None:
    """The law of fits, by their parameters (K,), rows (K,) and errors (K,); None where they are too few.

    Args:
        parameters: N.
        rows: D.
        errors: above 0.
    """
    parameters, rows, errors = _known(parameters, rows, errors)
    sizes = min(len(np.unique(parameters)), len(np.unique(rows)))
    if len(errors) < LEAST_FITS or sizes < _LEAST_SIZES:
        return None
    centres = float(np.exp(np.log(parameters).mean())), float(np.exp(np.log(rows).mean()))
    n, d = parameters / centres[0], rows / centres[1]
    starts = [(a, b) for a in _EXPONENTS for b in _EXPONENTS]
    start = min(starts, key=lambda both: _solve(both, n, d, errors)[1])
    low, high = np.log(_EXPONENTS[[0, -1]])

    def loss(logs: Floats) -> float:
        return _solve(np.exp(np.clip(logs, low, high)), n, d, errors)[1]

    found = minimize(loss, np.log(start), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-12})
    alpha, beta = np.exp(np.clip(found.x, low, high))
    linear, _ = _solve((alpha, beta), n, d, errors)
    return _law(linear, alpha, beta, centres)


def _law(linear: Floats, alpha: float, beta: float, centres: tuple[float, float]) -> ScalingLaw:
    limit, model, data = map(float, linear)
    return ScalingLaw(limit, model, float(alpha), data, float(beta), *centres)


def _known(*of_fits: Floats) -> list[Floats]:
    """Numbers of the fits (K,), the last being errors -> the same of those whose error is one that has a logarithm."""
    is_known = np.isfinite(of_fits[-1]) & (of_fits[-1] > 0)
    return [each[is_known] for each in of_fits]


def resampled_laws(
    law: ScalingLaw,
    parameters: Floats,
    rows: Floats,
    errors: Floats,
    *,
    noise: float,
    count: int,
    seed: int = 0,
) -> list[ScalingLaw]:
    """So many laws that the fits might have been of, by errors that are drawn about a law.

    Args:
        law: the fits' own.
        parameters: of the fits (K,).
        rows: of the fits (K,).
        errors: of the fits (K,).
        noise: of an error, relative to it, that is expected; with few fits their own says little.
        count: S.
        seed: of what is drawn.
    """
    parameters, rows, errors = _known(parameters, rows, errors)
    n, d = parameters / law.parameters, rows / law.rows
    expected = np.array([law.error(*fit) for fit in zip(parameters, rows, strict=True)])
    away = np.abs(errors / expected - 1)
    typical = max(_FAR * float(np.median(away)), noise)
    weights = np.minimum(1, typical / np.maximum(away, 1e-12))
    left = float(weights @ away**2)
    freedom = NOISE_POINTS + max(0, len(errors) - _NUM_PARAMETERS)
    scale = ((NOISE_POINTS * noise**2 + left) / freedom) ** 0.5
    rng = np.random.default_rng(seed)
    spreads = scale * (freedom / rng.chisquare(freedom, count)) ** 0.5  # which isn't known either
    drawn = 1 + spreads * rng.standard_normal((len(errors), count)) / weights[:, None] ** 0.5
    columns = _refitted(n, d, expected, weights, np.maximum(drawn, _LEAST_ERROR))
    return [_law(row[:3], row[3], row[4], (law.parameters, law.rows)) for row in columns]


def _refitted(n: Floats, d: Floats, expected: Floats, weights: Floats, drawn: Floats) -> Floats:
    """E, A, B, α and β (S, 5) by weighted least squares on a grid, for errors over those expected (K, S)."""
    root = weights[:, None] ** 0.5
    least, found = np.full(drawn.shape[1], np.inf), np.zeros((drawn.shape[1], _NUM_PARAMETERS))
    for alpha, beta in product(_FINE_EXPONENTS, repeat=2):
        design = np.column_stack([np.ones_like(n), n**-alpha, d**-beta]) / expected[:, None]
        for terms in _TERMS:  # non-negative least squares, by trying which are 0
            some = root * design[:, terms]
            linear = np.linalg.lstsq(some, root * drawn, rcond=None)[0]  # (terms, S)
            squares = ((root * drawn - some @ linear) ** 2).sum(0)
            is_better = (linear >= 0).all(0) & (squares < least)
            least[is_better] = squares[is_better]
            found[is_better] = 0.0, 0.0, 0.0, alpha, beta
            found[np.ix_(is_better, [*terms, False, False])] = linear[:, is_better].T
    return found


def _solve(
    exponents: tuple[float, float] | Floats, n: Floats, d: Floats, errors: Floats
) -> tuple[Floats, float]:
    """E, A and B for given exponents, and Huber's loss of the relative errors that are left."""
    alpha, beta = exponents
    design = np.column_stack([np.ones_like(n), n**-alpha, d**-beta]) / errors[:, None]
    weights = np.ones_like(errors)
    for _ in range(_PASSES):
        root = weights**0.5
        linear, _ = nnls(design * root[:, None], root)
        away = np.abs(design @ linear - 1)
        weights = np.minimum(1, _HUBER / np.maximum(away, 1e-12))
    loss = np.where(away < _HUBER, away**2 / 2, _HUBER * (away - _HUBER / 2)).sum()
    return linear, float(loss)
