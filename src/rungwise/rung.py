"""What a rung is: a declaration at the foot of its file, and the learner or the network behind it.

A rung's file holds its config (a frozen dataclass), its learner or network, its cost formula, and last

    RUNG = NetworkRung(class_name="TextCNN", accepts=..., config=..., cost=..., build=...)

The file's name is the rung's name and its docstring is the rung's card (`registry.Card`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from rungwise.fitting import Epoch, FitContext, Pretrained, State
from rungwise.kinds import InputKind, OutputKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = [
    "Cost",
    "Examples",
    "ImageShape",
    "Learner",
    "NetworkRung",
    "Pair",
    "Preprocessor",
    "Published",
    "Rung",
    "SentenceShape",
    "Shape",
    "TableShape",
    "TagLayer",
    "TextShape",
    "TraditionalRung",
    "Weights",
    "WordExamples",
]

Pair = tuple[InputKind, OutputKind]
"""What goes in and what comes out: a task declares one, a rung accepts some."""


# --------------------------------------------------------------------------------------- shapes and costs


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size of a problem, which networks are built for and cost formulas are functions of.

    Attributes:
        num_examples: training examples.
        num_outputs: classes, 1 for a number, or the tags of a token.
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
    """Texts of `mean_tokens` tokens on average, of a vocabulary of `vocab_size`; networks see `max_tokens` at once."""

    vocab_size: int
    mean_tokens: float
    max_tokens: int


@dataclass(frozen=True, kw_only=True)
class SentenceShape(TextShape):
    """Sentences every token of which gets a tag.

    Attributes:
        has_predicates: whether each has a predicate.
        readings: of networks for each sentence with a predicate, since those of the same words are read together.
        has_cases: whether networks over pieces of words are told of capitals, which their pieces don't have.
    """

    has_predicates: bool = False
    readings: float = 1.0
    has_cases: bool = False


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
    (`preprocessing.table`), TEXT a `pyarrow.ChunkedArray` of strings, IMAGE a uint8 array (N, H, W, C), TOKENS a
    `ChunkedArray` of lists of strings, a sentence each, and PREDICATE one of structs of such `tokens` and the number
    of the `predicate` among them, from 0; no sentence is empty. Targets are class indices (N,) int64, numbers (N,)
    float64, or `Tags` of every token.
    """

    history: list[Epoch]

    def fit(
        self,
        inputs: Any,
        targets: Any,
        *,
        num_outputs: int,
        validation: tuple[Any, Any] | None,
        context: FitContext,
    ) -> None:
        """Learn from the inputs; validation data may choose settings and when to stop, never weights.

        Tags that validation alone has are `UNSEEN_BEGIN` and `UNSEEN_INSIDE`.
        """
        ...

    def predict(self, inputs: Any) -> Any:
        """Inputs (N) -> class probabilities (N, num_outputs), numbers (N,), or `Tags` of each token."""
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

    @property
    def owners(self) -> NDArray[np.int64] | None:
        """The number of each example's input where an input may be in several, such as the parts of a long text."""
        ...

    def __len__(self) -> int: ...

    def batch(self, index: NDArray[np.int64]) -> tuple[Any, ...]:
        """Example numbers (B,) -> the tensors that the network's `forward` takes, on the CPU."""
        ...


@runtime_checkable
class WordExamples(Examples, Protocol):
    """Sentences, or parts of them, in their order, of which each word has a row of the network's outputs to itself."""

    @property
    def num_words(self) -> NDArray[np.int64]:
        """Words of each example."""
        ...

    @property
    def groups(self) -> NDArray[np.int64] | None:
        """The number of each example's group, from 0 on, where some share a sentence that a batch reads once."""
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


# ------------------------------------------------------------------------------------------- declarations


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


class TagLayer(Protocol):
    """What says how scores of tags become tags; for its methods, the words of sentences stand one after the other."""

    legal: Tensor

    def loss(self, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Scores (S, C) float32, tags (S,) int64 of sentences of so many words (N,) -> the mean loss of a word ()."""
        ...

    def decode(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Scores (S, C) float32 of sentences of so many words (N,) -> tags (S,) int64 in legal sequences."""
        ...


@dataclass(frozen=True, kw_only=True)
class Published:
    """How a network is stored so that `transformers` can read its folder too; `layouts["transformers"]` goes back.

    Attributes:
        weights: (config, the network's weights) -> the same by that library's names.
        config: (config, shape) -> that library's `config.json`.
    """

    weights: Callable[[Any, Weights], Weights]
    config: Callable[[Any, Any], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class NetworkRung(Rung):
    """A rung whose network the common loop trains.

    In training, `forward` may give a tuple: the outputs, and those of auxiliary heads, whose loss counts too. A network
    for tags has a `tagging`, a `TagLayer`, and its `forward` gives a row of scores (S, C) for each word of the batch.

    Attributes:
        build: (config, shape) -> the network.
        head: of a network that may begin from pretrained weights, the name of its last layer, an `nn.Linear`, which
            is new for the user's classes. Such a network has `features(images) -> (B, F)`, the inputs of that layer.
        auxiliary: the name of a part that training alone asks, which pretrained weights may be without, and is new too.
        optional: the names of parts that pretrained weights may be without, and are new then.
        late: those of them that stand between the rest and the head. Where they are new there is nothing yet to fit the
            head to: both are learned with the rest, faster than it.
        newer: the names of parts that models of earlier versions lack, which then are as they are built.
        table: of such a network, the name of the `nn.Embedding` that tokens are looked up in.
        frozen: (config, shape) -> the names of the parts that keep their pretrained weights.
        adopt: (config, the `config.json` of pretrained weights) -> the config with the sizes that they have.
        layouts: library -> what turns that library's weights for the same network into this one's; names that are
            this network's own need none.
        published: how the network is stored, where another library can read it too.
        mean: of red, green and blue from 0 to 1, subtracted from images where pretrained weights don't say; ImageNet's.
        std: that the channels are then divided by.
    """

    build: Callable[[Any, Any], nn.Module]
    head: str | None = None
    auxiliary: str | None = None
    optional: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    table: str | None = None
    frozen: Callable[[Any, Any], tuple[str, ...]] | None = None
    adopt: Callable[[Any, Mapping[str, Any]], Any] | None = None
    layouts: Mapping[str, Callable[[Weights], Weights]] = field(default_factory=dict)
    published: Published | None = None
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
