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
    The first token goes on through a layer of its own, as in the paper, where all pretrained weights are tuned; else
    the mean of the tokens does, which sentence encoders are trained for. The head is fitted before the rest learns
    (Kumar et al. 2022, https://arxiv.org/abs/2202.10054). A long text is read in parts. The size, unless weights decide
    it, is BERT-mini's (Turc et al. 2019, https://arxiv.org/abs/1908.08962).
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
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.attention import padding_bias
from rungwise.layers.crf import TagSoftmax
from rungwise.layers.dropout import Dropout
from rungwise.layers.encoder import Activation, EncoderBlock
from rungwise.layers.marks import NUM_CASES, Marks
from rungwise.layers.sequence import Pool, Pooling, real_steps
from rungwise.preprocessing.text_settings import PooledNetworkConfig
from rungwise.rung import Cost, NetworkRung, Published, SentenceShape, TextShape, Weights
from rungwise.rungs._bert_names import bert_weights, bert_weights_for_others
from rungwise.rungs._memory import ATTENTION_PRODUCTS, attention_floats, network_cost, text_network_bytes
from rungwise.rungs._roles import role_layer, roles_cost
from rungwise.settings import PretrainableConfig, RolesConfig, Tuning, UnlabeledConfig

__all__ = ["BERT", "RUNG", "BERTConfig", "Layout"]


class Layout(StrEnum):
    """Whose network it is: they differ in where positions begin, and in the head."""

    BERT = "bert"
    ROBERTA = "roberta"


_LAYOUTS = {
    "bert": Layout.BERT,
    "roberta": Layout.ROBERTA,
    "xlm-roberta": Layout.ROBERTA,
    "camembert": Layout.ROBERTA,
}
"""Hugging Face's `model_type` → the layout."""

_FIRST_POSITION = {Layout.BERT: 0, Layout.ROBERTA: 2}
"""RoBERTa counts on from the number of its padding token, 1."""

_ACTIVATIONS = {
    "gelu": Activation.GELU,
    "relu": Activation.RELU,
    "gelu_new": Activation.GELU_TANH,
    "gelu_pytorch_tanh": Activation.GELU_TANH,
}

_SIZES = {
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "intermediate_size": "intermediate_size",
    "num_positions": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}
"""Our setting → Hugging Face's."""

_LARGEST = 2**24
"""Of any of these sizes."""

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
            "first" where all pretrained weights are tuned, else "mean".
        capitals: whether words are told how they are written where their pieces don't know, as those of uncased
            weights; without, `AutoModelForTokenClassification` loads what is saved.
        dropout: share of each layer's output, of attention and of the pooled tokens set to zero in training.
    """

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 5e-4
    tuning_rate: float = 5e-5
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
    capitals: bool = True
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Checks the sizes too.

        Raises:
            ConfigError: if a text's tokens have fewer places than `max_tokens`, or the norm can't be.
        """
        super().__post_init__()
        places = self.num_positions - _FIRST_POSITION[self.layout]
        if self.max_tokens > places:
            raise ConfigError(f"max_tokens={self.max_tokens}: there are places for {places} tokens alone.")
        if not 0 < self.norm_eps < 1:
            raise ConfigError(f"norm_eps={self.norm_eps}: must be above 0 and below 1.")

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
    kind = said.get("model_type")
    if not isinstance(kind, str) or kind not in _LAYOUTS:
        raise ConfigError(
            f"pretrained={config.pretrained!r}: its config.json has the model_type {kind!r}; this rung takes "
            f"{', '.join(_LAYOUTS)}. The rung `hugging-face` takes others."
        )
    activation = _ACTIVATIONS.get(str(said.get("hidden_act", "gelu")))
    positions = said.get("position_embedding_type", "absolute")
    if activation is None or positions != "absolute":
        raise ConfigError(
            f"pretrained={config.pretrained!r}: its config.json has hidden_act={said.get('hidden_act')!r} and "
            f"position_embedding_type={positions!r}; allowed are {', '.join(_ACTIVATIONS)} and 'absolute'."
        )
    decided: dict[str, Any] = {ours: said.get(theirs) for ours, theirs in _SIZES.items()}
    for name, size in decided.items():
        if type(size) is not int or not 1 <= size <= _LARGEST:
            raise ConfigError(
                f"pretrained={config.pretrained!r}: its config.json has {_SIZES[name]}={size!r}; it must be a whole "
                f"number from 1 to {_LARGEST}."
            )
    norm_eps = said.get("layer_norm_eps", 1e-12)
    if not isinstance(norm_eps, float) or not 0 < norm_eps < 1:
        raise ConfigError(
            f"pretrained={config.pretrained!r}: its config.json has layer_norm_eps={norm_eps!r}; it must be a number "
            "above 0 and below 1."
        )
    layout = _LAYOUTS[kind]
    decided |= {"layout": layout, "activation": activation, "norm_eps": norm_eps}
    defaults = {field.name: field.default for field in fields(config)}
    against = [
        f"{name}={getattr(config, name)}"
        for name, value in decided.items()
        if getattr(config, name) not in (defaults[name], value)
    ]
    if against:
        raise ConfigError(f"{', '.join(against)}: the pretrained weights decide this; leave it out.")
    places = decided["num_positions"] - _FIRST_POSITION[layout]
    if config.max_tokens == defaults["max_tokens"]:
        decided["max_tokens"] = min(config.max_tokens, places)
    return replace(config, **decided, pooling=config.pooled())


class BERT(nn.Module):
    """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, num_outputs), or scores (S, num_outputs) of words' tags."""

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
            self.tagging = TagSoftmax(shape.num_outputs, config.label_smoothing)
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
        x: Tensor = self.embedding(tokens) + positions + self.segments[0]  # (B, T, C)
        if self.marks is not None and cases is not None:  # there are none where tokens are guessed
            x = self.marks(x, cases)
        x = self.dropout(self.norm(x))
        for block in self.blocks[:-1]:
            x = block(x, bias)
        last: Tensor = self.blocks[-1](x, bias, is_first_alone=is_first_alone)
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


def cost(config: BERTConfig, shape: TextShape) -> Cost:
    """The blocks' products, attention at the mean length, the pooler and the linear layer."""
    size, inner, tokens = config.hidden_size, config.intermediate_size, shape.mean_tokens
    block_weights = 4 * size * size + 2 * size * inner
    block_others = 4 * size + inner + size + 4 * size  # biases and norms
    parameters: float = (shape.vocab_size + config.num_positions + config.num_segments + 2) * size
    parameters += config.num_layers * (block_weights + block_others)
    longest = min(shape.max_tokens, config.max_tokens)
    token_floats = config.num_layers * attention_floats(size, inner, config.num_heads, longest)
    if isinstance(shape, SentenceShape):
        behind = roles_cost(config, shape, size)
        parameters += behind.parameters + NUM_CASES * size * _is_told_cases(config, shape)
        head = tokens * behind.word_flops
        token_floats += behind.word_floats
    else:
        pooler = size * (size + 1) * (config.pooled() is Pooling.FIRST)
        parameters += pooler + size * (config.pooled() is Pooling.ATTENTION) + (size + 1) * shape.num_outputs
        head = 2.0 * pooler + 2 * size * shape.num_outputs
    predict = config.num_layers * tokens * (2 * block_weights + 4 * size * min(tokens, longest)) + head
    memory = text_network_bytes(
        config,
        shape,
        parameters=parameters,
        token_floats=token_floats,
        products=ATTENTION_PRODUCTS,
    )
    return network_cost(config, shape, parameters, predict, memory, own_flops=head)


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
    activation = next(theirs for theirs, ours in _ACTIVATIONS.items() if ours is config.activation)
    sizes = {theirs: getattr(config, ours) for ours, theirs in _SIZES.items()}
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
    optional=("pool", "pooler", "marks", "roles"),
    late=("roles",),
    table="embedding",
    adopt=adopt,
    layouts={"transformers": bert_weights},
    published=Published(weights=_to_transformers, config=_described),
)
