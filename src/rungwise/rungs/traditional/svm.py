"""Support vector machine: the widest margin between classes, straight or by the likeness to known examples.

Idea:
    Separate the classes by the boundary that stays farthest from the examples. With the RBF kernel the score is a
    weighted sum of the likeness to training examples, so that the boundary bends where the data asks for it.
    For numbers, errors smaller than a tolerance are free.
Formula:
    f(x) = Σ_i a_i k(x_i, x) + b, k(u, v) = exp(-γ‖u - v‖²) or u·v, with a and b that minimise
    ‖f‖² / 2 + C Σ max(0, 1 - y f(x)) for classes, ‖f‖² / 2 + C Σ max(0, |y - f(x)| - ε) for numbers.
Source:
    Cortes & Vapnik (1995), Support-vector networks, Machine Learning 20, https://doi.org/10.1007/BF00994018; many
    rows: Williams & Seeger (2001), Using the Nyström method to speed up kernel machines, NIPS 13.
Deviations:
    Several classes are each separated from the rest; scores become probabilities by one temperature. The exact
    kernel (libsvm) serves up to `exact_rows` rows; above it the likeness to `num_landmarks` training examples, drawn
    at random, stands for the kernel. The linear and the Nyström form square the losses, which can then be minimised
    by gradients.
Cost:
    The exact kernel grows with the square of the rows, to fit and to store; Nyström and linear with the rows.
Wins:
    Some hundred to some thousand examples of scaled numbers, smooth boundaries.
Loses:
    Many rows, many features that don't matter (all count equally in the distance), effects by thresholds.
"""

# N examples, D features, C classes, S support vectors or landmarks, K scores: 1 for two classes and for numbers, else C

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC, SVR

from rungwise.errors import ConfigError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.balance import class_weights
from rungwise.preprocessing.table import Scaling, TableFeatures, num_dense_features
from rungwise.rung import Cost, Pair, TableShape, TraditionalRung
from rungwise.rungs._kernel import CHUNK_ELEMENTS, KernelScores
from rungwise.rungs._linear import LinearScores, best_temperature
from rungwise.rungs._memory import DOUBLE, FLOAT, dense_bytes, solver_bytes
from rungwise.rungs._solver import HingeLoss, InsensitiveLoss, LinearProblem, Loss, best_on_path, num_scores
from rungwise.settings import ClassWeight
from rungwise.stored import array, entry, finite, section

__all__ = ["RUNG", "SVM", "Kernel", "SVMConfig"]


class Kernel(StrEnum):
    """How alike two examples are: by their product, or by their distance; `AUTO` is chosen on validation."""

    AUTO = "auto"
    LINEAR = "linear"
    RBF = "rbf"


_TRIAL_ROWS = 2_000
"""Rows of training and of validation, each, that C and gamma are tried on."""

_TRIAL_STRENGTHS = (1.0, 10.0)
_TRIAL_WIDTHS = (0.25, 1.0, 4.0)
"""Values of C, and of gamma as multiples of 1 / (D · variance), that are tried."""

_PATH_STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Values of C of the linear and the Nyström form, that validation chooses from."""

_PASSES = 150
_LIKENESS_COPIES = 3
_MOST_ELEMENTS = 2**28
"""Numbers of the Nyström features at most: one GiB."""

_MAX_EXACT_SCORES = 30
_CACHE_MEGABYTES = 500
_RANK_TOLERANCE = 1e-6
_PACE_MARGIN = 3.0
"""The exact kernel is left out if it would take more than the time left divided by this."""


@dataclass(frozen=True, kw_only=True)
class SVMConfig:
    """Settings of the support vector machine.

    Attributes:
        kernel: of the scores; RBF where it is to be chosen and there is no validation.
        C: weight of the examples against the margin; None to choose it on validation (1 where there is none).
        gamma: of the RBF kernel, the inverse of a squared distance; None to choose it on validation
            (1 / (D · variance) where there is none).
        epsilon: for numbers, the error that is free, in standard deviations of the target.
        exact_rows: training rows up to which the RBF kernel is exact.
        num_landmarks: examples that stand for the kernel above that.
        scaling: of the numbers.
        class_weight: what examples count, which validation leaves aside.
    """

    kernel: Kernel = Kernel.AUTO
    C: float | None = None
    gamma: float | None = None
    epsilon: float = 0.1
    exact_rows: int = 10_000
    num_landmarks: int = 1_000
    scaling: Scaling = Scaling.QUANTILE
    class_weight: ClassWeight = ClassWeight.NONE

    def __post_init__(self) -> None:
        problems = [
            f"{name}={value!r}: must be a number above 0, or None to choose it"
            for name, value in (("C", self.C), ("gamma", self.gamma))
            if value is not None and not value > 0
        ]
        problems += ["num_landmarks must be at least 1"] if self.num_landmarks < 1 else []
        problems += ["epsilon must be at least 0"] if not self.epsilon >= 0 else []
        if problems:
            raise ConfigError("; ".join(problems))


@dataclass(frozen=True)
class _Choice:
    """What a trial of the RBF kernel settles."""

    C: float
    gamma: float


_Labelled = tuple[NDArray[np.float32], NDArray[Any]]
"""Features (N, D), and class indices or standardised numbers (N,)."""


class SVM:
    """A support vector machine on the dense features of a table."""

    def __init__(self, config: SVMConfig, pair: Pair) -> None:
        self.config, self.is_label = config, pair[1] is OutputKind.LABEL
        self.features = TableFeatures(config.scaling)
        self.loss: Loss = HingeLoss() if self.is_label else InsensitiveLoss(config.epsilon)
        self.class_weights: NDArray[np.float64] | None = None
        self.model: KernelScores
        self.target_mean, self.target_scale = 0.0, 1.0
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
        """Tries settings on some rows, fits the best on all, and calibrates the probabilities."""
        if not self.is_label:
            self.target_mean, self.target_scale = float(targets.mean()), float(targets.std()) or 1.0
        self.num_scores = num_scores(num_outputs)
        self.class_weights = class_weights(self.config.class_weight, targets, num_outputs)
        self.features.fit(inputs)
        train = self._labelled(inputs, targets)
        valid = self._labelled(*validation) if validation is not None and len(validation[1]) else None
        self._take(self._fit_model(train, valid, context), train if valid is None else valid)

    def _take(self, model: KernelScores, labelled: _Labelled) -> None:
        """Makes a model the one that predicts, with the temperature that is best for these examples."""
        self.model = model
        if self.is_label:
            features, labels = labelled
            model.linear.temperature = best_temperature(model.class_scores(features), labels)

    def _labelled(self, inputs: Any, targets: NDArray[Any]) -> _Labelled:
        scaled = targets if self.is_label else (targets - self.target_mean) / self.target_scale
        return self.features.transform(inputs), scaled

    def _fit_model(self, train: _Labelled, valid: _Labelled | None, context: FitContext) -> KernelScores:
        kernel, models = self.config.kernel, []
        if kernel is Kernel.LINEAR or (kernel is Kernel.AUTO and valid is not None):
            models.append(self._fit_linear(train, valid, context))
            context.report(0.3, None)
            if context.checkpoint.is_due():
                self._take(models[0], train if valid is None else valid)
                context.checkpoint.save({}, self.state(), self.history)
        if models and kernel is Kernel.AUTO and context.seconds_left() <= 0:
            context.cut()
        elif kernel is not Kernel.LINEAR:
            models.append(self._fit_curved(train, valid, context))
        if valid is None or len(models) == 1:
            return models[0]
        return min(models, key=lambda model: self._loss_of(model, valid))

    def _fit_curved(self, train: _Labelled, valid: _Labelled | None, context: FitContext) -> KernelScores:
        """The RBF kernel, exact if there are few rows and enough time."""
        rng = np.random.default_rng(context.seed)
        choice, trial_seconds = self._choose(train, valid, context, rng)
        context.report(0.6, None)
        rows = len(train[1])
        seconds = trial_seconds * max(1.0, rows / _TRIAL_ROWS) ** 2 * _PACE_MARGIN
        is_small = rows <= self.config.exact_rows and self.num_scores <= _MAX_EXACT_SCORES
        if is_small and seconds <= context.seconds_left():
            return self._fit_exact(train, choice)
        if is_small:
            context.cut()
        return self._fit_nystroem(train, valid, choice.gamma, context, rng)

    # ------------------------------------------------------------------------------------------- settings

    def _choose(
        self, train: _Labelled, valid: _Labelled | None, context: FitContext, rng: np.random.Generator
    ) -> tuple[_Choice, float]:
        """The best settings on a sample of validation, and the most seconds that a trial took."""
        train = _sample(train, rng)
        choices = self._choices(train[0], has_validation=valid is not None)
        best, least, seconds = choices[0], float("inf"), 0.0
        if len(choices) == 1 and context.deadline is None:
            return best, seconds
        valid = train if valid is None else _sample(valid, rng)
        for number, choice in enumerate(choices, 1):
            start = time.monotonic()
            loss = self._loss_of(self._fit_exact(train, choice), valid)
            seconds = max(seconds, time.monotonic() - start)
            if loss < least:
                best, least = choice, loss
            if number < len(choices) and context.seconds_left() < _PACE_MARGIN * seconds:
                context.cut()
                break
        return best, seconds

    def _choices(self, features: NDArray[np.float32], *, has_validation: bool) -> list[_Choice]:
        config = self.config
        usual = 1 / (features.shape[1] * (float(features.var()) or 1.0))
        if not has_validation:
            return [_Choice(config.C or 1.0, config.gamma or usual)]
        strengths = _TRIAL_STRENGTHS if config.C is None else (config.C,)
        gammas = [width * usual for width in _TRIAL_WIDTHS] if config.gamma is None else [config.gamma]
        return [_Choice(C, gamma) for C, gamma in product(strengths, gammas)]

    def _loss_of(self, model: KernelScores, valid: _Labelled) -> float:
        features, targets = valid
        return self.loss(model.scores(features), targets)[0]

    # ---------------------------------------------------------------------------------------- three forms

    def _fit_exact(self, train: _Labelled, choice: _Choice) -> KernelScores:
        """The exact kernel: a libsvm model for each score, their support vectors joined."""
        features, targets = train
        coefficients, bias = np.zeros((len(targets), self.num_scores)), np.zeros(self.num_scores)
        machine = SVC() if self.is_label else SVR(epsilon=self.config.epsilon)
        machine.set_params(C=choice.C, gamma=choice.gamma, cache_size=_CACHE_MEGABYTES)
        counts = None if self.class_weights is None else self.class_weights[targets]
        machine.random_state = 0  # of no consequence; without it NumPy's global generator is drawn from
        for score in range(self.num_scores):
            wanted = targets
            if self.is_label:
                wanted = targets == (1 if self.num_scores == 1 else score)
                if not wanted.any():  # a class that a trial's sample lacks
                    bias[score] = -1
                    continue
            machine.fit(features, wanted, sample_weight=counts)
            coefficients[machine.support_, score] = machine.dual_coef_[0]
            bias[score] = machine.intercept_[0]
        used = np.flatnonzero(coefficients.any(axis=1))
        used = used if len(used) else np.zeros(1, np.int64)  # all errors are free, and the bias says all
        return KernelScores(LinearScores(coefficients[used], bias), features[used], choice.gamma)

    def _fit_linear(self, train: _Labelled, valid: _Labelled | None, context: FitContext) -> KernelScores:
        weights = self._weights(train, valid, context)
        return KernelScores(LinearScores(weights[:-1], weights[-1]))

    def _fit_nystroem(
        self,
        train: _Labelled,
        valid: _Labelled | None,
        gamma: float,
        context: FitContext,
        rng: np.random.Generator,
    ) -> KernelScores:
        """Linear in the likeness to landmarks, turned so that products of features are about the kernel."""
        features, targets = train
        size = min(self.config.num_landmarks, len(targets), max(1, _MOST_ELEMENTS // len(targets)))
        landmarks = features[np.sort(rng.choice(len(targets), size, replace=False))]
        values, vectors = np.linalg.eigh(rbf_kernel(landmarks, gamma=gamma).astype(np.float64))
        is_kept = values > _RANK_TOLERANCE * values[-1]
        turn = vectors[:, is_kept] / np.sqrt(values[is_kept])
        turned = KernelScores(LinearScores(turn, np.zeros(turn.shape[1])), landmarks, gamma)
        turned_valid = None if valid is None else (turned.scores(valid[0]), valid[1])
        weights = self._weights((turned.scores(features), targets), turned_valid, context)
        return KernelScores(LinearScores(turn @ weights[:-1], weights[-1]), landmarks, gamma)

    def _weights(self, train: _Labelled, valid: _Labelled | None, context: FitContext) -> NDArray[np.float64]:
        """Weights and bias (D + 1, K) of features (N, D), with C given or chosen."""
        rows = len(train[1])
        loss = self.loss if self.class_weights is None else HingeLoss(self.class_weights)
        problem = LinearProblem(*train, loss, self.num_scores, context)
        if self.config.C is not None or valid is None:
            return problem.solve(1 / ((self.config.C or 1.0) * rows), problem.start())

        def valid_loss(weights: NDArray[np.float64]) -> float:
            return self._loss_of(KernelScores(LinearScores(weights[:-1], weights[-1])), valid)

        return best_on_path(problem, [1 / (C * rows) for C in _PATH_STRENGTHS], valid_loss)

    # ---------------------------------------------------------------------------------------------- model

    def predict(self, inputs: Any) -> NDArray[np.float32 | np.float64]:
        """Table (N) -> class probabilities (N, C), or numbers (N,)."""
        features = self.features.transform(inputs)
        if self.is_label:
            return self.model.probabilities(features)
        return self.model.scores(features)[:, 0].astype(np.float64) * self.target_scale + self.target_mean

    def num_parameters(self) -> int:
        """Coefficients and biases, and the support vectors."""
        support = self.model.support
        return self.model.linear.num_parameters() + (0 if support is None else support.size)

    def state(self) -> State:
        """Features, support vectors, coefficients, and the targets' scale."""
        support = self.model.support
        return {
            "features": self.features.state(),
            "linear": self.model.linear.state(),
            "support": None if support is None else np.ascontiguousarray(support),
            "gamma": self.model.gamma,
            "target_mean": self.target_mean,
            "target_scale": self.target_scale,
        }

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes them.

        Raises:
            ModelError: if support vectors or coefficients don't fit the features or the outputs.
        """
        self.features.restore(section(state, "features"))
        size, support = self.features.num_features, None
        if entry(state, "support") is not None:
            support = array(state, "support", np.float32, None, size)
            size = len(support)
        linear = LinearScores.from_state(section(state, "linear"), num_features=size, num_outputs=num_outputs)
        self.model = KernelScores(linear, support, finite(state, "gamma", low=0))
        self.target_mean, self.target_scale = finite(state, "target_mean"), finite(state, "target_scale")


def _sample(labelled: _Labelled, rng: np.random.Generator) -> _Labelled:
    """At most `_TRIAL_ROWS` rows, drawn at random."""
    features, targets = labelled
    if len(targets) <= _TRIAL_ROWS:
        return labelled
    rows = np.sort(rng.choice(len(targets), _TRIAL_ROWS, replace=False))
    return features[rows], targets[rows]


def cost(config: SVMConfig, shape: TableShape) -> Cost:
    """At most: every row of the exact kernel, or every landmark, is a support vector."""
    size, outputs, rows = num_dense_features(shape), num_scores(shape.num_outputs), shape.num_examples
    if config.kernel is Kernel.LINEAR:
        fit = rows * (4 * size * outputs * _PASSES + 2 * size**2)
        return Cost(
            parameters=(size + 1) * outputs,
            predict_flops=2 * size * outputs,
            fit_flops=fit,
            fit_bytes=dense_bytes(shape) + solver_bytes(shape, size, outputs),
        )
    is_exact = rows <= config.exact_rows
    support = rows if is_exact else min(config.num_landmarks, rows)
    exact_fit = 2 * size * outputs * rows**2
    nystroem_fit = rows * (2 * size * support + 4 * support * outputs * _PASSES + 4 * support**2)
    likeness = _LIKENESS_COPIES * FLOAT * min(rows * support, CHUNK_ELEMENTS)
    cache = min(1e6 * _CACHE_MEGABYTES, FLOAT * rows**2) + 3 * DOUBLE * rows * size
    nystroem = FLOAT * rows * min(support, _MOST_ELEMENTS // rows) + solver_bytes(shape, support, outputs)
    return Cost(
        parameters=support * (size + outputs) + outputs,
        predict_flops=2 * support * (size + outputs),
        fit_flops=exact_fit if is_exact else nystroem_fit,
        fit_bytes=dense_bytes(shape) + likeness + (cache if is_exact else nystroem),
    )


RUNG = TraditionalRung(
    class_name="SVM",
    accepts=frozenset({(InputKind.TABLE, OutputKind.LABEL), (InputKind.TABLE, OutputKind.NUMBER)}),
    config=SVMConfig,
    cost=cost,
    learner=SVM,
)
