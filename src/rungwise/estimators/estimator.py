"""fit and predict around a rung, by scikit-learn's contract."""

from __future__ import annotations

import inspect
import numbers
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from rungwise import registry
from rungwise.errors import ConfigError
from rungwise.estimators.inputs import check_labels, check_numbers, coerce_inputs, kind_of, take
from rungwise.fitting import Epoch, FitContext, Precise, Precision, Recorded, Series
from rungwise.kinds import InputKind, OutputKind
from rungwise.metrics.calibration import tempered
from rungwise.rung import Learner, NetworkRung, Pair, TraditionalRung
from rungwise.settings import PretrainableConfig, UnlabeledConfig

if TYPE_CHECKING:
    from rungwise.artifacts.checkpoint import FileCheckpoint

__all__ = ["SHARED_PARAMETERS", "RungClassifier", "RungEstimator", "RungRegressor", "make_learner"]

SHARED_PARAMETERS = [
    inspect.Parameter("random_state", inspect.Parameter.KEYWORD_ONLY, default=None),
    inspect.Parameter("device", inspect.Parameter.KEYWORD_ONLY, default="cpu"),
    inspect.Parameter("precision", inspect.Parameter.KEYWORD_ONLY, default="auto"),
    inspect.Parameter("time_limit", inspect.Parameter.KEYWORD_ONLY, default=None),
]
"""Of every estimator: the seed, the torch device, the precision, and the seconds that `fit` may take."""


_NUMPY_ERRORS: dict[str, Any] = {"divide": "warn", "over": "warn", "invalid": "warn", "under": "ignore"}
"""NumPy's own defaults, whatever the user has set for the process: probabilities underflow."""


def make_learner(rung_name: str, config: Any, pair: Pair) -> Learner:
    """An unfitted learner of a rung."""
    rung = registry.rung(rung_name)
    if isinstance(rung, NetworkRung):
        from rungwise.training.learner import NetworkLearner

        return NetworkLearner(rung, config, pair)
    assert isinstance(rung, TraditionalRung)
    return rung.learner(config, pair)


class RungEstimator(BaseEstimator):  # type: ignore[misc]
    """What classifiers and regressors of all rungs share; `estimator_class` makes the concrete ones."""

    rung_name: ClassVar[str]
    output_kind: ClassVar[OutputKind]

    random_state: Any
    device: str
    precision: str
    time_limit: float | None

    learner_: Learner
    notes_: list[str]
    seconds_before_: tuple[float, float]
    pair_: Pair

    def _fit(
        self,
        X: Any,
        targets: Any,
        num_outputs: int,
        validation: tuple[Any, Any] | None,
        report: Callable[[float, float | None], None] | None,
        checkpoint: str | Path | None,
        then_predict: int,
    ) -> Self:
        """Coerces the inputs, makes a learner and fits it."""
        started = time.monotonic()
        self.deadline_hit_ = False
        self.notes_ = []
        self.seconds_before_ = (0.0, 0.0)
        config = registry.make_config(registry.rung(self.rung_name).config, self._settings())
        self.pair_ = (kind_of(X, self._kinds()), self.output_kind)
        inputs = coerce_inputs(self, X, self.pair_[0], reset=True)
        if validation is not None:
            validation = (coerce_inputs(self, validation[0], self.pair_[0], reset=False), validation[1])
        context = FitContext(
            seed=self._seed(),
            deadline=None if self.time_limit is None else started + self.time_limit,
            then_predict=then_predict,
            device=self.device,
            precision=_precision(self.precision),
            cut=self._cut,
            note=self.notes_.append,
            unscored=self.unscored,
        )
        if report is not None:
            context = replace(context, report=report)
        if isinstance(config, PretrainableConfig) and config.pretrained is not None:
            from rungwise.artifacts.pretrained import read_pretrained

            context = replace(context, pretrained=read_pretrained(config.pretrained))
        if isinstance(config, UnlabeledConfig) and config.unlabeled is not None:
            from rungwise.data.lines import read_lines

            context = replace(context, unlabeled=read_lines(Path(config.unlabeled).expanduser()))
        if checkpoint is not None:
            valid_targets = None if validation is None else validation[1]
            kept = self._checkpoint(Path(checkpoint), context, targets, valid_targets)
            self.seconds_before_ = kept.seconds_before
            context = replace(context, checkpoint=kept)
        learner = make_learner(self.rung_name, config, self.pair_)
        with np.errstate(**_NUMPY_ERRORS):
            learner.fit(inputs, targets, num_outputs=num_outputs, validation=validation, context=context)
        self.learner_ = learner
        return self

    def _checkpoint(
        self, file: Path, context: FitContext, targets: Any, valid_targets: Any
    ) -> FileCheckpoint:
        from rungwise.artifacts.checkpoint import FileCheckpoint

        if not isinstance(self.random_state, numbers.Integral):
            raise ConfigError(
                f"random_state={self.random_state!r}: a fit that may go on from a checkpoint needs a whole number."
            )
        return FileCheckpoint(
            file, self, seed=context.seed, targets=targets, valid_targets=valid_targets, note=context.note
        )

    def _cut(self) -> None:
        self.deadline_hit_ = True

    @property
    def unscored(self) -> tuple[int, ...]:
        """The types of spans that no score counts; of tags alone."""
        return ()

    def _outputs(self, X: Any) -> Any:
        """Inputs (N) -> the learner's outputs."""
        check_is_fitted(self)
        inputs = coerce_inputs(self, X, self.pair_[0], reset=False)
        with np.errstate(**_NUMPY_ERRORS):
            return self.learner_.predict(inputs)

    def answer_in(self, precision: str) -> Self:
        """Predicts in a precision from here on, whatever it learned in.

        Args:
            precision: "auto", "fp32", "bf16", or "int8": linear layers in whole numbers, on a CPU.

        Raises:
            ConfigError: if it isn't to be had for this model on this machine.
        """
        check_is_fitted(self)
        if not isinstance(self.learner_, Precise):
            raise ConfigError(
                f"precision {precision!r}: the rung {self.rung_name!r} is no network and has one arithmetic alone; "
                "leave it out."
            )
        self.learner_.answer_in(_precision(precision))
        return self

    @property
    def history_(self) -> list[Epoch]:
        """The learning curve: a row an epoch, empty for rungs that have none."""
        return self.learner_.history

    @property
    def series_(self) -> list[Series]:
        """What the model recorded in training, such as `SimpleRNNClassifier`'s gradient norms over time."""
        return self.learner_.series() if isinstance(self.learner_, Recorded) else []

    def save(self, folder: str | Path) -> Path:
        """Writes the model folder: JSON, safetensors and a model card; `rungwise.load` reads it.

        Raises:
            ModelError: if the folder holds something else.
        """
        from rungwise.artifacts import save_model

        return save_model(self, Path(folder))

    def _settings(self) -> dict[str, Any]:
        return {
            field.name: getattr(self, field.name) for field in fields(registry.rung(self.rung_name).config)
        }

    def _kinds(self) -> set[InputKind]:
        accepts = registry.rung(self.rung_name).accepts
        return {pair[0] for pair in accepts if pair[1] is self.output_kind}

    def _seed(self) -> int:
        if self.random_state is None:
            return int(np.random.default_rng().integers(2**31))  # NumPy's global generator stays as it was
        if isinstance(self.random_state, np.random.RandomState):
            return int(self.random_state.randint(2**31))
        return int(self.random_state)

    def __sklearn_tags__(self) -> Any:
        """scikit-learn's description of what the estimator takes."""
        tags = super().__sklearn_tags__()
        kinds = self._kinds()
        tags.input_tags.allow_nan = InputKind.TABLE in kinds
        tags.input_tags.categorical = InputKind.TABLE in kinds
        tags.input_tags.string = kinds <= {InputKind.TEXT, InputKind.TOKENS, InputKind.PREDICATE}
        tags.input_tags.two_d_array = InputKind.TABLE in kinds
        tags.input_tags.three_d_array = InputKind.IMAGE in kinds
        return tags


class RungClassifier(ClassifierMixin, RungEstimator):  # type: ignore[misc]
    """A rung that predicts labels.

    Attributes:
        classes_: the labels, sorted.
        temperature_: what log-probabilities are divided by: 1 as fitted; `rungwise calibrate` finds a better one. What
            is predicted stays the same.
    """

    output_kind = OutputKind.LABEL
    classes_: NDArray[Any]
    temperature_: float

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        validation: tuple[Any, ArrayLike] | None = None,
        report: Callable[[float, float | None], None] | None = None,
        checkpoint: str | Path | None = None,
        then_predict: int = 0,
    ) -> Self:
        """Learns from X (N examples) and their labels y (N,).

        Args:
            X: a table (DataFrame, Arrow table, array (N, F)), texts (N,), or images (N, H, W[, C]) uint8.
            y: labels of any type that sorts.
            validation: X and y that may choose settings and when to stop; labels unseen in y are left out.
            report: called with the fraction done and the validation score so far.
            checkpoint: a file in which the fit is kept from time to time. Where it exists the fit goes on from it, as
                if it had never stopped; `time_limit` counts from this call. Delete it when the model is saved.
            then_predict: examples whose prediction, after the fit, is to be within `time_limit` as well; a network
                leaves that time, at the pace of its validation.

        Raises:
            DataError: if the inputs can't be used.
            ConfigError: if a parameter can't be used, or the checkpoint is of another fit.
            ModelError: if the checkpoint is damaged.
            TrainingError: if training diverges, at a tenth of its learning rate as well.
        """
        labels = check_labels(self, X, y)
        self.classes_, targets = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ConfigError(
                f"y has one class only, {self.classes_.tolist()[0]!r}; a classifier needs at least two classes."
            )
        if validation is not None:
            validation = self._seen(*validation)
        self.temperature_ = 1.0
        encoded = targets.astype(np.int64)
        return self._fit(X, encoded, len(self.classes_), validation, report, checkpoint, then_predict)

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """X (N examples) -> probabilities (N, C), in the order of `classes_`."""
        probabilities: NDArray[Any] = self._outputs(X)
        return probabilities if self.temperature_ == 1 else tempered(probabilities, self.temperature_)

    def predict(self, X: Any) -> NDArray[Any]:
        """X (N examples) -> labels (N,)."""
        index = self._outputs(X).argmax(1)
        labels: NDArray[Any] = self.classes_[index]
        return labels

    def encode_labels(self, y: ArrayLike) -> NDArray[np.int64]:
        """Labels (N,) -> class indices (N,), -1 for labels that training had not."""
        labels = np.asarray(y)
        index = np.searchsorted(self.classes_, labels).clip(0, len(self.classes_) - 1)
        return np.where(self.classes_[index] == labels, index, -1).astype(np.int64)

    def _seen(self, X: Any, y: ArrayLike) -> tuple[Any, NDArray[np.int64]]:
        index = self.encode_labels(y)
        seen = np.flatnonzero(index >= 0)
        return (X if len(seen) == len(index) else take(X, seen)), index[seen]


class RungRegressor(RegressorMixin, RungEstimator):  # type: ignore[misc]
    """A rung that predicts numbers."""

    output_kind = OutputKind.NUMBER

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        validation: tuple[Any, ArrayLike] | None = None,
        report: Callable[[float, float | None], None] | None = None,
        checkpoint: str | Path | None = None,
        then_predict: int = 0,
    ) -> Self:
        """Learns from X (N examples) and their numbers y (N,); the rest as in `RungClassifier.fit`.

        Raises:
            DataError: if the inputs can't be used.
            ConfigError: if a parameter can't be used, or the checkpoint is of another fit.
            ModelError: if the checkpoint is damaged.
            TrainingError: if training diverges, at a tenth of its learning rate as well.
        """
        targets = check_numbers(self, X, y)
        if validation is not None:
            validation = (validation[0], np.asarray(validation[1], dtype=np.float64))
        return self._fit(X, targets, 1, validation, report, checkpoint, then_predict)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """X (N examples) -> numbers (N,)."""
        numbers: NDArray[np.float64] = self._outputs(X)
        return numbers


def _precision(name: str) -> Precision:
    try:
        return Precision(name)
    except ValueError:
        raise ConfigError(f"precision {name!r} is unknown; allowed are {', '.join(Precision)}.") from None
