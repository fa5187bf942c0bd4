"""What a fit is given beside data, and what it reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

__all__ = [
    "Calibrated",
    "Checkpoint",
    "Elsewhere",
    "Epoch",
    "FitContext",
    "Precise",
    "Precision",
    "Pretrained",
    "Recorded",
    "Series",
    "State",
]

State = dict[str, Any]
"""A learner's fitted state: nested dicts of arrays, strings, numbers, booleans, None and lists of these."""


@dataclass(frozen=True)
class Epoch:
    """One row of a learner's history: a point of its learning curve."""

    epoch: float
    seconds: float
    train_loss: float
    valid_loss: float | None = None
    valid_score: float | None = None


@dataclass(frozen=True)
class Series:
    """Positive numbers that a network recorded in training, drawn in the report on a logarithmic axis.

    Attributes:
        title: what they are.
        x_title: what they are numbered by, from 0.
        values: the numbers.
    """

    title: str
    x_title: str
    values: list[float]


@runtime_checkable
class Recorded(Protocol):
    """A network, or the learner around it, that recorded something in training."""

    def series(self) -> list[Series]:
        """What it recorded."""
        ...


@runtime_checkable
class Elsewhere(Protocol):
    """A learner whose folder another library may read too."""

    def elsewhere(self) -> dict[str, Any]:
        """What that library's `config.json` says; empty where none can read it."""
        ...


@runtime_checkable
class Precise(Protocol):
    """A learner that predicts in the precision that it is told to."""

    def answer_in(self, precision: Precision) -> None:
        """Predicts in a precision from here on.

        Raises:
            ConfigError: if it isn't to be had for this model on this machine.
        """
        ...


@runtime_checkable
class Calibrated(Protocol):
    """A network some weights of which follow from training inputs before any step."""

    def calibrate(self, batches: Iterable[tuple[Any, ...]]) -> None:
        """Small batches of what `forward` takes, of training examples, as many as it asks for -> those weights."""
        ...


class Precision(StrEnum):
    """Arithmetic of the forward and backward passes; weights stay in fp32. `AUTO` is chosen by measuring.

    `INT8` is for predictions alone, of linear layers; the rest is in bf16 where that is faster.
    """

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"
    INT8 = "int8"


def _ignore(fraction: float, score: float | None) -> None:
    """Reports progress to nobody."""


def _do_nothing() -> None:
    """Tells nobody that training was cut."""


def _say_nothing(sentence: str) -> None:
    """Tells nobody."""


class Checkpoint(Protocol):
    """Where a fit keeps how far it is, so that it can go on, and the best model so far, so that it isn't lost."""

    def load(self) -> State | None:
        """What was saved last as `progress`; None where there is nothing yet."""
        ...

    def is_due(self) -> bool:
        """Whether it is time to save: often enough to lose little, seldom enough to cost little."""
        ...

    def save(self, progress: State, model: State, history: list[Epoch]) -> None:
        """Keeps these in place of the last ones, where it is due.

        Args:
            progress: all that the fit needs to go on as if it had never stopped; empty if it begins from the start.
            model: the best model so far, as `Learner.state` gives it.
            history: the learning curve so far.
        """
        ...


class _NoCheckpoint:
    """Keeps nothing."""

    def load(self) -> State | None:
        """There is never anything."""
        return None

    def is_due(self) -> bool:
        """Never."""
        return False

    def save(self, progress: State, model: State, history: list[Epoch]) -> None:
        """Drops them."""


_NOWHERE = _NoCheckpoint()


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """Weights that a network begins from.

    Attributes:
        name: where they are from, for messages.
        weights: names -> arrays, in the layout of the library that wrote them.
        mean: of each channel's values from 0 to 1, subtracted from the images that they were learned on; None if
            unknown.
        std: that each channel was then divided by.
        config: what a `config.json` beside the weights says of their network.
        tokenizer: the text of a `tokenizer.json` beside them, None if there is none.
    """

    name: str
    weights: State
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: str | None = None


@dataclass(frozen=True, kw_only=True)
class FitContext:
    """What a fit is given beside data: all randomness, devices and limits come in through here.

    Attributes:
        seed: of every random choice.
        deadline: on the clock of `time.monotonic`, in seconds; None for no limit.
        then_predict: examples that are to be predicted before the deadline too, after the fit.
        device: a torch device name, such as "cpu", "cuda" or "mps".
        precision: of the arithmetic.
        report: called with the fraction done and the validation score so far.
        cut: called when training is cut short to keep the deadline.
        note: called with a sentence for the user, such as why training began anew.
        checkpoint: where the fit keeps how far it is.
        pretrained: weights to begin from, of the networks that can.
        unlabeled: a `pyarrow.ChunkedArray` of texts to learn from before the labels, of the networks that can.
        unscored: of tags, the numbers of the types whose spans no score counts (`tags.span_counts`).
    """

    seed: int = 0
    deadline: float | None = None
    then_predict: int = 0
    device: str = "cpu"
    precision: Precision = Precision.AUTO
    report: Callable[[float, float | None], None] = _ignore
    cut: Callable[[], None] = _do_nothing
    note: Callable[[str], None] = _say_nothing
    checkpoint: Checkpoint = _NOWHERE
    pretrained: Pretrained | None = None
    unlabeled: Any = None
    unscored: tuple[int, ...] = ()

    def seconds_left(self) -> float:
        """Seconds until the deadline, infinite without one."""
        return float("inf") if self.deadline is None else self.deadline - time.monotonic()
