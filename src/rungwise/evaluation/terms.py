"""What a user asks of a model: how much of the score may be given up, to save what, and what it may cost at most."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from rungwise.errors import ConfigError
from rungwise.language import say
from rungwise.metrics import Metric

__all__ = ["BYTES", "COST_NOUNS", "SECONDS", "Cost", "Terms"]

SECONDS = {"us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0}
BYTES = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}
"""The units in which limits are written."""

_NUMBER = r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([A-Za-zµμ]*)"


class Cost(StrEnum):
    """What is to be saved."""

    TRAIN = "train"
    SIZE = "size"
    LATENCY = "latency"
    ENERGY = "energy"
    PRICE = "price"


COST_NOUNS = {
    Cost.TRAIN: say("training"),
    Cost.SIZE: say("size"),
    Cost.LATENCY: say("latency"),
    Cost.ENERGY: say("energy"),
    Cost.PRICE: say("price"),
}
"""How sentences and tables call what is to be saved; energy and price are those of predictions."""


@dataclass(frozen=True)
class Terms:
    """What rungs are chosen by, beside the metric.

    Attributes:
        margin: by how much of the metric a rung may be behind the best; None for one standard error of the difference.
        cost: of which the recommended rung is to have least; None for the order of the ladder.
        max_latency: seconds that a prediction for one example may take.
        max_size: bytes that a model may have.
        price_per_hour: of the machine, in any currency.

    Raises:
        ConfigError: if one can't be used.
    """

    margin: float | None = None
    cost: Cost | None = None
    max_latency: float | None = None
    max_size: float | None = None
    price_per_hour: float | None = None

    def __post_init__(self) -> None:
        is_number = isinstance(self.margin, int | float) and math.isfinite(self.margin)
        if self.margin is not None and not (is_number and self.margin >= 0):
            raise ConfigError(
                f"margin {self.margin!r} must be a number from 0 on, in the metric's unit: 0.01 is one point of "
                "accuracy; leave it out for one standard error."
            )
        for name, limit in (("max_latency", self.max_latency), ("max_size", self.max_size)):
            if limit is not None and not limit > 0:
                raise ConfigError(f"{name} {limit!r} must be above 0.")
        price = self.price_per_hour
        is_price = isinstance(price, int | float) and math.isfinite(price) and price > 0
        if price is not None and not is_price:
            raise ConfigError(
                f"price_per_hour {price!r} must be a number above 0: what an hour of the machine costs, such as 0.4."
            )
        if self.cost is Cost.PRICE and price is None:
            raise ConfigError(
                "cost 'price' needs a price: give what an hour of the machine costs, such as --price-per-hour 0.40."
            )

    @classmethod
    def parse(
        cls,
        *,
        margin: float | None = None,
        cost: str | None = None,
        max_latency: str | float | None = None,
        max_size: str | float | None = None,
        price_per_hour: float | None = None,
    ) -> Self:
        """The terms that are written so.

        Args:
            margin: such as 0.01.
            cost: "train", "size", "latency", "energy" or "price", which needs a price.
            max_latency: such as "5ms"; a number is in seconds.
            max_size: such as "20MB"; a number is in bytes.
            price_per_hour: such as 0.4.

        Raises:
            ConfigError: if one can't be used.
        """
        if cost is not None and cost not in tuple(Cost):
            raise ConfigError(f"cost {cost!r} is unknown; allowed are {', '.join(Cost)}.")
        return cls(
            margin=margin,
            cost=None if cost is None else Cost(cost),
            max_latency=_amount("max_latency", max_latency, SECONDS, ("5ms", "0.2s")),
            max_size=_amount("max_size", max_size, BYTES, ("500kB", "20MB")),
            price_per_hour=price_per_hour,
        )

    def check(self, metric: Metric) -> None:
        """Sees that a metric can be given up by the margin.

        Raises:
            ConfigError: if it can't.
        """
        if metric.is_share and self.margin is not None and self.margin >= 1:
            raise ConfigError(
                f"margin {self.margin!r} would give up all of {metric.title}, at most 1; one point is 0.01."
            )

    def to_dict(self) -> dict[str, Any]:
        """What `Terms(**…)` and `parse` take."""
        return {
            "margin": self.margin,
            "cost": self.cost,
            "max_latency": self.max_latency,
            "max_size": self.max_size,
            "price_per_hour": self.price_per_hour,
        }


def _amount(
    name: str, said: str | float | None, units: Mapping[str, float], examples: tuple[str, str]
) -> float | None:
    """A text of a number and one of the units, or a number, as an amount."""
    if said is None or isinstance(said, int | float):
        return said
    match = re.fullmatch(_NUMBER, said.strip())
    size = None if match is None else {u.lower(): size for u, size in units.items()}.get(match[2].lower())
    if match is None or size is None:
        problem = "has no unit" if match is not None and not match[2] else "is no amount"
        raise ConfigError(
            f"{name} {said!r} {problem}; write such as {' or '.join(examples)} ({', '.join(units)})."
        )
    return float(match[1]) * size
