"""Shapes of learning curves: the families M1 to M4 of Alabdulmohsin et al. (2022), each on a grid of its parameters.

With x = n / n₀, rows against those of the run, and u(x) = ε(x) / ε(1), which is 1 at x = 1 and so leaves β out:

    M0  u = 1                                            more data bring nothing
    M1  u = x^-c
    M2  u = f + (1 - f) x^-c                             f = ε∞ / ε(1)
    M3  u = ((x^-1 + γ) / (1 + γ))^c
    M4  (u - f) / (r - u)^α = (1 - f) / (r - 1)^α x^-c   r = ε₀ / ε(1), ε₀ being the error of chance

Source: Alabdulmohsin, Neyshabur & Zhai (2022), Revisiting neural scaling laws in language and vision, NeurIPS,
arXiv 2209.06640. M0, which is theirs with c = 0, is what keeps noise from being forecast.
"""

# G points of a grid, K sizes

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["LIMITED", "Family", "Floats", "families"]

Floats = NDArray[np.float64]

LIMITED = frozenset({"M2", "M3", "M4"})
"""Families that level off: the others are flat, or fall without end."""

_EXPONENTS = np.geomspace(0.03, 2.0, 24)
_LIMITS = np.linspace(0.0, 0.98, 25)
_GAMMAS = np.geomspace(0.01, 30.0, 24)
_ALPHAS = np.array([0.3, 0.6, 1.0, 1.5])
_FEW = slice(None, None, 2)

_EXPONENT, _EXPONENT_SPREAD = 0.5, 0.8
"""Of a curve's exponent c, before its points are seen: the median, and the spread of its logarithm."""

_LIMIT_POWER = 1.0
"""Of a curve's limit f, before its points are seen: the density is as f to this power."""

_CENTRE_GAMMA, _GAMMA_SPREAD = 1.0, 1.5

_BISECTIONS = 30


@dataclass(frozen=True)
class Family:
    """One family on its grid.

    Attributes:
        name: "M0" to "M4".
        parameters: name → its value at each point of the grid (G,).
        prior: the logarithm of each point's weight before any curve is seen (G,), which add up to 1.
        shape: x (K,) -> log u (G, K).
    """

    name: str
    parameters: dict[str, Floats]
    prior: Floats
    shape: Callable[[Floats], Floats]


def families(chance: float | None) -> list[Family]:
    """All families.

    Args:
        chance: r, the error of chance against the run's; M4 is left out where that is None, or chance no worse.
    """
    known = list(_without_chance())
    return [*known, _m4(chance)] if chance is not None and chance > 1 else known


@cache
def _without_chance() -> tuple[Family, ...]:
    c = _EXPONENTS
    c2, f2 = _grid(_EXPONENTS, _LIMITS)
    c3, gamma = _grid(_EXPONENTS, _GAMMAS)
    by_gamma = -0.5 * (np.log(gamma / _CENTRE_GAMMA) / _GAMMA_SPREAD) ** 2
    return (
        Family("M0", {}, np.zeros(1), lambda x: np.zeros((1, len(x)))),
        Family("M1", {"c": c}, _normal(_by_exponent(c)), lambda x: -np.outer(c, np.log(x))),
        Family(
            "M2",
            {"c": c2, "f": f2},
            _normal(_by_exponent(c2) + _by_limit(f2)),
            lambda x: np.log(f2[:, None] + (1 - f2)[:, None] * x ** -c2[:, None]),
        ),
        Family(
            "M3",
            {"c": c3, "gamma": gamma},
            _normal(_by_exponent(c3) + by_gamma),
            lambda x: c3[:, None] * np.log((1 / x + gamma[:, None]) / (1 + gamma)[:, None]),
        ),
    )


def _m4(chance: float) -> Family:
    c, f, alpha = _grid(_EXPONENTS[_FEW], _LIMITS[_FEW], _ALPHAS)

    def shape(x: Floats) -> Floats:
        """Solves for u between f and r, where the left side of M4 rises from 0 without bound."""
        right = ((1 - f) / (chance - 1) ** alpha)[:, None] * x ** -c[:, None]  # (G, K)
        low, high = np.broadcast_to(f[:, None], right.shape), np.full(right.shape, chance)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            is_under = middle - f[:, None] < right * (chance - middle) ** alpha[:, None]
            low, high = np.where(is_under, middle, low), np.where(is_under, high, middle)
        return np.asarray(np.log(high))

    return Family("M4", {"c": c, "f": f, "alpha": alpha}, _normal(_by_exponent(c) + _by_limit(f)), shape)


def _grid(*axes: Floats) -> list[Floats]:
    return [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]


def _by_exponent(c: Floats) -> Floats:
    return np.asarray(-0.5 * (np.log(c / _EXPONENT) / _EXPONENT_SPREAD) ** 2)


def _by_limit(f: Floats) -> Floats:
    return np.asarray(_LIMIT_POWER * np.log(f + _LIMITS[1] / 2))


def _normal(log_weights: Floats) -> Floats:
    return np.asarray(log_weights - np.logaddexp.reduce(log_weights))
