"""Makes the golden folders: a tiny fitted model of every rung and pair, what it was asked, and what it answered.

    python tests/golden/make.py                     those that no version has
    python tests/golden/make.py lstm                one rung's, of the version now
    python tests/golden/make.py lstm-text-label     one folder, of the version now

A folder that is there is never written again: later versions must load it as it is. A rung whose files change gets a
folder beside it, under the next version.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "contracts"))
from problems import make_problem

from rungwise import registry
from rungwise.estimators import RungTagger, estimator_class, learn_finder
from rungwise.estimators.inputs import take
from rungwise.kinds import InputKind
from rungwise.rung import Pair

GOLDEN = Path(__file__).parent
VERSION = "v2"
"""Of the folders that are made now."""

NUM_FITTED, NUM_ASKED = 60, 5
FINDING = "hmm-predicate-tags-finding"
"""The folder of a model that finds predicates as well."""

SMALL: dict[str, Any] = {
    "batch_size": 16,
    "category_size": 2,
    "cells": 3,
    "channels": (4, 8),
    "embedding_dim": 8,
    "embedding_size": 4,
    "epochs": 2,
    "hidden_size": 8,
    "intermediate_size": 8,
    "max_features": 150,
    "max_tokens": 40,
    "min_steps": 0,
    "num_filters": 4,
    "num_heads": 2,
    "num_landmarks": 10,
    "num_layers": 1,
    "num_leaves": 5,
    "num_trees_blind": 8,
    "num_waves": 4,
    "role_size": 8,
    "vocab_size": 100,
    "widths": (2, 3),
}
"""Of the settings those that a rung has."""

SMALL_DEEP: dict[str, dict[str, Any]] = {
    "alexnet": {"width": 1},
    "bilstm-crf": {"character_dim": 4, "num_characters": 50},
    "cnn-crf": {"character_dim": 4, "num_characters": 50},
    "crf": {"c1": 1.0, "max_iterations": 20},
    "densenet": {"depth": 22, "growth_rate": 2},
    "efficientnet": {"width": 0.01},
    "hugging-face": {
        "description": '{"model_type": "distilbert", "dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 8}'
    },
    "inception": {"width": 1},
    "resnet": {"depth": 10, "width": 2},
}
"""Settings of these rungs beside those."""


def cases() -> dict[str, tuple[str, Pair]]:
    """The folders that there must be, by their names."""
    return {
        "-".join((name, *pair)): (name, pair)
        for name in registry.rung_names()
        for pair in sorted(registry.rung(name).accepts)
    }


def written(inputs: Any) -> Any:
    """A few inputs as JSON has them."""
    if isinstance(inputs, pd.DataFrame):
        return json.loads(inputs.to_json(orient="columns", date_format="iso", double_precision=15))
    return inputs.tolist() if isinstance(inputs, np.ndarray) else inputs.to_pylist()


def read(stored: Any, kind: InputKind) -> Any:
    """What `written` wrote down."""
    match kind:
        case InputKind.TABLE:
            frame = pd.DataFrame(stored)
            return frame.assign(day=pd.to_datetime(frame["day"]).dt.tz_localize(None))
        case InputKind.TEXT | InputKind.TOKENS | InputKind.PREDICATE:
            return stored
        case InputKind.IMAGE:
            return np.array(stored, dtype=np.uint8)


def answers(estimator: Any, inputs: Any) -> np.ndarray:
    """Probabilities (N, C), numbers (N,), or tags as numbers (S,)."""
    if isinstance(estimator, RungTagger):
        return estimator.predict_tags(inputs).values
    return (
        estimator.predict_proba(inputs) if hasattr(estimator, "predict_proba") else estimator.predict(inputs)
    )


def found(estimator: Any, asked: list[dict[str, Any]]) -> Any:
    """What a model says of sentences whose predicates it finds; None of one that finds none."""
    if getattr(estimator, "finder_", None) is None:
        return None
    return estimator.predict([row["tokens"] for row in asked])


def make(case: str, name: str, pair: Pair) -> None:
    """Fits, saves, and writes down what the model says."""
    problem = make_problem(pair)
    names = {field.name for field in dataclasses.fields(registry.rung(name).config)}
    settings = {key: value for key, value in SMALL.items() if key in names} | SMALL_DEEP.get(name, {})
    estimator = estimator_class(name, pair[1])(**settings, random_state=0, precision="fp32")
    if name == "gradient-boosting":  # enough examples, and no dates, so that trees split by categories
        inputs, targets = problem.repeated(4)
        estimator.fit(inputs.assign(day=inputs["day"].where(inputs["day"].isna())), targets)
    else:
        estimator.fit(*problem.first(NUM_FITTED))
    if case == FINDING:
        known, _ = problem.first(NUM_FITTED)
        estimator.finder_ = learn_finder(known, known, seed=0, time_limit=None)
    estimator.save(GOLDEN / VERSION / case)
    stored = written(take(problem.test_inputs, np.arange(NUM_ASKED)))
    expected = {"inputs": stored, "answers": answers(estimator, read(stored, pair[0])).tolist()}
    expected |= {} if (said := found(estimator, stored)) is None else {"found": said}
    (GOLDEN / VERSION / f"{case}.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n", "utf-8")


def main(names: list[str]) -> None:
    """Makes the folders of what is named, rungs or folders, else of all that no version has."""
    every = cases() | {FINDING: cases()["hmm-predicate-tags"]}
    for case, (name, pair) in every.items():
        is_missing = not names and not any(GOLDEN.glob(f"v*/{case}"))
        if (is_missing or {name, case} & {*names}) and not (GOLDEN / VERSION / case).exists():
            make(case, name, pair)
            print(f"tests/golden/{VERSION}/{case}")


if __name__ == "__main__":
    main(sys.argv[1:])
