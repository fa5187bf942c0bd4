"""What a worker measures of a stored model's score on worse inputs; `timing` has what its answers cost."""

# N examples, C classes

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.artifacts import load_model
from rungwise.data import Dataset, Portion
from rungwise.data.rowhash import sentence_numbers
from rungwise.data.source import mapped_table
from rungwise.estimators import RungClassifier, RungEstimator, RungTagger
from rungwise.evaluation.robustness import (
    Version,
    chosen_examples,
    corrupted_scores,
    image_versions,
    word_examples,
)
from rungwise.files import replace_file
from rungwise.kinds import InputKind, OutputKind
from rungwise.ladder.folder import Paths
from rungwise.ladder.jobs import Job
from rungwise.metrics import Metric, metric, rarer_class
from rungwise.training.learner import NetworkLearner

__all__ = ["clusters_of", "corrupt_examples", "measure_robustness", "outputs_of"]


def outputs_of(estimator: RungEstimator, inputs: Any) -> Any:
    """Inputs (N) -> probabilities (N, C), numbers (N,), or `Tags` (N)."""
    if isinstance(estimator, RungTagger):
        return estimator.predict_tags(inputs)
    return (
        estimator.predict_proba(inputs)
        if isinstance(estimator, RungClassifier)
        else estimator.predict(inputs)
    )


def corrupt_examples(job: Job) -> dict[str, Any]:
    """Corrupts the chosen test texts or sentences, once for all rungs, and stores them."""
    paths = Paths(Path(job.run))
    dataset = Dataset.open(paths.data)
    index = chosen_examples(dataset.num("test"), job.num_examples)
    paths.corrupted.parent.mkdir(exist_ok=True)
    replace_file(paths.corrupted, lambda part: _write_versions(word_examples(dataset, index), part))
    return {"num_examples": job.num_examples}


def _write_versions(versions: Iterator[Version], file: Path) -> None:
    """Rows of `name`, `level`, `input` and `target`, one version after the other."""
    writer = None
    for name, level, inputs, targets in versions:
        columns = {
            "name": pa.repeat(name, len(inputs)),
            "level": pa.repeat(level, len(inputs)),
            "input": inputs,
            "target": targets if isinstance(targets, pa.ChunkedArray) else pa.array(targets),
        }
        table = pa.table(columns)
        writer = writer or pa.ipc.new_file(file, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def measure_robustness(job: Job) -> dict[str, Any]:
    """Scores of the stored model on corrupted test examples, by the run's metric."""
    paths = Paths(Path(job.run))
    dataset, estimator = Dataset.open(paths.data), load_model(paths.model(job.rung))
    if isinstance(estimator, RungClassifier):
        estimator.temperature_ = 1.0  # as stored predictions are
    learner = estimator.learner_
    if isinstance(learner, NetworkLearner):  # a model is loaded for the CPU
        learner.context = replace(learner.context, device=job.device)
    name = json.loads(paths.config.read_text(encoding="utf-8"))["metric"]
    clusters = clusters_of(dataset, "test")
    if clusters is not None:
        clusters = clusters[chosen_examples(dataset.num("test"), job.num_examples)]
    return corrupted_scores(
        partial(outputs_of, estimator),
        _versions(dataset, estimator, paths.corrupted, job.num_examples),
        _metric(name, estimator, dataset),
        clusters,
    ).to_record()


def clusters_of(dataset: Dataset | Portion, part: str) -> NDArray[np.int64] | None:
    """Numbers of what is drawn together (N,): groups, or sentences with several predicates; None of rows alone."""
    groups = dataset.groups(part)
    if groups is not None or dataset.pair[1] is not OutputKind.TAGS:
        return groups
    return sentence_numbers(dataset.inputs(part))


def _metric(name: str, estimator: RungEstimator, dataset: Dataset) -> Metric:
    if isinstance(estimator, RungTagger):
        return metric(name, tags=estimator.classes_.tolist())
    return metric(name, positive=rarer_class(_encoded(estimator, dataset.targets("valid"))))


def _encoded(estimator: RungEstimator, targets: Any) -> Any:
    """Labels (N) as class numbers, or tags (N) as `Tags`."""
    if isinstance(estimator, RungTagger):
        return estimator.encode_tags(targets)
    assert isinstance(estimator, RungClassifier)
    return estimator.encode_labels(targets)


def _versions(
    dataset: Dataset, estimator: RungEstimator, corrupted: Path, num_examples: int
) -> Iterator[Version]:
    """The chosen test examples, as they are and corrupted: images as they are asked for, others as they were stored."""
    if dataset.pair[0] is InputKind.IMAGE:
        index = chosen_examples(dataset.num("test"), num_examples)
        target = _encoded(estimator, dataset.targets("test"))
        yield from image_versions(dataset.inputs("test"), target, index)
        return
    table = mapped_table(corrupted)
    for start in range(0, len(table), num_examples):
        some = table.slice(start, num_examples)
        targets = some["target"]
        if not isinstance(estimator, RungTagger):
            targets = np.asarray(targets.to_pylist())
        level = some["level"][0].as_py()
        yield some["name"][0].as_py(), level, some["input"], _encoded(estimator, targets)
