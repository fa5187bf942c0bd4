"""How far a verdict can be believed: runs on a few rows of real data sets, held against the thousands left out.

    python benchmarks/verdict.py [DATA] [--runs FOLDER] [--rows 500 2000] [--seeds 0 1] [--sets adult sst2] [--judge]

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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import rungwise as rw
from real_data import RealData, real_data
from rungwise.evaluation import Predictions, Results, Terms, read_predictions, verdict, write_predictions
from rungwise.ladder.measuring import outputs_of
from rungwise.metrics import Metric

TRUTH_ROWS, TRUTH_SHARE = 10_000, 5
"""Of the rows left out, how many tell the truth at most; and one row in so many is a user's own at most, so that
the truth is known much better than by the user's test part."""

BUDGET = "10m"
"""As `rungwise fit` has it."""


def cut(found: tuple[Any, np.ndarray], rows: int, seed: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Rows that a user has, and those that tell the truth."""
    inputs, targets = found
    order = np.random.default_rng(seed).permutation(len(targets))
    rows = min(rows, len(targets) // TRUTH_SHARE)
    sides = order[:rows], order[rows : rows + TRUTH_ROWS]

    def part(index: np.ndarray) -> tuple[Any, Any]:
        some = inputs[index] if isinstance(inputs, np.ndarray) else inputs.iloc[index].reset_index(drop=True)
        return some, targets[index]

    return part(sides[0]), part(sides[1])


def climb(
    data: RealData, found: tuple[Any, np.ndarray], rows: int, seed: int, folder: Path, folds: int | None
) -> None:
    """Makes a run, and stores what its models say of the truth beside what they say of their own parts."""
    shutil.rmtree(folder, ignore_errors=True)
    mine, (inputs, targets) = cut(found, rows, seed)
    ladder = rw.Ladder(
        data.task, rungs=data.rungs, seed=seed, budget=BUDGET, workers=1, folds=folds, out=folder
    )
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


@dataclass
class Judgement:
    """What one run's verdict is worth."""

    covered: dict[str, list[bool]]
    differences: list[bool]
    claims: list[bool]  # whether each clear comparison is true
    count: int
    regret: float
    of_best: float


METRICS = {
    "tabular-regression": ("rmse", "mae", "r2"),
    "tabular-classification": ("accuracy", "macro-f1", "log-loss", "roc-auc"),
    "text-classification": ("accuracy", "macro-f1", "log-loss", "roc-auc"),
    "image-classification": ("accuracy", "macro-f1", "log-loss", "roc-auc"),
}


def judge(folder: Path, task: str, terms: Terms) -> Judgement:
    """Holds a run against the truth."""
    results = Results(folder)
    finished = [outcome.rung for outcome in results.outcomes if outcome.is_finished]
    truth = {rung: read_predictions(folder, rung, "truth") for rung in finished}
    metrics = [results.metric(name) for name in METRICS[task]]
    covered: dict[str, list[bool]] = {}
    for by in results.judge("test", metrics):
        for rung in finished:
            if rung == "baseline" and by.metric.name in ("macro-f1", "roc-auc"):
                continue  # which always says the same
            told, found = by.score(rung), true_score(by.metric, truth[rung])
            covered.setdefault(by.metric.name, []).append(told.low <= found <= told.high)
    chosen = metrics[0]
    scores = {rung: true_score(chosen, truth[rung]) for rung in finished}
    sign = 1 if chosen.greater_is_better else -1
    found = verdict(results, chosen.name, terms)
    differences, claims = [], []
    for each in found.comparisons:
        real = sign * (scores[each.rung] - scores[found.recommended])
        differences.append(each.difference.low <= real <= each.difference.high)
        if each.is_clear:
            claims.append(real * each.difference.mean > 0)
    unit = 100 if chosen.is_share else 100 / scores["baseline"]
    best = max(sign * score for score in scores.values())

    def regret(rung: str) -> float:
        return unit * (best - sign * scores[rung])

    return Judgement(
        covered, differences, claims, len(found.comparisons), regret(found.recommended), regret(found.best)
    )


def true_score(metric: Metric, predictions: Predictions) -> float:
    return metric.score(predictions.target, predictions.output(metric))


def report(
    runs: Path,
    names: Sequence[str],
    sizes: Sequence[int],
    seeds: Sequence[int],
    tasks: dict[str, str],
    terms: Terms,
) -> None:
    """Prints what runs of each size are worth, and each data set's part in it."""
    for rows in sizes:
        found = {
            name: [
                judge(folder, tasks[name], terms)
                for folder in (runs / f"{name}-{rows}-{seed}" for seed in seeds)
                if (folder / "truth.json").exists()
            ]
            for name in names
        }
        found = {name: said for name, said in found.items() if said}
        print(f"\n## {rows} rows, {sum(map(len, found.values()))} runs on {len(found)} data sets\n")
        every = [each for said in found.values() for each in said]
        by_metric: dict[str, list[bool]] = {}
        for each in every:
            for metric, said in each.covered.items():
                by_metric.setdefault(metric, []).extend(said)
        rates = ", ".join(f"{metric} {share(said)}" for metric, said in by_metric.items())
        print(f"scores in their intervals: {rates}; all {share([x for s in by_metric.values() for x in s])}")
        print(f"differences in theirs: {share([x for each in every for x in each.differences])}")
        claims = [x for each in every for x in each.claims]
        wrong, number = len(claims) - sum(claims), sum(each.count for each in every)
        runs_wrong = np.mean([not all(each.claims) for each in every])
        print(
            f"false superiority: {wrong} of {number} comparisons ({100 * wrong / number:.2f} %), "
            f"{100 * wrong / max(1, len(claims)):.2f} % of {len(claims)} claims, {100 * runs_wrong:.1f} % of runs"
        )
        regrets = {name: np.mean([each.regret for each in said]) for name, said in found.items()}
        bests = {name: np.mean([each.of_best for each in said]) for name, said in found.items()}
        print(
            f"regret: {np.mean(list(regrets.values())):.2f} points of the recommended rung, "
            f"{np.mean(list(bests.values())):.2f} of the best on validation"
        )
        print("| data set | runs | accuracy or RMSE | differences | regret | of the best |")
        for name, said in found.items():
            first = next(iter(said[0].covered))
            own = [x for each in said for x in each.covered[first]]
            told = [x for each in said for x in each.differences]
            print(
                f"| {name} | {len(said)} | {share(own)} | {share(told)} | {regrets[name]:.2f} | {bests[name]:.2f} |"
            )


def share(values: Sequence[bool]) -> str:
    return f"{100 * np.mean(values):.1f} %" if len(values) else "–"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/verdict"))
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 2000])
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1], help="one run of each set and size for each"
    )
    parser.add_argument("--sets", nargs="+")
    parser.add_argument("--folds", type=int, help="validation parts (as the data suit)")
    parser.add_argument("--margin", type=float)
    parser.add_argument("--judge", action="store_true", help="only what has been run")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    args.runs.mkdir(parents=True, exist_ok=True)
    sets = real_data(args.data)
    names = args.sets or list(sets)
    for seed in () if args.judge else args.seeds:
        for name in names:
            found = None
            for rows in args.rows:
                folder = args.runs / f"{name}-{rows}-{seed}"
                if (folder / "truth.json").exists():
                    continue
                found = found or sets[name].read()
                most = len(found[1]) // TRUTH_SHARE
                if any(most <= smaller < rows for smaller in args.rows):
                    continue  # it would be the run of the smaller size again
                started = time.monotonic()
                try:
                    climb(sets[name], found, rows, seed, folder, args.folds)
                    print(f"{folder.name} {time.monotonic() - started:.0f} s", flush=True)
                except rw.RungwiseError as error:
                    print(f"{folder.name} failed: {error}", flush=True)
    tasks = {name: each.task for name, each in sets.items()}
    report(args.runs, names, args.rows, args.seeds, tasks, Terms(margin=args.margin))


if __name__ == "__main__":
    main()
