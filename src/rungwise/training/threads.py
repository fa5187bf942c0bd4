"""How many threads are worth having here, by measuring."""

from __future__ import annotations

import time

import torch

__all__ = ["resolve_threads"]

_SIDE = 256
"""Of the matrices multiplied: about what a step of a small network has."""

_REPEATS = 20
_GAIN = 1.2
"""All the threads are taken from this gain on: on a busy machine, or for small products, they only wait."""


def resolve_threads(most: int) -> int:
    """1 or `most`, whichever multiplies matrices faster; torch has the threads that it had afterwards."""
    if most == 1:
        return 1
    before = torch.get_num_threads()
    matrix = torch.rand(_SIDE, _SIDE, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    seconds = dict.fromkeys((1, most), float("inf"))
    try:
        for _ in range(_REPEATS):
            for count in seconds:
                torch.set_num_threads(count)
                start = time.perf_counter()
                matrix @ matrix
                seconds[count] = min(seconds[count], time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
    return most if seconds[1] > _GAIN * seconds[most] else 1
