"""A rung on TREC, killed by SIGKILL at random moments and resumed: is the end the same, and what do checkpoints cost?

    python benchmarks/checkpoints.py DATA [--rung lstm] [--kills 5] [--repeats 3]

DATA is the data folder (or RUNGWISE_DATA). Fits with and without a checkpoint take turns.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from rungwise.artifacts.state import split_state
from rungwise.estimators import estimator_class
from rungwise.kinds import OutputKind
from rungwise.training.trainer import Trainer


def timed(keep: Callable[[Trainer], None], seconds: list[float]) -> Callable[[Trainer], None]:
    """A method of the trainer that notes how long it took."""

    def keep_timed(trainer: Trainer) -> None:
        start = time.perf_counter()
        keep(trainer)
        seconds.append(time.perf_counter() - start)

    return keep_timed


def fit(data: Path, rung: str, checkpoint: str | None) -> None:
    """Fits in this process; prints its seconds, those of saving, and a digest of weights, history and predictions."""
    saving: list[float] = []
    Trainer._keep_if_due = timed(Trainer._keep_if_due, saving)
    frames = [pd.read_csv(data / "text" / f"trec.{part}.csv") for part in ("train", "test")]
    train, valid = frames[0][:-500], frames[0][-500:]
    estimator = estimator_class(rung, OutputKind.LABEL)(random_state=0, precision="fp32")
    start, start_cpu = time.perf_counter(), time.process_time()
    estimator.fit(
        train.text.tolist(),
        train.label.to_numpy(),
        validation=(valid.text.tolist(), valid.label.to_numpy()),
        checkpoint=checkpoint,
    )
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    digest = hashlib.sha256(estimator.predict_proba(frames[1].text.tolist()).tobytes())
    rest, arrays = split_state(estimator.learner_.state())
    curve = [(epoch.train_loss, epoch.valid_loss, epoch.valid_score) for epoch in estimator.history_]
    digest.update(repr((rest, curve)).encode())
    for name in sorted(arrays):
        digest.update(arrays[name].tobytes())
    print(seconds, cpu_seconds, sum(saving), digest.hexdigest())


def start(arguments: argparse.Namespace, checkpoint: Path | None) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        __file__,
        arguments.data,
        "--rung",
        arguments.rung,
        "--fit",
        str(checkpoint or ""),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[list[float], str]:
    """Wall and CPU seconds of the fit, wall seconds of saving, and the digest."""
    *seconds, digest = process.communicate()[0].split()
    return [float(number) for number in seconds], digest


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), help="the data folder")
    parser.add_argument("--rung", default="lstm")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--fit", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fit is not None:
        fit(Path(arguments.data), arguments.rung, arguments.fit or None)
        return
    with tempfile.TemporaryDirectory() as folder:
        without, with_checkpoint, digests = [], [], set()
        for repeat in range(arguments.repeats):
            for checkpoint, figures in (None, without), (Path(folder) / f"{repeat}.ckpt", with_checkpoint):
                began = time.perf_counter()
                seconds, digest = finished(start(arguments, checkpoint))
                whole = time.perf_counter() - began
                figures.append(seconds)
                digests.add(digest)
        for kind, number in ("wall", 0), ("CPU", 1):
            plain, kept = (
                statistics.median(run[number] for run in runs) for runs in (without, with_checkpoint)
            )
            print(f"{kind} seconds: {plain:.2f} without, {kept:.2f} with, {kept / plain - 1:+.1%}")
        shares = [saving / wall for wall, _, saving in with_checkpoint]
        print(f"saving takes {statistics.median(shares):.1%} of the fit (at most {max(shares):.1%})")
        size = (Path(folder) / "0.ckpt").stat().st_size
        print(
            f"checkpoint: {size / 1e6:.1f} MB; ends of {2 * arguments.repeats} fits: {len(digests)} kind(s)"
        )
        checkpoint, rng, kills = Path(folder) / "killed.ckpt", random.Random(0), 0
        while kills < arguments.kills:
            process = start(arguments, checkpoint)
            try:
                process.wait(rng.uniform(0, 0.7 * whole))
                print(f"ended by itself after {kills} kills; from the start again")
                digests.add(finished(process)[1])
                checkpoint.unlink()
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
                print(f"killed: {'a checkpoint' if checkpoint.exists() else 'no checkpoint yet'}", flush=True)
        digests.add(finished(start(arguments, checkpoint))[1])
        print(f"the end after {kills} kills is {'the same' if len(digests) == 1 else 'ANOTHER'}")


if __name__ == "__main__":
    main()
