"""The last step that most traditional rungs share: scores that are linear in features, as probabilities."""

# N examples, F features, C classes, K scores: 1 for two classes and for numbers, else C

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from rungwise.fitting import State
from rungwise.rungs._solver import num_scores
from rungwise.stored import array, finite

__all__ = ["LinearScores", "best_temperature", "stacked"]

_LOG_TEMPERATURE_RANGE = (-5.0, 5.0)
_TEMPERATURES = (1e-3, 1e3)
"""What a stored one may be."""


class LinearScores:
    """Features (N, F), dense or sparse, -> scores (N, K), and class probabilities (N, C) by softmax.

    Args:
        weights: (F, K).
        bias: (K,).
        temperature: what scores are divided by before the softmax; 1 for logistic regression, whose scores are
            log-odds already, fitted by `best_temperature` on validation for margins such as an SVM's.
    """

    def __init__(self, weights: NDArray[Any], bias: NDArray[Any], temperature: float = 1.0) -> None:
        self.weights = np.ascontiguousarray(weights, dtype=np.float32)
        self.bias = np.asarray(bias, dtype=np.float32)
        self.temperature = temperature

    @classmethod
    def of(cls, model: Any) -> LinearScores:
        """The scores of a fitted scikit-learn linear model, by its `coef_` and `intercept_`."""
        coefficients = np.atleast_2d(model.coef_)
        return cls(coefficients.T, np.broadcast_to(model.intercept_, len(coefficients)))

    def scores(self, features: Any) -> NDArray[np.float32]:
        """Features (N, F) -> scores (N, K)."""
        return np.asarray(features @ self.weights) + self.bias

    def class_scores(self, features: Any) -> NDArray[np.float32]:
        """Features (N, F) -> one score a class (N, C); of two classes the first has the score 0."""
        scores = self.scores(features)
        return np.hstack([np.zeros_like(scores), scores]) if scores.shape[1] == 1 else scores

    def probabilities(self, features: Any) -> NDArray[np.float32]:
        """Features (N, F) -> class probabilities (N, C)."""
        probabilities: NDArray[np.float32] = softmax(self.class_scores(features) / self.temperature, axis=1)
        return probabilities

    def num_parameters(self) -> int:
        """Weights and biases."""
        return self.weights.size + self.bias.size

    def state(self) -> State:
        """Weights, bias and temperature."""
        return {"weights": self.weights, "bias": self.bias, "temperature": self.temperature}

    @classmethod
    def from_state(cls, state: State, *, num_features: int | None, num_outputs: int) -> LinearScores:
        """What `state` was taken from, over so many features; None where only the weights know how many.

        Raises:
            ModelError: if the weights don't fit the features or the outputs.
        """
        size = num_scores(num_outputs)
        return cls(
            array(state, "weights", np.float32, num_features, size),
            array(state, "bias", np.float32, size),
            finite(state, "temperature", *_TEMPERATURES),
        )


def stacked(parts: Iterable[NDArray[np.float32]], num_rows: int) -> NDArray[np.float32]:
    """Parts of rows (n, F), in order -> all of them (N, F); `np.vstack` would hold them twice."""
    rows, start = np.zeros((0, 0), np.float32), 0
    for part in parts:
        if start == 0:
            rows = np.empty((num_rows, part.shape[1]), np.float32)
        rows[start : start + len(part)] = part
        start += len(part)
    return rows


def best_temperature(scores: NDArray[Any], targets: NDArray[np.int64]) -> float:
    """Scores (N, C), class indices (N,) -> the temperature of the least log loss.

    Source: Guo et al. (2017), On Calibration of Modern Neural Networks, https://arxiv.org/abs/1706.04599.
    """
    rows = np.arange(len(targets))

    def log_loss(log_temperature: float) -> float:
        return -float(log_softmax(scores / np.exp(log_temperature), axis=1)[rows, targets].mean())

    return float(np.exp(minimize_scalar(log_loss, bounds=_LOG_TEMPERATURE_RANGE, method="bounded").x))
