"""What `transformers` calls the weights and sizes of BERT and RoBERTa, and what we call them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from rungwise.errors import ConfigError
from rungwise.layers.encoder import Activation
from rungwise.rung import Weights
from rungwise.rungs._weights import joined_heads, renamed, split_heads

__all__ = ["ACTIVATIONS", "SIZES", "Layout", "bert_weights", "bert_weights_for_others", "decided_by"]


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

ACTIVATIONS = {
    "gelu": Activation.GELU,
    "relu": Activation.RELU,
    "gelu_new": Activation.GELU_TANH,
    "gelu_pytorch_tanh": Activation.GELU_TANH,
}

SIZES = {
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

_OLDER = {r"\.gamma$": ".weight", r"\.beta$": ".bias"}
"""The first checkpoints' names of a norm's parameters."""

_THEIRS = {
    r"^embeddings\.word_embeddings\.": "embedding.",
    r"^embeddings\.position_embeddings\.weight$": "positions",
    r"^embeddings\.token_type_embeddings\.weight$": "segments",
    r"^embeddings\.LayerNorm\.": "norm.",
    r"^encoder\.layer\.": "blocks.",
    r"\.attention\.self\.(query|key|value)\.": r".attention.\1.",
    r"\.attention\.output\.dense\.": ".attention.output.",
    r"\.attention\.output\.LayerNorm\.": ".attention_norm.",
    r"\.intermediate\.dense\.": ".expand.",
    r"(blocks\.\d+)\.output\.dense\.": r"\1.contract.",
    r"(blocks\.\d+)\.output\.LayerNorm\.": r"\1.feed_forward_norm.",
    r"^(pooler|classifier)\.dense\.": "pooler.",
    r"^classifier\.(out_proj\.)?": "linear.",
}

_OURS = {
    r"^embedding\.": "embeddings.word_embeddings.",
    r"^positions$": "embeddings.position_embeddings.weight",
    r"^segments$": "embeddings.token_type_embeddings.weight",
    r"^norm\.": "embeddings.LayerNorm.",
    r"^blocks\.": "encoder.layer.",
    r"\.attention\.(query|key|value)\.": r".attention.self.\1.",
    r"(layer\.\d+\.attention)\.output\.": r"\1.output.dense.",
    r"(layer\.\d+)\.attention_norm\.": r"\1.attention.output.LayerNorm.",
    r"\.expand\.": ".intermediate.dense.",
    r"(layer\.\d+)\.contract\.": r"\1.output.dense.",
    r"(layer\.\d+)\.feed_forward_norm\.": r"\1.output.LayerNorm.",
}


_HEADS = ("query", "key", "value")


def bert_weights(weights: Weights) -> Weights:
    """The names of `transformers.BertModel`, `RobertaModel` and their classifiers -> ours."""
    bare = renamed(weights, {r"^(bert|roberta)\.": "", **_OLDER})
    return joined_heads(renamed(bare, _THEIRS), _HEADS)


def bert_weights_for_others(weights: Weights, prefix: str, *, has_pooler: bool) -> Weights:
    """Our names -> those of `transformers`' classifiers.

    Args:
        weights: of our network.
        prefix: what stands before the encoder's names.
        has_pooler: whether the layer behind the first token is the encoder's, and not the head's.
    """
    has_dense = not has_pooler and any(name.startswith("pooler.") for name in weights)
    head = "classifier.out_proj." if has_dense else "classifier."
    dense = f"{prefix}.pooler.dense." if has_pooler else "classifier.dense."
    named = {}
    for name, tensor in renamed(split_heads(weights, _HEADS), _OURS).items():
        if name.startswith("linear."):
            name = head + name.removeprefix("linear.")
        elif name.startswith("pooler."):
            name = dense + name.removeprefix("pooler.")
        else:
            name = f"{prefix}.{name}"
        named[name] = tensor
    return named


def decided_by(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Hugging Face's `config.json` -> the settings of our network that it decides.

    Args:
        name: of the weights, in words.
        said: the file.

    Raises:
        ConfigError: if it is another kind of network.
    """
    kind = said.get("model_type")
    if not isinstance(kind, str) or kind not in _LAYOUTS:
        raise ConfigError(
            f"{name}: its config.json has the model_type {kind!r}; this rung takes {', '.join(_LAYOUTS)}. The rung "
            "`hugging-face` takes others."
        )
    activation = ACTIVATIONS.get(str(said.get("hidden_act", "gelu")))
    positions = said.get("position_embedding_type", "absolute")
    if activation is None or positions != "absolute":
        raise ConfigError(
            f"{name}: its config.json has hidden_act={said.get('hidden_act')!r} and "
            f"position_embedding_type={positions!r}; allowed are {', '.join(ACTIVATIONS)} and 'absolute'."
        )
    decided: dict[str, Any] = {ours: said.get(theirs) for ours, theirs in SIZES.items()}
    for setting, size in decided.items():
        if type(size) is not int or not 1 <= size <= _LARGEST:
            raise ConfigError(
                f"{name}: its config.json has {SIZES[setting]}={size!r}; it must be a whole number from 1 to "
                f"{_LARGEST}."
            )
    norm_eps = said.get("layer_norm_eps", 1e-12)
    if not isinstance(norm_eps, float) or not 0 < norm_eps < 1:
        raise ConfigError(
            f"{name}: its config.json has layer_norm_eps={norm_eps!r}; it must be a number above 0 and below 1."
        )
    return {**decided, "layout": _LAYOUTS[kind], "activation": activation, "norm_eps": norm_eps}
