"""What the networks that tag words share: settings, features and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from rungwise.errors import ConfigError
from rungwise.layers.words import WordFeatures
from rungwise.preprocessing.sentences import SentenceNetworkConfig
from rungwise.rung import Cost, SentenceShape
from rungwise.rungs._memory import network_cost, text_network_bytes
from rungwise.rungs._roles import roles_cost
from rungwise.settings import RolesConfig

__all__ = ["WordTaggerConfig", "word_features", "word_tagger_cost"]

_FILTER_WIDTH = 3
_MEAN_CHARACTERS = 5
"""Of a word, for which each is asked once in a batch; the same word again costs nothing."""


@dataclass(frozen=True, kw_only=True)
class WordTaggerConfig(RolesConfig, SentenceNetworkConfig):
    """Settings of a network that tags words by a CRF.

    Attributes:
        embedding_dim: size of a word's vector.
        character_dim: size of a character's vector.
        num_filters: over a word's characters.
        embedding_dropout: share of a word's features set to zero in training.
        dropout: share of each layer's output set to zero in training.
    """

    embedding_dim: int = 100
    character_dim: int = 30
    num_filters: int = 100
    embedding_dropout: float = 0.4
    dropout: float = 0.4

    def vector_size(self) -> int:
        """Numbers of a word's vector."""
        return self.embedding_dim

    def __post_init__(self) -> None:
        """Checks the settings of networks with a CRF too.

        Raises:
            ConfigError: with every setting that is out of its range.
        """
        super().__post_init__()
        if self.label_smoothing:
            raise ConfigError(
                f"label_smoothing={self.label_smoothing!r}: a CRF learns whole sequences, of which none is soft; "
                "leave it at 0."
            )


def word_features(config: WordTaggerConfig, shape: SentenceShape) -> WordFeatures:
    """The words' features of a network."""
    return WordFeatures(
        vocab_size=shape.vocab_size,
        embedding_dim=config.embedding_dim,
        num_characters=config.num_characters,
        character_dim=config.character_dim,
        num_filters=config.num_filters,
    )


def word_tagger_cost(
    config: WordTaggerConfig,
    shape: SentenceShape,
    *,
    num_features: int,
    weights: float,
    other_parameters: float,
    token_floats: float,
    products: int,
) -> Cost:
    """Of a network over words with a CRF.

    Args:
        config: its settings.
        shape: of the problem.
        num_features: of a word's state, from which its tag is told.
        weights: between its features and its state, that each word is multiplied by, each counted as often.
        other_parameters: there, beside those.
        token_floats: of one word there, for the backward pass.
        products: of matrices with different shapes in a step.
    """
    filters = _FILTER_WIDTH * config.character_dim * config.num_filters
    head = roles_cost(config, shape, num_features, has_crf=True)
    parameters: float = shape.vocab_size * config.embedding_dim + config.num_characters * config.character_dim
    parameters += filters + config.num_filters + weights + other_parameters
    parameters += head.parameters
    word = 2 * (weights + _MEAN_CHARACTERS * filters) + head.word_flops
    memory = text_network_bytes(
        config,
        shape,
        parameters=parameters,
        token_floats=token_floats
        + head.word_floats
        + _MEAN_CHARACTERS * (_FILTER_WIDTH + 2) * config.num_filters,
        products=products,
    )
    own = head.word_flops * shape.mean_tokens
    return network_cost(config, shape, parameters, word * shape.mean_tokens, memory, own_flops=own)
