"""Where numbers stand on an axis, and where its ticks are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Scale", "linear_scale", "log_scale"]

_LEAST_MARGIN = 0.35
"""Powers of ten on either side of a logarithmic scale: wide enough for a tick where all values are one."""


@dataclass(frozen=True)
class Scale:
    """Maps numbers from `low` to `high` onto pixels from `start` to `end`.

    Attributes:
        low: the number at `start`.
        high: the number at `end`.
        start: pixels.
        end: pixels.
        ticks: numbers to write on the axis.
        is_log: whether equal ratios are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a number."""
        low, high, value = (self._unbent(number) for number in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def _unbent(self, value: float) -> float:
        return math.log10(value) if self.is_log else value


def linear_scale(values: Sequence[float], start: float, end: float, *, num_ticks: int = 5) -> Scale:
    """A scale that holds all the values, with round ticks."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (abs(low) or 1) / 10, high + (abs(high) or 1) / 10
    margin = 0.04 * (high - low)
    low, high = low - margin, high + margin
    rough = (high - low) / num_ticks
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    ticks = tuple(step * number for number in range(first, math.floor(high / step) + 1))
    return Scale(low, high, start, end, ticks)


def log_scale(values: Sequence[float], start: float, end: float, *, max_ticks: int = 6) -> Scale:
    """A logarithmic scale that holds all the values, which are positive; ticks are powers of ten, or 1, 2, 5."""
    low, high = math.log10(min(values)), math.log10(max(values))
    margin = max(0.08 * (high - low), _LEAST_MARGIN)
    low, high = low - margin, high + margin
    powers = range(math.floor(low), math.ceil(high) + 1)
    factors = (1, 2, 5) if high - low < 2 else (1,)
    exponents = [power + math.log10(factor) for power in powers for factor in factors]
    inside = [10**exponent for exponent in exponents if low <= exponent <= high]
    every = math.ceil(len(inside) / max_ticks)
    return Scale(10**low, 10**high, start, end, tuple(inside[::every]), is_log=True)
