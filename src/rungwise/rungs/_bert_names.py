"""What `transformers` calls the weights of BERT and RoBERTa, and what we call them."""

from __future__ import annotations

from rungwise.rung import Weights
from rungwise.rungs._weights import joined_heads, renamed, split_heads

__all__ = ["bert_weights", "bert_weights_for_others"]

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
