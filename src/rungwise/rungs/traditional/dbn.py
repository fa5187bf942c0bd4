"""A deep belief net: layers of features learned without labels, one after the other, and logistic regression on them.

Idea:
    A restricted Boltzmann machine learns features under which the images it has seen are probable. The features of one
    machine are the images of the next. Labels come in last, and only for a linear classifier: the network that showed
    that depth can be trained, before better ways were found.
Formula:
    E(v, h) = -b · v - c · h - v · W h, p(v) ∝ Σ_h exp(-E(v, h)); each layer climbs
    ∂ log p / ∂W = ⟨v hᵀ⟩_images - ⟨v hᵀ⟩_model; features p(h = 1 | v) = σ(Wᵀv + c); then softmax(U [h_1, h_2, …] + d).
Source:
    Hinton, Osindero & Teh (2006), A fast learning algorithm for deep belief nets, Neural Computation 18,
    https://doi.org/10.1162/neco.2006.18.7.1527; Tieleman (2008), Training restricted Boltzmann machines using
    approximations to the likelihood gradient, ICML, https://doi.org/10.1145/1390156.1390290.
Deviations:
    The machines are scikit-learn's `BernoulliRBM`, whose model averages come from chains that go on from step to step
    (Tieleman), at a learning rate that falls to zero. Logistic regression sees the features of every layer
    (`use_all_layers=False` gives the last one's alone); there is no fine-tuning of the layers by the labels. Images
    larger than `max_side` are shrunk to about that.
Cost:
    Five products of a batch and a layer for each batch and epoch: the same as for a dense network that is trained.
Wins:
    Beside logistic regression on the pixels: on handwriting a quarter of its errors are left.
Loses:
    To any network that is trained by the labels from end to end.
"""

# N images, V visible units, H hidden units, L layers, F features, C classes

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.neural_network import BernoulliRBM

from rungwise.errors import ConfigError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.balance import class_weights
from rungwise.preprocessing.hog import brightness
from rungwise.rung import Cost, ImageShape, Pair, TraditionalRung
from rungwise.rungs._linear import LinearScores
from rungwise.rungs._memory import DOUBLE, FLOAT, solver_bytes
from rungwise.rungs._solver import LinearProblem, SoftmaxLoss, best_on_path, num_scores
from rungwise.settings import ClassWeight
from rungwise.stored import array, section

__all__ = ["DBN", "RUNG", "DBNConfig"]

Features = NDArray[np.float32]
Images = NDArray[np.uint8]

_STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Values of C that validation chooses from."""

_PASSES = 120
"""Over the features, that the search over C takes, about."""

_PRODUCTS = 5
"""Of a batch and a layer's weights in a step: up, down, up, and two for the gradient."""

_LAYERS_SHARE = 0.7
"""Of the time left, what the layers may take; the rest is for the classifier."""

_CHUNK = 4096


@dataclass(frozen=True, kw_only=True)
class DBNConfig:
    """Settings of the layers and of the classifier.

    Attributes:
        hidden_size: units of a layer.
        num_layers: machines on top of each other.
        epochs: passes over the images for each layer.
        min_steps: of each layer: where the data gives fewer, it is passed over more than `epochs` times.
        batch_size: images of a step, and chains that stand for the model.
        learning_rate: at the start; it falls to zero.
        use_all_layers: whether the classifier sees the features of every layer or those of the last.
        max_side: pixels a side that larger images are shrunk to, about.
        C: weight of the examples against the classifier's penalty, as if the mean variance of its features were 1; None
            to choose it on validation (1 without).
        class_weight: what examples count for the classifier, which validation leaves aside.
    """

    hidden_size: int = 500
    num_layers: int = 2
    epochs: int = 5
    min_steps: int = 1000
    batch_size: int = 100
    learning_rate: float = 0.1
    use_all_layers: bool = True
    max_side: int = 32
    C: float | None = None
    class_weight: ClassWeight = ClassWeight.NONE

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            ConfigError: with every setting that is out of its range.
        """
        counts = ("hidden_size", "num_layers", "epochs", "batch_size", "max_side")
        problems = [
            f"{name}={getattr(self, name)}: must be at least 1" for name in counts if getattr(self, name) < 1
        ]
        if self.min_steps < 0:
            problems.append(f"min_steps={self.min_steps}: must be at least 0")
        if not 0 < self.learning_rate < math.inf:
            problems.append(f"learning_rate={self.learning_rate!r}: must be a number above 0")
        if self.C is not None and not self.C > 0:
            problems.append(f"C={self.C!r}: must be a number above 0, or None to choose it")
        if problems:
            raise ConfigError("; ".join(problems) + ".")


class DBN:
    """Restricted Boltzmann machines on top of each other, and logistic regression on their features."""

    def __init__(self, config: DBNConfig, pair: Pair) -> None:
        del pair
        self.config = config
        self.layers: list[tuple[Features, Features]] = []  # weights (V, H) and biases (H,) of each
        self.scores: LinearScores
        self.history: list[Epoch] = []

    def fit(
        self,
        inputs: Images,
        targets: NDArray[np.int64],
        *,
        num_outputs: int,
        validation: tuple[Images, NDArray[np.int64]] | None,
        context: FitContext,
    ) -> None:
        """Fits one layer after the other to the features of the one below, then the classifier to those of all."""
        config, size = self.config, self.config.hidden_size
        rng = np.random.default_rng(context.seed)
        hidden = np.empty((len(inputs), config.num_layers * size), np.float32)
        self.layers = []
        for number in range(config.num_layers):
            last = hidden[:, (number - 1) * size : number * size] if number else None
            visible = self._pixels_of(inputs) if last is None else last.__getitem__
            left = context.seconds_left() * _LAYERS_SHARE / (config.num_layers - number)
            self.layers.append(self._fit_layer(visible, len(inputs), time.monotonic() + left, rng, context))
            for rows in _chunks(len(inputs)):
                hidden[rows, number * size : (number + 1) * size] = _up(visible(rows), self.layers[-1])
            context.report((number + 1) / (config.num_layers + 1), None)
        features = hidden if config.use_all_layers else np.ascontiguousarray(hidden[:, -size:])
        loss = SoftmaxLoss(class_weights(config.class_weight, targets, num_outputs))
        problem = LinearProblem(features, targets, loss, num_scores(num_outputs), context)
        unit = float(features.var(axis=0).mean()) / len(targets)
        if config.C is not None or validation is None:
            weights = problem.solve(unit / (config.C or 1.0), problem.start())
        else:
            valid_features, valid_targets = self._features(validation[0]).astype(np.float32), validation[1]

            def valid_loss(weights: NDArray[np.float64]) -> float:
                narrow = weights.astype(np.float32)
                return SoftmaxLoss()(valid_features @ narrow[:-1] + narrow[-1], valid_targets)[0]

            weights = best_on_path(problem, [unit / C for C in _STRENGTHS], valid_loss)
        self.scores = LinearScores(weights[:-1], weights[-1])

    def _fit_layer(
        self,
        visible: Callable[..., Features],
        num_images: int,
        deadline: float,
        rng: np.random.Generator,
        context: FitContext,
    ) -> tuple[Features, Features]:
        """Climbs the likelihood of the visible units, which it is given for image numbers -> weights and biases."""
        config = self.config
        machine = BernoulliRBM(
            config.hidden_size,
            batch_size=min(config.batch_size, num_images),
            random_state=int(rng.integers(2**31)),
        )
        num_epochs = _num_epochs(config, num_images)
        num_steps = num_epochs * (num_images // machine.batch_size)
        for step, index in enumerate(_batches(num_images, machine.batch_size, num_epochs, rng)):
            machine.learning_rate = config.learning_rate * (1 - step / num_steps)
            machine.partial_fit(visible(index))
            if time.monotonic() > deadline:
                context.cut()
                break
        bias = machine.intercept_hidden_.astype(np.float32)
        return np.ascontiguousarray(machine.components_.T, dtype=np.float32), bias

    def _pixels_of(self, images: Images) -> Callable[..., Features]:
        """Image numbers -> visible units (n, V) from 0 to 1."""
        height, width = images.shape[1:3]
        square = min(-(-max(height, width) // self.config.max_side), height, width)
        return lambda rows: brightness(images[rows], square=square)

    def _features(self, images: Images) -> NDArray[np.float64]:
        """Images (N, H, W, C) -> what the classifier sees (N, F), in 64 bits: its weights can be large."""
        units: NDArray[Any] = self._pixels_of(images)(slice(None)).astype(np.float64)
        found = []
        for layer in self.layers:
            units = _up(units, layer)
            found.append(units)
        return np.hstack(found) if self.config.use_all_layers else units

    def predict(self, inputs: Images) -> NDArray[np.float32]:
        """Images (N, H, W, C) -> class probabilities (N, C)."""
        return np.concatenate(
            [self.scores.probabilities(self._features(inputs[rows])) for rows in _chunks(len(inputs))]
        )

    def num_parameters(self) -> int:
        """Weights and biases of the layers and of the classifier."""
        return sum(weights.size + bias.size for weights, bias in self.layers) + self.scores.num_parameters()

    def state(self) -> State:
        """The layers and the classifier."""
        layers = {
            str(number): {"weights": weights, "bias": bias}
            for number, (weights, bias) in enumerate(self.layers)
        }
        return {"layers": layers, "scores": self.scores.state()}

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes them.

        Raises:
            ModelError: if a layer doesn't fit the one below, or the classifier the layers or the outputs.
        """
        config, num_visible, self.layers = self.config, None, []
        for number in range(config.num_layers):
            layer = section(section(state, "layers"), str(number))
            weights = array(layer, "weights", np.float32, num_visible, config.hidden_size)
            self.layers.append((weights, array(layer, "bias", np.float32, config.hidden_size)))
            num_visible = config.hidden_size
        self.scores = LinearScores.from_state(
            section(state, "scores"), num_features=_num_features(config), num_outputs=num_outputs
        )


def _up(units: NDArray[Any], layer: tuple[Features, Features]) -> NDArray[Any]:
    """Visible units (n, V) -> the probabilities that hidden ones are on (n, H)."""
    weights, bias = layer
    hidden: NDArray[Any] = expit(units @ weights + bias)
    return hidden


def _num_epochs(config: DBNConfig, num_images: int) -> int:
    """Passes of each layer over so many images."""
    steps = max(1, num_images // config.batch_size)
    return max(config.epochs, -(-config.min_steps // steps))


def _batches(
    num_images: int, batch_size: int, epochs: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Image numbers, shuffled in each epoch; what doesn't fill a batch is left to another epoch."""
    for _ in range(epochs):
        order = rng.permutation(num_images)
        for start in range(0, num_images - batch_size + 1, batch_size):
            yield order[start : start + batch_size]


def _chunks(number: int) -> list[slice]:
    """Slices that cover so many images, one of them empty if there is none."""
    return [slice(i, i + _CHUNK) for i in range(0, max(1, number), _CHUNK)]


def _num_features(config: DBNConfig) -> int:
    """F."""
    return config.hidden_size * (config.num_layers if config.use_all_layers else 1)


def cost(config: DBNConfig, shape: ImageShape) -> Cost:
    """Products of units and weights, in the steps of the layers and in the passes of the classifier."""
    square = min(-(-max(shape.height, shape.width) // config.max_side), shape.height, shape.width)
    visible = (shape.height // square) * (shape.width // square) * shape.channels
    number, hidden, outputs = shape.num_examples, config.hidden_size, num_scores(shape.num_outputs)
    sizes = [visible] + (config.num_layers - 1) * [hidden]
    weights, features = sum(size * hidden for size in sizes), _num_features(config)
    steps = 2 * _PRODUCTS * _num_epochs(config, number) * weights
    held = FLOAT * (config.num_layers * hidden + (0 if config.use_all_layers else hidden))
    batch = DOUBLE * 3 * config.batch_size * (max(sizes) + hidden) + DOUBLE * 3 * max(sizes) * hidden
    return Cost(
        parameters=weights + config.num_layers * hidden + (features + 1) * outputs,
        predict_flops=2 * (weights + features * outputs),
        fit_flops=number * (steps + 2 * weights + 4 * features * outputs * _PASSES + 2 * features**2),
        fit_bytes=number * held + max(batch, solver_bytes(shape, features, outputs)),
    )


RUNG = TraditionalRung(
    class_name="DBN",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL)}),
    config=DBNConfig,
    cost=cost,
    learner=DBN,
)
