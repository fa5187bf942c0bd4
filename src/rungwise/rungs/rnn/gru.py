"""GRU: a recurrent network whose two gates decide how much of its state each step replaces.

Idea:
    An LSTM with less: no memory beside the state, and one gate for both keeping and adding. What a step doesn't replace
    passes on unchanged, and so does its gradient; a second gate says how much of the state what is new depends on.
Formula:
    z, r = σ(W x_t + U h_{t-1} + b), n = tanh(W_n x_t + b_n + r ∘ (U_n h_{t-1} + c_n)),
    h_t = (1 − z) ∘ n + z ∘ h_{t-1}; p = softmax(V pool(h) + c).
Source:
    Cho et al. (2014), Learning Phrase Representations using RNN Encoder–Decoder for Statistical Machine Translation,
    EMNLP, https://arxiv.org/abs/1406.1078; both directions: Graves & Schmidhuber (2005),
    https://doi.org/10.1016/j.neunet.2005.06.042.
Deviations:
    The gate r stands behind the product with U_n, as in cuDNN and PyTorch, not before it. Unless told otherwise it
    reads both ways, the largest of each unit's states is the text's vector, not the last, word vectors, layers' outputs
    and that vector have dropout, and labels are softened. The textbook form is
    `bidirectional=False, pooling="last", embedding_dropout=0.0, dropout=0.0, label_smoothing=0.0`.
Cost:
    6 · hidden_size · (embedding_dim + hidden_size) weights a direction, each once a token, step after step: three
    quarters of an LSTM's.
Wins:
    Where an LSTM does, with fewer weights to learn.
Loses:
    On small data to linear models; in speed to convolutions and attention.
"""

# B texts, T tokens, E embedding_dim, H hidden_size, C outputs

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.dropout import Dropout, StepsDropout
from rungwise.layers.embedding import token_embedding
from rungwise.layers.recurrent import DirectionsPool, gated_layers, read
from rungwise.preprocessing.tokens import PAD
from rungwise.rung import Cost, NetworkRung, TextShape
from rungwise.rungs._recurrent import GatedConfig, gated_cost

__all__ = ["GRU", "RUNG", "GRUConfig"]


@dataclass(frozen=True, kw_only=True)
class GRUConfig(GatedConfig):
    """The network's settings."""


class GRU(nn.Module):
    """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, C)."""

    def __init__(self, config: GRUConfig, shape: TextShape) -> None:
        super().__init__()
        self.embedding = token_embedding(shape.vocab_size, config.embedding_dim, PAD, config.vector_variant())
        self.embedding_dropout = StepsDropout(config.embedding_dropout)
        self.layers = gated_layers(
            nn.GRU, config.embedding_dim, config.hidden_size, config.num_layers, config.bidirectional
        )
        num_features = (1 + config.bidirectional) * config.hidden_size
        self.pool = DirectionsPool(config.pooling, num_features)
        self.dropout = Dropout(config.dropout)
        self.linear = nn.Linear(num_features, shape.num_outputs)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, C)."""
        x = self.embedding_dropout(self.embedding(tokens.t()))  # (T, B, E)
        pooled = self.pool(read(self.layers, x, lengths, self.dropout), lengths)
        logits: Tensor = self.linear(self.dropout(pooled))
        return logits


def cost(config: GRUConfig, shape: TextShape) -> Cost:
    """The two gates' and the new state's products, and the linear layer."""
    return gated_cost(config, shape, num_products=3)


RUNG = NetworkRung(
    class_name="GRU",
    accepts=frozenset({(InputKind.TEXT, OutputKind.LABEL)}),
    config=GRUConfig,
    cost=cost,
    build=GRU,
)
