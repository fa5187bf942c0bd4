"""A rung's result is decided by its seed, and nothing that belongs to the whole process is changed by it."""

from __future__ import annotations

import dataclasses
import itertools
import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._dynamo  # optimizers import it, and it imports what sets filters of warnings and variables for good
from problems import make_problem
from sklearn.datasets import load_iris
from test_rungs import CASES, NETWORKS, QUICK, cases, make, outputs

from rungwise import Ladder, load
from rungwise.artifacts import load_checkpoint
from rungwise.artifacts.checkpoint import FileCheckpoint
from rungwise.artifacts.state import split_state
from rungwise.rung import Pair


def surroundings() -> dict[str, Any]:
    """What belongs to the process and may be somebody else's."""
    return {
        "random": random.getstate(),
        "numpy.random": [str(part) for part in np.random.get_state()],  # noqa: NPY002
        "numpy errors": np.geterr(),
        "torch.random": torch.get_rng_state().tolist(),
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch dtype": torch.get_default_dtype(),
        "torch gradients": torch.is_grad_enabled(),
        "torch determinism": torch.are_deterministic_algorithms_enabled(),
        "torch products": torch.get_float32_matmul_precision(),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
    }


@contextmanager
def odd_surroundings() -> Iterator[None]:
    """Inside, everything that a user may set stands otherwise than usual."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    dtype = torch.get_default_dtype()
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad(), np.errstate(all="raise"):
            random.seed(99)
            np.random.seed(99)  # noqa: NPY002
            torch.manual_seed(99)
            torch.set_default_dtype(torch.float64)
            yield
    finally:
        torch.set_default_dtype(dtype)
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002


def result(name: str, pair: Pair, folder: Path, checkpoint: Path | None = None) -> Any:
    """Weights, history and predictions, bit for bit, of a fit with validation, before and after saving."""
    problem = make_problem(pair)
    inputs, targets = problem.first(60)
    validation = problem.test_inputs, problem.test_targets
    estimator = make(name, pair, {**QUICK, "epochs": 2})
    estimator.fit(inputs, targets, validation=validation, checkpoint=checkpoint)
    models = estimator, load(estimator.save(folder))
    predicted = [outputs(model, problem.test_inputs).tobytes() for model in models]
    rest, arrays = split_state(estimator.learner_.state())
    history = [dataclasses.replace(epoch, seconds=0.0) for epoch in estimator.history_]
    return rest, {key: array.tobytes() for key, array in arrays.items()}, history, predicted


@cases(CASES)
def test_nothing_around_is_changed_and_nothing_around_matters(name, pair, tmp_path):
    before = surroundings()
    usual = result(name, pair, tmp_path / "usual")
    assert surroundings() == before
    with odd_surroundings():
        before = surroundings()
        odd = result(name, pair, tmp_path / "odd")
        assert surroundings() == before
    assert odd == usual


def test_a_climb_changes_nothing_around(tmp_path):
    frame = load_iris(as_frame=True).frame
    with odd_surroundings():
        before = surroundings()
        ladder = Ladder(rungs=["logistic-regression"], budget="60s", workers=1, out=tmp_path / "run")
        assert ladder.fit(frame, "target").leaderboard().status.tolist() == ["done", "done"]
        assert surroundings() == before


KEEPERS = {
    "gradient-boosting",
    "linear-svm",
    "nb-svm",
    "svm",
    "tfidf-logistic",
    *(name for name, _ in NETWORKS),
}
"""Rungs that have a model before they are done, at least."""


@cases(CASES)
def test_a_checkpoint_changes_nothing_and_its_model_predicts(name, pair, tmp_path, monkeypatch):
    asked = itertools.count(1)
    monkeypatch.setattr(
        FileCheckpoint, "is_due", lambda self: next(asked).bit_count() == 1
    )  # ever more seldom
    file = tmp_path / "fit.ckpt"
    kept = result(name, pair, tmp_path / "kept", checkpoint=file)
    assert kept == result(name, pair, tmp_path / "usual")
    assert file.exists() or name not in KEEPERS
    if file.exists():
        assert kept == result(name, pair, tmp_path / "again", checkpoint=file)
        values = outputs(load_checkpoint(file), make_problem(pair).test_inputs)
        assert np.isfinite(values).all()
