"""Ridge regression: a weighted sum of the features, its weights kept small.

Idea:
    The number grows in proportion to each feature. A penalty on the weights keeps them from following noise.
Formula:
    ŷ = w·x + b, with w and b that minimise Σ (y - ŷ)² + α‖w‖².
Source:
    Hoerl & Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems, Technometrics 12,
    https://doi.org/10.1080/00401706.1970.10488634; α by generalised cross-validation: Golub, Heath & Wahba (1979),
    Technometrics 21, https://doi.org/10.1080/00401706.1979.10489751.
Deviations:
    none; the features' products are summed over chunks of rows, so that memory doesn't grow with the rows.
Cost:
    One pass over the table to fit, which grows with the square of the number of features; a product to predict.
Wins:
    When the number depends on the features about linearly, or examples are few. It extrapolates and can be read.
Loses:
    When features act together, or by thresholds; one feature more must then be made by hand for each.
"""

# N examples, D features

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.errors import ConfigError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.table import CHUNK_ROWS, Scaling, TableFeatures, num_dense_features
from rungwise.rung import Cost, Pair, TableShape, TraditionalRung
from rungwise.rungs._linear import LinearScores
from rungwise.rungs._memory import DOUBLE, table_bytes
from rungwise.stored import finite, section

__all__ = ["RUNG", "LinearRegression", "LinearRegressionConfig"]

_ALPHAS = np.logspace(-4, 5, 37)
_ROW_COPIES, _MATRICES = 2, 5
"""Of the rows that are dense at a time, and of the products of each two features."""

_RANK_TOLERANCE, _ROUNDING, _LEAST_FREEDOM = 1e-11, 1e-12, 1e-4


@dataclass(frozen=True, kw_only=True)
class LinearRegressionConfig:
    """Settings of ridge regression.

    Attributes:
        alpha: weight of the penalty; None to choose it by generalised cross-validation.
        scaling: of the numbers.
    """

    alpha: float | None = None
    scaling: Scaling = Scaling.STANDARD

    def __post_init__(self) -> None:
        if self.alpha is not None and not self.alpha >= 0:
            raise ConfigError(f"alpha={self.alpha!r}: must be a number from 0 on, or None to choose it.")


class LinearRegression:
    """Ridge regression on the dense features of a table; targets are standardised."""

    def __init__(self, config: LinearRegressionConfig, pair: Pair) -> None:
        del pair
        self.config = config
        self.features = TableFeatures(config.scaling)
        self.scores: LinearScores
        self.target_mean = 0.0
        self.history: list[Epoch] = []

    def fit(
        self,
        inputs: Any,
        targets: NDArray[Any],
        *,
        num_outputs: int,
        validation: tuple[Any, NDArray[Any]] | None,
        context: FitContext,
    ) -> None:
        """Sums products over the rows, then solves for the weights; nothing is random or iterative."""
        del num_outputs, validation
        self.features.fit(inputs)
        self.target_mean = float(targets.mean())
        means, gram, slopes = self._products(inputs, targets - self.target_mean, context)
        eigenvalues, vectors = np.linalg.eigh(gram)
        projections = vectors.T @ slopes
        alpha = self.config.alpha
        if alpha is None:
            total = float(np.square(targets - self.target_mean).sum())
            alpha = _best_alpha(eigenvalues, projections, total, len(targets))
        weights = vectors @ (projections * _shrunk(eigenvalues, alpha))
        self.scores = LinearScores(weights[:, None], np.array([-means @ weights]))

    def _products(
        self, inputs: Any, targets: NDArray[np.float64], context: FitContext
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The features' means (D,), and of centred features the products (D, D) and those with the targets (D,)."""
        size, seen = self.features.num_features, 0
        sums, gram, slopes = np.zeros(size), np.zeros((size, size)), np.zeros(size)
        for chunk in self.features.chunks(inputs):
            features = chunk.astype(np.float64)
            sums += features.sum(axis=0)
            gram += features.T @ features
            slopes += features.T @ targets[seen : seen + len(features)]
            seen += len(features)
            context.report(seen / len(targets), None)
        means = sums / seen
        return means, gram - seen * np.outer(means, means), slopes

    def predict(self, inputs: Any) -> NDArray[np.float64]:
        """Table (N) -> numbers (N,)."""
        parts = [self.scores.scores(chunk.astype(np.float64))[:, 0] for chunk in self.features.chunks(inputs)]
        return np.concatenate([np.zeros(0), *parts]) + self.target_mean

    def num_parameters(self) -> int:
        """A weight a feature, and the bias."""
        return self.scores.num_parameters()

    def state(self) -> State:
        """Features, weights and the targets' mean."""
        return {
            "features": self.features.state(),
            "scores": self.scores.state(),
            "target_mean": self.target_mean,
        }

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes them.

        Raises:
            ModelError: if the weights don't fit the features.
        """
        self.features.restore(section(state, "features"))
        self.scores = LinearScores.from_state(
            section(state, "scores"), num_features=self.features.num_features, num_outputs=num_outputs
        )
        self.target_mean = finite(state, "target_mean")


def _shrunk(eigenvalues: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """1 / (eigenvalue + alpha), and 0 along directions in which the features don't vary."""
    varies = eigenvalues > _RANK_TOLERANCE * eigenvalues.max(initial=0)
    return np.where(varies, 1 / np.where(varies, eigenvalues + alpha, 1), 0)


def _best_alpha(
    eigenvalues: NDArray[np.float64], projections: NDArray[np.float64], total: float, num_examples: int
) -> float:
    """The alpha with the least generalised cross-validation error: RSS / (1 - degrees of freedom / N)²."""
    errors = []
    for alpha in _ALPHAS:
        shrunk = _shrunk(eigenvalues, alpha)
        weights = projections * shrunk
        residual = total - 2 * weights @ projections + eigenvalues @ weights**2
        freedom = 1 + (eigenvalues * shrunk).sum()
        errors.append(max(residual, _ROUNDING * total) / max(1 - freedom / num_examples, _LEAST_FREEDOM) ** 2)
    return float(_ALPHAS[int(np.argmin(errors))])


def cost(config: LinearRegressionConfig, shape: TableShape) -> Cost:
    """The products of each two features over all examples, then their eigenvectors (about 10 D³)."""
    del config
    size, rows = num_dense_features(shape), min(shape.num_examples, CHUNK_ROWS)
    return Cost(
        parameters=size + 1,
        predict_flops=2 * size,
        fit_flops=2 * shape.num_examples * size**2 + 10 * size**3,
        fit_bytes=table_bytes(shape, rows) + DOUBLE * size * (_ROW_COPIES * rows + _MATRICES * size),
    )


RUNG = TraditionalRung(
    class_name="Linear",
    accepts=frozenset({(InputKind.TABLE, OutputKind.NUMBER)}),
    config=LinearRegressionConfig,
    cost=cost,
    learner=LinearRegression,
)
