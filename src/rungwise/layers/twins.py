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


class _PackedLinear(nn.Module):
    """x (…, K) -> (…, N) bf16, as the linear layer that it was made of under autocast, but for the order of sums."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias  # for networks that read them
        weight = linear.weight.detach().bfloat16().contiguous()
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight, None)  # in the kernel's own layout
        self._bias = None if linear.bias is None else linear.bias.detach().bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = torch.ops.mkldnn._linear_pointwise(
            x.bfloat16(), self._packed, self._bias, "none", [], ""
        )
        return made


def in_bf16(network: nn.Module) -> nn.Module:
    """A twin whose linear layers have their weights in bf16 and as oneDNN's kernel wants them: autocast's answers.

    Autocast rounds the weights at every question, and the kernel orders them: of MiniLM's answer to one text that takes
    a quarter.

    Args:
        network: on a CPU with bf16; stays as it is.
    """
    try:
        return twin_with(network, {linear: _PackedLinear(linear) for linear in linear_layers(network)})
    except (RuntimeError, AttributeError):  # a PyTorch without these kernels
        return network
