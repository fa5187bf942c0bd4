"""How far a forecast can be believed: learning curves of a few rows, held against fits on 2, 4 and 8 times as many.

    python benchmarks/forecast.py [DATA] [--runs FOLDER] [--rows 800] [--repeats 2] [--sets adult sst2] [--judge]

Of each data set some rows are drawn, as a user's own, and split; each rung learns from parts of train that grow by √2,
as `rungwise forecast` does it, and from 2, 4 and 8 times the data. What these fits score on thousands of further rows is
the truth. Curves are kept as JSON, and not made again; --judge makes none.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from real_data import RealData, real_data
from rungwise.data import as_table
from rungwise.estimators import estimator_class
from rungwise.kinds import OutputKind
from rungwise.ladder.growth import DRAWS, growth_sizes
from rungwise.ladder.measuring import outputs_of
from rungwise.training.seeds import sub_seed

FACTORS = (2, 4, 8)
USER_SHARE, TRUTH_ROWS = 12, 5_000
"""One row in so many is a user's own at most; and how many rows tell the truth at most."""

TEST_SHARE, VALID_SHARE = 0.2, 0.08
"""As `rungwise fit` splits."""

ASIDE_ROWS = 2_000
DEAR = ("cnn", "fasttext", "textcnn")
"""Rungs left out, whose fits would take most of the time."""


def losses(target: np.ndarray, said: np.ndarray, classes: list[str] | None) -> dict[str, np.ndarray]:
    """What each example has of each error (N,)."""
    if classes is None:
        return {"rmse": (target - said) ** 2, "mae": np.abs(target - said)}
    number = {name: place for place, name in enumerate(classes)}
    rows = np.array([number.get(name, -1) for name in target])
    chance = np.where(rows < 0, 0.0, said[np.arange(len(rows)), rows])
    return {
        "accuracy": (said.argmax(1) != rows).astype(float),
        "log-loss": -np.log(np.clip(chance, 1e-7, 1.0)),
    }


def measure(data: RealData, found: tuple[Any, np.ndarray], rows: int, seed: int) -> dict[str, Any]:
    """Errors of every rung at every size, by the user's own rows and in truth."""
    inputs, targets = found
    if isinstance(inputs, pd.DataFrame):
        inputs = as_table(inputs)  # whose columns' kinds no part of the rows changes
    order = np.random.default_rng(seed).permutation(len(targets))
    rows = min(rows, len(targets) // USER_SHARE)
    num_test, num_valid = round(TEST_SHARE * rows), round(VALID_SHARE * rows)
    num_train = rows - num_valid - num_test
    kind = OutputKind.NUMBER if data.task == "tabular-regression" else OutputKind.LABEL

    def some(index: np.ndarray) -> tuple[Any, np.ndarray]:
        if isinstance(inputs, pd.Series):
            return inputs.iloc[index].reset_index(drop=True), targets[index]
        return inputs[index] if isinstance(inputs, np.ndarray) else inputs.take(index), targets[index]

    test, rest = order[:num_test], order[num_test:]
    valid = rest[: FACTORS[-1] * num_valid]
    train = rest[len(valid) : len(valid) + FACTORS[-1] * num_train]
    truth = rest[len(valid) + len(train) :][:TRUTH_ROWS]
    own = train[:num_train]
    curves: dict[str, list[dict[str, Any]]] = {}
    for rung in (name for name in data.rungs if name not in DEAR):
        points = curves.setdefault(rung, [])

        def fit(
            learned: np.ndarray,
            stop: np.ndarray,
            draw: int,
            aside: np.ndarray,
            rung: str = rung,
            points: Any = points,
        ) -> None:
            started = time.process_time()
            estimator = estimator_class(rung, kind)(random_state=sub_seed(seed, rung))
            X, y = some(learned)
            if kind is OutputKind.LABEL and len(np.unique(y)) < 2:
                return
            try:
                estimator.fit(X, y, validation=some(stop))
            except Exception as error:  # a class may have too few rows
                print(f"  {rung} on {len(learned)} rows: {error}", flush=True)
                return
            point: dict[str, Any] = {"rows": len(learned), "draw": draw, "seconds": 0.0}
            for part, index in (("test", test), ("valid", stop), ("aside", aside), ("truth", truth)):
                if not len(index):
                    continue
                X, y = some(index)
                classes = None if kind is OutputKind.NUMBER else estimator.classes_.tolist()
                for name, each in losses(y, outputs_of(estimator, X), classes).items():
                    point[f"{part}.{name}"] = [len(each), float(each.mean()), float(each.var(ddof=1))]
            point["seconds"] = time.process_time() - started
            points.append(point)

        nothing = own[:0]
        for factor in FACTORS:
            fit(train[: factor * num_train], valid[: factor * num_valid], 0, nothing)
        fit(own, valid[:num_valid], 0, nothing)
        for draw in range(DRAWS):
            dealt = own if draw == 0 else np.random.default_rng([seed, draw]).permutation(own)
            for size in growth_sizes(num_train, 0):
                fit(dealt[:size], valid[:num_valid], draw, dealt[size:][:ASIDE_ROWS])
    return {"rows": num_train, "task": data.task, "curves": curves}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/forecast"))
    parser.add_argument("--rows", type=int, default=800)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--sets", nargs="+")
    parser.add_argument("--judge", action="store_true", help="only what has been measured")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    args.runs.mkdir(parents=True, exist_ok=True)
    sets = real_data(args.data)
    names: Sequence[str] = args.sets or list(sets)
    for seed in range(0 if args.judge else args.repeats):
        for name in names:
            file = args.runs / f"{name}-{args.rows}-{seed}.json"
            if file.exists():
                continue
            started = time.process_time()
            curves = measure(sets[name], sets[name].read(), args.rows, seed)
            file.write_text(json.dumps(curves))
            print(f"{file.stem} {time.process_time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
