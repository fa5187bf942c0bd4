"""How networks are trained, as settings that every network rung has."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from rungwise.errors import ConfigError
from rungwise.kinds import OutputKind

if TYPE_CHECKING:
    from rungwise.rung import Shape

__all__ = [
    "ClassWeight",
    "NetworkConfig",
    "Optimizer",
    "PretrainableConfig",
    "RolesConfig",
    "Sampling",
    "Schedule",
    "Tuning",
    "UnlabeledConfig",
    "check_ranges",
]


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
_FROM_RANDOM = ("learning_rate", "epochs", "min_steps")
"""Settings that say nothing of the tuning of pretrained weights."""

_TUNING_BATCH = 32
"""Examples of a step of pretrained weights, which are shown large images."""

_TUNING_RATE, _TAGS_TUNING_RATE = 5e-5, 1e-4
"""Unless it is said. MiniLM's argument F1 on English Web Treebank is 71 at the lower one, 74 at the higher one; TREC's
questions gain nothing by it."""


def check_ranges(config: object, allowed: Mapping[str, tuple[bool, str]], others: Iterable[str] = ()) -> None:
    """Sees that settings are in their ranges.

    Args:
        config: whose settings they are.
        allowed: setting -> whether it is in its range, and the range in words.
        others: what else is wrong with them.

    Raises:
        ConfigError: with every setting that is out of its range.
    """
    problems = [
        f"{name}={getattr(config, name)!r}: must be {words}"
        for name, (is_allowed, words) in allowed.items()
        if not is_allowed
    ]
    problems += others
    if problems:
        raise ConfigError("; ".join(problems) + ".")


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
        for own in fields(self)[len(fields(NetworkConfig)) :]:
            value = getattr(self, own.name)
            if own.name.endswith("dropout"):
                allowed[own.name] = (0 <= value < 1, "from 0 to below 1")
            elif type(own.default) is int:  # a count, or a size
                allowed[own.name] = (value >= 1, "at least 1")
        others = []
        if self.class_weight is ClassWeight.BALANCED and self.sampling is Sampling.BALANCED:
            others = ["class_weight and sampling both 'balanced' balance the classes twice; choose one"]
        check_ranges(self, allowed, others)

    def check_kind(self, kind: OutputKind) -> None:
        """Sees that what is set does something for outputs of a kind.

        Raises:
            ConfigError: if a setting does nothing.
        """
        del kind

    def for_training(self, kind: OutputKind = OutputKind.LABEL) -> Self:
        """The settings of what is to come, which may hang on what it begins from, and on the kind of outputs."""
        del kind
        return self

    def seen(self, shape: Shape) -> Shape:
        """The problem's size as the network gets it, of what it is in the data."""
        return shape

    def num_epochs(self, num_examples: int) -> int:
        """Passes over so many training examples at most."""
        steps = -(-num_examples // self.batch_size)
        return max(self.epochs, -(-self.min_steps // max(1, steps)))


class Tuning(StrEnum):
    """What of a pretrained network learns: the whole, once its new head has, or the head alone, a linear probe."""

    ALL = "all"
    HEAD = "head"


@dataclass(frozen=True, kw_only=True)
class PretrainableConfig(NetworkConfig):
    """How a network is trained that may begin from weights learned elsewhere.

    Attributes:
        pretrained: a folder or file of weights, or the name of a repository of the Hugging Face hub; None begins from
            random weights. With weights, `tuning_rate` and `tuning_epochs` stand for `learning_rate` and `epochs`,
            `min_steps` for nothing, and unless it is said otherwise AdamW takes steps of 32 examples at most.
        tuning: of pretrained weights.
        tuning_rate: the highest learning rate of the weights, once the head has been fitted; None for 1e-4 where words
            have tags, else 5e-5.
        tuning_epochs: passes over the training data for that.
    """

    pretrained: str | None = None
    tuning: Tuning = Tuning.ALL
    tuning_rate: float | None = 1e-4
    tuning_epochs: int = 5

    def __post_init__(self) -> None:
        """Checks the settings of tuning too.

        Raises:
            ConfigError: with every setting that is out of its range.
        """
        super().__post_init__()
        if self.tuning_rate is not None and not 0 < self.tuning_rate < math.inf:
            raise ConfigError(f"tuning_rate={self.tuning_rate!r}: must be a number above 0.")
        if self.pretrained is None:
            return
        unused = [name for name in _FROM_RANDOM if self._is_said(name)]
        if unused:
            raise ConfigError(
                f"{', '.join(unused)}: with pretrained weights, set tuning_rate and tuning_epochs instead."
            )
        if self.tuning is Tuning.HEAD and self.sampling is not Sampling.SHUFFLED:
            raise ConfigError(
                f"sampling={self.sampling.value!r}: a head alone (tuning='head') sees every example once."
            )

    def _is_said(self, name: str) -> bool:
        """Whether a setting is another than the default."""
        return bool(getattr(self, name) != type(self).__dataclass_fields__[name].default)

    def for_training(self, kind: OutputKind = OutputKind.LABEL) -> Self:
        """The settings of what is to come: from pretrained weights, few and small steps of all of them."""
        if self.pretrained is None:
            return self
        usual = _TAGS_TUNING_RATE if kind is OutputKind.TAGS else _TUNING_RATE
        return replace(
            self,
            pretrained=None,
            learning_rate=usual if self.tuning_rate is None else self.tuning_rate,
            epochs=self.tuning_epochs,
            batch_size=self.batch_size
            if self._is_said("batch_size")
            else min(self.batch_size, _TUNING_BATCH),
            optimizer=self.optimizer if self._is_said("optimizer") else Optimizer.ADAMW,
            min_steps=0,
        )


@dataclass(frozen=True, kw_only=True)
class RolesConfig(NetworkConfig):
    """How a network tags the words of sentences that have a predicate.

    Attributes:
        role_size: sums, and as many products, of a word's state and its predicate's.
    """

    role_size: int = 200


@dataclass(frozen=True, kw_only=True)
class UnlabeledConfig(NetworkConfig):
    """How a network over tokens is trained that may first learn from texts without labels.

    Attributes:
        unlabeled: a file of such texts, one a line; masked tokens of these and of the training texts are guessed before
            the labels are learned. None for nothing.
        masked_epochs: passes over all these texts.
        masked_rate: the highest learning rate of that.
    """

    unlabeled: str | None = None
    masked_epochs: int = 3
    masked_rate: float = 3e-4

    def __post_init__(self) -> None:
        """Checks the settings of masking too.

        Raises:
            ConfigError: with every setting that is out of its range.
        """
        super().__post_init__()
        if not 0 < self.masked_rate < math.inf:
            raise ConfigError(f"masked_rate={self.masked_rate!r}: must be a number above 0.")
        said = [
            name
            for name in ("masked_epochs", "masked_rate")
            if getattr(self, name) != type(self).__dataclass_fields__[name].default
        ]
        if said and self.unlabeled is None:
            raise ConfigError(f"{', '.join(said)}: without `unlabeled` texts nothing is masked; name a file.")
