"""Seconds of attention with its backward pass and without: three plain kernels beside torch's fused one, by turns.

    python benchmarks/attention.py [--threads 1]

`layers/attention.py` chooses by device, precision and dropout as this shows for CPUs; run it on yours.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from rungwise.layers.attention import _attend_plainly

REPEATS = 15
HEADS, SIZE = 4, 32
SHAPES = ((1, 12), (1, 48), (32, 12), (32, 24), (32, 32), (32, 128), (32, 512))
"""Sequences and their steps."""


def fused(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, dropout: float) -> Tensor:
    """What `attend` calls where the plain kernels don't pay."""
    return F.scaled_dot_product_attention(query, key, value, bias.to(query.dtype), dropout)


def seconds(
    attend: Callable[..., Tensor], batch: int, steps: int, dtype: torch.dtype, dropout: float | None
) -> float:
    """One forward and backward pass, or without a dropout a forward pass of what doesn't learn."""
    shape = (batch, HEADS, steps, SIZE)
    parts = [torch.randn(shape).to(dtype).requires_grad_(dropout is not None) for _ in range(3)]
    bias = torch.zeros(batch, 1, 1, steps)
    start = time.perf_counter()
    made = attend(*parts, bias, dropout or 0.0)
    if dropout is not None:
        made.sum().backward()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", default=1, type=int)
    torch.set_num_threads(parser.parse_args().threads)
    names = ("precision", "dropout", "B", "T", "plain ms", "fused ms", "fused / plain")
    print(f"| {' | '.join(names)} |\n{'|---' * len(names)}|")
    for dtype in (torch.bfloat16, torch.float32):
        for dropout in (None, 0.0, 0.1):
            for batch, steps in SHAPES:
                pairs = [
                    [seconds(attend, batch, steps, dtype, dropout) for attend in (_attend_plainly, fused)]
                    for _ in range(REPEATS)
                ][2:]
                plain, other = (1e3 * statistics.median(side) for side in zip(*pairs, strict=True))
                name, how = str(dtype).removeprefix("torch."), "asked" if dropout is None else dropout
                figures = f"{plain:.3f} | {other:.3f} | {other / plain:.2f}"
                print(f"| {name} | {how} | {batch} | {steps} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
