"""The ladder that failures happen to: digits that scikit-learn carries, as a CSV file; five rungs, some seconds.

Without folds, of which there are as many as time is left for: a failure takes time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
from processes import MARK
from sklearn.datasets import load_digits

import rungwise
from rungwise.errors import RunError
from rungwise.evaluation.records import read_records

SOURCE = Path(rungwise.__file__).parents[1]

Settings = dict[str, dict[str, Any]]
"""Rung → setting → value; the rungs are those that climb above the baseline."""

SUITE: Settings = {
    "logistic-regression": {},
    "gradient-boosting": {"num_trees": 10},
    "svm": {},
    "mlp": {"epochs": 18, "patience": 1000, "hidden_size": 64},  # two seconds: one or two checkpoints
}
SAMPLE: Settings = {"logistic-regression": {}, "mlp": {"epochs": 9, "patience": 1000, "hidden_size": 64}}

BUDGET = 100.0
"""Never the limit."""

PRECISION = "fp32"
"""Said, as the automatic choice is measured, and a busy machine measures otherwise."""

_WORKERS = 2
_UNDISTURBED_SECONDS = 600.0
_PREPARE = """
import json, sys
from rungwise.ladder import Ladder
data, out, options = sys.argv[1:]
Ladder(out=out, **json.loads(options)).prepare(data, "target")
"""


def _environment(mark: str, source: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(source), MARK: mark}


class Command:
    """`rungwise fit`, under way or ended; its folder and output stand in `folder`.

    Args:
        folder: of the try; the command is started in it.
        arguments: of `rungwise fit`.
        source: where the package is imported from.
    """

    def __init__(self, folder: Path, arguments: list[str], source: Path = SOURCE) -> None:
        self.mark = str(folder)
        number = len(list(folder.glob("command-*.txt"))) + 1
        self._output = folder / f"command-{number}.txt"
        self.start = time.monotonic()
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rungwise", "fit", *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(self.mark, source),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    def has_ended(self) -> bool:
        """Whether it has."""
        return self.process.poll() is not None

    def wait(self, seconds: float) -> int | None:
        """Its exit code; None if it hasn't ended by then."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def output(self) -> str:
        """What it has printed."""
        return self._output.read_text(encoding="utf-8", errors="replace")


def has_begun(run: Path) -> bool:
    """Whether there is a run that can go on."""
    return (run / "journal.jsonl").exists() and (run / "config.json").exists()


def rung_records(run: Path) -> dict[str, dict[str, object]]:
    """Rung → its last record in the journal."""
    try:
        return {record["rung"]: record for record in read_records(run) if record["type"] == "rung"}
    except RunError:
        return {}


def rungs_with_results(run: Path) -> set[str]:
    """Those whose results stand in the journal."""
    return {rung for rung, record in rung_records(run).items() if record["status"] == "done"}


class Reference:
    """What a ladder comes to when nothing happens to it, made in a folder.

    It climbs twice, side by side as tries do: from the data on, and from a prepared run on.

    Attributes:
        settings: of the rungs.
        prepared: a run that hasn't climbed yet.
        run: a run that has.
        fit_seconds: of a command that begins a run.
        climb_seconds: of one that goes on with a prepared run.

    Raises:
        RuntimeError: if a climb fails, or the two differ.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.settings, self._data = settings, folder / "digits.csv"
        self.prepared, self.run, resumed = (folder / name for name in ("prepared", "reference", "resumed"))
        _write_data(self._data)
        self._prepare()
        shutil.copytree(self.prepared, resumed)
        commands = [Command(folder, ["--resume", str(resumed)]), Command(folder, self.begin(self.run))]
        self.climb_seconds, self.fit_seconds = (_undisturbed_seconds(command) for command in commands)
        if differences := self.differences(resumed):
            raise RuntimeError(f"Two undisturbed climbs differ: {differences}.")

    def _prepare(self) -> None:
        options = {
            "rungs": list(self.settings),
            "settings": self.settings,
            "budget": BUDGET,
            "folds": 0,
            "workers": _WORKERS,
            "precision": PRECISION,
        }
        subprocess.run(
            [sys.executable, "-c", _PREPARE, self._data, self.prepared, json.dumps(options)],
            check=True,
            env=_environment("prepare", SOURCE),
        )

    def begin(self, run: Path, more: Settings | None = None, budget: float = BUDGET) -> list[str]:
        """Arguments of a command that begins a run, perhaps with more rungs."""
        rungs = {**self.settings, **(more or {})}
        pairs = [f"{rung}.{name}={value}" for rung, values in rungs.items() for name, value in values.items()]
        return [
            *(str(self._data), "--target", "target", "--rungs", ",".join(rungs), "--out", str(run)),
            *(
                "--budget",
                f"{budget:g}",
                "--folds",
                "0",
                "--workers",
                f"{_WORKERS}",
                "--precision",
                PRECISION,
            ),
            *(part for pair in pairs for part in ("--set", pair)),
        ]

    def differences(self, run: Path) -> dict[str, list[str]]:
        """Rung → what of its results isn't, to the bit, as it is here."""
        found = {rung: self._differences(run, rung) for rung in ["baseline", *self.settings]}
        return {rung: names for rung, names in found.items() if names}

    def _differences(self, run: Path, rung: str) -> list[str]:
        names = [f"predictions/{rung}.{part}.parquet" for part in ("valid", "test")]
        names += [f"models/{rung}/{name}" for name in ("model.safetensors", "config.json", "state.json")]
        different = [name for name in names if _bytes(self.run / name) != _bytes(run / name)]
        return different + (["leaderboard.csv"] if _scores(self.run, rung) != _scores(run, rung) else [])


def _write_data(file: Path) -> None:
    """1,797 digits, 64 numbers each."""
    frame = load_digits(as_frame=True).frame
    frame.assign(target="digit " + frame.target.astype(str)).to_csv(file, index=False)


def _undisturbed_seconds(command: Command) -> float:
    if command.wait(_UNDISTURBED_SECONDS) != 0:
        raise RuntimeError(f"The ladder doesn't climb undisturbed:\n{command.output()}")
    return time.monotonic() - command.start


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def _scores(run: Path, rung: str) -> dict[str, object] | None:
    """A rung's row of the leaderboard, without what it cost."""
    if not (run / "leaderboard.csv").exists():
        return None
    board = pd.read_csv(run / "leaderboard.csv", dtype=str, keep_default_na=False).set_index("rung")
    columns = [name for name in board.columns if name.startswith("score") or name == "status"]
    return dict(board.loc[rung, columns]) if rung in board.index else None
