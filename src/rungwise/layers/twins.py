"""Twins of networks that answer faster: their linear layers are made ready once, not at every question."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["in_bf16", "linear_layers", "twin_with"]


def linear_layers(network: nn.Module) -> list[nn.Linear]:
    """All of a network that are no special kind."""
    return [module for module in network.modules() if type(module) is nn.Linear]


def twin_with(network: nn.Module, layers: Mapping[nn.Linear, nn.Module]) -> nn.Module:
    """A twin of a network, with some layers in the place of others; the rest is shared with it.

    Args:
        network: stays as it is.
        layers: of it -> what the twin has instead.
    """
    memo: dict[int, Any] = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    memo |= {id(old): new for old, new in layers.items()}
    return copy.deepcopy(network, memo).eval()


def in_bf16(network: nn.Module) -> nn.Module:
    """A twin whose linear layers have their weights in bf16: under autocast the same answers, bit for bit.

    Autocast makes them at every question: of MiniLM's answer to one text that takes a quarter.

    Args:
        network: on the CPU.
    """
    return twin_with(network, {linear: _in_bf16(linear) for linear in linear_layers(network)})


def _in_bf16(linear: nn.Linear) -> nn.Linear:
    with torch.device("meta"):
        twin = nn.Linear(linear.in_features, linear.out_features, bias=linear.bias is not None)
    twin.weight = _rounded(linear.weight)
    if linear.bias is not None:
        twin.bias = _rounded(linear.bias)
    return twin


def _rounded(weights: Tensor) -> nn.Parameter:
    return nn.Parameter(weights.detach().bfloat16(), requires_grad=False)
