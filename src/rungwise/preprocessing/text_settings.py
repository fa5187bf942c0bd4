"""Settings of networks over texts: what a token is, and the vectors that tokens begin from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from rungwise.errors import ConfigError
from rungwise.kinds import OutputKind
from rungwise.layers.embedding import Variant
from rungwise.layers.sequence import Pooling
from rungwise.rung import Shape, TextShape
from rungwise.settings import NetworkConfig, PretrainableConfig

__all__ = ["PooledNetworkConfig", "TextNetworkConfig", "Unit", "WordNetworkConfig", "is_pretrained"]


class Unit(StrEnum):
    """What a token is: a whole word, or a word or a piece of one."""

    WORD = "word"
    SUBWORD = "subword"


@dataclass(frozen=True, kw_only=True)
class TextNetworkConfig(NetworkConfig):
    """A network over tokens.

    Attributes:
        vocab_size: entries of the vocabulary at most (more only if the texts have more characters).
        min_frequency: occurrences in the training texts that make a token an entry.
        max_tokens: tokens that the network sees at once. A longer text is read in equal parts: each is an example in
            training, and the text's output is the mean of theirs.
    """

    vocab_size: int = 30_000
    min_frequency: int = 2
    max_tokens: int = 512

    def seen(self, shape: Shape) -> Shape:
        """The size of the problem whose vocabulary may be that of pretrained weights."""
        if not is_pretrained(self) or not isinstance(shape, TextShape):
            return shape
        return replace(shape, vocab_size=self.vocab_size)


@dataclass(frozen=True, kw_only=True)
class PooledNetworkConfig(TextNetworkConfig):
    """A network over tokens that pools them where a text has one label.

    Attributes:
        pooling: what of the tokens goes on, where a text has one label; None for what suits the network, mostly "mean".
    """

    pooling: Pooling | None = None

    def pooled(self) -> Pooling:
        """The pooling as it is built."""
        return self.pooling or Pooling.MEAN

    def check_kind(self, kind: OutputKind) -> None:
        """Sees that a pooling is set only where there is one.

        Raises:
            ConfigError: if each word has a tag.
        """
        if kind is OutputKind.TAGS and self.pooling not in (None, Pooling.MEAN):
            raise ConfigError(
                f"pooling={self.pooling.value!r}: each word has a tag of its own, so nothing is pooled; leave it out."
            )


def is_pretrained(config: TextNetworkConfig) -> bool:
    """Whether tokens are those of pretrained weights."""
    return isinstance(config, PretrainableConfig) and config.pretrained is not None


@dataclass(frozen=True, kw_only=True)
class WordNetworkConfig(TextNetworkConfig):
    """A network over tokens whose vectors may begin from some learned elsewhere.

    Attributes:
        unit: of the vocabulary.
        vectors: a file of word vectors in the text format of word2vec and GloVe, which may be gzipped, or a folder of
            vectors of pieces, such as model2vec's; None begins from random vectors.
        variant: what becomes of vectors in training; None tunes them (`random` without a file, `non-static` with one).
    """

    unit: Unit = Unit.SUBWORD
    vectors: str | None = None
    variant: Variant | None = None

    def __post_init__(self) -> None:
        """Checks that the settings go together.

        Raises:
            ConfigError: if vectors are given that would not be used, or needed and not given.
        """
        super().__post_init__()
        if self.vectors is not None and self.unit is Unit.SUBWORD:
            raise ConfigError(f"vectors={self.vectors!r} are of whole words; set unit='word' with it.")
        if self.vectors is not None and self.variant is Variant.RANDOM:
            raise ConfigError(
                f"vectors={self.vectors!r} aren't used with variant='random'; leave one of the two out."
            )
        if self.vectors is None and self.variant not in (None, Variant.RANDOM):
            raise ConfigError(
                f"variant={str(self.variant)!r} needs vectors=FILE, in the text format of word2vec or GloVe, or "
                "a folder of vectors of pieces."
            )

    def vector_variant(self) -> Variant:
        """The variant as it is built."""
        return self.variant or (Variant.RANDOM if self.vectors is None else Variant.NON_STATIC)

    def vector_size(self) -> int:
        """Numbers of a token's vector."""
        raise NotImplementedError

    def vector_parameters(self, vocab_size: int) -> int:
        """Numbers of all the vectors of a vocabulary: of two channels, twice as many."""
        return vocab_size * self.vector_size() * (2 if self.vector_variant() is Variant.MULTICHANNEL else 1)
