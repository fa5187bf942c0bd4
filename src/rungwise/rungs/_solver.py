"""The one solver of the linear models: L-BFGS on dense features, in coordinates in which the problem is round."""

# N examples, D features, K scores: 1 for two classes and for numbers, else one a class

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.optimize import minimize

from rungwise.fitting import FitContext

__all__ = [
    "MAX_ROUNDED",
    "HingeLoss",
    "InsensitiveLoss",
    "LinearProblem",
    "Loss",
    "SoftmaxLoss",
    "best_on_path",
    "num_scores",
]

Scores = NDArray[np.float32]

ClassWeights = NDArray[np.float64] | None
"""What an example of each class counts (C,), or None for all alike."""

MAX_ROUNDED = 2048
"""Features up to which the curvature between each two of them is used, above it only that of each alone."""

_CHUNK = 65_536
_MAX_ITERATIONS = 200
_TOLERANCE = 1e-5
_RIDGE = 1e-5
"""Added to the curvature, so that features that depend on each other leave it invertible."""


def num_scores(num_outputs: int) -> int:
    """Classes, or 1 for a number -> K."""
    return 1 if num_outputs <= 2 else num_outputs


class Loss(Protocol):
    """Scores (N, K) and targets (N,) -> the summed loss and its gradient (N, K)."""

    curvature: float
    """A usual second derivative, which only the speed depends on."""

    def __call__(self, scores: Scores, targets: NDArray[Any]) -> tuple[float, Scores]: ...


class SoftmaxLoss:
    """Cross-entropy of class indices; of two classes the first has the score 0."""

    curvature = 0.2

    def __init__(self, class_weights: ClassWeights = None) -> None:
        self.class_weights = class_weights

    def __call__(self, scores: Scores, targets: NDArray[np.int64]) -> tuple[float, Scores]:
        """Scores (N, K), class indices (N,) -> loss, gradient (N, K)."""
        if scores.shape[1] == 1:
            signed = np.where(targets == 1, scores[:, 0], -scores[:, 0])
            missed = 0.5 - 0.5 * np.tanh(signed / 2)  # the probability of the other class
            gradient = np.where(targets == 1, -missed, missed)[:, None]
            return _summed(np.logaddexp(0, -signed), gradient, targets, self.class_weights)
        rows = np.arange(len(targets))
        shifted = scores - scores.max(axis=1, keepdims=True)
        gradient = np.exp(shifted)
        total = gradient.sum(axis=1, keepdims=True)
        gradient /= total
        gradient[rows, targets] -= 1
        loss = np.log(total[:, 0]) - shifted[rows, targets]
        return _summed(loss, gradient, targets, self.class_weights)


class HingeLoss:
    """Squared hinge of each class against the rest: max(0, 1 - margin)²."""

    curvature = 1.0

    def __init__(self, class_weights: ClassWeights = None) -> None:
        self.class_weights = class_weights

    def __call__(self, scores: Scores, targets: NDArray[np.int64]) -> tuple[float, Scores]:
        """Scores (N, K), class indices (N,) -> loss, gradient (N, K)."""
        signs = np.full(scores.shape, -1, np.float32)
        if scores.shape[1] == 1:
            signs[targets == 1] = 1
        else:
            signs[np.arange(len(targets)), targets] = 1
        short = np.maximum(0, 1 - signs * scores)
        return _summed(np.square(short).sum(axis=1), -2 * signs * short, targets, self.class_weights)


def _summed(
    losses: NDArray[np.float32], gradient: Scores, targets: NDArray[np.int64], class_weights: ClassWeights
) -> tuple[float, Scores]:
    """Losses (N,) and gradient (N, K) of examples of these classes (N,) -> the sum and the gradient, weighted."""
    if class_weights is not None:
        weights = class_weights.astype(np.float32)[targets]
        losses, gradient = losses * weights, gradient * weights[:, None]
    return float(losses.sum(dtype=np.float64)), gradient


class InsensitiveLoss:
    """Squared error beyond a tolerance: max(0, |score - target| - epsilon)²."""

    curvature = 2.0

    def __init__(self, epsilon: float) -> None:
        self.epsilon = np.float32(epsilon)

    def __call__(self, scores: Scores, targets: NDArray[np.float64]) -> tuple[float, Scores]:
        """Scores (N, 1), numbers (N,) -> loss, gradient (N, 1)."""
        error = scores - targets[:, None].astype(np.float32)
        beyond = np.maximum(0, np.abs(error) - self.epsilon)
        return float(np.square(beyond).sum(dtype=np.float64)), 2 * np.sign(error) * beyond


class LinearProblem:
    """Mean loss of the scores XW + b, plus penalty / 2 · ‖W‖².

    Source: Liu & Nocedal (1989), On the limited memory BFGS method for large scale optimization, Mathematical
    Programming 45. Deviation: it runs in coordinates in which the curvature of the loss, as if it were the same for
    every example, is the identity; on 28×28 pixels that takes a third of the passes over the data.

    Args:
        features: (N, D) float32.
        targets: (N,).
        loss: of scores and targets.
        num_scores: K.
        context: whose deadline ends the search.
    """

    def __init__(
        self,
        features: NDArray[np.float32],
        targets: NDArray[Any],
        loss: Loss,
        num_scores: int,
        context: FitContext,
    ) -> None:
        self.features, self.targets, self.loss, self.context = features, targets, loss, context
        self.size = (features.shape[1] + 1, num_scores)
        self.curvature = loss.curvature * self._second_moments()

    def start(self) -> NDArray[np.float64]:
        """Weights and, in the last row, bias (D + 1, K), all zero."""
        return np.zeros(self.size)

    def solve(self, penalty: float, start: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights and bias (D + 1, K) to start from -> the best ones."""
        penalties = np.full((self.size[0], 1), penalty)
        penalties[-1] = 0
        basis = self._basis(penalties[:, 0])

        def value(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights = basis.to_weights(point.reshape(self.size))
            narrow = weights.astype(np.float32)
            loss, gradient = self.loss(self.features @ narrow[:-1] + narrow[-1], self.targets)
            slope = np.vstack([self.features.T @ gradient, gradient.sum(axis=0)]) / len(self.targets)
            total = loss / len(self.targets) + 0.5 * float((penalties * weights**2).sum())
            return total, basis.to_slope(slope + penalties * weights).ravel()

        def stop_at_deadline(intermediate_result: Any) -> None:
            del intermediate_result
            if self.context.seconds_left() <= 0:
                self.context.cut()
                raise StopIteration

        found = minimize(
            value,
            basis.to_point(start).ravel(),
            jac=True,
            method="L-BFGS-B",
            callback=stop_at_deadline,
            options={"maxiter": _MAX_ITERATIONS, "ftol": _TOLERANCE, "gtol": _TOLERANCE},
        )
        return basis.to_weights(found.x.reshape(self.size))

    def _second_moments(self) -> NDArray[np.float64]:
        """Mean products of each two features and the constant 1 (D + 1, D + 1), or mean squares (D + 1,)."""
        features, count = self.features, len(self.features)
        if features.shape[1] > MAX_ROUNDED:
            squares = np.einsum("nd,nd->d", features, features, dtype=np.float64)
            return np.append(squares / count, 1.0)
        moments = np.ones((self.size[0], self.size[0]))
        products = (chunk.T @ chunk for chunk in np.split(features, range(_CHUNK, count, _CHUNK)))
        moments[:-1, :-1] = sum(product.astype(np.float64) for product in products) / count
        moments[-1, :-1] = moments[:-1, -1] = features.mean(axis=0, dtype=np.float64)
        return moments

    def _basis(self, penalties: NDArray[np.float64]) -> _Basis:
        added = penalties + _RIDGE
        return _Basis(self.curvature + (added if self.curvature.ndim == 1 else np.diag(added)))


class _Basis:
    """Coordinates in which a curvature RᵀR, a matrix or its diagonal, is the identity: point = R · weights."""

    def __init__(self, curvature: NDArray[np.float64]) -> None:
        self.is_diagonal = curvature.ndim == 1
        self.root = np.sqrt(curvature)[:, None] if self.is_diagonal else _root(curvature)

    def to_point(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.root * weights if self.is_diagonal else self.root @ weights

    def to_weights(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._solved(point, "N")

    def to_slope(self, slope: NDArray[np.float64]) -> NDArray[np.float64]:
        """The gradient by the weights -> that by the point."""
        return self._solved(slope, "T")

    def _solved(self, right: NDArray[np.float64], trans: str) -> NDArray[np.float64]:
        if self.is_diagonal:
            return right / self.root
        solution: NDArray[np.float64] = solve_triangular(self.root, right, trans=trans)
        return solution


def _root(curvature: NDArray[np.float64]) -> NDArray[np.float64]:
    """Curvature (D + 1, D + 1) -> R of RᵀR; to one that rounding left indefinite as much is added as makes it definite.

    Products of 32 bits are off by some 1e-7 of the largest curvature, which can be more than the ridge.
    """
    added = 0.0
    while True:
        try:
            root: NDArray[np.float64] = cholesky(curvature + added * np.eye(len(curvature)))
            return root
        except LinAlgError:
            added = max(10 * added, float(np.finfo(np.float32).eps) * float(np.trace(curvature)))


def best_on_path(
    problem: LinearProblem,
    penalties: Iterable[float],
    valid_loss: Callable[[NDArray[np.float64]], float],
) -> NDArray[np.float64]:
    """Weights (D + 1, K) of the penalty with the least validation loss.

    Penalties go from large to small, each search starting where the last ended, until the loss rises or time is up.
    """
    weights = best = problem.start()
    least = float("inf")
    penalties = list(penalties)
    for number, penalty in enumerate(penalties, 1):
        weights = problem.solve(penalty, weights)
        loss = valid_loss(weights)
        if loss >= least:
            break
        best, least = weights, loss
        problem.context.report(number / len(penalties), None)
        if number < len(penalties) and problem.context.seconds_left() <= 0:
            problem.context.cut()
            break
    return best
