"""How far a forecast can be believed: learning curves of a few rows, held against fits on 2, 4 and 8 times as many.

    python benchmarks/forecast.py [DATA] [--runs FOLDER] [--rows 800] [--seeds 0] [--sets adult sst2] [--judge]

Of each data set some rows are drawn, as a user's own, and split; each rung learns from parts of train that grow by √2,
as `rungwise forecast` does it but for groups, equal texts and shares of classes, which parts don't keep here, and from
2, 4 and 8 times the data. What these fits score on thousands of further rows is the truth. The error of chance is that
of the commonest class, or of the mean, on the user's own test rows, as of the product's baseline. Curves are kept as
JSON, and not made again; --judge makes none, though it reads the data again for that error where a file lacks it.
Intervals of gains are from 2,000 resamples of the data sets.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from real_data import RealData, real_data
from rungwise.data import STARTS, as_table
from rungwise.estimators import estimator_class
from rungwise.evaluation.curves import Points, level_of, noise_of, points_of, rows_aside
from rungwise.evaluation.forecast import Curve, Forecast, forecast, weighed_together
from rungwise.kinds import OutputKind
from rungwise.ladder.growth import growth_sizes
from rungwise.ladder.measuring import outputs_of
from rungwise.training.seeds import sub_seed

FACTORS = (2, 4, 8)
_FOUR = FACTORS.index(4)
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


def dealt_rows(num_rows: int, rows: int, seed: int) -> tuple[np.ndarray, int, int, int]:
    """All rows in a drawn order, and how many are the user's own for test, validation and train."""
    order = np.random.default_rng(seed).permutation(num_rows)
    rows = min(rows, num_rows // USER_SHARE)
    num_test, num_valid = round(TEST_SHARE * rows), round(VALID_SHARE * rows)
    return order, num_test, num_valid, rows - num_valid - num_test


def chance_of(data: RealData, targets: np.ndarray, rows: int, seed: int) -> dict[str, float]:
    """Errors on the user's own test rows of what is commonest, or the mean, among those learned from."""
    order, num_test, num_valid, num_train = dealt_rows(len(targets), rows, seed)
    test = targets[order[:num_test]]
    start = num_test + FACTORS[-1] * num_valid
    own = targets[order[start : start + num_train]]
    if data.task == "tabular-regression":
        return {"rmse": float(np.mean((test - own.mean()) ** 2) ** 0.5)}
    names, counts = np.unique(own, return_counts=True)
    return {"accuracy": float(np.mean(test != names[counts.argmax()]))}


def measure(data: RealData, found: tuple[Any, np.ndarray], rows: int, seed: int) -> dict[str, Any]:
    """Errors of every rung at every size, by the user's own rows and in truth."""
    inputs, targets = found
    if isinstance(inputs, pd.DataFrame):
        inputs = as_table(inputs)  # whose columns' kinds no part of the rows changes
    order, num_test, num_valid, num_train = dealt_rows(len(targets), rows, seed)
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
        for draw, start in enumerate(STARTS):
            dealt = np.roll(own, -round(start * num_train))
            for size in growth_sizes(num_train, 0):
                fit(dealt[:size], valid[:num_valid], draw, dealt[size:][:ASIDE_ROWS])
    chance = chance_of(data, targets, rows, seed)
    return {"rows": num_train, "task": data.task, "chance": chance, "curves": curves}


@dataclass
class Told:
    """One rung on the rows of one draw of a data set, in points: hundredths of accuracy, or of the worst rung's RMSE.

    Attributes:
        data: the data set.
        refusal: why there is no forecast; the last value stands in for it.
        missed: what is forecast → how far that is from the truth, by factor.
        covered: whether the band has the truth, by factor; empty where it is refused.
    """

    data: str
    refusal: str | None
    missed: dict[str, list[float]]
    covered: list[bool]


def judge(file: Path) -> list[Told]:
    """Holds the forecasts of all rungs of a file, by the task's own metric, against the truth."""
    said = json.loads(file.read_text())
    num_train, name = said["rows"], "rmse" if said["task"] == "tabular-regression" else "accuracy"
    rungs = {
        rung: fits for rung, fits in said["curves"].items() if {fit["rows"] for fit in fits} >= {num_train}
    }
    now = [linked(name, at(fits, num_train)[f"truth.{name}"][1]) for fits in rungs.values()]
    unit = 100.0 if name == "accuracy" else 100 / max(now)
    most = 1.0 if name == "accuracy" else np.inf
    points = {rung: measured(fits, num_train, name) for rung, fits in rungs.items()}
    found = weighed_together(
        {
            rung: forecast(points_of(each, level=level, chance=said["chance"][name], most=most))
            for rung, (each, level) in points.items()
        }
    )
    told = []
    for rung, fits in rungs.items():
        truth = [linked(name, at(fits, factor * num_train)[f"truth.{name}"][1]) for factor in FACTORS]
        data = file.stem.rsplit("-", 2)[0]
        told.append(judge_rung(data, found[rung], points[rung][0].tests, unit, np.array(truth)))
    return told


def judge_rung(data: str, found: Forecast, tests: np.ndarray, unit: float, truth: np.ndarray) -> Told:
    """Holds one rung's forecast against the truth.

    Args:
        data: the data set.
        found: the forecast.
        tests: the errors of its points on the test part alone (K,), as they stand in the run.
        unit: what a point is.
        truth: errors at `FACTORS` (3,).
    """
    curve = found.curve
    on_test = replace(curve, errors=tests)
    sizes = [factor * curve.sizes[-1] for factor in FACTORS]
    last = np.full(len(sizes), curve.errors[-1])
    told = {
        "forecast": last if found.refusal else found.at(sizes),
        "last value": np.full(len(sizes), tests[-1]),
        "power law": power_law(on_test, sizes, has_limit=False),
        "power law to a limit": power_law(on_test, sizes, has_limit=True),
        "last value, same points": last,
        "power law, same points": power_law(curve, sizes, has_limit=False),
        "power law to a limit, same points": power_law(curve, sizes, has_limit=True),
    }
    low, high = found.band(sizes)
    covered = [] if found.refusal else ((low <= truth) & (truth <= high)).tolist()
    missed = {method: (unit * np.abs(errors - truth)).tolist() for method, errors in told.items()}
    return Told(data, found.refusal, missed, covered)


def at(fits: list[dict[str, Any]], rows: float) -> dict[str, Any]:
    return next(fit for fit in fits if fit["rows"] == rows)


def linked(name: str, loss: float) -> float:
    return float(loss**0.5) if name == "rmse" else float(loss)


def measured(fits: list[dict[str, Any]], num_train: int, name: str) -> tuple[Points, float]:
    """The points of a curve, and how far they may be off alike, from what the fits scored on the user's own rows."""
    rows, errors = [], []
    for size in sorted({fit["rows"] for fit in fits if fit["rows"] < num_train}):
        same = [fit for fit in fits if fit["rows"] == size]
        both = [(fit[f"test.{name}"], fit[f"aside.{name}"]) for fit in same]
        apart = rows_aside(num_train, both[0][1][0], len(same))
        errors.append(
            np.array([linked(name, (n * t + apart * a) / (n + apart)) for (n, t, _), (_, a, _) in both])
        )
        tests = np.mean([linked(name, test[1]) for test, _ in both])
        rows.append((size, errors[-1].mean(), tests, len(same)))
    num_test, loss, variance = at(fits, num_train)[f"test.{name}"]
    own = linked(name, loss)
    rows.append((num_train, own, own, 1))
    spread = (variance / num_test) ** 0.5 / max(loss, 1e-3 if name == "accuracy" else 1e-12)
    spread *= 0.5 if name == "rmse" else 1.0  # of a square root
    level = level_of(spread, num_test, num_test + num_train - rows[0][0])
    return Points(*np.array(rows, float).T, noise_of(errors)), level


def power_law(curve: Curve, sizes: Sequence[float], *, has_limit: bool) -> np.ndarray:
    """Least squares: of the logarithm without a limit, of the error itself with one."""
    x, y = curve.sizes / curve.sizes[-1], np.maximum(curve.errors, 1e-6)
    ahead = np.asarray(sizes) / curve.sizes[-1]
    if not has_limit:
        slope, start = np.polyfit(np.log(x), np.log(y), 1)
        return np.exp(start + slope * np.log(ahead))
    bounds = ([0, 0, 0], [np.inf, 5, np.inf])
    fits = [
        least_squares(lambda p: p[0] * x ** -p[1] + p[2] - y, [y[-1] / 2, c, y[-1] / 2], bounds=bounds)
        for c in (0.2, 0.7)
    ]
    best = min(fits, key=lambda fit: fit.cost).x
    return np.asarray(best[0] * ahead ** -best[1] + best[2])


def report(title: str, told: Sequence[Told]) -> None:
    """Prints how far each method is off, the mean over the data sets, and how that compares with the best baseline."""
    sets = sorted({each.data for each in told})
    refused = [each for each in told if each.refusal]
    print(f"\n## {title}: {len(told)} curves of {len(sets)} data sets, {len(refused)} refused\n")
    print(f"| points off, mean over the data sets | {' | '.join(f'at {factor}×' for factor in FACTORS)} |")
    means = {
        method: np.mean(
            [np.mean([e.missed[method] for e in told if e.data == s], axis=0) for s in sets], axis=0
        )
        for method in told[0].missed
    }
    for method, values in means.items():
        print(f"| {method} | {' | '.join(f'{value:.2f}' for value in values)} |")
    for kind, is_same in (("baselines on the test part", False), ("baselines on the same points", True)):
        others = [v for m, v in means.items() if m != "forecast" and m.endswith("same points") == is_same]
        under = 100 * (1 - means["forecast"] / np.min(others, axis=0))
        print(f"under the better of {kind}: {', '.join(f'{value:.0f} %' for value in under)}")
    for method in means:
        if method != "forecast":
            low, high = gain_interval(told, sets, method)
            value = 100 * (1 - means["forecast"][_FOUR] / means[method][_FOUR])
            print(f"at 4× under {method}: {value:.0f} % ({low:.0f} to {high:.0f} %)")
    covered = np.array([each.covered for each in told if each.covered])
    print(f"bands hold: {', '.join(f'{share:.1f} %' for share in 100 * covered.mean(0))}")
    for each in refused:
        print(f"refused: {each.data}: {each.refusal}")


def gain_interval(told: Sequence[Told], sets: Sequence[str], method: str) -> tuple[float, float]:
    """The 95 % interval of the gain over a method at 4×, in percent, over resamples of the data sets."""
    ours, theirs = (
        np.array([np.mean([each.missed[m][_FOUR] for each in told if each.data == s]) for s in sets])
        for m in ("forecast", method)
    )
    drawn = np.random.default_rng(0).integers(0, len(sets), (2000, len(sets)))
    low, high = np.percentile(100 * (1 - ours[drawn].mean(1) / theirs[drawn].mean(1)), (2.5, 97.5))
    return float(low), float(high)


def add_chance(file: Path, data: RealData, rows: int) -> None:
    """Notes the error of chance in a file of curves that lacks it."""
    said = json.loads(file.read_text())
    if "chance" not in said:
        said["chance"] = chance_of(data, data.read()[1], rows, int(file.stem.rsplit("-", 1)[1]))
        file.write_text(json.dumps(said))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/forecast"))
    parser.add_argument("--rows", type=int, default=800)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one draw of each set for each")
    parser.add_argument("--sets", nargs="+")
    parser.add_argument("--judge", action="store_true", help="only what has been measured")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    args.runs.mkdir(parents=True, exist_ok=True)
    sets = real_data(args.data)
    names: Sequence[str] = args.sets or list(sets)
    for seed in () if args.judge else args.seeds:
        for name in names:
            file = args.runs / f"{name}-{args.rows}-{seed}.json"
            if file.exists():
                continue
            started = time.process_time()
            curves = measure(sets[name], sets[name].read(), args.rows, seed)
            file.write_text(json.dumps(curves))
            print(f"{file.stem} {time.process_time() - started:.0f} s", flush=True)
    kinds: dict[str, list[Told]] = {"classes": [], "numbers": []}
    for name in names:
        kind = "numbers" if sets[name].task == "tabular-regression" else "classes"
        for seed in args.seeds:
            file = args.runs / f"{name}-{args.rows}-{seed}.json"
            if file.exists():
                add_chance(file, sets[name], args.rows)
                kinds[kind] += judge(file)
    for kind, told in kinds.items():
        if told:
            report(kind, told)


if __name__ == "__main__":
    main()
