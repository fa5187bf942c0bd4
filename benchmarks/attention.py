"""Seconds of attention forward and backward: our three plain kernels beside torch's fused one, by turns.

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

from rungwise.layers.attention import _attend_plainly, padding_bias

REPEATS = 15
BATCH, HEADS, SIZE = 32, 4, 32


def fused(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, dropout: float) -> Tensor:
    """What `attend` calls where the plain kernels don't pay."""
    return F.scaled_dot_product_attention(query, key, value, bias.to(query.dtype), dropout)


def seconds(attend: Callable[..., Tensor], steps: int, dtype: torch.dtype, dropout: float) -> float:
    """One forward and backward pass."""
    shape = (BATCH, HEADS, steps, SIZE)
    parts = [torch.randn(shape).to(dtype).requires_grad_() for _ in range(3)]
    bias = padding_bias(torch.ones(BATCH, steps, dtype=torch.bool))
    start = time.perf_counter()
    attend(*parts, bias, dropout).sum().backward()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", default=1, type=int)
    torch.set_num_threads(parser.parse_args().threads)
    print("| precision | dropout | T | plain ms | fused ms | fused / plain |\n|---|---|---|---|---|---|")
    for dtype in (torch.bfloat16, torch.float32):
        for dropout in (0.0, 0.1):
            for steps in (32, 128, 512):
                pairs = [
                    [seconds(attend, steps, dtype, dropout) for attend in (_attend_plainly, fused)]
                    for _ in range(REPEATS)
                ][2:]
                plain, other = (1e3 * statistics.median(side) for side in zip(*pairs, strict=True))
                name = str(dtype).removeprefix("torch.")
                print(
                    f"| {name} | {dropout} | {steps} | {plain:.2f} | {other:.2f} | {other / plain:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
