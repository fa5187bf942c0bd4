"""What a worker process does: fits one rung and stores what came of it, or measures its model."""

# N examples, C classes

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import accuracy_score, r2_score
from threadpoolctl import threadpool_limits

from rungwise.artifacts import model_bytes
from rungwise.artifacts.checkpoint import load_checkpoint
from rungwise.data import ASIDE, Dataset, Portion, fold, subset, train_sample
from rungwise.errors import ConfigError, ModelError, RungwiseError, TrainingError
from rungwise.estimators import RungClassifier, RungEstimator, RungTagger, estimator_class
from rungwise.estimators.inputs import rows
from rungwise.evaluation.outcomes import PARTS
from rungwise.evaluation.predictions import Predictions, joined_outputs, write_predictions
from rungwise.evaluation.records import write_json
from rungwise.files import is_disk_error, sync_path
from rungwise.ladder.energy import EnergyMeter
from rungwise.ladder.folder import Paths
from rungwise.ladder.identifying import identify_predicates
from rungwise.ladder.jobs import Job
from rungwise.ladder.measuring import clusters_of, corrupt_examples, measure_robustness, outputs_of
from rungwise.ladder.memory import (
    is_memory_error,
    limit_memory,
    peak_memory_bytes,
    reset_peak_memory,
)
from rungwise.ladder.timing import measure_answers
from rungwise.tags import Tags, span_counts, span_f1
from rungwise.training.devices import check_device

__all__ = ["DISK_EXIT_CODE", "main", "predict_parts"]

DISK_EXIT_CODE = 75
"""Of a worker that could not write; EX_TEMPFAIL of sysexits.h."""

_FIT_FRACTION = 0.9
"""Of a job's seconds, what fitting may take, and predicting where a rung plans for it; the rest is for saving."""

_SAMPLE_FRACTION = 0.5
"""Of what a job has left when the parts are predicted, what a sample of train may be expected to take."""

_CHUNK_ROWS = 16_384
_PROGRESS_SECONDS = 0.2

_KINDS = {
    "latency": measure_answers,
    "corruption": corrupt_examples,
    "predicates": identify_predicates,
    "robustness": measure_robustness,
}
"""What is done for a job that is no fit."""


def main(file: str) -> int:
    """Does the job of a file and leaves its result beside it; returns the process's exit code."""
    job = Job.read(Path(file))
    try:
        _log_to(job.log_file)
        write_json(job.result_file, _result(job))
    except _DiskError:
        traceback.print_exc()
        return DISK_EXIT_CODE
    except OSError as error:
        traceback.print_exc()
        return DISK_EXIT_CODE if is_disk_error(error, Path(job.run)) else 1
    return 0


class _DiskError(Exception):
    """The run's folder can't be written."""


def _result(job: Job) -> dict[str, Any]:
    """What came of the job; whatever a rung raises is a reason."""
    try:
        _use_threads(job.num_threads)
        if job.memory is not None:
            limit_memory(job.memory)
        return _KINDS.get(job.kind, fit)(job)
    except BaseException as error:
        if is_disk_error(error, Path(job.run)):
            raise _DiskError from error
        traceback.print_exc()
        return {"status": "failed", "reason": _reason(error)}


def _log_to(file: Path) -> None:
    output = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _use_threads(num_threads: int) -> None:
    """Of every library that has threads; they were loaded with one."""
    os.environ["RAYON_NUM_THREADS"] = str(num_threads)  # tokenizers
    threadpool_limits(num_threads)  # OpenMP and BLAS
    torch.set_num_threads(num_threads)


def _reason(error: BaseException) -> str:
    if isinstance(error, RungwiseError):
        return str(error)
    if is_memory_error(error):
        return f"out of memory: {error}"
    return f"{type(error).__name__}: {error}"


def fit(job: Job) -> dict[str, Any]:
    """Fits a rung on train, stores its model and its predictions on valid, test and some of train, returns the record.

    A rescue takes the best model of the checkpoint instead.
    """
    reset_peak_memory()
    started = time.monotonic()
    paths = Paths(Path(job.run))
    prepared = Dataset.open(paths.data)
    dataset = _portion(job, prepared)
    is_rescue = job.kind == "rescue"
    with EnergyMeter(job.device) as meter:
        clock = _Clock()
        estimator = load_checkpoint(job.checkpoint_file) if is_rescue else _fitted(job, dataset)
        wall, cpu = (0.0, 0.0) if is_rescue else clock.read()
        energy = meter.read()
    before = estimator.seconds_before_
    if is_rescue or before[0]:  # of what was before the checkpoint, no energy is known
        energy = {source: None if joules else joules for source, joules in energy.items()}
    clock = _Clock()
    _report(job, "predict", 1.0, None)
    result: dict[str, Any] = {}
    if job.is_models_own:
        folder = paths.model(job.rung)
        estimator.set_params(time_limit=None).save(folder)  # the limit was this run's alone
        result["model_bytes"] = model_bytes(folder)
    valid_score = predict_parts(estimator, dataset, paths.run, job.name)
    predict_seconds, _ = clock.read()
    num_predicted = dataset.num("valid") + dataset.num("test")
    if job.is_models_own:
        left = started + job.seconds - time.monotonic()
        pace = predict_seconds / max(1, num_predicted)
        result["num_train_predicted"] = _predict_sample(estimator, prepared, job, pace=pace, seconds=left)
    if os.name == "posix":
        for folder in (paths.run, paths.run / "predictions", paths.model(job.rung).parent):
            if folder.is_dir():
                sync_path(folder)  # it may be new, and so may what is in it
    is_cut = is_rescue or estimator.deadline_hit_
    return result | {
        "status": "deadline" if is_cut else "done",
        "reason": f"stopped by its share of the budget, {job.seconds:.0f} s" if is_cut else None,
        "valid_score": valid_score,
        "notes": estimator.notes_,
        "fit_seconds": before[0] + wall,
        "fit_cpu_seconds": before[1] + cpu,
        "fit_energy": energy,
        "predict_seconds": predict_seconds,
        "total_seconds": time.monotonic() - started + before[0],
        "num_predicted": num_predicted,
        "num_train": dataset.num("train"),
        "num_all": prepared.num("train"),
        "parameters": estimator.learner_.num_parameters(),
        "peak_memory_bytes": peak_memory_bytes(),
        "num_threads": job.num_threads,
        "history": [vars(epoch) for epoch in estimator.history_],
        "series": [vars(series) for series in estimator.series_],
    }


def _portion(job: Job, dataset: Dataset) -> Dataset | Portion:
    """What the job learns from and is judged on."""
    if job.num_rows:
        return subset(dataset, job.num_rows, job.draw, job.split_seed)
    return fold(dataset, job.repeat) if job.is_fold else dataset


def _fitted(job: Job, dataset: Dataset | Portion) -> RungEstimator:
    """Fits the rung, from its checkpoint on where there is a whole one."""
    check_device(job.device)  # what is wrong with it is not the checkpoint's fault
    job.checkpoint_file.parent.mkdir(exist_ok=True)
    estimator = estimator_class(job.rung, dataset.pair[1])(
        **job.settings,
        random_state=job.seed,
        device=job.device,
        precision=job.precision,
        time_limit=job.seconds * _FIT_FRACTION,
    )
    last = 0.0

    def report(fraction: float, score: float | None) -> None:
        nonlocal last
        if time.monotonic() - last > _PROGRESS_SECONDS:
            last = time.monotonic()
            _report(job, "fit", fraction, score)

    def begin() -> None:
        estimator.fit(
            dataset.inputs("train"),
            dataset.targets("train"),
            validation=(dataset.inputs("valid"), dataset.targets("valid")),
            report=report,
            checkpoint=job.checkpoint_file,
            then_predict=dataset.num("valid") + dataset.num("test"),
        )

    try:
        begin()
    except (ConfigError, ModelError):
        if not job.checkpoint_file.exists():
            raise
        traceback.print_exc()
        job.checkpoint_file.unlink()  # it is damaged, or of another version
        begin()
    return estimator


def _report(job: Job, phase: str, fraction: float, score: float | None) -> None:
    write_json(job.progress_file, {"phase": phase, "fraction": fraction, "score": score}, sync=False)


class _Clock:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Wall and CPU seconds since it was made."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def predict_parts(estimator: RungEstimator, dataset: Dataset | Portion, run: Path, name: str) -> float:
    """Stores predictions on valid and test, made a chunk of rows at a time, as those of the fit of that name.

    What is aside stands in for valid, which has chosen the fit's settings and when it stopped.

    Returns their score on valid, as learners measure it: accuracy, R² or the F1 of spans.
    """
    made: dict[str, Predictions] = {}
    for part in PARTS:
        judged = ASIDE if part == "valid" and isinstance(dataset, Portion) else part
        made[part] = _predict_part(estimator, dataset, judged)
        write_predictions(run, name, part, made[part])
    return _score(estimator, made["valid"])


def _predict_part(estimator: RungEstimator, dataset: Dataset | Portion, part: str) -> Predictions:
    """Predictions of a part, made a chunk of rows at a time."""
    inputs = dataset.inputs(part)
    chunks = [
        outputs_of(estimator, rows(inputs, start, start + _CHUNK_ROWS))
        for start in range(0, dataset.num(part), _CHUNK_ROWS)
    ]
    return _predictions(estimator, dataset, part, joined_outputs(chunks))


def _predict_sample(
    estimator: RungEstimator, dataset: Dataset, job: Job, *, pace: float, seconds: float
) -> int:
    """Stores predictions of some rows that were learned from, where there is time; returns how many those are.

    Args:
        estimator: the fitted one.
        dataset: of the run.
        job: of the fit.
        pace: seconds that an example took so far.
        seconds: that are left of the job's.
    """
    sample = train_sample(dataset)
    if pace * sample.num("train") > _SAMPLE_FRACTION * seconds:
        return 0
    write_predictions(Path(job.run), job.name, "train", _predict_part(estimator, sample, "train"))
    return sample.num("train")


def _score(estimator: RungEstimator, valid: Predictions) -> float:
    if isinstance(estimator, RungTagger):
        return span_f1(span_counts(valid.target, valid.prediction, estimator.unscored))
    score = accuracy_score if isinstance(estimator, RungClassifier) else r2_score
    return float(score(valid.target, valid.prediction))


def _predictions(
    estimator: RungEstimator, dataset: Dataset | Portion, part: str, outputs: Any
) -> Predictions:
    targets = dataset.targets(part)
    if isinstance(estimator, RungTagger):
        return _tag_predictions(estimator, dataset, part, outputs)
    is_classifier = isinstance(estimator, RungClassifier)
    shape = (len(targets), len(estimator.classes_)) if is_classifier else (len(targets),)
    if outputs.shape != shape:
        raise TrainingError(f"the fitted model's outputs have the shape {outputs.shape}, and not {shape}.")
    if not np.isfinite(outputs).all():
        raise TrainingError("the fitted model's outputs are not all finite numbers.")
    clusters = clusters_of(dataset, part)
    if not isinstance(estimator, RungClassifier):
        return Predictions(targets, outputs, clusters=clusters)
    return Predictions(estimator.encode_labels(targets), outputs.argmax(1), outputs, clusters=clusters)


def _tag_predictions(estimator: RungTagger, dataset: Dataset | Portion, part: str, tags: Tags) -> Predictions:
    targets, names = estimator.encode_tags(dataset.targets(part)), tuple(estimator.classes_.tolist())
    if not np.array_equal(tags.offsets, targets.offsets) or len(tags.values) != len(targets.values):
        raise TrainingError("the fitted model doesn't give each token one tag.")
    if len(tags.values) and not 0 <= tags.values.min() <= tags.values.max() < len(names):
        raise TrainingError(f"the fitted model gives tags that aren't among the {len(names)} of training.")
    return Predictions(targets, tags, tags=names, clusters=clusters_of(dataset, part))


def _end_with_input() -> None:
    """Sees that this process, and those it has started, end when the command does: its end of the input closes."""
    channel = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what a rung would read is not for it

    def watch() -> None:
        os.read(channel, 1)
        if sys.platform != "win32":
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    _end_with_input()
    code = main(sys.argv[1])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # whatever threads a rung has left
