"""BiLSTM-CRF: what is left and right of each word, and tags that are decided on together.

Idea:
    LSTMs read a sentence both ways, so that each word's states know all that is around it; a linear layer gives a score
    to each tag of each word, and a conditional random field above it also weighs which tag follows which. Words that
    training seldom had are known by their characters.
Formula:
    x_t = [E[w_t]; max over filters of its characters]; h = BiLSTM(x), layer upon layer; with a predicate at p also
    h_t ← [h_t; x_t], h_t ← [relu(U h_t + V h_p + D[t - p]); X h_t ∘ Y h_p], and a layer more;
    p(y) ∝ exp Σ_t (W h_t)[y_t] + A[y_{t-1}, y_t].
Source:
    Huang, Xu & Yu (2015), Bidirectional LSTM-CRF Models for Sequence Tagging, https://arxiv.org/abs/1508.01991;
    characters: Ma & Hovy (2016), https://aclanthology.org/P16-1101/; a sentence read once for all its predicates:
    Strubell et al. (2018), https://aclanthology.org/D18-1548/.
Deviations:
    Word vectors begin at random, layers behind the first add to what they read, and dropout masks are the same at all
    words of a sentence. Tag sequences that are illegal have no probability in training either.
Cost:
    4 · hidden_size · (inputs + hidden_size) weights a layer and direction, each once a word, step after step, and tags²
    a word for the field.
Wins:
    On thousands of tagged sentences, where a word's tag hangs on words far from it, as semantic roles do.
Loses:
    On few sentences to a CRF with good features; to pretrained encoders.
"""

# B sentences, T words of the longest, P predicates, S words with tags, E features of a word, H hidden_size, C tags

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.crf import CRF
from rungwise.layers.dropout import Dropout, StepsDropout
from rungwise.layers.recurrent import aligned, gated_layers
from rungwise.layers.sequence import real_steps
from rungwise.rung import Cost, NetworkRung, SentenceShape
from rungwise.rungs._roles import role_layer
from rungwise.rungs._words import WordTaggerConfig, word_features, word_tagger_cost

__all__ = ["RUNG", "BiLSTMCRF", "BiLSTMCRFConfig"]


@dataclass(frozen=True, kw_only=True)
class BiLSTMCRFConfig(WordTaggerConfig):
    """The network's settings.

    Attributes:
        hidden_size: units of a layer and direction.
        num_layers: layers, one over the other.
    """

    epochs: int = 15
    batch_size: int = 32
    learning_rate: float = 3e-3
    min_steps: int = 1500
    hidden_size: int = 250
    num_layers: int = 2


class BiLSTMCRF(nn.Module):
    """Words (B, T), spellings (B, T), characters (V, L), lengths (B,), perhaps predicates (P,) -> scores (S, C)."""

    def __init__(self, config: BiLSTMCRFConfig, shape: SentenceShape) -> None:
        super().__init__()
        self.features = word_features(config, shape)
        self.embedding_dropout = StepsDropout(config.embedding_dropout)
        self.layers = gated_layers(
            nn.LSTM, self.features.num_features, config.hidden_size, config.num_layers, bidirectional=True
        )
        self.steps_dropout, self.dropout = StepsDropout(config.dropout), Dropout(config.dropout)
        self.roles = role_layer(config, shape, _num_told(config, shape), config.dropout)
        self.linear = nn.Linear(self.roles.num_features, shape.num_outputs)
        self.tagging = CRF(shape.num_outputs)

    def forward(
        self,
        words: Tensor,
        spellings: Tensor,
        characters: Tensor,
        lengths: Tensor,
        sentences: Tensor | None = None,
        predicates: Tensor | None = None,
    ) -> Tensor:
        """Words (B, T), spellings (B, T), characters (V, L), lengths (B,) -> scores (S, C).

        With predicates (P,), and which of the sentences each is of (P,) -> scores of all their words (S, C).
        """
        features = self.embedding_dropout(self.features(words, spellings, characters))  # (T, B, E)
        x = aligned(self.layers[0](features, lengths), lengths)  # (T, B, 2 H)
        for layer in self.layers[1:]:
            x = x + aligned(layer(self.steps_dropout(x), lengths), lengths)
        if predicates is not None:  # of which it matters what words they are
            x = torch.cat([x, features.to(x.dtype)], 2)
        real = x.transpose(0, 1)[real_steps(lengths, len(x))]  # a row for each word
        scores: Tensor = self.linear(self.dropout(self.roles(real, lengths, sentences, predicates)))
        return scores


def _num_told(config: BiLSTMCRFConfig, shape: SentenceShape) -> int:
    """Features of a word's state, from which its tag is told."""
    words = config.embedding_dim + config.num_filters
    return 2 * config.hidden_size + words * shape.has_predicates


def cost(config: BiLSTMCRFConfig, shape: SentenceShape) -> Cost:
    """The gates' products at each word, the linear layer and the field."""
    size = 2 * config.hidden_size
    inputs = [config.embedding_dim + config.num_filters] + [size] * (config.num_layers - 1)
    weights = sum(4 * size * (wide + config.hidden_size) for wide in inputs)
    biases = config.num_layers * 8 * size
    return word_tagger_cost(
        config,
        shape,
        num_features=_num_told(config, shape),
        weights=weights,
        other_parameters=biases,
        token_floats=3 * sum(inputs) + 16 * config.num_layers * size,
        products=6 * config.num_layers,
    )


RUNG = NetworkRung(
    class_name="BiLSTMCRF",
    accepts=frozenset({(InputKind.TOKENS, OutputKind.TAGS), (InputKind.PREDICATE, OutputKind.TAGS)}),
    config=BiLSTMCRFConfig,
    cost=cost,
    build=BiLSTMCRF,
)
