"""Weights of other libraries under a network's own names."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from rungwise.rung import Weights

__all__ = ["joined_heads", "renamed", "split_heads"]


def renamed(weights: Weights, rules: Mapping[str, str]) -> Weights:
    """The same tensors, each name changed by all the rules in turn: regular expressions -> what takes their place."""
    changed = {}
    for name, tensor in weights.items():
        for pattern, replacement in rules.items():
            name = re.sub(pattern, replacement, name)
        changed[name] = tensor
    return changed


def joined_heads(weights: Weights, parts: tuple[str, str, str]) -> Weights:
    """The same, with attention's projections of query, key and value in one, as `layers.attention.SelfAttention` has.

    Args:
        weights: names -> tensors, with `….attention.PART.…` among them.
        parts: what the three are called.
    """
    joined = {}
    for name, tensor in weights.items():
        found = re.fullmatch(r"(.+\.attention\.)(\w+)(\.\w+)", name)
        if found is None or found[2] not in parts:
            joined[name] = tensor
        elif found[2] == parts[0]:
            three = [weights[f"{found[1]}{part}{found[3]}"] for part in parts]
            joined[f"{found[1]}query_key_value{found[3]}"] = torch.cat(three)
    return joined


def split_heads(weights: Weights, parts: tuple[str, str, str]) -> Weights:
    """What `joined_heads` made of, again."""
    apart = {}
    for name, tensor in weights.items():
        if ".query_key_value." not in name:
            apart[name] = tensor
            continue
        for part, third in zip(parts, tensor.chunk(3), strict=True):
            apart[name.replace("query_key_value", part)] = third.clone()
    return apart
