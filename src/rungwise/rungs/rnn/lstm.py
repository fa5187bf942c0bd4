"""LSTM: a recurrent network whose gates decide what its state keeps.

Idea:
    Beside its state the network carries a memory, to which gates add and from which they erase. What isn't
    erased passes through any number of steps unchanged, and so does its gradient.
Formula:
    i, f, o = σ(W x_t + U h_{t-1} + b), g = tanh(W_g x_t + U_g h_{t-1} + b_g),
    c_t = f ∘ c_{t-1} + i ∘ g, h_t = o ∘ tanh(c_t); p = softmax(V pool(h) + c).
Source:
    Hochreiter & Schmidhuber (1997), Long Short-Term Memory, https://doi.org/10.1162/neco.1997.9.8.1735; forget gate:
    Gers, Schmidhuber & Cummins (2000), https://doi.org/10.1162/089976600300015015; both directions: Graves &
    Schmidhuber (2005), https://doi.org/10.1016/j.neunet.2005.06.042.
Deviations:
    The forget gate starts open (Jozefowicz, Zaremba & Sutskever 2015). Unless told otherwise it reads both ways, the
    largest of each unit's states is the text's vector, not the last, word vectors, layers' outputs and that vector have
    dropout, and labels are softened. The textbook form is
    `bidirectional=False, pooling="last", embedding_dropout=0.0, dropout=0.0, label_smoothing=0.0`.
Cost:
    8 · hidden_size · (embedding_dim + hidden_size) weights a direction, each once a token, step after step.
Wins:
    When word order matters and there are some thousand examples.
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

__all__ = ["LSTM", "RUNG", "LSTMConfig"]


@dataclass(frozen=True, kw_only=True)
class LSTMConfig(GatedConfig):
    """The network's settings."""


class LSTM(nn.Module):
    """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, C)."""

    def __init__(self, config: LSTMConfig, shape: TextShape) -> None:
        super().__init__()
        self.embedding = token_embedding(shape.vocab_size, config.embedding_dim, PAD, config.vector_variant())
        self.embedding_dropout = StepsDropout(config.embedding_dropout)
        self.layers = gated_layers(
            nn.LSTM, config.embedding_dim, config.hidden_size, config.num_layers, config.bidirectional
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


def cost(config: LSTMConfig, shape: TextShape) -> Cost:
    """The three gates' and the memory's products, and the linear layer."""
    return gated_cost(config, shape, num_products=4)


RUNG = NetworkRung(
    class_name="LSTM",
    accepts=frozenset({(InputKind.TEXT, OutputKind.LABEL)}),
    config=LSTMConfig,
    cost=cost,
    build=LSTM,
)
