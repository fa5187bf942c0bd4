"""TextCNN: convolutions over word vectors, each filter's strongest answer in the text.

Idea:
    A filter is a soft n-gram: it answers to a few words in a row wherever they stand. Its largest answer over
    the text says whether the n-gram occurs; a linear layer weighs the answers.
Formula:
    c_i = max_t relu(w_i · x_{t:t+h} + b_i); p = softmax(W dropout(c) + b).
Source:
    Kim (2014), Convolutional Neural Networks for Sentence Classification, EMNLP, https://arxiv.org/abs/1408.5882.
Deviations:
    Its four models are those of `variant`, of which static, non-static and multichannel begin from a file of `vectors`;
    without one, word vectors are learned from the training texts (its "CNN-rand"). Adam with weight decay instead of
    Adadelta and a norm bound. Unless told otherwise word vectors are shorter and have dropout, windows that overhang
    the text count, batches are smaller, and labels are softened. The paper's form is
    `embedding_dim=300, embedding_dropout=0.0, wide=False, batch_size=50, label_smoothing=0.0`.
Cost:
    Linear in the tokens: an embedding row each, and the filters' 2 · Σ widths · embedding_dim · num_filters.
Wins:
    When a few phrases decide: topics, questions, sentiment; fast, and steady on small data.
Loses:
    When word order over long distances matters; to pretrained models on small data.
"""

# B texts, T tokens, E embedding_dim, F num_filters, C outputs

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.dropout import Dropout
from rungwise.layers.embedding import token_embedding
from rungwise.layers.sequence import Pooling, pool
from rungwise.preprocessing.text_settings import WordNetworkConfig
from rungwise.preprocessing.tokens import PAD
from rungwise.rung import Cost, NetworkRung, TextShape
from rungwise.rungs._memory import network_cost, text_network_bytes

__all__ = ["RUNG", "TextCNN", "TextCNNConfig"]


@dataclass(frozen=True, kw_only=True)
class TextCNNConfig(WordNetworkConfig):
    """The network's settings.

    Attributes:
        embedding_dim: size of a word vector.
        widths: tokens that a filter sees, a group of filters each.
        num_filters: filters of each width.
        wide: windows may overhang the text's ends; otherwise they lie inside, as in the paper.
        embedding_dropout: share of the word vectors' entries set to zero in training.
        dropout: share of the filters' answers set to zero in training.
    """

    epochs: int = 8
    batch_size: int = 32
    label_smoothing: float = 0.1
    embedding_dim: int = 200
    widths: tuple[int, ...] = (3, 4, 5)
    num_filters: int = 100
    wide: bool = True
    embedding_dropout: float = 0.2
    dropout: float = 0.5

    def vector_size(self) -> int:
        """Numbers of a token's vector."""
        return self.embedding_dim


class TextCNN(nn.Module):
    """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, C)."""

    def __init__(self, config: TextCNNConfig, shape: TextShape) -> None:
        super().__init__()
        self.widths, self.wide = config.widths, config.wide
        self.embedding = token_embedding(shape.vocab_size, config.embedding_dim, PAD, config.vector_variant())
        self.embedding_dropout = Dropout(config.embedding_dropout)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.embedding_dim, config.num_filters, width) for width in config.widths
        )
        self.dropout = Dropout(config.dropout)
        self.linear = nn.Linear(len(config.widths) * config.num_filters, shape.num_outputs)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, C)."""
        x = self.embedding_dropout(self.embedding(tokens)).transpose(1, 2)  # (B, E, T), zero on padding
        features = [
            self._strongest(x, lengths, convolution, width)
            for convolution, width in zip(self.convolutions, self.widths, strict=True)
        ]
        logits: Tensor = self.linear(self.dropout(torch.cat(features, 1)))
        return logits

    def _strongest(self, x: Tensor, lengths: Tensor, convolution: nn.Module, width: int) -> Tensor:
        """x (B, E, T), lengths (B,) -> each filter's largest answer (B, F), over windows that touch the text."""
        overhang = width - 1
        before, shift = (overhang, overhang) if self.wide else (0, -overhang)
        answers = convolution(F.pad(x, (before, overhang)))
        return F.relu(pool(answers.transpose(1, 2), (lengths + shift).clamp(min=1), Pooling.MAX))


def cost(config: TextCNNConfig, shape: TextShape) -> Cost:
    """The convolutions and the linear layer; dropout, pooling and looking words up cost next to nothing."""
    num_features = len(config.widths) * config.num_filters
    filter_weights = sum(config.widths) * config.embedding_dim * config.num_filters
    linear_weights = num_features * shape.num_outputs
    parameters = config.vector_parameters(shape.vocab_size) + filter_weights + num_features
    parameters += linear_weights + shape.num_outputs
    predict = 2 * filter_weights * shape.mean_tokens + 2 * linear_weights
    memory = text_network_bytes(
        config,
        shape,
        parameters=parameters,
        token_floats=(3 + len(config.widths)) * config.embedding_dim + 4 * num_features,
        products=3 * len(config.widths),
    )
    return network_cost(config, shape, parameters, predict, memory)


RUNG = NetworkRung(
    class_name="TextCNN",
    accepts=frozenset({(InputKind.TEXT, OutputKind.LABEL)}),
    config=TextCNNConfig,
    cost=cost,
    build=TextCNN,
)
