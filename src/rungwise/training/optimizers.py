"""Optimizers over a network's parameters: matrices and the rest are treated apart."""

from __future__ import annotations

import torch
from torch import nn

from rungwise.rung import NetworkConfig, Optimizer

__all__ = ["make_optimizers"]

_SMALL_RATE = 0.1
"""Under Muon, the learning rate of what is no hidden matrix (AdamW), as a fraction of Muon's own."""


def make_optimizers(network: nn.Module, config: NetworkConfig) -> list[torch.optim.Optimizer]:
    """The optimizers that together step every parameter; weight decay falls on matrices alone."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.ndim >= 2]
    rest = [p for p in parameters if p.ndim < 2]
    rate, decay = config.learning_rate, config.weight_decay
    groups = [{"params": matrices, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    match config.optimizer:
        case Optimizer.ADAMW:
            return [torch.optim.AdamW(groups, lr=rate)]
        case Optimizer.SGD:
            return [torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)]
        case Optimizer.MUON:
            raise NotImplementedError
