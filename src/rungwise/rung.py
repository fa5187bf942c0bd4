"""What a rung is: a declaration at the foot of its file, and the learner or the network behind it.

A rung's file holds its config (a frozen dataclass), its learner or network, its cost formula, and last

    RUNG = NetworkRung(class_name="TextCNN", accepts=..., config=..., cost=..., build=...)

The file's name is the rung's name and its docstring is the rung's card (`registry.Card`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from rungwise.errors import ConfigError
from rungwise.fitting import Epoch, FitContext, Pretrained, State
from rungwise.kinds import InputKind, OutputKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = [
    "ClassWeight",
    "Cost",
    "Examples",
    "ImageShape",
    "Learner",
    "NetworkConfig",
    "NetworkRung",
    "Optimizer",
    "Pair",
    "Preprocessor",
    "PretrainableConfig",
    "Rung",
    "Sampling",
    "Schedule",
    "Shape",
    "TableShape",
    "TextShape",
    "TraditionalRung",
    "Tuning",
    "Weights",
]

Pair = tuple[InputKind, OutputKind]
"""What goes in and what comes out: a task declares one, a rung accepts some."""


# --------------------------------------------------------------------------------------- shapes and costs


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size of a problem, which networks are built for and cost formulas are functions of.

    Attributes:
        num_examples: training examples.
        num_outputs: classes, or 1 for a number.
    """

    num_examples: int
    num_outputs: int


@dataclass(frozen=True, kw_only=True)
class TableShape(Shape):
    """A table: `num_numbers` numeric features and one cardinality for each categorical feature."""

    num_numbers: int
    cardinalities: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TextShape(Shape):
    """Texts of `mean_tokens` tokens on average, cut at `max_tokens`, of a vocabulary of `vocab_size`."""

    vocab_size: int
    mean_tokens: float
    max_tokens: int


@dataclass(frozen=True, kw_only=True)
class ImageShape(Shape):
    """Images of one size in pixels."""

    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Cost:
    """What a rung costs by formula; a multiply and an add are two operations.

    Attributes:
        parameters: learned numbers, an upper bound where the data decides.
        predict_flops: floating-point operations for one example.
        fit_flops: floating-point operations for the whole training.
        fit_bytes: memory that training holds at its peak, beside the process's own and the data mapped from disk.
    """

    parameters: float
    predict_flops: float
    fit_flops: float
    fit_bytes: float


# ----------------------------------------------------------------------------------------------- learners


class Learner(Protocol):
    """A model that can be fitted, asked and stored.

    Inputs come in one form per kind: TABLE a `pyarrow.Table` whose schema says each column's kind
    (`preprocessing.table`), TEXT a `pyarrow.ChunkedArray` of strings, IMAGE a uint8 array (N, H, W, C).
    Targets are class indices (N,) int64, or numbers (N,) float64.
    """

    history: list[Epoch]

    def fit(
        self,
        inputs: Any,
        targets: NDArray[Any],
        *,
        num_outputs: int,
        validation: tuple[Any, NDArray[Any]] | None,
        context: FitContext,
    ) -> None:
        """Learn from the inputs; validation data may choose settings and when to stop, never weights."""
        ...

    def predict(self, inputs: Any) -> NDArray[np.float32 | np.float64]:
        """Inputs (N) -> class probabilities (N, num_outputs), or numbers (N,)."""
        ...

    def num_parameters(self) -> int:
        """Learned numbers that `predict` uses."""
        ...

    def state(self) -> State:
        """All that `restore` needs to predict the same."""
        ...

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Become the learner that `state()` was taken from.

        The state may be anybody's: what is taken from it is looked at first (`rungwise.stored`), so that whatever is
        restored also predicts.

        Args:
            state: of `state()`, or something that pretends to be.
            num_outputs: as at `fit`.

        Raises:
            ModelError: if the state doesn't fit the config or the outputs.
        """
        ...


class Examples(Protocol):
    """Preprocessed inputs of a network, held as few flat arrays."""

    @property
    def lengths(self) -> NDArray[np.int64] | None:
        """Tokens of each example where examples differ in length, so that batches can be cut by length."""
        ...

    def __len__(self) -> int: ...

    def batch(self, index: NDArray[np.int64]) -> tuple[Any, ...]:
        """Example numbers (B,) -> the tensors that the network's `forward` takes, on the CPU."""
        ...


class Preprocessor(Protocol):
    """Raw inputs -> `Examples`, with a state fitted on the training inputs alone: `Preprocessor(config)`."""

    def fit(self, inputs: Any, pretrained: Pretrained | None = None) -> None:
        """Learn vocabulary, statistics and the like, or take what pretrained weights were learned with."""
        ...

    def shape(self, *, num_examples: int, num_outputs: int) -> Shape:
        """The problem's size, for `NetworkRung.build`."""
        ...

    def examples(self, inputs: Any) -> Examples:
        """Inputs (N) -> N preprocessed examples."""
        ...

    def views(self, inputs: Any) -> list[Examples]:
        """Inputs (N) -> the examples, and perhaps the same seen otherwise: outputs are the mean over them."""
        ...

    def augment(
        self, batch: tuple[Any, ...], generator: Any, *, index: NDArray[np.int64], epoch: int
    ) -> tuple[Any, ...]:
        """A training batch on its device -> the same batch, randomly altered (or as it was).

        Args:
            batch: the inputs of some examples.
            generator: a `torch.Generator` on their device.
            index: the examples' numbers (B,).
            epoch: the passes over the data before this one.
        """
        ...

    def state(self) -> State:
        """All that `restore` needs."""
        ...

    def restore(self, state: State) -> None:
        """Become the preprocessor that `state()` was taken from; the state may be anybody's, as a learner's.

        Raises:
            ModelError: if the state doesn't fit the config.
        """
        ...


# ------------------------------------------------------------------------------- configs and declarations


class Optimizer(StrEnum):
    """How gradients become steps."""

    ADAMW = "adamw"
    MUON = "muon"
    SGD = "sgd"


class Schedule(StrEnum):
    """The learning rate over the training: constant, or one rise and one fall to zero."""

    CONSTANT = "constant"
    ONE_CYCLE = "one-cycle"


class ClassWeight(StrEnum):
    """What examples count in training: all alike, or each class as much as any other."""

    NONE = "none"
    BALANCED = "balanced"


class Sampling(StrEnum):
    """What an epoch is made of: every example once, or each class equally often."""

    SHUFFLED = "shuffled"
    BALANCED = "balanced"


_MOST_IN_BATCH = 2**20


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """How a network is trained; a rung's config adds the network's own settings and other defaults.

    Attributes:
        epochs: passes over the training data at most.
        batch_size: examples a step, or tokens divided by the mean length where examples differ in length.
        learning_rate: the highest of the schedule.
        weight_decay: decoupled, on weight matrices alone.
        optimizer: of the weights.
        schedule: of the learning rate.
        warmup: the fraction of the steps that the rate rises in.
        label_smoothing: mass moved from the target class to all the classes.
        clip_norm: the largest norm of a step's gradient.
        patience: epochs without a better validation score before training stops.
        min_steps: where the data gives fewer steps, it is passed over more than `epochs` times.
        class_weight: what examples count in the loss of training, which validation leaves aside.
        sampling: of each epoch's examples.
    """

    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    optimizer: Optimizer = Optimizer.ADAMW
    schedule: Schedule = Schedule.ONE_CYCLE
    warmup: float = 0.1
    label_smoothing: float = 0.0
    clip_norm: float = 1.0
    patience: int = 3
    min_steps: int = 0
    class_weight: ClassWeight = ClassWeight.NONE
    sampling: Sampling = Sampling.SHUFFLED

    def __post_init__(self) -> None:
        """Checks the settings of training.

        Raises:
            ConfigError: with every setting that is out of its range.
        """
        allowed = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch_size": (1 <= self.batch_size <= _MOST_IN_BATCH, f"from 1 to {_MOST_IN_BATCH}"),
            "learning_rate": (0 < self.learning_rate < math.inf, "a number above 0"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "a number from 0 on"),
            "warmup": (0 <= self.warmup < 1, "from 0 to below 1"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "from 0 to below 1"),
            "clip_norm": (self.clip_norm > 0, "above 0, and inf for no bound"),
            "patience": (self.patience >= 0, "at least 0"),
            "min_steps": (self.min_steps >= 0, "at least 0"),
        }
        problems = [
            f"{name}={getattr(self, name)!r}: must be {words}"
            for name, (is_allowed, words) in allowed.items()
            if not is_allowed
        ]
        if problems:
            raise ConfigError("; ".join(problems) + ".")

    def num_epochs(self, num_examples: int) -> int:
        """Passes over so many training examples at most."""
        steps = -(-num_examples // self.batch_size)
        return max(self.epochs, -(-self.min_steps // max(1, steps)))


class Tuning(StrEnum):
    """What of a pretrained network learns: all of it, once its new head has, or the head alone, a linear probe."""

    ALL = "all"
    HEAD = "head"


@dataclass(frozen=True, kw_only=True)
class PretrainableConfig(NetworkConfig):
    """How a network is trained that may begin from weights learned elsewhere.

    Attributes:
        pretrained: a folder or file of weights, or the name of a repository of the Hugging Face hub; None begins from
            random weights.
        tuning: of pretrained weights.
    """

    pretrained: str | None = None
    tuning: Tuning = Tuning.ALL


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A model family at one size that can solve a task.

    Attributes:
        class_name: the stem of the estimators' names: "TextCNN" gives `TextCNNClassifier`.
        accepts: the kinds of problem that it can solve.
        config: its settings, a frozen dataclass with a default for each.
        cost: (config, shape) -> what it costs.
        on_request: whether it climbs only where it is named, or a setting of it is.
    """

    class_name: str
    accepts: frozenset[Pair]
    config: type[Any]
    cost: Callable[[Any, Any], Cost]
    on_request: bool = False


@dataclass(frozen=True, kw_only=True)
class TraditionalRung(Rung):
    """A rung whose learner is a class of its own: `learner(config, pair)`."""

    learner: Callable[[Any, Pair], Learner]


Weights = dict[str, "Tensor"]
"""A network's `state_dict`: names -> tensors."""


@dataclass(frozen=True, kw_only=True)
class NetworkRung(Rung):
    """A rung whose network the common loop trains.

    In training, `forward` may give a tuple: the outputs, and those of auxiliary heads, whose loss counts too.

    Attributes:
        build: (config, shape) -> the network.
        head: of a network that may begin from pretrained weights, the name of its last layer, an `nn.Linear`, which
            is new for the user's classes. Such a network has `features(images) -> (B, F)`, the inputs of that layer.
        auxiliary: the name of a part that training alone asks, which pretrained weights may be without, and is new too.
        layouts: library -> what turns that library's weights for the same network into this one's; names that are
            this network's own need none.
        mean: of red, green and blue from 0 to 1, subtracted from images where pretrained weights don't say; ImageNet's.
        std: that the channels are then divided by.
    """

    build: Callable[[Any, Any], nn.Module]
    head: str | None = None
    auxiliary: str | None = None
    layouts: Mapping[str, Callable[[Weights], Weights]] = field(default_factory=dict)
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
