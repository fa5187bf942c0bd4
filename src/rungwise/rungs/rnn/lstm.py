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

import torch
from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.dropout import Dropout, StepsDropout
from rungwise.layers.embedding import token_embedding
from rungwise.layers.sequence import Pooling, pool, reverse
from rungwise.preprocessing.tokens import PAD, TextNetworkConfig
from rungwise.rung import Cost, NetworkRung, TextShape
from rungwise.rungs._memory import network_cost, text_network_bytes

__all__ = ["LSTM", "RUNG", "LSTMConfig"]


@dataclass(frozen=True, kw_only=True)
class LSTMConfig(TextNetworkConfig):
    """The network's settings.

    Attributes:
        embedding_dim: size of a word vector.
        hidden_size: units of a layer and direction.
        num_layers: layers, one over the other.
        bidirectional: each layer also reads from the end.
        pooling: what of the last layer's states goes on.
        embedding_dropout: share of the word vectors' entries set to zero in training.
        dropout: share of each layer's output, and of the pooled states, set to zero in training.
    """

    epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 3e-3
    label_smoothing: float = 0.1
    embedding_dim: int = 200
    hidden_size: int = 200
    num_layers: int = 1
    bidirectional: bool = True
    pooling: Pooling = Pooling.MAX
    embedding_dropout: float = 0.5
    dropout: float = 0.5


class LSTM(nn.Module):
    """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, C)."""

    def __init__(self, config: LSTMConfig, shape: TextShape) -> None:
        super().__init__()
        self.pooling = config.pooling
        self.embedding = token_embedding(shape.vocab_size, config.embedding_dim, PAD)
        self.embedding_dropout = StepsDropout(config.embedding_dropout)
        num_features = (1 + config.bidirectional) * config.hidden_size
        self.layers = nn.ModuleList(
            LSTMLayer(
                num_features if layer else config.embedding_dim, config.hidden_size, config.bidirectional
            )
            for layer in range(config.num_layers)
        )
        self.dropout = Dropout(config.dropout)
        self.linear = nn.Linear(num_features, shape.num_outputs)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, C)."""
        x = self.embedding_dropout(self.embedding(tokens.t()))  # (T, B, E)
        states = self.layers[0](x, lengths)
        for layer in self.layers[1:]:
            x = torch.cat([states[0], *(reverse(read, lengths) for read in states[1:])], 2)
            states = layer(self.dropout(x), lengths)
        pooled = [pool(read.transpose(0, 1), lengths, self.pooling) for read in states]
        logits: Tensor = self.linear(self.dropout(torch.cat(pooled, 1)))
        return logits


class LSTMLayer(nn.Module):
    """x (T, B, E) -> the states (T, B, H) of each direction, in the order in which it read.

    Each direction is a one-way `nn.LSTM` over padded batches: packing is slower, and its two-way form would read
    the padding before the text.
    """

    def __init__(self, input_size: int, hidden_size: int, bidirectional: bool) -> None:
        super().__init__()
        self.directions = nn.ModuleList(nn.LSTM(input_size, hidden_size) for _ in range(1 + bidirectional))
        for lstm in self.directions:
            nn.init.ones_(lstm.get_parameter("bias_hh_l0").detach()[hidden_size : 2 * hidden_size])

    def forward(self, x: Tensor, lengths: Tensor) -> list[Tensor]:
        """x (T, B, E), lengths (B,) -> one or two states (T, B, H), the second from each text's end to its start."""
        inputs = [x, reverse(x, lengths)] if len(self.directions) == 2 else [x]
        return [lstm(turned)[0] for lstm, turned in zip(self.directions, inputs, strict=True)]


def cost(config: LSTMConfig, shape: TextShape) -> Cost:
    """The gates' products and the linear layer; `nn.LSTM` has two biases a gate."""
    num_directions = 1 + config.bidirectional
    num_features = num_directions * config.hidden_size
    sizes = [config.embedding_dim] + [num_features] * (config.num_layers - 1)
    step_weights = sum(
        num_directions * 4 * config.hidden_size * (size + config.hidden_size) for size in sizes
    )
    biases = config.num_layers * 8 * num_features
    linear_weights = num_features * shape.num_outputs
    parameters = shape.vocab_size * config.embedding_dim + step_weights + biases
    parameters += linear_weights + shape.num_outputs
    predict = 2 * step_weights * shape.mean_tokens + 2 * linear_weights
    memory = text_network_bytes(
        config,
        shape,
        parameters=parameters,
        token_floats=3 * sum(sizes) + 16 * config.num_layers * num_features,
        products=3 * num_directions * config.num_layers,
    )
    return network_cost(config, shape, parameters, predict, memory)


RUNG = NetworkRung(
    class_name="LSTM",
    accepts=frozenset({(InputKind.TEXT, OutputKind.LABEL)}),
    config=LSTMConfig,
    cost=cost,
    build=LSTM,
)
