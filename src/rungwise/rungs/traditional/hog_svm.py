"""Histograms of oriented gradients and a support vector machine: the best of the days before networks.

Idea:
    What an image shows is in the directions of its edges more than in its pixels. Each cell counts them, neighbouring
    cells share a scale, so that light and contrast don't matter, and a support vector machine separates the counts.
Formula:
    h(cell, o) = mean over the cell of ‖∇I‖ where ∇I has the direction o; blocks of 2×2 cells are clipped and have
    length 1; f_c(x) = Σ_i a_ic exp(-γ‖x - x_i‖²) + b_c over landmarks x_i (or w_c · x + b_c) of the least
    ‖f‖² / 2 + C Σ max(0, 1 - y f(x))².
Source:
    Dalal & Triggs (2005), Histograms of Oriented Gradients for Human Detection, CVPR,
    https://doi.org/10.1109/CVPR.2005.177; Williams & Seeger (2001), Using the Nyström method to speed up kernel
    machines, NIPS 13.
Deviations:
    Votes go to one cell and one direction without sharing between neighbours, as in scikit-image. Cells scale with
    the image. Beside the directions stands the brightness of a quarter of each cell (`use_brightness`), and the kernel
    is RBF by landmarks unless told otherwise. Scores become probabilities by one temperature.
Cost:
    Features: some passes over the pixels. The rest grows with the images times the landmarks, and doesn't grow with
    the size of the images.
Wins:
    On a hundred to some thousand images of one thing, upright and in its place; without a GPU.
Loses:
    When what matters moves, or is texture and colour; against networks from some ten thousand images on.
"""

# N images, F features, L landmarks, R rank, C classes

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from rungwise.errors import ConfigError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.balance import class_weights
from rungwise.preprocessing.hog import BLOCK, brightness, hog, num_cells
from rungwise.rung import Cost, ImageShape, Pair, TraditionalRung
from rungwise.rungs._linear import LinearScores, best_temperature, stacked
from rungwise.rungs._memory import FLOAT, solver_bytes
from rungwise.rungs._solver import HingeLoss, LinearProblem, num_scores
from rungwise.settings import ClassWeight
from rungwise.stored import array, entry, finite, section

__all__ = ["RUNG", "HogKernel", "HogSVM", "HogSVMConfig"]

Features = NDArray[np.float32]
Images = NDArray[np.uint8]

_CHUNK = 4096
_MOST_LIKENESSES = 2**24
"""Images at a time, and likenesses of images to landmarks."""

_WIDTH_SAMPLE = 500
"""Landmarks between which the usual distance is measured."""

_MOST_ORIENTATIONS = 180
_RANK_TOLERANCE = 1e-6
_PASSES = 100
"""Over the features while the weights are fitted, about."""


class HogKernel(StrEnum):
    """How alike two images are: by the product of their features, or by their distance."""

    LINEAR = "linear"
    RBF = "rbf"


@dataclass(frozen=True, kw_only=True)
class HogSVMConfig:
    """Settings of features and machine.

    Attributes:
        cells: a side; how many pixels a cell has follows from the image.
        orientations: bins of half a turn.
        use_brightness: add the brightness of a quarter of each cell.
        kernel: of the support vector machine.
        num_landmarks: training images that stand for the RBF kernel.
        gamma: of the RBF kernel, times the median squared distance.
        C: weight of the examples against the margin.
        class_weight: what examples count, which validation leaves aside.
    """

    cells: int = 7
    orientations: int = 9
    use_brightness: bool = True
    kernel: HogKernel = HogKernel.RBF
    num_landmarks: int = 1500
    gamma: float = 2.0
    C: float = 10.0
    class_weight: ClassWeight = ClassWeight.NONE

    def __post_init__(self) -> None:
        least = {"cells": BLOCK, "orientations": 1, "num_landmarks": 1}
        problems = [
            f"{name}={getattr(self, name)}: must be at least {low}"
            for name, low in least.items()
            if getattr(self, name) < low
        ]
        if self.orientations > _MOST_ORIENTATIONS:
            problems.append(f"orientations={self.orientations}: must be at most {_MOST_ORIENTATIONS}")
        problems += [
            f"{name}={getattr(self, name)}: must be above 0"
            for name in ("gamma", "C")
            if not getattr(self, name) > 0
        ]
        if problems:
            raise ConfigError("; ".join(problems))


class HogSVM:
    """A support vector machine on histograms of oriented gradients."""

    def __init__(self, config: HogSVMConfig, pair: Pair) -> None:
        del pair
        self.config = config
        self.history: list[Epoch] = []
        self.linear: LinearScores
        self.landmarks: Features | None = None  # (L, F)
        self.gamma = 0.0

    def fit(
        self,
        inputs: Images,
        targets: NDArray[np.int64],
        *,
        num_outputs: int,
        validation: tuple[Images, NDArray[np.int64]] | None,
        context: FitContext,
    ) -> None:
        """Fits the machine on the features of the images, then the temperature on validation (else on training)."""
        features = self._features(inputs)
        context.report(0.1, None)
        is_straight = self.config.kernel is HogKernel.LINEAR
        turn = None if is_straight else self._choose_landmarks(features, context)
        terms = features
        if turn is not None:
            terms = stacked((part @ turn for part in self._likeness(features)), len(features))
        loss = HingeLoss(class_weights(self.config.class_weight, targets, num_outputs))
        problem = LinearProblem(terms, targets, loss, num_scores(num_outputs), context)
        weights = problem.solve(1 / (self.config.C * len(targets)), problem.start())
        slope = weights[:-1] if turn is None else turn @ weights[:-1]
        self.linear = LinearScores(slope, weights[-1])
        if validation is not None and len(validation[1]):
            features, targets = self._features(validation[0]), validation[1]
        self.linear.temperature = best_temperature(self._scores(features), targets)

    def _features(self, images: Images) -> Features:
        """Images (N, H, W, C) -> features (N, F), a chunk of images at a time.

        Raises:
            DataError: if the images are too small.
        """
        return stacked((self._features_of_chunk(images[rows]) for rows in _chunks(len(images))), len(images))

    def _features_of_chunk(self, images: Images) -> Features:
        size = _cell_size(self.config, *images.shape[1:3])
        directions = hog(images, cell_size=size, num_orientations=self.config.orientations)
        if not self.config.use_brightness:
            return directions
        return np.hstack([directions, brightness(images, square=_square(size))])

    def _choose_landmarks(self, features: Features, context: FitContext) -> Features:
        """Draws landmarks; returns (L, R), by which products of turned likenesses are about the kernel."""
        rng = np.random.default_rng(context.seed)
        count = min(self.config.num_landmarks, len(features))
        self.landmarks = features[np.sort(rng.choice(len(features), count, replace=False))]
        sample = self.landmarks[:_WIDTH_SAMPLE]
        distances = _square_distances(sample, sample)[np.triu_indices(len(sample), 1)]
        usual = float(np.median(distances)) if len(distances) else 1.0
        self.gamma = self.config.gamma / (usual or 1.0)
        values, vectors = np.linalg.eigh(np.vstack(list(self._likeness(self.landmarks))).astype(np.float64))
        is_kept = values > _RANK_TOLERANCE * values[-1]
        turn: Features = (vectors[:, is_kept] / np.sqrt(values[is_kept])).astype(np.float32)
        return turn

    def _likeness(self, features: Features) -> Iterator[Features]:
        """Features (N, F) -> likeness to the landmarks, chunks of (N, L)."""
        assert self.landmarks is not None
        step = min(_CHUNK, max(1, _MOST_LIKENESSES // max(1, len(self.landmarks))))
        for rows in _chunks(len(features), step):
            distances = _square_distances(features[rows], self.landmarks)
            yield np.exp(np.float32(-self.gamma) * distances)

    def _scores(self, features: Features) -> Features:
        """Features (N, F) -> one score a class (N, C)."""
        terms = [features] if self.landmarks is None else self._likeness(features)
        return np.vstack([self.linear.class_scores(part) for part in terms])

    def predict(self, inputs: Images) -> NDArray[np.float32]:
        """Images (N, H, W, C) -> class probabilities (N, C)."""
        features = self._features(inputs)
        terms = [features] if self.landmarks is None else self._likeness(features)
        return np.vstack([self.linear.probabilities(part) for part in terms])

    def num_parameters(self) -> int:
        """Weights and biases, and the landmarks."""
        return self.linear.num_parameters() + (0 if self.landmarks is None else self.landmarks.size)

    def state(self) -> State:
        """Weights, landmarks, and the kernel's width."""
        return {"linear": self.linear.state(), "landmarks": self.landmarks, "gamma": self.gamma}

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes them.

        Raises:
            ModelError: if weights don't fit the landmarks or the outputs.
        """
        size = None
        self.landmarks, self.gamma = None, finite(state, "gamma", low=0)
        if entry(state, "landmarks") is not None:
            self.landmarks = array(state, "landmarks", np.float32, None, None)
            size = len(self.landmarks)
        self.linear = LinearScores.from_state(
            section(state, "linear"), num_features=size, num_outputs=num_outputs
        )


def _chunks(number: int, step: int = _CHUNK) -> list[slice]:
    """Slices that cover so many images, one of them empty if there is none."""
    return [slice(i, i + step) for i in range(0, max(1, number), step)]


def _square_distances(first: Features, second: Features) -> Features:
    """Features (N, F), (L, F) -> squared distances (N, L)."""
    products = first @ second.T
    products *= -2
    products += np.square(first).sum(1)[:, None]
    products += np.square(second).sum(1)
    distances: Features = np.maximum(products, 0, out=products)
    return distances


def _cell_size(config: HogSVMConfig, height: int, width: int) -> int:
    """Pixels a side of a cell, at least two, so that small images have fewer cells."""
    return max(2, min(height, width) // config.cells)


def _square(cell_size: int) -> int:
    return max(1, cell_size // 2)


def num_features(config: HogSVMConfig, shape: ImageShape) -> int:
    """F: directions of each block, and squares of brightness."""
    size = _cell_size(config, shape.height, shape.width)
    rows, columns = (num_cells(side, size) - BLOCK + 1 for side in (shape.height, shape.width))
    directions = rows * columns * BLOCK**2 * config.orientations
    square = _square(size)
    squares = (shape.height // square) * (shape.width // square) * shape.channels
    return directions + config.use_brightness * squares


def cost(config: HogSVMConfig, shape: ImageShape) -> Cost:
    """Products of features, landmarks and weights; making the features is left out."""
    size, outputs, number = num_features(config, shape), num_scores(shape.num_outputs), shape.num_examples
    if config.kernel is HogKernel.LINEAR:
        fit = number * (4 * size * outputs * _PASSES + 2 * size**2)
        return Cost(
            parameters=(size + 1) * outputs,
            predict_flops=2 * size * outputs,
            fit_flops=fit,
            fit_bytes=FLOAT * number * size + solver_bytes(shape, size, outputs),
        )
    landmarks = min(config.num_landmarks, number)
    fit = number * (2 * size * landmarks + 4 * landmarks**2 + 4 * landmarks * outputs * _PASSES)
    return Cost(
        parameters=landmarks * (size + outputs) + outputs,
        predict_flops=2 * landmarks * (size + outputs),
        fit_flops=fit,
        fit_bytes=FLOAT * number * (size + landmarks) + solver_bytes(shape, landmarks, outputs),
    )


RUNG = TraditionalRung(
    class_name="HogSVM",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL)}),
    config=HogSVMConfig,
    cost=cost,
    learner=HogSVM,
)
