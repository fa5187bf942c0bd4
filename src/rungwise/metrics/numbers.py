"""Metrics of predicted numbers."""

# N examples, B resamples

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.kinds import OutputKind
from rungwise.metrics.metric import Floats, Metric, Needs, identity

__all__ = ["MAE", "R2", "RMSE"]


def _squares(target: NDArray[Any], prediction: NDArray[Any]) -> Floats:
    return np.asarray(np.subtract(target, prediction, dtype=np.float64) ** 2)[:, None]


def _distances(target: NDArray[Any], prediction: NDArray[Any]) -> Floats:
    return np.asarray(np.abs(np.subtract(target, prediction, dtype=np.float64))[:, None])


def _moments(target: NDArray[Any], prediction: NDArray[Any]) -> Floats:
    """Target (N,), prediction (N,) -> (N, 3): the squared error, and the target's first two moments."""
    centred = np.asarray(target, dtype=np.float64) - np.mean(target)  # so that no variance cancels out
    return np.column_stack([_squares(target, prediction), centred, centred**2])


def _root(means: Floats) -> Floats:
    return np.asarray(np.sqrt(means[0]))


def _explained(means: Floats) -> Floats:
    error, mean, square = means  # (B,) each
    variance = square - mean**2
    return np.where(variance > 0, 1 - error / np.where(variance > 0, variance, 1), np.nan)


def _number_metric(name: str, title: str, per_example: Any, link: Any, is_greater_better: bool) -> Metric:
    return Metric(
        name=name,
        title=title,
        output=OutputKind.NUMBER,
        needs=Needs.PREDICTION,
        greater_is_better=is_greater_better,
        per_example=per_example,
        link=link,
    )


RMSE = _number_metric("rmse", "RMSE", _squares, _root, False)
MAE = _number_metric("mae", "mean absolute error", _distances, identity, False)
R2 = _number_metric("r2", "R²", _moments, _explained, True)
