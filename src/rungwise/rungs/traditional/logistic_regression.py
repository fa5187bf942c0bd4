"""Logistic regression: log-odds that are a weighted sum of the features or pixels.

Idea:
    Each class has a weight for each feature; the class with the largest sum is the most probable. A penalty on the
    weights keeps them from following noise.
Formula:
    p(c | x) = softmax(Wx + b)_c, with W and b that minimise Σ -log p(y | x) + ‖W‖² / 2C.
Source:
    Cox (1958), The regression analysis of binary sequences, Journal of the Royal Statistical Society B 20,
    https://doi.org/10.1111/j.2517-6161.1958.tb00292.x.
Deviations:
    none; of two classes only the second has weights, which is the same model.
Cost:
    One product of features and weights, forwards and backwards, for each of some dozen passes over the data.
Wins:
    When classes differ by the sum of single effects, or examples are few; its probabilities are well calibrated.
Loses:
    When features act together. On pixels it is a template a class, which a shift of the picture defeats.
"""

# N examples, D features, C classes, K scores: 1 for two classes, else C

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.data.limits import batch_rows
from rungwise.errors import ConfigError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.balance import class_weights
from rungwise.preprocessing.table import Scaling, TableFeatures, num_dense_features
from rungwise.rung import Cost, ImageShape, Pair, TableShape, TraditionalRung
from rungwise.rungs._linear import LinearScores
from rungwise.rungs._memory import FLOAT, dense_bytes, solver_bytes
from rungwise.rungs._solver import LinearProblem, SoftmaxLoss, best_on_path, num_scores
from rungwise.settings import ClassWeight
from rungwise.stored import section

__all__ = ["RUNG", "LogisticRegression", "LogisticRegressionConfig"]

_STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Values of C that validation chooses from."""

_PASSES = 150
"""Passes over the data that the search over C takes, about."""

_CHUNK_ROWS = 16_384
_WHITE = np.float32(255)


@dataclass(frozen=True, kw_only=True)
class LogisticRegressionConfig:
    """Settings of logistic regression.

    Attributes:
        C: weight of the examples against the penalty; None to choose it on validation (1 where there is none).
        scaling: of a table's numbers.
        class_weight: what examples count, which validation leaves aside.
    """

    C: float | None = None
    scaling: Scaling = Scaling.STANDARD
    class_weight: ClassWeight = ClassWeight.NONE

    def __post_init__(self) -> None:
        if self.C is not None and not self.C > 0:
            raise ConfigError(f"C={self.C!r}: must be a number above 0, or None to choose it.")


class LogisticRegression:
    """Logistic regression on the dense features of a table, or on the pixels of images."""

    def __init__(self, config: LogisticRegressionConfig, pair: Pair) -> None:
        self.config = config
        self.table = TableFeatures(config.scaling) if pair[0] is InputKind.TABLE else None
        self.scores: LinearScores
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
        """Searches the weights for each C, from the strongest penalty on; nothing is random."""
        if self.table is not None:
            self.table.fit(inputs)
        features = self._features(inputs)
        loss = SoftmaxLoss(class_weights(self.config.class_weight, targets, num_outputs))
        problem = LinearProblem(features, targets, loss, num_scores(num_outputs), context)
        if self.config.C is not None or validation is None:
            weights = problem.solve(1 / ((self.config.C or 1.0) * len(targets)), problem.start())
        else:
            valid_features, valid_targets = self._features(validation[0]), validation[1]

            def valid_loss(weights: NDArray[np.float64]) -> float:
                narrow = weights.astype(np.float32)
                return SoftmaxLoss()(valid_features @ narrow[:-1] + narrow[-1], valid_targets)[0]

            weights = best_on_path(problem, [1 / (C * len(targets)) for C in _STRENGTHS], valid_loss)
        self.scores = LinearScores(weights[:-1], weights[-1])

    def _features(self, inputs: Any) -> NDArray[np.float32]:
        """Table or images (N) -> features (N, D)."""
        if self.table is not None:
            return self.table.transform(inputs)
        pixels: NDArray[np.uint8] = inputs.reshape(len(inputs), -1)
        return np.divide(pixels, _WHITE, dtype=np.float32)

    def predict(self, inputs: Any) -> NDArray[np.float32 | np.float64]:
        """Table or images (N) -> class probabilities (N, C)."""
        step = _CHUNK_ROWS if self.table is not None else batch_rows(_CHUNK_ROWS, math.prod(inputs.shape[1:]))
        chunks = [inputs[i : i + step] for i in range(0, max(1, len(inputs)), step)]
        return np.concatenate([self.scores.probabilities(self._features(chunk)) for chunk in chunks])

    def num_parameters(self) -> int:
        """Weights and biases."""
        return self.scores.num_parameters()

    def state(self) -> State:
        """The table's features, and the weights."""
        table = {} if self.table is None else {"table": self.table.state()}
        return {**table, "scores": self.scores.state()}

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes them.

        Raises:
            ModelError: if the weights don't fit the features or the outputs.
        """
        num_features = None
        if self.table is not None:
            self.table.restore(section(state, "table"))
            num_features = self.table.num_features
        self.scores = LinearScores.from_state(
            section(state, "scores"), num_features=num_features, num_outputs=num_outputs
        )


def _num_pixels(shape: ImageShape) -> int:
    return shape.channels * shape.height * shape.width


def cost(config: LogisticRegressionConfig, shape: TableShape | ImageShape) -> Cost:
    """A product forwards and one backwards a pass, and the products of each two features once."""
    del config
    if isinstance(shape, ImageShape):
        size = _num_pixels(shape)
        features = FLOAT * size * float(shape.num_examples)
    else:
        size, features = num_dense_features(shape), dense_bytes(shape)
    outputs = num_scores(shape.num_outputs)
    return Cost(
        parameters=(size + 1) * outputs,
        predict_flops=2 * size * outputs,
        fit_flops=shape.num_examples * (4 * size * outputs * _PASSES + 2 * size**2),
        fit_bytes=features + solver_bytes(shape, size, outputs),
    )


RUNG = TraditionalRung(
    class_name="Logistic",
    accepts=frozenset({(InputKind.TABLE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.LABEL)}),
    config=LogisticRegressionConfig,
    cost=cost,
    learner=LogisticRegression,
)
