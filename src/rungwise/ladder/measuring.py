"""What a worker measures of a stored model: how long one example takes, and how its score holds on worse inputs."""

# N examples, C classes

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.artifacts import load_model
from rungwise.data import Dataset
from rungwise.estimators import RungClassifier, RungEstimator, RungTagger
from rungwise.estimators.inputs import rows
from rungwise.evaluation.robustness import Version, chosen_examples, corrupted_scores, image_versions
from rungwise.evaluation.text_corruptions import Contexts, text_versions
from rungwise.kinds import InputKind
from rungwise.ladder.folder import Paths
from rungwise.ladder.jobs import Job
from rungwise.metrics import metric, rarer_class
from rungwise.training.learner import NetworkLearner

__all__ = ["measure_latency", "measure_robustness", "outputs_of"]

_LATENCY_SECONDS = 0.7
_LATENCY_CALLS = 200


def outputs_of(estimator: RungEstimator, inputs: Any) -> Any:
    """Inputs (N) -> probabilities (N, C), numbers (N,), or `Tags` (N)."""
    if isinstance(estimator, RungTagger):
        return estimator.predict_tags(inputs)
    return (
        estimator.predict_proba(inputs)
        if isinstance(estimator, RungClassifier)
        else estimator.predict(inputs)
    )


def measure_latency(job: Job) -> dict[str, Any]:
    """Seconds that the stored model takes for one example, preprocessing included: the median of many calls.

    The calls end when the job's seconds do, at the latest after `_LATENCY_SECONDS`.
    """
    end = time.perf_counter() + job.seconds
    paths = Paths(Path(job.run))
    dataset, estimator = Dataset.open(paths.data), load_model(paths.model(job.rung))
    inputs = dataset.inputs("test")
    seconds: list[float] = []
    start = time.perf_counter()
    for call in range(_LATENCY_CALLS + 1):
        row = call % dataset.num("test")
        example = rows(inputs, row, row + 1)
        before = time.perf_counter()
        outputs_of(estimator, example)
        seconds.append(time.perf_counter() - before)
        now = time.perf_counter()
        if call and (now - start > _LATENCY_SECONDS or now > end):
            break
    return {"latency_seconds": float(np.median(seconds[1:]))}


def measure_robustness(job: Job) -> dict[str, Any]:
    """Scores of the stored model on corrupted test examples, by the run's metric."""
    paths = Paths(Path(job.run))
    dataset, estimator = Dataset.open(paths.data), load_model(paths.model(job.rung))
    assert isinstance(estimator, RungClassifier)
    learner = estimator.learner_
    if isinstance(learner, NetworkLearner):  # a model is loaded for the CPU
        learner.context = replace(learner.context, device=job.device)
    name = json.loads(paths.config.read_text(encoding="utf-8"))["metric"]
    chosen = metric(name, positive=rarer_class(estimator.encode_labels(dataset.targets("valid"))))
    index = chosen_examples(dataset.num("test"), job.num_examples)
    clean, scores = corrupted_scores(
        estimator.predict_proba,
        _versions(dataset, index),
        estimator.encode_labels(dataset.targets("test"))[index],
        chosen,
    )
    return {"metric": name, "num_examples": job.num_examples, "clean": clean, "scores": scores}


def _versions(dataset: Dataset, index: NDArray[np.int64]) -> Iterator[Version]:
    """The test examples of these numbers, as they are and corrupted."""
    inputs = dataset.inputs("test")
    if dataset.pair[0] is InputKind.IMAGE:
        return image_versions(inputs, index)
    train = (text.as_py() for text in dataset.inputs("train"))
    versions = text_versions(inputs.take(pa.array(index)).to_pylist(), Contexts(train))
    return ((name, level, pa.chunked_array([texts], pa.string())) for name, level, texts in versions)
