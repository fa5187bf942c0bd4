"""How often intervals hold: test parts drawn from thousands of predictions of real models, over and over.

    python benchmarks/intervals.py --runs FOLDER [--sizes 100 400] [--draws 20] [--pattern "*-2000-*"]

The runs are those of `benchmarks/verdict.py`, whose models were asked about up to 10,000 rows: their scores on these
are the truth, and each draw of a few of the rows is a test part that somebody might have had.
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from rungwise.evaluation import Predictions, Results, read_predictions
from rungwise.evaluation.intervals import difference, furthest, score
from rungwise.evaluation.resampling import influences, resample
from rungwise.metrics import Metric

NUMBERS = ("rmse", "mae", "r2")
LABELS = ("accuracy", "macro-f1", "log-loss", "roc-auc")

MOST_DRAWN = 1 / 3
"""Of the truth's rows, so that a draw says little of the rest."""


def held(metric: Metric, said: dict[str, Predictions], size: int, seed: int) -> Iterator[tuple[str, bool]]:
    """Draws a test part; whether each score's interval holds the truth, and each difference's of two neighbours."""
    target = next(iter(said.values())).target
    rows = np.random.default_rng(seed).choice(len(target), size, replace=False)
    some = target[rows]
    outputs = {rung: each.output(metric) for rung, each in said.items()}
    drawn, bounds = resample(some, [(metric, output[rows]) for output in outputs.values()], seed=seed)
    values = [metric.score(some, output[rows]) for output in outputs.values()]
    truths = [metric.score(target, output) for output in outputs.values()]
    for value, scores, ends, truth in zip(values, drawn, bounds, truths, strict=True):
        found = score(metric, size, value, scores, ends)
        if np.isfinite(value):
            yield "score", found.low <= truth <= found.high
    sign = 1 if metric.greater_is_better else -1
    moved = [influences(metric, some, output[rows]) for output in outputs.values()]
    for first, second in pairwise(range(len(values))):
        pair = (first, second)
        if not np.isfinite([values[i] for i in pair]).all():
            continue
        found = difference(
            metric,
            size,
            size,
            (np.array([values[first]]), np.array([values[second]])),
            (drawn[[first]], drawn[[second]]),
            furthest(metric, [moved[first]], [moved[second]], size),
        )
        yield "difference", found.low <= sign * (truths[first] - truths[second]) <= found.high


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/verdict"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 400])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--pattern", default="*-2000-*", help="of the runs")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    shares: dict[tuple[str, int, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for folder in sorted(args.runs.glob(args.pattern)):
        if not (folder / "truth.json").exists():
            continue
        results = Results(folder)
        rungs = [o.rung for o in results.outcomes if o.is_finished and o.rung != "baseline"]
        said = {rung: read_predictions(folder, rung, "truth") for rung in rungs}
        for name in LABELS if said[rungs[0]].probabilities is not None else NUMBERS:
            for size in args.sizes:
                if size > MOST_DRAWN * len(said[rungs[0]].target):
                    continue
                found = defaultdict(list)
                for draw in range(args.draws):
                    for kind, holds in held(results.metric(name), said, size, draw):
                        found[kind].append(holds)
                for kind, each in found.items():
                    shares[name, size, kind][folder.name.rsplit("-", 2)[0]].append(float(np.mean(each)))
    print("| metric | examples | of | data sets | in the interval | worst |\n|---|---|---|---|---|---|")
    for (name, size, kind), by_set in shares.items():
        means = {data: 100 * np.mean(each) for data, each in by_set.items()}
        worst = ", ".join(f"{data} {means[data]:.0f}" for data in sorted(means, key=means.__getitem__)[:3])
        print(
            f"| {name} | {size} | {kind} | {len(means)} | {np.mean(list(means.values())):.1f} % | {worst} |"
        )


if __name__ == "__main__":
    main()
