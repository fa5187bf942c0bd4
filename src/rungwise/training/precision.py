"""Which precision is fastest here, by measuring."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch

from rungwise.errors import ConfigError
from rungwise.fitting import Precision

__all__ = ["autocast", "has_bf16", "possible_precision", "resolve_precision"]

_SIDE = 512
_REPEATS = 8
_GAIN = 1.3
"""bf16 is taken from this gain on: it has hardware, and then about twofold, or it is emulated and slower."""


def has_bf16(device: torch.device) -> bool:
    """Whether a device has instructions for bf16; a CPU without emulates them, ten times slower than fp32."""
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def resolve_precision(precision: Precision, device: str) -> Precision:
    """`AUTO` -> the faster of fp32 and bf16 for a matrix product on this device; else what was asked.

    Raises:
        ConfigError: if bf16 was asked, which this CPU hasn't, or int8, in which nothing is trained.
    """
    if precision is Precision.INT8:
        raise ConfigError("precision 'int8' is for predictions; fit in auto, fp32 or bf16.")
    if precision is Precision.AUTO:
        return _fastest(device)
    if precision is Precision.BF16 and not has_bf16(torch.device(device)):
        raise ConfigError(
            "precision 'bf16': this machine's CPU has no arithmetic in bf16; take auto or fp32."
        )
    return precision


def possible_precision(precision: Precision, device: str) -> Precision:
    """What a network is asked in that was trained in a precision, perhaps elsewhere: fp32 where there is no bf16."""
    is_missing = precision is Precision.BF16 and not has_bf16(torch.device(device))
    return Precision.FP32 if is_missing else resolve_precision(precision, device)


@cache
def _fastest(device: str) -> Precision:
    generator = torch.Generator().manual_seed(0)
    square = torch.rand(_SIDE, _SIDE, generator=generator, dtype=torch.float32).to(device)
    half = square.to(torch.bfloat16)
    seconds = {dtype: float("inf") for dtype in (torch.float32, torch.bfloat16)}
    for _ in range(_REPEATS):
        for matrix in (square, half):
            seconds[matrix.dtype] = min(seconds[matrix.dtype], _product_seconds(matrix))
    return Precision.BF16 if seconds[torch.float32] > _GAIN * seconds[torch.bfloat16] else Precision.FP32


def _product_seconds(matrix: torch.Tensor) -> float:
    start = time.perf_counter()
    float((matrix @ matrix)[0, 0])  # reading one number waits for the device
    return time.perf_counter() - start


def autocast(precision: Precision, device: str) -> AbstractContextManager[object]:
    """The context that a forward pass runs in."""
    if precision is Precision.BF16:
        return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16)
    return nullcontext()
