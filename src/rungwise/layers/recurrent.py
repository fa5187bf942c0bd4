"""An Elman recurrence with ReLU units whose backward pass also says how much gradient reaches each step."""

# T steps, B sequences, H hidden units

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["elman"]

Record = Callable[[Tensor], None]


def elman(inputs: Tensor, weight: Tensor, mask: Tensor, ceiling: float, record: Record) -> Tensor:
    """Runs h_t = min(relu(x_t + (h_{t-1} ∘ mask) Wᵀ), ceiling) from h_0 = 0.

    Args:
        inputs: x (T, B, H), what goes into each step beside the last state, its bias in it.
        weight: W (H, H).
        mask: (B, H), or anything that broadcasts to it, the same at every step.
        ceiling: of the states, infinite for none.
        record: called in the backward pass with ∂L/∂h (T, B, H).

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
        ctx.record(gradients)
        before = (states[:-1] * mask).flatten(0, 1)
        return inner, inner[1:].flatten(0, 1).t() @ before, None, None, None
