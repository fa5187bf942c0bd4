"""Weights of other libraries under a network's own names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rungwise.rung import Weights

__all__ = ["renamed"]


def renamed(weights: Weights, rules: Mapping[str, str]) -> Weights:
    """The same tensors, each name changed by all the rules in turn: regular expressions -> what takes their place."""
    changed = {}
    for name, tensor in weights.items():
        for pattern, replacement in rules.items():
            name = re.sub(pattern, replacement, name)
        changed[name] = tensor
    return changed
