"""Randomness that comes in as a seed and leaves the global generators as they were."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ["generator_states", "seeded", "set_generator_states", "sub_seed", "torch_as_usual"]


def sub_seed(seed: int, *names: object) -> int:
    """A seed of its own for each purpose, the same on every machine: `sub_seed(7, "lstm", 0)`."""
    return zlib.crc32(":".join(map(str, (seed, *names))).encode())


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Inside, torch's default generators start from the seed; afterwards they are as they were before.

    Weight initialisation and dropout draw from the default generators and take no generator of their own.
    """
    kind, _, number = device.partition(":")
    devices = [int(number or 0)] if kind in ("cuda", "mps") else []
    with torch_as_usual(), torch.random.fork_rng(devices=devices, device_type=kind if devices else "cuda"):
        torch.manual_seed(seed)
        yield


@contextmanager
def torch_as_usual() -> Iterator[None]:
    """Inside, new tensors are float32 and gradients are recorded, whatever the user has set for the process."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)


def generator_states(device: str) -> dict[str, Tensor]:
    """The states of torch's default generators: the CPU's, and the device's where it is another."""
    states = {"cpu": torch.get_rng_state()}
    if device.startswith("cuda"):
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.startswith("mps"):
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_generator_states(states: dict[str, Tensor], device: str) -> None:
    """Brings torch's default generators there, which is meant for within `seeded`."""
    torch.set_rng_state(states["cpu"])
    if device.startswith("cuda"):
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.startswith("mps"):
        torch.mps.set_rng_state(states["mps"])
