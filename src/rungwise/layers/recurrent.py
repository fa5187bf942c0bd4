"""Recurrences over padded batches: gated layers of one or two directions, and Elman's, which records its gradients."""

# T steps, B sequences, E inputs, H hidden units, D directions

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rungwise.layers.sequence import Pool, Pooling, reverse

__all__ = ["DirectionsPool", "GatedLayer", "aligned", "elman", "gated_layers", "read"]

Record = Callable[[Tensor], None]

Unit = type[nn.LSTM] | type[nn.GRU]

_RECORDED = 8
"""Sequences of a batch whose gradients are recorded, which takes a recurrence of its own."""


class GatedLayer(nn.Module):
    """x (T, B, E) -> the states (T, B, H) of each direction, in the order in which it read.

    Each direction is a one-way `nn.LSTM` or `nn.GRU` over padded batches: packing is slower, and their two-way form
    would read the padding before the text.

    Args:
        unit: `nn.LSTM`, whose forget gate starts open (Jozefowicz, Zaremba & Sutskever 2015), or `nn.GRU`.
        input_size: E.
        hidden_size: H.
        bidirectional: whether there is a second direction.
    """

    def __init__(self, unit: Unit, input_size: int, hidden_size: int, bidirectional: bool) -> None:
        super().__init__()
        self.directions = nn.ModuleList(unit(input_size, hidden_size) for _ in range(1 + bidirectional))
        if unit is nn.LSTM:
            for lstm in self.directions:
                nn.init.ones_(lstm.get_parameter("bias_hh_l0").detach()[hidden_size : 2 * hidden_size])

    def forward(self, x: Tensor, lengths: Tensor) -> list[Tensor]:
        """x (T, B, E), lengths (B,) -> one or two states (T, B, H), the second from each text's end to its start."""
        inputs = [x, reverse(x, lengths)] if len(self.directions) == 2 else [x]
        return [unit(turned)[0] for unit, turned in zip(self.directions, inputs, strict=True)]


def gated_layers(
    unit: Unit, input_size: int, hidden_size: int, num_layers: int, bidirectional: bool
) -> nn.ModuleList:
    """Layers one over the other, of which each reads all the directions of the one below."""
    num_features = (1 + bidirectional) * hidden_size
    return nn.ModuleList(
        GatedLayer(unit, num_features if layer else input_size, hidden_size, bidirectional)
        for layer in range(num_layers)
    )


def read(layers: nn.ModuleList, x: Tensor, lengths: Tensor, dropout: nn.Module) -> list[Tensor]:
    """Runs layers over one another.

    Args:
        layers: of `gated_layers`.
        x: (T, B, E).
        lengths: (B,).
        dropout: between layers.

    Returns:
        The last layer's states (T, B, H) of each direction, in the order in which it read.
    """
    states: list[Tensor] = layers[0](x, lengths)
    for layer in layers[1:]:
        states = layer(dropout(aligned(states, lengths)), lengths)
    return states


def aligned(states: list[Tensor], lengths: Tensor) -> Tensor:
    """One or two directions' states (T, B, H) in the order of reading, lengths (B,) -> (T, B, D H) by step."""
    return torch.cat([states[0], *(reverse(turned, lengths) for turned in states[1:])], 2)


class DirectionsPool(nn.Module):
    """The states of each direction (T, B, H), in the order in which it read -> (B, D H).

    Attention weighs the steps of all directions together; otherwise each is pooled by itself, and nothing need be
    turned around.

    Args:
        pooling: how.
        num_features: D H.
    """

    def __init__(self, pooling: Pooling, num_features: int) -> None:
        super().__init__()
        self.steps = Pool(pooling, num_features)

    def forward(self, states: list[Tensor], lengths: Tensor) -> Tensor:
        """States (T, B, H) of one or two directions, lengths (B,) of at least 1 -> (B, D H)."""
        if self.steps.pooling is Pooling.ATTENTION:
            pooled: Tensor = self.steps(aligned(states, lengths).transpose(0, 1), lengths)
            return pooled
        return torch.cat([self.steps(turned.transpose(0, 1), lengths) for turned in states], 1)


def elman(inputs: Tensor, weight: Tensor, mask: Tensor, ceiling: float, record: Record) -> Tensor:
    """Runs h_t = min(relu(x_t + (h_{t-1} ∘ mask) Wᵀ), ceiling) from h_0 = 0.

    Args:
        inputs: x (T, B, H), what goes into each step beside the last state, its bias in it.
        weight: W (H, H).
        mask: (B, H), or anything that broadcasts to it, the same at every step.
        ceiling: of the states, infinite for none.
        record: called in the backward pass with ∂L/∂h (T, P, H) of the first P ≤ 8 sequences, as it reaches each
            state through the last one that the loss hangs on, and through no other.

    Returns:
        The states h (T, B, H).
    """
    states: Tensor = _Elman.apply(inputs, weight, mask, ceiling, record)  # type: ignore[no-untyped-call]
    return states


class _Elman(torch.autograd.Function):
    """Autograd would keep four nodes a step; this keeps the states, and W's gradient is one product."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, mask: Tensor, ceiling: float, record: Record
    ) -> Tensor:
        states = torch.empty_like(inputs)
        recurrent = weight.t()
        last = torch.zeros_like(inputs[0])
        for step, x in enumerate(inputs):
            last = torch.addmm(x, last * mask, recurrent, out=states[step]).clamp_(0, ceiling)
        ctx.save_for_backward(states, weight, mask)
        ctx.ceiling, ctx.record = ceiling, record
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        states, weight, mask = ctx.saved_tensors
        gradients = torch.empty_like(states)  # ∂L/∂h
        inner = torch.empty_like(states)  # ∂L/∂x, before the ReLU
        is_linear = (states > 0) & (states < ctx.ceiling)
        later = torch.zeros_like(states[0])
        for step in range(len(states) - 1, -1, -1):
            torch.add(upstream[step], later, out=gradients[step])
            torch.mul(gradients[step], is_linear[step], out=inner[step])
            later = (inner[step] @ weight) * mask
        ctx.record(_from_last(upstream, is_linear, weight, mask))
        before = (states[:-1] * mask).flatten(0, 1)
        return inner, inner[1:].flatten(0, 1).t() @ before, None, None, None


def _from_last(upstream: Tensor, is_linear: Tensor, weight: Tensor, mask: Tensor) -> Tensor:
    """∂L/∂h (T, P, H) of some sequences, by what enters at the last state alone.

    Where a loss hangs on every state, as on their mean, what enters at each hides what has come from far away.
    """
    upstream, is_linear = upstream[:, :_RECORDED], is_linear[:, :_RECORDED]
    mask = mask.expand_as(upstream[0]) if len(mask) == 1 else mask[:_RECORDED]
    has_entered = torch.zeros_like(is_linear[0, :, :1])
    later = torch.zeros_like(upstream[0])
    gradients = torch.empty_like(upstream)
    for step in range(len(upstream) - 1, -1, -1):
        enters = ~has_entered & (upstream[step] != 0).any(1, keepdim=True)
        gradients[step] = torch.where(enters, upstream[step], later)
        has_entered = has_entered | enters
        later = ((gradients[step] * is_linear[step]) @ weight) * mask
    return gradients
