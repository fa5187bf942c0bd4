"""Climbs real ladders and compares the memory that each rung was expected to need with the peak that it had.

    python benchmarks/memory.py DATA [NAME ...] [--budget 5m]

DATA is the data folder (or RUNGWISE_DATA). Tables are climbed as they are and ten times as long, their numbers varied.
The first line is a worker that fits next to nothing: what every peak has in it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from ladders import cases
from rungwise.evaluation.records import read_records

NAMES = (
    "adult",
    "adult x10",
    "california_housing",
    "california_housing x10",
    "trec",
    "sst2",
    "fashion-mnist",
    "hymenoptera",
)
LEAST, MOST, LEAST_OF_LARGE, LARGE = 0.5, 2.0, 0.7, 1e9
"""The bar: expected / peak, and the least of it where the peak is large."""


def bare(scratch: Path) -> list[str]:
    """A table of a few rows."""
    frame = pd.DataFrame({"x": np.arange(60), "y": np.arange(60) % 2})
    frame.to_csv(scratch / "bare.csv", index=False)
    return [str(scratch / "bare.csv"), "--target", "y", "--rungs", "baseline"]


def ten_times(arguments: list[str], scratch: Path) -> list[str]:
    """The same table with each row ten times, of which all numbers but the target's differ."""
    source, target = Path(arguments[0]), arguments[arguments.index("--target") + 1]
    frame, rng = pd.concat([pd.read_csv(source)] * 10, ignore_index=True), np.random.default_rng(0)
    for name in frame.columns.drop(target):
        if pd.api.types.is_float_dtype(frame[name]) or frame[name].nunique() > 1000:
            frame[name] = frame[name] * (1 + 0.01 * rng.normal(size=len(frame)))
    file = scratch / f"{source.stem}.x10.csv"
    frame.to_csv(file, index=False)
    return [str(file), "--target", target]


def climb(name: str, arguments: list[str], run: Path, budget: str) -> list[str]:
    """A row of the table for each rung."""
    command = [sys.executable, "-m", "rungwise", "fit", *arguments, "--budget", budget, "--out", str(run)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return [row(name, record) for record in read_records(run) if record["type"] == "rung"]


def row(name: str, record: dict) -> str:
    """Megabytes, their ratio, and whether that is within the bar."""
    expected, peak = record["expected_memory_bytes"], record.get("peak_memory_bytes")
    if peak is None:
        return f"| {name} | {record['rung']} | {expected / 1e6:.0f} | | | {record['status']}: {record['reason']} |"
    ratio = expected / peak
    is_met = (LEAST_OF_LARGE if peak > LARGE else LEAST) <= ratio <= MOST
    told = record["status"] if is_met else f"{record['status']}, MISSED"
    return f"| {name} | {record['rung']} | {expected / 1e6:.0f} | {peak / 1e6:.0f} | {ratio:.2f} | {told} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), help="the data folder")
    parser.add_argument(
        "names", nargs="*", default=NAMES, help=f"of {', '.join(NAMES)}; all when none is named"
    )
    parser.add_argument("--budget", default="5m")
    arguments = parser.parse_args()
    print("| data | rung | expected MB | peak MB | expected / peak | status |\n|---|---|--:|--:|--:|---|")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        known = {name: case.arguments for name, case in cases(Path(arguments.data), scratch).items()}
        jobs = {"(bare)": bare(scratch)}
        for name in arguments.names:
            base = known[name.removesuffix(" x10")]
            jobs[name] = ten_times(base, scratch) if name.endswith("x10") else base
        for name, job in jobs.items():
            print("\n".join(climb(name, job, scratch / f"{name} run", arguments.budget)), flush=True)


if __name__ == "__main__":
    main()
