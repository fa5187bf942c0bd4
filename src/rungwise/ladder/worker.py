"""What a worker process does: fits one rung and stores what came of it, or measures its latency."""

# N examples, C classes

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rungwise.artifacts import load_model, model_bytes
from rungwise.data import Dataset
from rungwise.errors import RungwiseError, TrainingError
from rungwise.estimators import RungClassifier, RungEstimator, estimator_class
from rungwise.estimators.inputs import rows
from rungwise.evaluation.predictions import Predictions, write_predictions
from rungwise.evaluation.records import write_json
from rungwise.ladder.folder import Paths
from rungwise.ladder.jobs import Job
from rungwise.ladder.memory import peak_memory_bytes, reset_peak_memory

__all__ = ["main", "measure_latency", "predict_parts"]

_FIT_FRACTION = 0.85
"""Of a job's seconds, what fitting may take; the rest is for predicting and saving."""

_CHUNK_ROWS = 16_384
_PROGRESS_SECONDS = 0.2
_LATENCY_SECONDS = 0.7
_LATENCY_CALLS = 200


def main(file: str) -> int:
    """Does the job of a file and leaves its result beside it; returns the process's exit code."""
    job = Job.read(Path(file))
    _log_to(job.log_file)
    _use_threads(job.num_threads)
    try:
        result = fit(job) if job.kind == "fit" else {"latency_seconds": measure_latency(job)}
    except Exception as error:
        traceback.print_exc()
        result = {"status": "failed", "reason": _reason(error)}
    write_json(job.result_file, result)
    return 0


def _log_to(file: Path) -> None:
    output = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _use_threads(num_threads: int) -> None:
    """Of every library that has threads; they were loaded with one."""
    os.environ["RAYON_NUM_THREADS"] = str(num_threads)  # tokenizers
    threadpool_limits(num_threads)  # OpenMP and BLAS
    torch.set_num_threads(num_threads)


def _reason(error: Exception) -> str:
    if isinstance(error, RungwiseError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"out of memory: {error}"
    return f"{type(error).__name__}: {error}"


def fit(job: Job) -> dict[str, Any]:
    """Fits a rung on train, stores its model and its predictions on valid and test, returns the record."""
    reset_peak_memory()
    started = time.monotonic()
    paths = Paths(Path(job.run))
    dataset = Dataset.open(paths.data)
    assert dataset.pair is not None
    estimator = estimator_class(job.rung, dataset.pair[1])(
        **job.settings,
        random_state=job.seed,
        device=job.device,
        precision=job.precision,
        time_limit=job.seconds * _FIT_FRACTION,
    )
    clock = _Clock()
    estimator.fit(
        dataset.inputs("train"),
        dataset.targets("train"),
        validation=(dataset.inputs("valid"), dataset.targets("valid")),
        report=_progress_writer(job),
    )
    fit_seconds, fit_cpu_seconds = clock.read()
    clock = _Clock()
    estimator.set_params(time_limit=None).save(paths.model(job.rung))  # the limit was this run's alone
    predict_parts(estimator, dataset, paths.run)
    predict_seconds, _ = clock.read()
    return {
        "status": "deadline" if estimator.deadline_hit_ else "done",
        "reason": f"stopped by its share of the budget, {job.seconds:.0f} s"
        if estimator.deadline_hit_
        else None,
        "fit_seconds": fit_seconds,
        "fit_cpu_seconds": fit_cpu_seconds,
        "predict_seconds": predict_seconds,
        "total_seconds": time.monotonic() - started,
        "num_predicted": dataset.num("valid") + dataset.num("test"),
        "parameters": estimator.learner_.num_parameters(),
        "model_bytes": model_bytes(paths.model(job.rung)),
        "peak_memory_bytes": peak_memory_bytes(),
        "num_threads": job.num_threads,
        "history": [vars(epoch) for epoch in estimator.history_],
        "series": [vars(series) for series in estimator.series_],
    }


class _Clock:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Wall and CPU seconds since it was made."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def _progress_writer(job: Job) -> Callable[[float, float | None], None]:
    last = 0.0

    def report(fraction: float, score: float | None) -> None:
        nonlocal last
        if time.monotonic() - last > _PROGRESS_SECONDS:
            last = time.monotonic()
            write_json(job.progress_file, {"fraction": fraction, "score": score})

    return report


def predict_parts(estimator: RungEstimator, dataset: Dataset, run: Path) -> None:
    """Stores predictions on valid and test, made a chunk of rows at a time."""
    for part in ("valid", "test"):
        targets, inputs = dataset.targets(part), dataset.inputs(part)
        chunks = [
            _outputs(estimator, rows(inputs, start, start + _CHUNK_ROWS))
            for start in range(0, len(targets), _CHUNK_ROWS)
        ]
        write_predictions(
            run, estimator.rung_name, part, _predictions(estimator, targets, np.concatenate(chunks))
        )


def _outputs(estimator: RungEstimator, inputs: Any) -> NDArray[Any]:
    """Inputs (N) -> probabilities (N, C), or numbers (N,)."""
    return (
        estimator.predict_proba(inputs)
        if isinstance(estimator, RungClassifier)
        else estimator.predict(inputs)
    )


def _predictions(estimator: RungEstimator, targets: NDArray[Any], outputs: NDArray[Any]) -> Predictions:
    if not np.isfinite(outputs).all():
        raise TrainingError("the fitted model's outputs are not all finite numbers.")
    if not isinstance(estimator, RungClassifier):
        return Predictions(targets, outputs)
    return Predictions(estimator.encode_labels(targets), outputs.argmax(1), outputs)


# ------------------------------------------------------------------------------------------------- latency


def measure_latency(job: Job) -> float:
    """Seconds that the stored model takes for one example, preprocessing included: the median of many calls."""
    paths = Paths(Path(job.run))
    dataset, estimator = Dataset.open(paths.data), load_model(paths.model(job.rung))
    inputs = dataset.inputs("test")
    seconds: list[float] = []
    start = time.perf_counter()
    for call in range(_LATENCY_CALLS + 1):
        row = call % dataset.num("test")
        example = rows(inputs, row, row + 1)
        before = time.perf_counter()
        _outputs(estimator, example)
        seconds.append(time.perf_counter() - before)
        if time.perf_counter() - start > _LATENCY_SECONDS and call:
            break
    return float(np.median(seconds[1:]))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
