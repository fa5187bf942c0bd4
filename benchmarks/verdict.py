"""How far a verdict can be believed: runs on a few rows of real data sets, held against the thousands left out.

    python benchmarks/verdict.py [DATA] [--runs FOLDER] [--rows 500 2000] [--repeats 10] [--sets adult sst2] [--judge]

Of each data set some rows are drawn, as a user's own; `rungwise` splits them, climbs and gives its verdict. What the
models score on up to 10,000 of the other rows is then the truth. Runs are kept, and not made again; --judge makes none.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import rungwise as rw
from real_data import RealData, real_data
from rungwise.evaluation.predictions import Predictions, write_predictions
from rungwise.ladder.measuring import outputs_of

TRUTH_ROWS = 10_000
BUDGET = 120.0


def cut(found: tuple[Any, np.ndarray], rows: int, seed: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Rows that a user has, half of all at most, and those that tell the truth."""
    inputs, targets = found
    order = np.random.default_rng(seed).permutation(len(targets))
    rows = min(rows, len(targets) // 2)
    sides = order[:rows], order[rows : rows + TRUTH_ROWS]

    def part(index: np.ndarray) -> tuple[Any, Any]:
        some = inputs[index] if isinstance(inputs, np.ndarray) else inputs.iloc[index].reset_index(drop=True)
        return some, targets[index]

    return part(sides[0]), part(sides[1])


def climb(data: RealData, found: tuple[Any, np.ndarray], rows: int, seed: int, folder: Path) -> None:
    """Makes a run, and stores what its models say of the truth beside what they say of their own parts."""
    shutil.rmtree(folder, ignore_errors=True)
    mine, (inputs, targets) = cut(found, rows, seed)
    ladder = rw.Ladder(data.task, rungs=data.rungs, seed=seed, budget=BUDGET, workers=1, out=folder)
    ladder.fit(mine)
    for outcome in ladder.results.outcomes:
        if outcome.is_finished:
            model = ladder.model(outcome.rung)
            said = outputs_of(model, inputs)
            if data.task == "tabular-regression":
                predictions = Predictions(targets, said)
            else:
                predictions = Predictions(model.encode_labels(targets), said.argmax(1), said)
            write_predictions(folder, outcome.rung, "truth", predictions)
    for name in ("data", "models", "checkpoints"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "truth.json").write_text(json.dumps({"rows": len(mine[1]), "truth": len(targets)}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/verdict"))
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--sets", nargs="+")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    args.runs.mkdir(parents=True, exist_ok=True)
    sets = real_data(args.data)
    for seed in range(args.repeats):
        for name in args.sets or sets:
            found = None
            for rows in args.rows:
                folder = args.runs / f"{name}-{rows}-{seed}"
                if (folder / "truth.json").exists():
                    continue
                found = found or sets[name].read()
                started = time.monotonic()
                try:
                    climb(sets[name], found, rows, seed, folder)
                    print(f"{folder.name} {time.monotonic() - started:.0f} s", flush=True)
                except rw.RungwiseError as error:
                    print(f"{folder.name} failed: {error}", flush=True)


if __name__ == "__main__":
    main()
