"""Transformer blocks in whole numbers of eight bits, rounded by scales that were chosen beforehand, on examples.

What goes into each linear layer was seen (`input_ranges`). It is rounded by a step and a middle for each channel; the
weights take in the difference, so that channels large and small cost no precision (SmoothQuant: Xiao et al. 2023,
https://arxiv.org/abs/2211.10438). Behind an activation φ the kernel itself rounds, by one step for all channels; the
few that are far larger than the others go in pieces, φ(u) ≈ min(φ(u), c) + min(φ(u − c), c) + …, which is exact for
ReLU and off by 0.17 at most, near multiples of c, for GELU (after the outlier channel splitting of Zhao et al. 2019,
https://arxiv.org/abs/1901.09504).
"""

# C channels of a block, I inside its feed-forward layer, K inputs of a layer, N its outputs, S inputs of all layers

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rungwise.layers.encoder import Activation, EncoderBlock
from rungwise.layers.twins import FUSED, QuickBlock, QuickLinear, encoder_blocks, linear_layers

__all__ = ["input_ranges", "num_ranges", "static_blocks"]

_LARGEST, _MIDDLE, _STEPS = 127, 128, 255
"""Of a weight; of an input whose zero is in the middle; from the least input to the largest."""

_TINY = 1e-6
"""What a channel spans at least, and a column of weights."""

_PIECES, _CHANNELS_A_PIECE = 16, 768
"""Channels of pieces come in so many, for the kernel's sake; of so many inside, that once."""

_ROOM = 1.1
"""Times the largest that was seen, what pieces have room for."""


def _block_layers(network: nn.Module) -> list[nn.Linear]:
    return [layer for block in encoder_blocks(network) for layer in linear_layers(block)]


def num_ranges(network: nn.Module) -> int:
    """S of a network; 0 where it has no Transformer blocks."""
    return sum(layer.in_features for layer in _block_layers(network))


def input_ranges(network: nn.Module, ask: Callable[[], object]) -> Tensor:
    """The least and the largest of each channel that goes into the linear layers of a network's blocks -> (2, S).

    Args:
        network: has Transformer blocks.
        ask: asks it about examples.
    """
    seen: dict[nn.Module, Tensor] = {}

    def see(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        rows = given[0].detach().flatten(0, -2).float()
        both = torch.stack((-rows.amin(0), rows.amax(0)))
        seen[layer] = torch.maximum(seen[layer], both) if layer in seen else both

    layers = _block_layers(network)
    hooks = [layer.register_forward_pre_hook(see) for layer in layers]
    try:
        ask()
    finally:
        for hook in hooks:
            hook.remove()
    least, largest = torch.cat([seen[layer] for layer in layers], 1).cpu()
    return torch.stack((-least, largest))


class _StaticLinear(QuickLinear):
    """x (…, K) -> (…, N), by oneDNN's kernel, on a CPU.

    Args:
        linear: whose place it takes.
        weight: (N, K), for inputs that are whole numbers times `scale`.
        bias: (N,).
        scale: of a step of the input.
        zero: the whole number that stands for 0.
        dtype: of what comes out.
    """

    def __init__(
        self, linear: nn.Linear, weight: Tensor, bias: Tensor, scale: float, zero: int, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        scales = weight.abs().amax(1).clamp(min=_TINY**2) / _LARGEST  # (N,)
        rounded = (weight / scales[:, None]).round().to(torch.int8)
        packed = torch.ops.onednn.qlinear_prepack(rounded, None)  # in the CPU's own layout
        zeros = torch.zeros(len(scales), dtype=torch.int64)
        # no buffers, since to look these up takes as long as to round
        self._product: tuple[Any, ...] = (scale, zero, packed, scales.float(), zeros)
        self._added = bias.float()
        self.scale, self.zero, self.dtype = scale, zero, dtype

    def rounded(self, x: Tensor) -> Tensor:
        """X (…, K) -> whole numbers (…, K) uint8; they are that already behind an activation."""
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self._made(x, 1.0, 0, self.dtype, "none", "")

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        sum_of = (other.contiguous(), self._added, 1.0, 0, torch.float32, 1.0, 0, "add", 1.0)
        made: Tensor = torch.ops.onednn.qlinear_pointwise.binary(
            self.rounded(x), *self._product, *sum_of, "none", [], ""
        )
        return made

    def _made(self, x: Tensor, scale: float, zero: int, dtype: torch.dtype, then: str, how: str) -> Tensor:
        made: Tensor = torch.ops.onednn.qlinear_pointwise.default(
            self.rounded(x), *self._product, self._added, scale, zero, dtype, then, [], how
        )
        return made


class _SmoothedLinear(_StaticLinear):
    """A linear layer that rounds what comes in.

    Args:
        linear: whose place it takes.
        ranges: (2, K) of its inputs.
        dtype: of what comes out.
        weight: (N, K) in place of its own.
        bias: (N,) in place of its own.
        behind: what takes its output, rounded, behind an activation.
    """

    def __init__(
        self,
        linear: nn.Linear,
        ranges: Tensor,
        dtype: torch.dtype,
        *,
        weight: Tensor,
        bias: Tensor,
        behind: _StaticLinear | None = None,
    ) -> None:
        middle, half = ranges.mean(0), ((ranges[1] - ranges[0]) / 2).clamp(min=_TINY)
        smoothing = (half / weight.abs().amax(0).clamp(min=_TINY)).sqrt()
        scale = float((half / smoothing).max()) / _LARGEST
        super().__init__(linear, weight * smoothing, bias + weight @ middle, scale, _MIDDLE, dtype)
        steps = smoothing * scale
        self.inverse, self.offset = (1 / steps).float(), (-middle / steps).float()
        self.behind = behind

    def rounded(self, x: Tensor) -> Tensor:
        # to int8 and from there on is a seventh of the way to uint8
        steps = torch.addcmul(self.offset, x.float(), self.inverse)
        whole = steps.round_().clamp_(-_MIDDLE, _LARGEST).to(torch.int8)
        return whole.view(torch.uint8).add_(_MIDDLE)  # what is below zero wraps around

    def activated(self, x: Tensor, activation: Activation) -> Tensor:
        """X (…, K) -> (…, N) uint8, as the layer behind it takes it."""
        assert self.behind is not None
        return self._made(x, self.behind.scale, self.behind.zero, torch.uint8, *FUSED[activation])


def _in_pieces(largest: Tensor, room: int) -> tuple[float, Tensor, Tensor]:
    """How channels inside a feed-forward layer are cut, so that `room` further channels hold what is too large.

    Args:
        largest: of each channel (I,).
        room: how many.

    Returns:
        c, which channels (P,) have pieces beside their first one, and how many c come before each of these (P,).
    """
    low, high = 0.0, float(largest.max().clamp(min=_TINY))
    for _ in range(40):
        cut = (low + high) / 2
        fits = int(((largest / cut).ceil().clamp(min=1) - 1).sum()) <= room
        low, high = (low, cut) if fits else (cut, high)
    further = ((largest / high).ceil().clamp(min=1) - 1).long()
    channels = torch.arange(len(largest)).repeat_interleave(further)
    firsts = (further.cumsum(0) - further)[channels]
    return high, channels, torch.arange(len(channels)) - firsts + 1


def _feed_forward(
    block: EncoderBlock, ranges: tuple[Tensor, Tensor], dtype: torch.dtype
) -> tuple[_StaticLinear, _StaticLinear]:
    """The two layers of a block's feed-forward, made ready; ranges (2, C) and (2, I)."""
    (wide, shift), (narrow, added) = _own(block.expand), _own(block.contract)
    room = _PIECES * max(1, len(wide) // _CHANNELS_A_PIECE)
    cut, channels, before = _in_pieces(ranges[1][1] * _ROOM, room)
    empty = room - len(channels)
    wide = torch.cat((wide, wide[channels], wide.new_zeros(empty, wide.shape[1])))
    shift = torch.cat((shift, shift[channels] - before * cut, shift.new_zeros(empty)))
    narrow = torch.cat((narrow, narrow[:, channels], narrow.new_zeros(len(narrow), empty)), 1)
    least = min(0.0, float(ranges[1][0].min()))
    scale = (cut - least) / _STEPS
    contract = _StaticLinear(block.contract, narrow, added, scale, round(-least / scale), dtype)
    expand = _SmoothedLinear(block.expand, ranges[0], dtype, weight=wide, bias=shift, behind=contract)
    return expand, contract


def _own(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    """Its weight (N, K) and bias (N,), in 64 bits."""
    weight, bias = linear.weight.detach().double(), linear.bias
    return weight, weight.new_zeros(len(weight)) if bias is None else bias.detach().double()


def static_blocks(network: nn.Module, ranges: Tensor, dtype: torch.dtype) -> dict[nn.Module, nn.Module]:
    """The Transformer blocks of a network on the CPU -> their twins; sums and norms in them are in 32 bits.

    Args:
        network: stays as it is.
        ranges: (2, S), of `input_ranges`.
        dtype: attention's.
    """
    sizes = [layer.in_features for layer in _block_layers(network)]
    given = iter(torch.split(ranges.double(), sizes, 1))
    twins: dict[nn.Module, nn.Module] = {}
    for block in encoder_blocks(network):
        of = {layer: next(given) for layer in linear_layers(block)}
        layers: dict[nn.Module, QuickLinear] = {}
        for linear in (block.attention.query_key_value, block.attention.output):
            weight, bias = _own(linear)
            layers[linear] = _SmoothedLinear(linear, of[linear], dtype, weight=weight, bias=bias)
        layers[block.expand], layers[block.contract] = _feed_forward(
            block, (of[block.expand], of[block.contract]), dtype
        )
        twins[block] = QuickBlock(block, layers, torch.float32)
    return twins
