"""Transformer: an encoder of self-attention, trained from scratch.

Idea:
    Every token looks at every other at once and takes what it needs, num_layers times over; the mean of the
    tokens is what the text means, or each word's first token says its tag. Positions are learned, since attention
    itself knows no order; for semantic roles a word's state is joined with its predicate's.
Formula:
    x = E[token] + P[position]; x ← x + softmax(Q Kᵀ / √d) V; x ← x + W₂ φ(W₁ x); p = softmax(V pool(x) + c), with
    a normalisation before (`pre_norm`) or after each addition.
Source:
    Vaswani et al. (2017), Attention Is All You Need, NeurIPS, https://arxiv.org/abs/1706.03762.
Deviations:
    The encoder alone, far smaller, with learned positions and a pooled vector of the text. Unless told otherwise
    normalisation comes before a layer (Xiong 2020, https://arxiv.org/abs/2002.04745), the activation is GELU, there is
    more dropout, and labels are as they are. The paper's form is
    `pre_norm=False, activation="relu", embedding_dropout=0.1, dropout=0.1, label_smoothing=0.1`, and its size
    `hidden_size=512, num_layers=6, num_heads=8, intermediate_size=2048`. Tags of words are the best legal sequence, as
    He et al. (2017), https://aclanthology.org/P17-1044/, decode.
Cost:
    num_layers · (8 C² + 4 C · intermediate_size) a token and 4 C T² a text and layer: quadratic in its length.
Wins:
    With much data, or pretrained.
Loses:
    On small data to linear models and to convolutions; on long texts in cost.
"""

# B texts, T tokens, C hidden_size

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.attention import padding_bias
from rungwise.layers.dropout import Dropout
from rungwise.layers.embedding import token_embedding
from rungwise.layers.encoder import Activation, EncoderBlock
from rungwise.layers.marks import NUM_CASES, Marks
from rungwise.layers.sequence import Pool, Pooling, real_steps
from rungwise.preprocessing.text_settings import PooledNetworkConfig, WordNetworkConfig
from rungwise.preprocessing.tokens import PAD
from rungwise.rung import Cost, NetworkRung, SentenceShape, TextShape
from rungwise.rungs._memory import ATTENTION_PRODUCTS, attention_floats, network_cost, text_network_bytes
from rungwise.rungs._roles import role_layer, roles_cost, tag_layer
from rungwise.settings import RolesConfig

__all__ = ["RUNG", "Transformer", "TransformerConfig"]


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(RolesConfig, PooledNetworkConfig, WordNetworkConfig):
    """The network's settings.

    Attributes:
        hidden_size: channels of a token.
        num_layers: blocks of attention and feed-forward.
        num_heads: of attention, a divisor of `hidden_size`.
        intermediate_size: channels inside the feed-forward layers.
        pre_norm: normalise what goes into a layer; otherwise what comes out, as in the paper.
        activation: of the feed-forward layers.
        embedding_dropout: share of the embedded tokens' entries set to zero in training.
        dropout: share of each layer's output, of attention and of the pooled tokens set to zero in training.
    """

    epochs: int = 8
    hidden_size: int = 128
    num_layers: int = 2
    num_heads: int = 4
    intermediate_size: int = 256
    pre_norm: bool = True
    activation: Activation = Activation.GELU
    embedding_dropout: float = 0.5
    dropout: float = 0.3

    def vector_size(self) -> int:
        """Numbers of a token's vector."""
        return self.hidden_size


class Transformer(nn.Module):
    """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, num_outputs), or scores (S, num_outputs) of words' tags."""

    def __init__(self, config: TransformerConfig, shape: TextShape) -> None:
        super().__init__()
        self.embedding = token_embedding(shape.vocab_size, config.hidden_size, PAD, config.vector_variant())
        self.positions = nn.Parameter(torch.randn(shape.max_tokens, config.hidden_size) * _POSITION_STD)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        self.blocks = nn.ModuleList(
            EncoderBlock(
                config.hidden_size,
                config.num_heads,
                config.intermediate_size,
                config.dropout,
                pre_norm=config.pre_norm,
                activation=config.activation,
            )
            for _ in range(config.num_layers)
        )
        self.norm = nn.LayerNorm(config.hidden_size) if config.pre_norm else nn.Identity()
        num_features = config.hidden_size
        self.marks: Marks | None = None
        if isinstance(shape, SentenceShape):
            self.tagging = tag_layer(config, shape)
            self.marks = Marks(num_features, _MARK_STD) if shape.has_cases else None
            self.roles = role_layer(config, shape, num_features, config.dropout)
            num_features = self.roles.num_features
        else:
            self.pool = Pool(config.pooled(), num_features)
        self.dropout = Dropout(config.dropout)
        self.linear = nn.Linear(num_features, shape.num_outputs)

    def forward(
        self,
        tokens: Tensor,
        lengths: Tensor,
        cases: Tensor | None = None,
        sentences: Tensor | None = None,
        predicates: Tensor | None = None,
    ) -> Tensor:
        """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, num_outputs).

        With cases (B, T) int64, which are above 0 at each word's first token, and perhaps predicates (P,) of these
        sentences (P,) -> scores (S, num_outputs).
        """
        num_tokens = tokens.shape[1]
        bias = padding_bias(real_steps(lengths, num_tokens))
        x = self.embedding(tokens) + self.positions[:num_tokens]  # (B, T, C)
        if self.marks is not None:
            x = self.marks(x, cases)
        x = self.embedding_dropout(x)
        for block in self.blocks:
            x = block(x, bias)
        x = self.norm(x)
        if cases is None:
            x = self.pool(x, lengths)  # (B, C)
        else:
            is_first = cases > 0
            x = self.roles(x[is_first], is_first.sum(1), sentences, predicates)  # a row for each word
        logits: Tensor = self.linear(self.dropout(x))
        return logits


_POSITION_STD = 0.02
"""Small beside the tokens' vectors: positions that training hardly sees stay near none."""

_MARK_STD = 0.1
"""Of what words are told: as large as their tokens' vectors."""


def cost(config: TransformerConfig, shape: TextShape) -> Cost:
    """The blocks' products, attention at the mean length, and the linear layer."""
    size, inner, tokens = config.hidden_size, config.intermediate_size, shape.mean_tokens
    block_weights = 4 * size * size + 2 * size * inner
    block_biases = 4 * size + inner + size
    norms = config.num_layers * 2 + config.pre_norm
    parameters: float = config.vector_parameters(shape.vocab_size) + shape.max_tokens * size
    parameters += config.num_layers * (block_weights + block_biases) + norms * 2 * size
    longest = min(shape.max_tokens, config.max_tokens)
    token_floats = config.num_layers * attention_floats(size, inner, config.num_heads, longest)
    if isinstance(shape, SentenceShape):
        behind = roles_cost(config, shape, size, has_crf=shape.has_predicates)
        parameters += behind.parameters + NUM_CASES * size * shape.has_cases
        head = tokens * behind.word_flops
        token_floats += behind.word_floats
    else:
        query = size * (config.pooled() is Pooling.ATTENTION)
        parameters += (size + 1) * shape.num_outputs + query
        head = 2.0 * size * shape.num_outputs + 2 * query * min(tokens, longest)
    predict = config.num_layers * tokens * (2 * block_weights + 4 * size * min(tokens, longest)) + head
    memory = text_network_bytes(
        config,
        shape,
        parameters=parameters,
        token_floats=token_floats,
        products=ATTENTION_PRODUCTS,
    )
    return network_cost(config, shape, parameters, predict, memory, own_flops=head)


RUNG = NetworkRung(
    class_name="Transformer",
    accepts=frozenset(
        {
            (InputKind.TEXT, OutputKind.LABEL),
            (InputKind.TOKENS, OutputKind.TAGS),
            (InputKind.PREDICATE, OutputKind.TAGS),
        }
    ),
    config=TransformerConfig,
    cost=cost,
    build=Transformer,
    newer=("tagging",),
)
