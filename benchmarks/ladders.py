"""Climbs the whole ladder of each data set with one command and default settings; prints every rung's row.

    python benchmarks/ladders.py DATA [NAME ...] [--budget 10m]

DATA is the data folder (or RUNGWISE_DATA). The bars are what the best rung, or a named one, should reach.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split


@dataclass(frozen=True)
class Bar:
    """What a rung (None: the best one) must reach on test, by one of the task's metrics."""

    metric: str
    value: float
    rung: str | None = None
    is_upper: bool = False


@dataclass(frozen=True)
class Case:
    """A data set: the arguments of `rungwise fit`, and its bars."""

    arguments: list[str]
    bars: list[Bar]


def cases(data: Path, scratch: Path) -> dict[str, Case]:
    """Every data set by name; tables are split as the published figures were."""
    text, image = data / "text", data / "image"

    def split(name: str) -> list[str]:
        frame = pd.read_csv(data / "table" / f"{name}.csv", dtype=str, keep_default_na=False)
        train, test = train_test_split(frame, test_size=0.2, random_state=0)
        files = scratch / f"{name}.train.csv", scratch / f"{name}.test.csv"
        for part, file in zip((train, test), files, strict=True):
            part.to_csv(file, index=False)
        return [str(files[0]), "--test", str(files[1])]

    return {
        "trec": Case(
            [str(text / "trec.train.csv"), "--test", str(text / "trec.test.csv")], [Bar("accuracy", 0.91)]
        ),
        "sst2": Case(
            [
                str(text / "sst2.train.csv"),
                "--valid",
                str(text / "sst2.dev.csv"),
                "--test",
                str(text / "sst2.test.csv"),
            ],
            [Bar("accuracy", 0.82)],
        ),
        "sms_spam": Case([str(text / "sms_spam.csv")], [Bar("f1", 0.95)]),
        "zh_reviews": Case([str(text / "zh_reviews.csv")], [Bar("accuracy", 0.90)]),
        "r8": Case([str(text / "r8.train.csv"), "--test", str(text / "r8.test.csv")], []),
        "fashion-mnist": Case(
            [str(image / "fashion-mnist")],
            [Bar("accuracy", 0.895, rung="hog-svm"), Bar("accuracy", 0.92, rung="cnn")],
        ),
        "mnist": Case([str(image / "mnist")], [Bar("accuracy", 0.992, rung="cnn")]),
        "hymenoptera": Case(
            [str(image / "hymenoptera" / "train"), "--test", str(image / "hymenoptera" / "val")], []
        ),
        "california_housing": Case(
            [*split("california_housing"), "--target", "median_house_value"],
            [Bar("rmse", 44_500, is_upper=True)],
        ),
        "adult": Case([*split("adult"), "--target", "income"], [Bar("error", 0.132, is_upper=True)]),
        "titanic": Case([str(data / "table" / "titanic.csv"), "--target", "Survived"], []),
        "wine_quality_white": Case(
            [str(data / "table" / "wine_quality_white.csv"), "--task", "tabular-regression"], []
        ),
    }


def climb(name: str, case: Case, runs: Path, budget: str) -> list[str]:
    """Runs the command and returns the lines for RESULTS.md."""
    arguments = ["fit", *case.arguments, "--budget", budget, "--out", str(runs / name)]
    print(f"# rungwise {' '.join(arguments)}", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "rungwise", *arguments], check=True, stdout=sys.stderr)
    metrics = json.loads((runs / name / "metrics.json").read_text())
    board = pd.read_csv(runs / name / "leaderboard.csv")
    verdict = json.loads((runs / name / "verdict.json").read_text())
    lines = [
        f"### {name}",
        "",
        verdict["sentence"],
        "",
        "| rung | test (95 %) | valid | fit CPU s | latency ms | model MB | status |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in board.itertuples():
        lines.append(
            f"| {row.rung} | {row.score_test:.5g} ({row.score_test_low:.5g} to {row.score_test_high:.5g}) "
            f"| {row.score_val:.5g} | {row.fit_cpu_time:.1f} | {1e3 * row.latency:.2f} "
            f"| {row.model_bytes / 1e6:.2f} | {row.status} |"
        )
    for bar in case.bars:
        rung = bar.rung or _best(metrics, bar)
        value = metrics[rung]["test"][bar.metric]["value"]
        is_met = value <= bar.value if bar.is_upper else value >= bar.value
        sign = "≤" if bar.is_upper else "≥"
        lines += [
            "",
            f"Bar: {rung} {bar.metric} {sign} {bar.value:g}: **{value:.5g}** {'met' if is_met else 'MISSED'}",
        ]
    lines += ["", *_under_baseline(board, verdict["metric"])]
    return lines


def _best(metrics: dict, bar: Bar) -> str:
    values = {rung: parts["test"][bar.metric]["value"] for rung, parts in metrics.items()}
    return (min if bar.is_upper else max)(values, key=values.get)


def _under_baseline(board: pd.DataFrame, metric: str) -> list[str]:
    sign = -1 if metric in ("rmse", "mae", "error", "log-loss") else 1
    finished = board[board.score_test.notna()]
    baseline = sign * finished.score_test[finished.rung == "baseline"].iloc[0]
    under = finished.rung[sign * finished.score_test < baseline].tolist()
    return [f"UNDER THE BASELINE: {', '.join(under)}"] if under else ["No rung is under the baseline."]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), help="the data folder")
    parser.add_argument("names", nargs="*", help="data sets; all when none is named")
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--runs", default="runs/benchmark", help="where the runs go")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        known = cases(Path(arguments.data), Path(scratch))
        for name in arguments.names or known:
            print(
                "\n".join(climb(name, known[name], Path(arguments.runs), arguments.budget)), "\n", flush=True
            )


if __name__ == "__main__":
    main()
