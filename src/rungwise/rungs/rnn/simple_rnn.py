"""Simple recurrent network: Elman's, with ReLU units and recurrent dropout.

Idea:
    Reads the text word by word. A state is carried along; each word changes it, and the state at the end (or the
    mean of the states) is what the text means. Through many steps its gradient vanishes or explodes: the norms of
    ∂L/∂h_t, of what comes back through the last state, are recorded in training, so that one can see it.
Formula:
    h_t = min(relu(W x_t + b + U (m ∘ h_{t-1})), ceiling), m ~ Bernoulli(1 − recurrent_dropout) /
    (1 − recurrent_dropout) once a text; p = softmax(V pool(h) + c).
Source:
    Elman (1990), Finding Structure in Time, Cognitive Science 14, https://doi.org/10.1207/s15516709cog1402_1;
    recurrent dropout: Gal & Ghahramani (2016), NeurIPS, https://arxiv.org/abs/1512.05287;
    `identity`: Le, Jaitly & Hinton (2015), https://arxiv.org/abs/1504.00941.
Deviations:
    ReLU in place of the sigmoid, gradients through the whole text instead of one step. Unless told otherwise the mean
    of the states is read, not the last; word vectors, state and what is read have dropout; and the units have a ceiling
    (Hannun 2014, https://arxiv.org/abs/1412.5567), which they reach only when they explode. The textbook form is
    `pooling="last", embedding_dropout=0.0, recurrent_dropout=0.0, dropout=0.0, ceiling=math.inf`.
Cost:
    2 · hidden_size · (embedding_dim + hidden_size) a token and direction, and one step after the other.
Wins:
    Hardly ever; it is here to show what gates and attention are for.
Loses:
    On long texts, and to every other network of this size.
"""

# B texts, T tokens, E embedding_dim, H hidden_size, C outputs

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn

from rungwise.fitting import Series
from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.dropout import Dropout, StepsDropout
from rungwise.layers.embedding import token_embedding
from rungwise.layers.recurrent import DirectionsPool, elman
from rungwise.layers.sequence import Pooling, real_steps, reverse
from rungwise.preprocessing.text_settings import WordNetworkConfig
from rungwise.preprocessing.tokens import PAD
from rungwise.rung import Cost, NetworkRung, TextShape
from rungwise.rungs._memory import network_cost, text_network_bytes

__all__ = ["RUNG", "RecurrentInit", "SimpleRNN", "SimpleRNNConfig"]


Record = Callable[[Tensor, Tensor], None]


class RecurrentInit(StrEnum):
    """How the hidden-to-hidden weights start."""

    UNIFORM = "uniform"
    ORTHOGONAL = "orthogonal"
    IDENTITY = "identity"


@dataclass(frozen=True, kw_only=True)
class SimpleRNNConfig(WordNetworkConfig):
    """The network's settings.

    Attributes:
        embedding_dim: size of a word vector.
        hidden_size: units of the state.
        recurrent_dropout: share of the state that a text's steps don't see in training, the same share at each step.
        recurrent_init: of the hidden-to-hidden weights.
        ceiling: of the units; a huge one is none, and then long texts can make them, and the loss, overflow.
        bidirectional: a second recurrence reads from the end.
        pooling: what of the states goes on.
        embedding_dropout: share of the word vectors' entries set to zero in training.
        dropout: share of the pooled state set to zero in training.
    """

    epochs: int = 10
    learning_rate: float = 2e-3
    embedding_dim: int = 128
    hidden_size: int = 128
    recurrent_dropout: float = 0.5
    recurrent_init: RecurrentInit = RecurrentInit.UNIFORM
    ceiling: float = 20.0
    bidirectional: bool = False
    pooling: Pooling = Pooling.MEAN
    embedding_dropout: float = 0.2
    dropout: float = 0.2

    def vector_size(self) -> int:
        """Numbers of a token's vector."""
        return self.embedding_dim


class SimpleRNN(nn.Module):
    """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, C)."""

    gradient_sums: Tensor
    gradient_counts: Tensor

    def __init__(self, config: SimpleRNNConfig, shape: TextShape) -> None:
        super().__init__()
        self.embedding = token_embedding(shape.vocab_size, config.embedding_dim, PAD, config.vector_variant())
        self.embedding_dropout = StepsDropout(config.embedding_dropout)
        num_directions = 1 + config.bidirectional
        self.directions = nn.ModuleList(ElmanLayer(config) for _ in range(num_directions))
        self.pool = DirectionsPool(config.pooling, num_directions * config.hidden_size)
        self.dropout = Dropout(config.dropout)
        self.linear = nn.Linear(num_directions * config.hidden_size, shape.num_outputs)
        self.register_buffer("gradient_sums", torch.zeros(shape.max_tokens))
        self.register_buffer("gradient_counts", torch.zeros(shape.max_tokens))

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, C)."""
        x = self.embedding_dropout(self.embedding(tokens.t()))  # (T, B, E)
        states = [
            layer(x if number == 0 else reverse(x, lengths), lengths, self._record)
            for number, layer in enumerate(self.directions)
        ]
        logits: Tensor = self.linear(self.dropout(self.pool(states, lengths)))
        return logits

    def gradient_norms(self) -> Tensor:
        """Mean ‖∂L/∂h_t‖ over the training, by the number of steps that t lies before a text's last step.

        It is that of what comes through the last state alone, of some texts of each batch. L is one text's share of the
        batch's mean loss times the batch's size, so that the batch size doesn't matter. Steps further back than any
        training text is long are left out.
        """
        seen = self.gradient_counts > 0
        return self.gradient_sums[seen] / self.gradient_counts[seen]

    def series(self) -> list[Series]:
        """The gradient norms, for the report."""
        return [Series("gradient norm ‖∂L/∂h‖", "steps before the last", self.gradient_norms().tolist())]

    def _record(self, gradients: Tensor, lengths: Tensor) -> None:
        """∂L/∂h (T, P, H), lengths (B,) -> the first P texts' norms, added by distance from the last step."""
        if not self.training:
            return
        norms = gradients.float().norm(dim=2).t() * len(lengths)  # (P, T)
        lengths = lengths[: len(norms)]
        mask = real_steps(lengths, norms.shape[1])
        distance = (lengths[:, None] - 1 - torch.arange(norms.shape[1], device=norms.device))[mask]
        self.gradient_sums.index_add_(0, distance, norms[mask])
        self.gradient_counts.index_add_(0, distance, torch.ones_like(norms[mask]))


class ElmanLayer(nn.Module):
    """x (T, B, E) -> states (T, B, H)."""

    def __init__(self, config: SimpleRNNConfig) -> None:
        super().__init__()
        self.ceiling = config.ceiling
        self.recurrent_dropout = Dropout(config.recurrent_dropout)
        self.input = nn.Linear(config.embedding_dim, config.hidden_size)
        self.recurrent = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        match config.recurrent_init:
            case RecurrentInit.ORTHOGONAL:
                nn.init.orthogonal_(self.recurrent.weight)
            case RecurrentInit.IDENTITY:
                nn.init.eye_(self.recurrent.weight)
            case RecurrentInit.UNIFORM:
                nn.init.uniform_(self.recurrent.weight, -(config.hidden_size**-0.5), config.hidden_size**-0.5)

    def forward(self, x: Tensor, lengths: Tensor, record: Record) -> Tensor:
        """x (T, B, E), lengths (B,) -> states (T, B, H); `record` gets ∂L/∂h and the lengths in the backward pass."""
        weight = self.recurrent.weight
        inputs = self.input(x).to(weight.dtype)  # the state stays fp32: rounding would add up
        mask = self.recurrent_dropout(torch.ones(len(lengths), len(weight), device=x.device))
        with torch.autocast(x.device.type, enabled=False):
            return elman(inputs, weight, mask, self.ceiling, lambda gradients: record(gradients, lengths))


def cost(config: SimpleRNNConfig, shape: TextShape) -> Cost:
    """The recurrence and the linear layer."""
    num_directions = 1 + config.bidirectional
    step_weights = num_directions * config.hidden_size * (config.embedding_dim + config.hidden_size)
    num_features = num_directions * config.hidden_size
    linear_weights = num_features * shape.num_outputs
    parameters = config.vector_parameters(shape.vocab_size) + step_weights + num_features
    query = num_features * (config.pooling is Pooling.ATTENTION)
    parameters += linear_weights + shape.num_outputs + query
    predict = 2 * (step_weights + query) * shape.mean_tokens + 2 * linear_weights
    memory = text_network_bytes(
        config,
        shape,
        parameters=parameters,
        token_floats=3 * config.embedding_dim + 8 * num_features,
        products=3 * num_directions,
    )
    return network_cost(config, shape, parameters, predict, memory)


RUNG = NetworkRung(
    class_name="SimpleRNN",
    accepts=frozenset({(InputKind.TEXT, OutputKind.LABEL)}),
    config=SimpleRNNConfig,
    cost=cost,
    build=SimpleRNN,
)
