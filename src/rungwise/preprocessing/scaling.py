"""Scales of numbers, fitted on the training table alone."""

# N examples, F numbers, Q quantiles

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rungwise.errors import ModelError
from rungwise.fitting import State
from rungwise.stored import array

__all__ = ["SCALERS", "QuantileScaler", "Scaling", "StandardScaler"]

Floats = NDArray[np.float64]

_QUANTILES = 1000
_ROUNDING = 1e-12
_EDGE = 1e-3
"""Share of a normal distribution beyond the scaled extremes, so that these stay finite."""


class Scaling(StrEnum):
    """What numbers become: of mean 0 and deviation 1, or normally distributed, by their ranks."""

    STANDARD = "standard"
    QUANTILE = "quantile"


@dataclass(frozen=True)
class StandardScaler:
    """Numbers (N, F) -> (x - mean) · weight; a constant's weight is 0."""

    mean: Floats
    weight: Floats

    @classmethod
    def fitted(cls, numbers: Floats) -> StandardScaler:
        """Of the means and deviations of numbers (N, F)."""
        deviation = numbers.std(axis=0)
        is_constant = deviation <= _ROUNDING * np.abs(numbers).max(axis=0, initial=0)
        return cls(numbers.mean(axis=0), 1 / np.where(is_constant, np.inf, deviation))

    def transform(self, numbers: Floats) -> Floats:
        """Numbers (N, F) -> scaled (N, F)."""
        return (numbers - self.mean) * self.weight

    def state(self) -> State:
        """The fields."""
        return {"mean": self.mean, "weight": self.weight}

    @classmethod
    def from_state(cls, state: State, num_numbers: int) -> StandardScaler:
        """What `state` was taken from.

        Raises:
            ModelError: if it isn't of so many numbers (F).
        """
        return cls(*(array(state, name, np.float64, num_numbers) for name in ("mean", "weight")))


@dataclass(frozen=True)
class QuantileScaler:
    """Numbers (N, F) -> normal scores of their ranks among the training numbers; ties take the middle."""

    quantiles: Floats  # (Q, F)

    @classmethod
    def fitted(cls, numbers: Floats) -> QuantileScaler:
        """Of the quantiles of numbers (N, F)."""
        ranks = np.linspace(0, 1, max(2, min(_QUANTILES, len(numbers))))
        return cls(np.quantile(numbers, ranks, axis=0))

    def transform(self, numbers: Floats) -> Floats:
        """Numbers (N, F) -> scaled (N, F)."""
        ranks = np.linspace(0, 1, len(self.quantiles))
        middle = np.full(numbers.shape, 0.5)
        for i in np.flatnonzero(self.quantiles[0] < self.quantiles[-1]):
            column, quantiles = numbers[:, i], self.quantiles[:, i]
            from_left = np.interp(column, quantiles, ranks)
            from_right = 1 - np.interp(-column, -quantiles[::-1], ranks)
            middle[:, i] = (from_left + from_right) / 2
        scores: Floats = ndtri(middle.clip(_EDGE, 1 - _EDGE))
        return scores

    def state(self) -> State:
        """The fields."""
        return {"quantiles": self.quantiles}

    @classmethod
    def from_state(cls, state: State, num_numbers: int) -> QuantileScaler:
        """What `state` was taken from.

        Raises:
            ModelError: if it isn't of so many numbers (F).
        """
        quantiles = array(state, "quantiles", np.float64, None, num_numbers)
        if len(quantiles) < 2:
            raise ModelError("'quantiles' must be two or more.")
        return cls(quantiles)


SCALERS: dict[Scaling, type[StandardScaler | QuantileScaler]] = {
    Scaling.STANDARD: StandardScaler,
    Scaling.QUANTILE: QuantileScaler,
}
