"""Whether label errors are found: 5 % of test labels are made wrong at random, and the suspects held against them.

python benchmarks/label_errors.py DATA --runs FOLDER [--peer PYTHON] [--repeats 10]

DATA is the folder of data sets. FOLDER keeps a run of each, made where it is missing; its fits see no label of test,
so that it is used for all repeats. PYTHON is that of an environment with `cleanlab`, which is given the same
probabilities: those of the rung that is best on validation, and those of all rungs for its ensemble's scores.

Precision at k, the number of labels made wrong, which is recall as well. Labels that were wrong before count as misses.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import rungwise as rw
from rungwise.evaluation.label_errors import able, doubts, pooled
from rungwise.evaluation.outcomes import BASELINE

SHARE = 0.05
TEXT = ["baseline", "fasttext", "tfidf-logistic", "linear-svm", "nb-svm", "textcnn"]
TABLE = ["baseline", "logistic-regression", "gradient-boosting", "mlp", "svm"]
IMAGE = ["baseline", "logistic-regression", "hog-svm", "lenet"]


@dataclass(frozen=True)
class Problem:
    """A data set: its files, the rungs, and seconds for them."""

    name: str
    train: str
    rungs: list[str]
    test: str | None = None
    valid: str | None = None
    rows: int | None = None
    budget: float = 90


PROBLEMS = [
    Problem("trec", "text/trec.train.csv", TEXT, "text/trec.test.csv"),
    Problem("sst2", "text/sst2.train.csv", TEXT, "text/sst2.test.csv", "text/sst2.dev.csv"),
    Problem("r8", "text/r8.train.csv", TEXT, "text/r8.test.csv"),
    Problem("sms-spam", "text/sms_spam.csv", TEXT),
    Problem("zh-reviews", "text/zh_reviews.csv", TEXT, rows=10_000),
    Problem("adult", "table/adult.csv", TABLE, rows=10_000),
    Problem("fashion-mnist", "image/fashion-mnist", IMAGE, budget=180),
]

PEER = """
import sys, json
import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_ensemble_scores
from cleanlab import __version__
said = np.load(sys.argv[1])
labels, best = said["labels"], said["best"].astype(float)
order = find_label_issues(labels, best, return_indices_ranked_by="self_confidence", n_jobs=1)
together = get_label_quality_ensemble_scores(labels, [p.astype(float) for p in said["all"]], verbose=False)
print(json.dumps({"version": __version__, "one": order.tolist(), "all": np.argsort(together, kind="stable").tolist()}))
"""


def opened(problem: Problem, data: Path, runs: Path) -> rw.Ladder:
    """The run of a problem, fitted where it isn't there."""
    out = runs / problem.name
    if not (out / "verdict.json").exists():
        with tempfile.TemporaryDirectory() as space:
            source = data / problem.train
            if problem.rows is not None:
                source = some_rows(source, Path(space) / source.name, problem.rows)
            ladder = rw.Ladder(rungs=problem.rungs, budget=problem.budget, out=out, workers=1, folds=0)
            parts = {
                part: data / file
                for part, file in (("test", problem.test), ("valid", problem.valid))
                if file is not None
            }
            ladder.fit(source, **parts)
    return rw.Ladder.open(out)


def some_rows(source: Path, file: Path, count: int) -> Path:
    """A file with some rows of another, drawn at random."""
    with source.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    chosen = np.sort(np.random.default_rng(0).permutation(len(rows))[:count])
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *(rows[i] for i in chosen)])
    return file


def precision(said: list[int], wrong: np.ndarray) -> float:
    """The share of as many suspects as there are wrong labels that are such."""
    return len(set(said[: len(wrong)]) & set(wrong.tolist())) / len(wrong)


def repeat(ladder: rw.Ladder, seed: int, peer: str | None) -> dict[str, float]:
    """Precision at k of each way, with other labels made wrong."""
    results = ladder.results
    rng = np.random.default_rng(seed)
    finished = results.finished()
    target = finished[0].test.target
    num_classes = finished[0].test.probabilities.shape[1]
    known = np.flatnonzero(target >= 0)
    wrong = rng.choice(known, max(1, round(SHARE * len(known))), replace=False)
    flipped = target.copy()
    flipped[wrong] = (target[wrong] + rng.integers(1, num_classes, len(wrong))) % num_classes
    asked = able(results, results.metric("accuracy"))
    doubt, is_suspect = doubts(flipped, pooled(results, asked, "test"))
    listed = np.flatnonzero(is_suspect)
    best = max(asked, key=lambda each: float((each.valid.prediction == each.valid.target).mean()))
    scores = {
        "rungwise": precision(np.argsort(-doubt, kind="stable").tolist(), wrong),
        "listed": len(listed) / len(wrong),
        "right of listed": float(np.isin(listed, wrong).mean()) if len(listed) else 0.0,
    }
    rows = np.arange(len(flipped))
    own = best.test.probabilities[rows, np.maximum(flipped, 0)]
    scores["best rung alone"] = precision(np.argsort(own, kind="stable").tolist(), wrong)
    if peer is not None:
        said = asked_peer(peer, flipped, best.test.probabilities, [each.test.probabilities for each in asked])
        scores |= {
            "cleanlab, best rung": precision(said["one"], wrong),
            "cleanlab, all rungs": precision(said["all"], wrong),
        }
    return scores


def asked_peer(peer: str, labels: np.ndarray, best: np.ndarray, every: list[np.ndarray]) -> Any:
    """What cleanlab says of labels; it knows none that training had not."""
    seen = np.flatnonzero(labels >= 0)
    with tempfile.TemporaryDirectory() as space:
        file = Path(space) / "said.npz"
        np.savez(file, labels=labels[seen], best=best[seen], all=np.stack([each[seen] for each in every]))
        done = subprocess.run(
            [peer, "-W", "ignore", "-c", PEER, str(file)], check=True, capture_output=True, text=True
        )
    said = json.loads(done.stdout.splitlines()[-1])
    return {name: seen[said[name]].tolist() for name in ("one", "all")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--peer")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--only", nargs="*")
    said = parser.parse_args()
    for problem in PROBLEMS:
        if said.only and problem.name not in said.only:
            continue
        ladder = opened(problem, said.data, said.runs)
        rows = [repeat(ladder, seed, said.peer) for seed in range(said.repeats)]
        names = [each.rung for each in ladder.results.finished() if each.rung != BASELINE]
        mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        values = ", ".join(f"{name} {100 * value:.1f}" for name, value in mean.items())
        print(f"{problem.name}: {ladder.dataset.num('test')} test, {len(names)} rungs: {values}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
