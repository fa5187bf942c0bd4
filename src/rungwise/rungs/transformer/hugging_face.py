"""Any encoder or decoder of the `transformers` library, tuned to the task.

Idea:
    What isn't one of our own networks: DistilBERT, ELECTRA, ALBERT, DeBERTa, MPNet, ModernBERT, GPT-2 and others, from
    a folder or by its name on the hub. The mean of its last states goes into a linear layer; where each word has a tag,
    the state of the word's first piece does.
Formula:
    p = softmax(V · mean_t(states(x)_t) + c); of a word's tag p_w = softmax(V · states(x)_first(w) + c).
Source:
    Wolf et al. (2020), Transformers: State-of-the-Art Natural Language Processing, EMNLP,
    https://arxiv.org/abs/1910.03771.
Deviations:
    The network is that library's, without its own head; code that comes with a checkpoint is never run. The head is
    fitted before the rest learns, as `bert`'s. With a predicate a word's state is joined with the predicate's, as in
    `bert`; tags form the best legal sequence.
Cost:
    Twice the weights behind the embeddings a token, and attention.
Wins:
    Where a checkpoint knows the language or the domain, and isn't of BERT's or RoBERTa's kind, which are faster as
    `bert`.
Loses:
    In cost to everything else. A decoder, which sees only what is to the left, loses most where words are tagged.
"""

# B texts, T tokens, C channels of a state, E channels of an embedding, S words

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.dropout import Dropout
from rungwise.layers.encoder import ASKED_TOKENS
from rungwise.layers.marks import NUM_CASES, Marks
from rungwise.layers.sequence import Pool, Pooling, real_steps
from rungwise.preprocessing.text_settings import PooledNetworkConfig
from rungwise.rung import Cost, NetworkRung, SentenceShape, TextShape, Weights
from rungwise.rungs._memory import ATTENTION_PRODUCTS, attention_floats, network_cost, text_network_bytes
from rungwise.rungs._roles import role_layer, roles_cost, tag_layer
from rungwise.settings import PretrainableConfig, RolesConfig

__all__ = ["RUNG", "HuggingFace", "HuggingFaceConfig"]

_SMALL = '{"model_type": "distilbert", "dim": 128, "n_layers": 2, "n_heads": 4, "hidden_dim": 256}'

_LONGEST = 2**16
"""Characters of a description."""

_SPARE_POSITIONS = 2
"""Places that networks of RoBERTa's kind have and don't use."""

_NESTED = ("rope_parameters", "rope_scaling", "layer_types")
"""Entries of a description that may hold others; elsewhere these would be whole networks."""

_LEFT_OUT = {
    "architectures",
    "attn_implementation",
    "auto_map",
    "dtype",
    "experts_implementation",
    "id2label",
    "label2id",
    "quantization_config",
    "task_specific_params",
    "torch_dtype",
    "transformers_version",
    "use_cache",
}
"""Entries that say nothing of the network, or name code to run, and those that begin with an underscore."""

_MARK_STD = 0.05
"""Of what words are told: as large as pretrained vectors of tokens."""


@dataclass(frozen=True, kw_only=True)
class HuggingFaceConfig(PretrainableConfig, RolesConfig, PooledNetworkConfig):
    """The network's settings.

    Attributes:
        description: Hugging Face's `config.json` as a text, of a network that begins from random weights; pretrained
            ones bring their own.
        dropout: share of the states that go on set to zero in training; the network's own is in its description.
    """

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 5e-4
    tuning_rate: float | None = None
    tuning_epochs: int = 8
    description: str = _SMALL
    dropout: float = 0.1


def adopt(config: HuggingFaceConfig, said: Mapping[str, Any]) -> HuggingFaceConfig:
    """The settings, with the network that pretrained weights are of.

    Args:
        config: as the user has it.
        said: Hugging Face's `config.json`.

    Raises:
        ConfigError: if it is none of a network over tokens, or a description was given as well.
    """
    name = f"pretrained={config.pretrained!r}"
    if config.description != HuggingFaceConfig.description:
        raise ConfigError(
            f"description: the pretrained weights of {config.pretrained!r} bring their own; leave it out."
        )
    if not isinstance(said.get("model_type"), str):
        raise ConfigError(
            f"{name}: it has no config.json with a model_type; name a folder of Hugging Face's, or of the hub."
        )
    size = said.get("vocab_size")
    if type(size) is not int or size < 1:
        raise ConfigError(
            f"{name}: its config.json has vocab_size={size!r}; a network over tokens has a whole number."
        )
    kept = {key: value for key, value in said.items() if key not in _LEFT_OUT and not key.startswith("_")}
    places = said.get("max_position_embeddings") or said.get("n_positions")
    longest = config.max_tokens
    if isinstance(places, int) and places > _SPARE_POSITIONS:
        longest = min(longest, places - _SPARE_POSITIONS)
    changed = replace(config, description=json.dumps(kept), vocab_size=size, max_tokens=longest)
    _described(changed, size)
    return changed


def _library() -> Any:
    try:
        import transformers
    except ImportError:
        raise ConfigError(
            "the rung `hugging-face` takes the `transformers` library: `pip install 'rungwise[transformers]'`."
        ) from None
    return transformers


def _described(config: HuggingFaceConfig, vocab_size: int) -> Any:
    """That library's config of a described network; only networks that it has itself, and none that reads files.

    Raises:
        ConfigError: if there is no such network over tokens.
    """
    from_library = _library()
    try:
        if len(config.description) > _LONGEST:
            raise ValueError(f"it has more than {_LONGEST} characters")
        said = json.loads(config.description)
        kind = said.pop("model_type")
        known = from_library.models.auto.modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
        odd = [
            key
            for key, value in said.items()
            if key in _LEFT_OUT or key.startswith("_") or (isinstance(value, dict) and key not in _NESTED)
        ]
        if kind not in known or odd:
            what = (
                f"model_type {kind!r} isn't known" if kind not in known else f"{', '.join(odd)} can't be used"
            )
            raise ValueError(what)
        made = from_library.AutoConfig.for_model(kind, **{**said, "vocab_size": vocab_size})
        pad = getattr(made, "pad_token_id", None)
        if pad is not None and not 0 <= pad < vocab_size:
            raise ValueError(f"pad_token_id={pad} is none of its {vocab_size} tokens")
        if made.is_encoder_decoder:
            raise ValueError(f"{kind!r} is an encoder with a decoder")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"the description of a network of `transformers` can't be used: {str(error)[:300]}. It must be the "
            "config.json of an encoder or a decoder over tokens that the library has itself."
        ) from None
    return made


def _network(config: HuggingFaceConfig, vocab_size: int) -> nn.Module:
    model = _library().AutoModel.from_config(_described(config, vocab_size), attn_implementation="eager")
    assert isinstance(model, nn.Module)
    return model


class HuggingFace(nn.Module):
    """Tokens (B, T) int64, lengths (B,) int64 -> logits (B, num_outputs), or scores (S, num_outputs) of words' tags."""

    asked_tokens = ASKED_TOKENS

    def __init__(self, config: HuggingFaceConfig, shape: TextShape) -> None:
        super().__init__()
        self.model = _network(config, shape.vocab_size)
        size = _hidden_size(self.model)
        self.marks: Marks | None = None
        if isinstance(shape, SentenceShape):
            self.tagging = tag_layer(config, shape)
            if _is_told_cases(self.model, shape):
                self.marks = Marks(_embedding(self.model).embedding_dim, _MARK_STD)
            self.roles = role_layer(config, shape, size, config.dropout)
            size = self.roles.num_features
        else:
            self.pool = Pool(config.pooled(), size)
        self.dropout = Dropout(config.dropout)
        self.linear = nn.Linear(size, shape.num_outputs)

    def encode(self, tokens: Tensor, lengths: Tensor, cases: Tensor | None = None) -> Tensor:
        """As `forward`, but for all that is behind the last states (B, T, C)."""
        mask = real_steps(lengths, tokens.shape[1]).long()
        seen = {"input_ids": tokens}
        if self.marks is not None:
            seen = {"inputs_embeds": self.marks(_embedding(self.model)(tokens), cases)}
        states: Tensor = self.model(**seen, attention_mask=mask).last_hidden_state
        return states

    def features(
        self,
        tokens: Tensor,
        lengths: Tensor,
        cases: Tensor | None = None,
        sentences: Tensor | None = None,
        predicates: Tensor | None = None,
    ) -> Tensor:
        """As `forward`, but for the last layer -> (B, C), or a row for each word."""
        states = self.encode(tokens, lengths, cases)
        if cases is not None:
            is_first = cases > 0
            words: Tensor = self.roles(states[is_first], is_first.sum(1), sentences, predicates)
            return words
        pooled: Tensor = self.pool(states, lengths)
        return pooled

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


def _embedding(model: Any) -> Any:
    """The table that tokens are looked up in; None if there is none, or vectors can't stand in the place of tokens."""
    try:
        table = model.get_input_embeddings()
    except NotImplementedError:
        return None
    takes_vectors = "inputs_embeds" in inspect.signature(model.forward).parameters
    return table if takes_vectors and isinstance(table, nn.Embedding) else None


def _is_told_cases(model: Any, shape: SentenceShape) -> bool:
    """Whether the pieces of words are told how these are written (`Marks`)."""
    return shape.has_cases and _embedding(model) is not None


def _hidden_size(model: Any) -> int:
    return int(model.config.hidden_size)


def cost(config: HuggingFaceConfig, shape: TextShape) -> Cost:
    """Twice the weights behind the embeddings a token, and attention, of the network as it is built without memory."""
    with torch.device("meta"):
        model: Any = _network(config, shape.vocab_size)
    size, tokens = _hidden_size(model), shape.mean_tokens
    looked_up = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Embedding))
    weights = sum(parameter.numel() for parameter in model.parameters())
    num_layers, num_heads = int(model.config.num_hidden_layers), int(model.config.num_attention_heads)
    longest = min(shape.max_tokens, config.max_tokens)
    parameters: float = weights
    inner = (weights - looked_up) // (2 * size * num_layers)
    token_floats = 2 * num_layers * attention_floats(size, inner, num_heads, longest)
    if isinstance(shape, SentenceShape):
        behind = roles_cost(config, shape, size, has_crf=shape.has_predicates)
        is_told = _is_told_cases(model, shape)
        parameters += behind.parameters + (NUM_CASES * _embedding(model).embedding_dim if is_told else 0)
        head = tokens * behind.word_flops
        token_floats += behind.word_floats
    else:
        parameters += size * (config.pooled() is Pooling.ATTENTION) + (size + 1) * shape.num_outputs
        head = 2.0 * size * shape.num_outputs
    predict = tokens * (2 * (weights - looked_up) + num_layers * 4 * size * min(tokens, longest)) + head
    memory = text_network_bytes(
        config,
        shape,
        parameters=parameters,
        token_floats=token_floats,
        products=ATTENTION_PRODUCTS,
    )
    return network_cost(config, shape, parameters, predict, memory, own_flops=head)


def _bare(weights: Weights) -> Weights:
    """The names of the library's encoders -> ours."""
    return {f"model.{name}": tensor for name, tensor in weights.items()}


def _with_head(weights: Weights) -> Weights:
    """The names of the library's networks with heads, which put the encoder's name before its own -> ours."""
    stems = [name.partition(".")[0] for name in weights]
    stem = max(stems, key=stems.count, default="") + "."
    return {f"model.{name.removeprefix(stem)}": t for name, t in weights.items() if name.startswith(stem)}


RUNG = NetworkRung(
    class_name="HuggingFace",
    accepts=frozenset(
        {
            (InputKind.TEXT, OutputKind.LABEL),
            (InputKind.TOKENS, OutputKind.TAGS),
            (InputKind.PREDICATE, OutputKind.TAGS),
        }
    ),
    config=HuggingFaceConfig,
    cost=cost,
    on_request=True,
    build=HuggingFace,
    head="linear",
    optional=("pool", "model.pooler", "marks", "roles", "tagging"),
    late=("roles", "tagging"),
    newer=("tagging",),
    adopt=adopt,
    layouts={"bare": _bare, "with head": _with_head},
)
