"""How far a training is, as a state from which it goes on as if it had never stopped."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rungwise.fitting import Epoch, State
from rungwise.rung import Weights
from rungwise.training.seeds import generator_states, set_generator_states

if TYPE_CHECKING:
    from rungwise.training.trainer import Trainer

__all__ = ["as_arrays", "as_tensors", "is_sound", "progress_of", "restore_progress"]

_COUNTERS = (
    "epoch",
    "epoch_step",
    "step_number",
    "total_steps",
    "stale_epochs",
    "validate_seconds",
    "asked_seconds",
    "is_over",
    "was_hurried",
)


def progress_of(trainer: Trainer) -> State:
    """All that changes in training, between two steps; arrays may share memory with the weights."""
    return {
        "counters": {name: getattr(trainer, name) for name in _COUNTERS},
        "seconds": time.monotonic() - trainer.start,
        "history": [vars(epoch) for epoch in trainer.history],
        "losses": _numbers(trainer.losses),
        "recent_losses": _numbers(trainer.recent_losses),
        "epoch_rng": trainer.epoch_rng,
        "generator": trainer.generator.get_state().numpy(),
        "default_generators": as_arrays(generator_states(trainer.context.device)),
        "network": as_arrays(trainer.network.state_dict()),
        "optimizers": {
            str(number): _optimizer_state(optimizer) for number, optimizer in enumerate(trainer.optimizers)
        },
        "merit": None if trainer.best is None else list(trainer.best[0]),
        "best": None if trainer.best is None else as_arrays(trainer.best[1]),
    }


def restore_progress(trainer: Trainer, progress: State) -> None:
    """Brings a trainer that was prepared for the same training to where `progress_of` was called."""
    for name, value in progress["counters"].items():
        setattr(trainer, name, value)
    now = time.monotonic()
    trainer.start = trainer.first_step_start = now - progress["seconds"]
    trainer.first_step = trainer.step_number
    trainer.history[:] = [Epoch(**row) for row in progress["history"]]
    device = trainer.context.device
    trainer.losses = _tensors(progress["losses"], device)
    trainer.recent_losses.extend(_tensors(progress["recent_losses"], device))
    trainer.epoch_rng = trainer.rng.bit_generator.state = progress["epoch_rng"]
    trainer.generator.set_state(torch.from_numpy(np.array(progress["generator"])))
    set_generator_states(as_tensors(progress["default_generators"]), device)
    trainer.network.load_state_dict(as_tensors(progress["network"]))
    for number, optimizer in enumerate(trainer.optimizers):
        _restore_optimizer(optimizer, progress["optimizers"][str(number)])
    if progress["best"] is not None:
        score, loss = progress["merit"]
        trainer.best = (score, loss), as_tensors(progress["best"])


def is_sound(trainer: Trainer) -> bool:
    """Whether weights and optimizers hold finite numbers alone: after a gradient of NaN they don't."""
    states = (
        value
        for optimizer in trainer.optimizers
        for state in optimizer.state.values()
        for value in state.values()
    )
    return all(bool(value.isfinite().all()) for value in chain(trainer.network.state_dict().values(), states))


def as_arrays(tensors: Weights) -> State:
    """Tensors as arrays, which share the memory of those on the CPU."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def as_tensors(arrays: State) -> Weights:
    """Arrays as tensors on the CPU with a memory of their own."""
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}


def _numbers(losses: Any) -> list[float]:
    """Losses () each -> numbers, exact."""
    return torch.stack(list(losses)).tolist() if losses else []


def _tensors(losses: list[float], device: str) -> list[Tensor]:
    """Numbers -> losses () each."""
    return list(torch.tensor(losses, dtype=torch.float32, device=device))


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _optimizer_state(optimizer: torch.optim.Optimizer) -> State:
    """What is kept of each parameter, by its number: moments as arrays, counts of steps as numbers."""
    return {
        str(number): {
            name: value.item() if value.ndim == 0 else value.cpu().numpy()
            for name, value in optimizer.state.get(parameter, {}).items()
        }
        for number, parameter in enumerate(_parameters(optimizer))
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, state: State) -> None:
    """Moments get their parameters' order of memory, by which the fused step goes, whatever it is."""
    for number, parameter in enumerate(_parameters(optimizer)):
        for name, value in state[str(number)].items():
            optimizer.state[parameter][name] = (
                torch.tensor(value, dtype=torch.float32, device=parameter.device)
                if isinstance(value, float)
                else torch.empty_like(parameter).copy_(torch.from_numpy(np.array(value)))
            )
