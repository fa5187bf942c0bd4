"""The learning rate over the training, as a factor of its highest value."""

from __future__ import annotations

from rungwise.settings import Schedule

__all__ = ["rate_factor"]


def rate_factor(schedule: Schedule, progress: float, warmup: float) -> float:
    """Progress 0 to 1 -> factor 0 to 1: a linear rise over `warmup`, then constant or a linear fall to zero."""
    if progress < warmup:
        return progress / warmup
    if schedule is Schedule.CONSTANT:
        return 1.0
    return max(0.0, (1.0 - progress) / (1.0 - warmup))
