"""Linear layers in whole numbers of eight bits, for prediction alone: a quarter of the bytes, and faster.

Weights are rounded once, an output channel by its own scale; what comes in is rounded as it comes, a row by its own
scale, so that no data are needed to prepare it and no row hangs on those beside it. As Zafrir et al.
(2019), Q8BERT, https://arxiv.org/abs/1910.06188, without their training. In Transformer blocks whose inputs were seen
scales are chosen beforehand, which is faster: `layers/static_int8.py`.
"""

# R rows, K inputs, N outputs

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.layers.static_int8 import static_blocks
from rungwise.layers.twins import QuickLinear, blocks_in_bf16, encoder_blocks, linear_layers, twin_with

__all__ = ["Int8Linear", "in_int8"]

_LARGEST = 127
"""Of a weight."""

_TINY = 1e-12
"""The scale of what is all zero."""

_LEAST = 64
"""Inputs and outputs of a layer that is worth it; smaller ones stay as they are."""


class Int8Linear(QuickLinear):
    """x (…, K) -> (…, N) of x's type, close to the linear layer that it was made of; by oneDNN's kernel, on a CPU.

    Args:
        linear: on the CPU, with float32 weights.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        weight = linear.weight.detach()
        scales = torch.linalg.vector_norm(weight, torch.inf, 1).clamp(min=_TINY) / _LARGEST  # (N,)
        rounded = (weight / scales[:, None]).round().to(torch.int8)
        self._packed: Any = torch.ops.onednn.qlinear_prepack(rounded, None)  # in the CPU's own layout
        self.register_buffer("scales", scales, persistent=False)
        self.register_buffer("zeros", torch.zeros(len(scales), dtype=torch.int64), persistent=False)
        added = torch.zeros(len(scales)) if linear.bias is None else linear.bias.detach()
        self.register_buffer("added", added, persistent=False)
        # without VNNI, two products of eight bits are added up in sixteen, where those of seven and eight have room
        self.largest = 127 if torch.cpu._is_vnni_supported() else 63

    def forward(self, x: Tensor) -> Tensor:
        """X (…, K) -> (…, N)."""
        # measured one by one: `vector_norm` by rows and the way to uint8 take longer than the product itself
        rows = x.reshape(-1, x.shape[-1]).float()  # in bf16 there is no half to round by
        scales = rows.abs().amax(1, keepdim=True).clamp_(min=_TINY).mul_(1 / self.largest)
        rounded = (rows * scales.reciprocal()).round_().to(torch.int8)
        middle = (
            self.largest + 1
        )  # of unsigned numbers, which oneDNN is fast with: none above twice the largest
        unsigned = rounded.view(torch.uint8).add_(middle)  # what is below zero wraps around
        sums = torch.ops.onednn.qlinear_pointwise(
            unsigned,
            1.0,
            middle,
            self._packed,
            self.scales,
            self.zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        made = torch.addcmul(self.get_buffer("added"), sums, scales).to(x.dtype)
        return made.view(*x.shape[:-1], made.shape[-1])


def in_int8(network: nn.Module, *, has_bf16: bool = False, ranges: Tensor | None = None) -> nn.Module:
    """A twin of a network on the CPU whose larger linear layers compute in int8; the rest is shared with it.

    Args:
        network: stays as it is.
        has_bf16: whether the rest is in bf16.
        ranges: (2, S) of what goes into its blocks' layers, by `input_ranges`, where that was seen.

    Raises:
        ConfigError: if it has no such layer, or PyTorch has no such kernel for this CPU.
    """
    found = [linear for linear in linear_layers(network) if min(linear.weight.shape) >= _LEAST]
    looked_up = {id(m.weight) for m in network.modules() if isinstance(m, nn.Embedding)}
    weights = sum(p.numel() for p in network.parameters() if p.dim() > 1 and id(p) not in looked_up)
    if 2 * sum(linear.weight.numel() for linear in found) < weights or not found:
        raise ConfigError(
            f"precision 'int8': it makes linear layers of {_LEAST} inputs and outputs or more faster, and "
            f"{type(network).__name__} mostly has others; take auto, fp32 or bf16."
        )
    try:
        blocks = {} if ranges is None else _blocks(network, ranges, found, has_bf16=has_bf16)
        inside = {linear for block in blocks for linear in linear_layers(block)}
        single = [linear for linear in found if linear not in inside]
        made: dict[nn.Module, QuickLinear] = {linear: Int8Linear(linear) for linear in single}
        for linear in single:
            made[linear](torch.zeros(1, linear.in_features))
    except (RuntimeError, AttributeError) as error:
        raise ConfigError(
            f"precision 'int8': PyTorch {torch.__version__} can't on this CPU ({str(error)[:100]}); take auto, fp32 "
            "or bf16."
        ) from error
    if has_bf16 and not blocks:
        blocks = blocks_in_bf16(network, made)
    return twin_with(network, {**made, **blocks})


def _blocks(
    network: nn.Module, ranges: Tensor, found: list[nn.Linear], *, has_bf16: bool
) -> dict[nn.Module, nn.Module]:
    """The twins of its blocks with scales chosen beforehand; none where rounding as numbers come is better."""
    are_large = all(set(linear_layers(block)) <= set(found) for block in encoder_blocks(network))
    # without VNNI there is room for seven bits alone, too few for one step
    if not (are_large and torch.cpu._is_vnni_supported()):
        return {}
    twins = static_blocks(network, ranges, torch.bfloat16 if has_bf16 else torch.float32)
    for block in encoder_blocks(network)[:1]:  # whether PyTorch has these kernels
        twins[block](torch.zeros(1, 1, block.expand.in_features), None)
    return twins
