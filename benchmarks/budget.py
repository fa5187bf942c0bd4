"""Climbs ladders of real data within budgets and prints by how much each climb was over its budget.

    python benchmarks/budget.py DATA [NAME ...] [--budgets 1s,10s,1m,10m]

DATA is the data folder (or RUNGWISE_DATA). Two clocks: that of `Ladder.climb`, from the end of reading the data to the
written page, start of the workers included; and one from outside, from the same moment until the command has ended. The
bar, 2 s or 2 % of the budget, the larger, is for the second.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from ladders import cases
from rungwise.evaluation import read_records
from rungwise.ladder import parse_budget

NAMES = ["trec", "sst2", "adult", "california_housing", "fashion-mnist"]


def climb(arguments: list[str], budget: str, run: Path) -> str:
    """Runs the command; returns a row of the table."""
    command = [sys.executable, "-m", "rungwise", "fit", *arguments, "--budget", budget, "--out", str(run)]
    started = time.time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    ended = time.time()
    seconds = parse_budget(budget)
    used = next(record["elapsed"] for record in read_records(run) if record["type"] == "climb")
    outside = ended - (run / "config.json").stat().st_mtime
    over = outside - seconds
    is_kept = over <= max(2.0, 0.02 * seconds)
    board = pd.read_csv(run / "leaderboard.csv")
    counts = ", ".join(f"{count} {status}" for status, count in board.status.value_counts().items())
    first = board.status[:2].isin(["done", "deadline"]).all()
    recommended = json.loads((run / "verdict.json").read_text())["recommended"]
    return (
        f"| {budget} | {used:.1f} | {outside:.1f} | {over:+.1f} | {'kept' if is_kept else 'BROKEN'} "
        f"| {ended - started:.1f} "
        f"| {counts} | {'yes' if first else 'NO'} | {recommended} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--budgets", default="1s,5s,20s,1m,10m")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = cases(options.data, Path(folder))
        print(
            "| ladder | budget | climb s | from outside s | over s | promise | whole command s "
            "| rungs | first two | recommended |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
        for name in options.names:
            for budget in options.budgets.split(","):
                row = climb(known[name].arguments, budget, Path(folder) / f"{name}-{budget}")
                print(f"| {name} {row}", flush=True)


if __name__ == "__main__":
    main()
