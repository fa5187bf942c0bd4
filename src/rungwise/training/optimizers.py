"""Optimizers over a network's parameters: matrices and the rest are treated apart."""

# O output features, I input features

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from rungwise.settings import NetworkConfig, Optimizer
from rungwise.training.precision import has_bf16

__all__ = ["FlatMuon", "hidden_weights", "make_optimizers"]

_NEW_RATE = 10
"""What is new beside pretrained weights learns so much faster than these."""

_MOMENTUM = 0.95
_RMS = 0.2
"""Root mean square of a step of AdamW, to which those of Muon are scaled (`match_rms_adamw`)."""


def make_optimizers(
    network: nn.Module, config: NetworkConfig, new: Collection[str] = ()
) -> list[torch.optim.Optimizer]:
    """The optimizers that together step every parameter; weight decay falls on matrices alone.

    Under Muon, hidden weights are stepped by it and the rest by AdamW, at the same rate.

    Args:
        network: of which the parameters are.
        config: the training's settings.
        new: names of those that pretrained weights had not, which are stepped at `_NEW_RATE` times the rate, and not by
            Muon.
    """
    rate, decay = config.learning_rate, config.weight_decay
    known = [p for name, p in network.named_parameters() if p.requires_grad and name not in new]
    fast = _groups([p for name, p in network.named_parameters() if name in new], decay)
    others = [{**group, "lr": _NEW_RATE * rate} for group in fast]
    match config.optimizer:
        case Optimizer.ADAMW:
            return [torch.optim.AdamW([*_groups(known, decay), *others], lr=rate, fused=True)]
        case Optimizer.SGD:
            groups = [*_groups(known, decay), *others]
            return [torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True, fused=True)]
        case Optimizer.MUON:
            is_known = {id(p) for p in known}
            hidden = [weight for weight in hidden_weights(network) if id(weight) in is_known]
            taken = {id(p) for p in hidden}
            rest = [*_groups([p for p in known if id(p) not in taken], decay), *others]
            muon = [FlatMuon(hidden, rate, decay)] if hidden else []
            return [*muon, torch.optim.AdamW(rest, lr=rate, fused=True)]


def _groups(parameters: list[nn.Parameter], decay: float) -> list[dict[str, object]]:
    groups: list[dict[str, object]] = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def hidden_weights(network: nn.Module) -> list[nn.Parameter]:
    """The weights of linear and convolutional layers, but for the layer that reads the input and the last."""
    modules = list(network.modules())
    layers = [m for m in modules if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)]
    first = 0 if any(isinstance(m, nn.Embedding) for m in modules) else 1
    weights = [layer.get_parameter("weight") for layer in layers[first:-1]]
    return [weight for weight in weights if weight.requires_grad]


class FlatMuon(torch.optim.Muon):
    """torch's Muon, which takes matrices alone, over kernels too: each is seen as a matrix (O, the rest).

    Source: Jordan et al. (2024), https://kellerjordan.github.io/posts/muon/; steps are scaled to the size of AdamW's
    (Liu et al. 2025, https://arxiv.org/abs/2502.16982), so that both take the same learning rates.

    Args:
        weights: (O, I, ...), dense in memory in any order of the axes behind the first.
        rate: the learning rate.
        decay: the weight decay.
    """

    def __init__(self, weights: list[nn.Parameter], rate: float, decay: float) -> None:
        self.weights = weights
        self.matrices = [nn.Parameter(_as_matrix(weight.detach())) for weight in weights]
        super().__init__(
            self.matrices, lr=rate, weight_decay=decay, momentum=_MOMENTUM, adjust_lr_fn="match_rms_adamw"
        )

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Steps the weights by their gradients."""
        for weight, matrix in zip(self.weights, self.matrices, strict=True):
            if weight.grad is not None:
                gradient = torch.empty_like(weight).copy_(weight.grad)  # in the weight's order of memory
                matrix.grad = _as_matrix(gradient)
        if has_bf16(self.weights[0].device):
            super().step(closure)  # type: ignore[no-untyped-call]
        else:
            self._step_in_fp32()

    def _step_in_fp32(self) -> None:
        """As torch's step, whose products are in bf16."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                momentum = state.setdefault("momentum_buffer", torch.zeros_like(matrix))
                momentum.lerp_(matrix.grad, 1 - group["momentum"])
                update = matrix.grad.lerp(momentum, group["momentum"])
                update = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-group["lr"] * _RMS * max(matrix.shape) ** 0.5)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of weights and matrices."""
        super().zero_grad(set_to_none)
        for weight in self.weights:
            weight.grad = None


def _orthogonal(
    matrix: Tensor, coefficients: tuple[float, float, float], num_steps: int, eps: float
) -> Tensor:
    """A matrix (O, I) -> the nearest with orthogonal rows or columns, about, by Newton-Schulz iterations."""
    a, b, c = coefficients
    x = matrix.T if len(matrix) > matrix.shape[1] else matrix
    x = x / x.norm().clamp(min=eps)
    for _ in range(num_steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if len(matrix) > matrix.shape[1] else x


def _as_matrix(weight: Tensor) -> Tensor:
    """A dense weight (O, I, ...) -> (O, the rest) over the same memory."""
    columns = weight.numel() // len(weight)
    return weight.as_strided((len(weight), columns), (columns, 1))
