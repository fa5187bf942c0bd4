"""BERT: a Transformer encoder that was pretrained on much text, tuned to the task.

Idea:
    Learn a language first, from text without labels, by guessing words that were masked; then a task, from a few
    thousand labels. `pretrained` names the weights; without any it begins from random ones, and is a Transformer.
Formula:
    x = norm(E[token] + P[position] + S[0]); num_layers times x ← norm(x + attention(x)),
    x ← norm(x + W₂ φ(W₁ x)); p = softmax(V pool(x) + c).
Source:
    Devlin et al. (2019), BERT: Pre-training of Deep Bidirectional Transformers, NAACL,
    https://arxiv.org/abs/1810.04805; RoBERTa: Liu et al. (2019), https://arxiv.org/abs/1907.11692.
Deviations:
    The first token goes on through a layer of its own, as in the paper, where the pretrained weights are tuned; else
    the mean of the tokens does, which sentence encoders are trained for. The head is fitted before the rest learns
    (Kumar et al. 2022, https://arxiv.org/abs/2202.10054). Where texts have one label, embeddings and the first sixth of
    the blocks keep their weights (Lee et al. 2019, https://arxiv.org/abs/1911.03090). A long text is read in parts.
    The size, unless weights decide it, is BERT-mini's (Turc et al. 2019, https://arxiv.org/abs/1908.08962).
Cost:
    num_layers · (8 C² + 4 C · intermediate_size) a token, and 4 C T² a text and layer.
Wins:
    With pretrained weights, nearly always, and most where labels are few.
Loses:
    In cost, by orders of magnitude, to linear models; without pretrained weights to nearly everything.
"""

# B texts, T tokens, C hidden_size

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.attention import padding_bias
from rungwise.layers.dropout import Dropout
from rungwise.layers.encoder import ASKED_TOKENS, Activation, EncoderBlock
from rungwise.layers.marks import NUM_CASES, Marks
from rungwise.layers.sequence import Pool, Pooling, real_steps
from rungwise.preprocessing.text_settings import PooledNetworkConfig
from rungwise.rung import Cost, NetworkRung, Published, SentenceShape, TextShape, Weights
from rungwise.rungs._bert_names import (
    ACTIVATIONS,
    SIZES,
    Layout,
    bert_weights,
    bert_weights_for_others,
    decided_by,
)
from rungwise.rungs._memory import ATTENTION_PRODUCTS, attention_floats, network_cost, text_network_bytes
from rungwise.rungs._roles import role_layer, roles_cost, tag_layer
from rungwise.settings import PretrainableConfig, RolesConfig, Tuning, UnlabeledConfig

__all__ = ["BERT", "RUNG", "BERTConfig", "Layout"]


_FIRST_POSITION = {Layout.BERT: 0, Layout.ROBERTA: 2}
"""RoBERTa counts on from the number of its padding token, 1."""

_STD = 0.02
"""Of the weights of embeddings, at random."""

_MARK_STD = 0.05
"""Of what words are told: as large as pretrained vectors of tokens."""


@dataclass(frozen=True, kw_only=True)
class BERTConfig(PretrainableConfig, UnlabeledConfig, RolesConfig, PooledNetworkConfig):
    """The network's settings; with pretrained weights, these decide the sizes.

    Attributes:
        layout: whose network it is.
        hidden_size: channels of a token.
        num_layers: blocks of attention and feed-forward.
        num_heads: of attention, a divisor of `hidden_size`.
        intermediate_size: channels inside the feed-forward layers.
        num_positions: places that have a vector.
        num_segments: kinds of segments that have a vector, of which the first is used.
        activation: of the feed-forward layers.
        norm_eps: added to the variance in normalisation.
        pooling: what of the tokens goes on, where a text has one label; "first" through a layer of its own. None for
            "first" where pretrained weights are tuned, else "mean".
        frozen_layers: blocks, from the first on, that keep their pretrained weights while the rest learns, with the
            embeddings; 0 for none of either. None for a sixth of them where texts have one label, else 0.
        capitals: whether words are told how they are written where their pieces don't know, as those of uncased
            weights; without, `AutoModelForTokenClassification` loads what is saved.
        dropout: share of each layer's output, of attention and of the pooled tokens set to zero in training.
    """

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 5e-4
    tuning_rate: float | None = None
    tuning_epochs: int = 6
    layout: Layout = Layout.BERT
    hidden_size: int = 256
    num_layers: int = 4
    num_heads: int = 4
    intermediate_size: int = 1024
    num_positions: int = 512
    num_segments: int = 2
    activation: Activation = Activation.GELU
    norm_eps: float = 1e-12
    frozen_layers: int | None = None
    capitals: bool = True
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Checks the sizes too.

        Raises:
            ConfigError: if a text's tokens have fewer places than `max_tokens`, or norm or frozen blocks can't be.
        """
        super().__post_init__()
        places = self.num_positions - _FIRST_POSITION[self.layout]
        if self.max_tokens > places:
            raise ConfigError(f"max_tokens={self.max_tokens}: there are places for {places} tokens alone.")
        if not 0 < self.norm_eps < 1:
            raise ConfigError(f"norm_eps={self.norm_eps}: must be above 0 and below 1.")
        if self.frozen_layers is not None and self.frozen_layers < 0:
            raise ConfigError(f"frozen_layers={self.frozen_layers}: must be at least 0.")

    def check_kind(self, kind: OutputKind) -> None:
        """Sees that blocks are frozen only where there are weights to keep.

        Raises:
            ConfigError: if nothing pretrained is tuned, or as `PooledNetworkConfig`.
        """
        super().check_kind(kind)
        if self.frozen_layers is not None and (self.pretrained is None or self.tuning is Tuning.HEAD):
            raise ConfigError(
                f"frozen_layers={self.frozen_layers}: without pretrained weights that are tuned nothing is kept; "
                "leave it out."
            )

    def pooled(self) -> Pooling:
        """The pooling as it is built."""
        is_tuned = self.pretrained is not None and self.tuning is Tuning.ALL
        return self.pooling or (Pooling.FIRST if is_tuned else Pooling.MEAN)


def adopt(config: BERTConfig, said: Mapping[str, Any]) -> BERTConfig:
    """The settings, with the sizes that pretrained weights have.

    Args:
        config: as the user has it.
        said: Hugging Face's `config.json`.

    Raises:
        ConfigError: if it is another kind of network, or a setting says otherwise what the weights decide.
    """
    decided = decided_by(f"pretrained={config.pretrained!r}", said)
    defaults = {field.name: field.default for field in fields(config)}
    against = [
        f"{name}={getattr(config, name)}"
        for name, value in decided.items()
        if getattr(config, name) not in (defaults[name], value)
    ]
    if against:
        raise ConfigError(f"{', '.join(against)}: the pretrained weights decide this; leave it out.")
    places = decided["num_positions"] - _FIRST_POSITION[decided["layout"]]
    if config.max_tokens == defaults["max_tokens"]:
        decided["max_tokens"] = min(config.max_tokens, places)
    return replace(config, **decided, pooling=config.pooled())


class BERT(nn.Module):
    """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, num_outputs), or scores (S, num_outputs) of words' tags."""

    asked_tokens = ASKED_TOKENS

    def __init__(self, config: BERTConfig, shape: TextShape) -> None:
        super().__init__()
        self.first_position = _FIRST_POSITION[config.layout]
        size = config.hidden_size
        self.embedding = nn.Embedding(shape.vocab_size, size)
        nn.init.normal_(self.embedding.weight, std=_STD)
        self.positions = nn.Parameter(torch.randn(config.num_positions, size) * _STD)
        self.segments = nn.Parameter(torch.randn(config.num_segments, size) * _STD)
        self.norm = nn.LayerNorm(size, eps=config.norm_eps)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            EncoderBlock(
                size,
                config.num_heads,
                config.intermediate_size,
                config.dropout,
                pre_norm=False,
                activation=config.activation,
                norm_eps=config.norm_eps,
                inner_dropout=0.0,
            )
            for _ in range(config.num_layers)
        )
        self.marks: Marks | None = None
        self.pooler: nn.Linear | None = None
        if isinstance(shape, SentenceShape):
            self.tagging = tag_layer(config, shape)
            self.marks = Marks(size, _MARK_STD) if _is_told_cases(config, shape) else None
            self.roles = role_layer(config, shape, size, config.dropout)
            size = self.roles.num_features
        else:
            self.pool = Pool(config.pooled(), size)
            self.pooler = nn.Linear(size, size) if config.pooled() is Pooling.FIRST else None
        self.linear = nn.Linear(size, shape.num_outputs)

    def encode(
        self, tokens: Tensor, lengths: Tensor, cases: Tensor | None = None, *, is_first_alone: bool = False
    ) -> Tensor:
        """As `forward`, but for all that is behind the last block -> its output (B, T, C).

        If the first token alone goes on, that of it (B, 1, C).
        """
        num_tokens = tokens.shape[1]
        bias = padding_bias(real_steps(lengths, num_tokens))
        positions = self.positions[self.first_position : self.first_position + num_tokens]
        x: Tensor = self.embedding(tokens) + (positions + self.segments[0])  # (B, T, C)
        if self.marks is not None and cases is not None:  # there are none where tokens are guessed
            x = self.marks(x, cases)
        x = self.dropout(self.norm(x))
        *blocks, last_block = self.blocks
        for block in blocks:
            x = block(x, bias)
        last: Tensor = last_block(x, bias, is_first_alone=is_first_alone)
        return last

    def features(
        self,
        tokens: Tensor,
        lengths: Tensor,
        cases: Tensor | None = None,
        sentences: Tensor | None = None,
        predicates: Tensor | None = None,
    ) -> Tensor:
        """As `forward`, but for the last layer -> (B, C), or a row for each word."""
        if cases is not None:
            is_first = cases > 0
            states = self.encode(tokens, lengths, cases)[is_first]
            words: Tensor = self.roles(states, is_first.sum(1), sentences, predicates)
            return words
        states = self.encode(tokens, lengths, is_first_alone=self.pooler is not None)
        pooled: Tensor = self.pool(states, lengths)
        if self.pooler is None:
            return pooled
        return torch.tanh(self.pooler(pooled))

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
        features = self.features(tokens, lengths, cases, sentences, predicates)
        logits: Tensor = self.linear(self.dropout(features))
        return logits


def _is_told_cases(config: BERTConfig, shape: SentenceShape) -> bool:
    """Whether the pieces of words are told how these are written (`Marks`)."""
    return shape.has_cases and config.capitals


def _num_frozen(config: BERTConfig, shape: TextShape) -> int:
    if config.pretrained is None or config.tuning is Tuning.HEAD:
        return 0
    usual = 0 if isinstance(shape, SentenceShape) else config.num_layers // 6
    return min(config.num_layers, usual if config.frozen_layers is None else config.frozen_layers)


def _frozen(config: BERTConfig, shape: TextShape) -> tuple[str, ...]:
    """The names of the parts that keep their pretrained weights."""
    blocks = [f"blocks.{number}" for number in range(_num_frozen(config, shape))]
    return ("embedding", "positions", "segments", "norm", *blocks) if blocks else ()


def cost(config: BERTConfig, shape: TextShape) -> Cost:
    """The blocks' products, attention at the mean length, the pooler and the linear layer."""
    size, inner, tokens = config.hidden_size, config.intermediate_size, shape.mean_tokens
    block_weights = 4 * size * size + 2 * size * inner
    block_others = 4 * size + inner + size + 4 * size  # biases and norms
    parameters: float = (shape.vocab_size + config.num_positions + config.num_segments + 2) * size
    parameters += config.num_layers * (block_weights + block_others)
    longest = min(shape.max_tokens, config.max_tokens)
    num_frozen = _num_frozen(config, shape)
    token_floats = (config.num_layers - num_frozen) * attention_floats(size, inner, config.num_heads, longest)
    if isinstance(shape, SentenceShape):
        behind = roles_cost(config, shape, size, has_crf=shape.has_predicates)
        parameters += behind.parameters + NUM_CASES * size * _is_told_cases(config, shape)
        head = tokens * behind.word_flops
        token_floats += behind.word_floats
    else:
        pooler = size * (size + 1) * (config.pooled() is Pooling.FIRST)
        parameters += pooler + size * (config.pooled() is Pooling.ATTENTION) + (size + 1) * shape.num_outputs
        head = 2.0 * pooler + 2 * size * shape.num_outputs
    block_flops = tokens * (2 * block_weights + 4 * size * min(tokens, longest))
    predict = config.num_layers * block_flops + head
    memory = text_network_bytes(
        config,
        shape,
        parameters=parameters,
        token_floats=token_floats,
        products=ATTENTION_PRODUCTS,
    )
    kept = num_frozen * block_flops
    return network_cost(config, shape, parameters, predict, memory, own_flops=head, kept_flops=kept)


def _to_transformers(config: BERTConfig, weights: Weights) -> Weights:
    """Our names -> those of `transformers`' classifiers."""
    return bert_weights_for_others(weights, config.layout.value, has_pooler=config.layout is Layout.BERT)


def _described(config: BERTConfig, shape: TextShape) -> dict[str, Any]:
    """Hugging Face's `config.json`."""
    stem = {Layout.BERT: "Bert", Layout.ROBERTA: "Roberta"}[config.layout]
    kind = "ForSequenceClassification" if config.pooled() is Pooling.FIRST else "Model"
    if isinstance(shape, SentenceShape):
        is_bare = shape.has_predicates or _is_told_cases(
            config, shape
        )  # which `transformers` has no layers for
        kind = "Model" if is_bare else "ForTokenClassification"
    activation = next(theirs for theirs, ours in ACTIVATIONS.items() if ours is config.activation)
    sizes = {theirs: getattr(config, ours) for ours, theirs in SIZES.items()}
    return {
        "model_type": config.layout.value,
        "architectures": [stem + kind],
        **sizes,
        "vocab_size": shape.vocab_size,
        "hidden_act": activation,
        "layer_norm_eps": config.norm_eps,
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": config.dropout,
        "pad_token_id": 1 if config.layout is Layout.ROBERTA else 0,
        "position_embedding_type": "absolute",
    }


RUNG = NetworkRung(
    class_name="BERT",
    accepts=frozenset(
        {
            (InputKind.TEXT, OutputKind.LABEL),
            (InputKind.TOKENS, OutputKind.TAGS),
            (InputKind.PREDICATE, OutputKind.TAGS),
        }
    ),
    config=BERTConfig,
    cost=cost,
    on_request=True,
    build=BERT,
    head="linear",
    optional=("pool", "pooler", "marks", "roles", "tagging"),
    late=("roles", "tagging"),
    newer=("tagging",),
    table="embedding",
    frozen=_frozen,
    adopt=adopt,
    layouts={"transformers": bert_weights},
    published=Published(weights=_to_transformers, config=_described),
)
