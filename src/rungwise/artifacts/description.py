"""A fitted estimator as a description and a state, and back; the folder's files hold these two."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from rungwise import registry
from rungwise.estimators import RungEstimator, estimator_class
from rungwise.estimators.estimator import make_learner
from rungwise.estimators.inputs import set_columns
from rungwise.fitting import State
from rungwise.kinds import InputKind, OutputKind

__all__ = ["SCHEMA_VERSION", "describe", "restored"]

SCHEMA_VERSION = 1
"""Of the description; a change to it adds a migration."""


def describe(estimator: RungEstimator) -> dict[str, Any]:
    """All of a fitted estimator but its learner's state, as JSON has it."""
    columns = getattr(estimator, "feature_names_in_", None)
    config: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "model_type": estimator.rung_name,
        "input": estimator.pair_[0],
        "output": estimator.pair_[1],
        "settings": estimator._settings(),
        "shared": {name: getattr(estimator, name) for name in ("device", "precision", "time_limit")},
        "columns": columns.tolist() if columns is not None else None,
        "num_columns": getattr(estimator, "n_features_in_", None),
        "column_kinds": getattr(estimator, "column_kinds_", None),
    }
    config["shared"]["random_state"] = (
        estimator.random_state if isinstance(estimator.random_state, int) else None
    )
    if estimator.output_kind is OutputKind.LABEL:
        classes = estimator.classes_
        config["classes_dtype"] = classes.dtype.str if classes.dtype.kind != "O" else "object"
        config["id2label"] = {str(i): label for i, label in enumerate(classes.tolist())}
    return config


def restored(config: dict[str, Any], state: State) -> RungEstimator:
    """The estimator that was described, with this state of its learner.

    Raises:
        ModelError: if the state doesn't fit; a damaged description raises KeyError, TypeError or ValueError as well.
    """
    rung_name, output = config["model_type"], OutputKind(config["output"])
    pair = (InputKind(config["input"]), output)
    settings = registry.make_config(registry.rung(rung_name).config, config["settings"])
    estimator = estimator_class(rung_name, output)(
        **{field.name: getattr(settings, field.name) for field in fields(settings)}, **config["shared"]
    )
    estimator.pair_ = pair
    if config["columns"] is not None:
        set_columns(estimator, config["columns"])
    elif config["num_columns"] is not None:
        estimator.n_features_in_ = config["num_columns"]
    if config["column_kinds"] is not None:
        estimator.column_kinds_ = config["column_kinds"]
    if output is OutputKind.LABEL:
        labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
        estimator.classes_ = np.array(labels, dtype=config["classes_dtype"])
    estimator.learner_ = make_learner(rung_name, settings, pair)
    estimator.learner_.restore(state)
    return estimator
