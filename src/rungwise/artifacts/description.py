"""A fitted estimator as a description and a state, and back; the folder's files hold these two."""

# N examples, C classes

from __future__ import annotations

import math
import re
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise import registry
from rungwise.data import as_predicates, as_tokens
from rungwise.data.columns import field
from rungwise.data.predicates import PREDICATE_TAGS
from rungwise.data.sentences import flat_sentences
from rungwise.errors import ModelError
from rungwise.estimators import RungEstimator, RungTagger, estimator_class
from rungwise.estimators.estimator import make_learner
from rungwise.estimators.inputs import set_columns
from rungwise.estimators.tagger import FINDER
from rungwise.fitting import Precision, State
from rungwise.kinds import ColumnKind, InputKind, OutputKind
from rungwise.metrics.calibration import MOST_TEMPERATURE
from rungwise.rung import Learner, Pair
from rungwise.stored import entry, finite, image_size, section, strings, whole
from rungwise.tags import Tags, tag_names, type_names

__all__ = ["FINDER_STATE", "SCHEMA_VERSION", "describe", "restored"]

SCHEMA_VERSION = 1
"""Of the description; a change to it adds a migration."""

FINDER_STATE = "predicates"
"""Where what finds predicates stands, in the description and in the state."""

_TEMPERATURE = "temperature"
"""Of a calibrated model alone: a reader of an earlier version predicts the same classes, uncalibrated."""

_MOST_COLUMNS = 2**31 - 1
_LONGEST_DEVICE = 64
_MOST_CHARACTERS = 2**26
"""Of all classes together, each as long as the longest: NumPy's strings are."""

_LABELS = {
    str: r"object|[<>]U\d+",
    bool: r"object|\|b1",
    int: r"object|[<>|][iu][1248]",
    float: r"[<>]f[248]",
}
"""Type of the classes in JSON → the NumPy types that they may have had."""

_INFINITE = "inf"
"""Stands for an infinite setting, which JSON hasn't."""

_VALUES = {
    ColumnKind.NUMBER: [None, 0, 1],
    ColumnKind.CATEGORY: [None, "", "a"],
    ColumnKind.DATE: [None, 0, 1],
    ColumnKind.TEXT: [None, "", "a a"],
}
_TEXTS = ["", "a", "文"]
_SENTENCES = [[""], ["a", "文", "1"], ["a"] * 9]
"""What a restored model is asked, to see that it answers."""


def describe(estimator: RungEstimator) -> dict[str, Any]:
    """All of a fitted estimator but its learner's state, as JSON has it."""
    columns = getattr(estimator, "feature_names_in_", None)
    settings = estimator._settings()
    config: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "model_type": estimator.rung_name,
        "input": estimator.pair_[0],
        "output": estimator.pair_[1],
        "settings": {name: _stored(value) for name, value in settings.items()},
        "shared": {name: _stored(getattr(estimator, name)) for name in ("device", "precision", "time_limit")},
        "columns": columns.tolist() if columns is not None else None,
        "num_columns": getattr(estimator, "n_features_in_", None),
        "column_kinds": getattr(estimator, "column_kinds_", None),
        "image_size": [*size] if (size := getattr(estimator, "image_size_", None)) is not None else None,
    }
    config["shared"]["random_state"] = (
        estimator.random_state if isinstance(estimator.random_state, int) else None
    )
    if estimator.output_kind is OutputKind.LABEL:
        classes = estimator.classes_
        config["classes_dtype"] = classes.dtype.str if classes.dtype.kind in "biufU" else "object"
        config["id2label"] = {str(i): label for i, label in enumerate(classes.tolist())}
        if estimator.temperature_ != 1:
            config[_TEMPERATURE] = estimator.temperature_
    if isinstance(estimator, RungTagger):
        config["id2label"] = {str(i): name for i, name in enumerate(estimator.classes_.tolist())}
        if estimator.finder_ is not None:
            config[FINDER_STATE] = describe(estimator.finder_)
    return config


def _stored(value: Any) -> Any:
    return _INFINITE if value == math.inf else value


def _taken(value: Any) -> Any:
    return math.inf if value == _INFINITE else value


def restored(config: dict[str, Any], state: State) -> RungEstimator:
    """The estimator that was described, with this state of its learner; either may be anybody's.

    What comes back has been asked for predictions, and gave as many finite ones as it must.

    Raises:
        ModelError: if description and state don't go together.
    """
    try:
        return _restored(config, state)
    except ModelError:
        raise
    except Exception as error:  # what a stranger wrote passes through torch, NumPy, Arrow and others
        raise ModelError(f"{type(error).__name__}: {error}") from error


def _restored(config: dict[str, Any], state: State) -> RungEstimator:
    pair = (InputKind(entry(config, "input")), OutputKind(entry(config, "output")))
    name = config["rung"] if "rung" in config else entry(config, "model_type")
    if name not in registry.rung_names() or pair not in registry.rung(name).accepts:
        raise ModelError(f"there is no rung {str(name)[:40]!r} for {' and '.join(pair)}.")
    settings = _settings(registry.rung(name).config, section(config, "settings"))
    estimator = estimator_class(name, pair[1])(
        **{item.name: getattr(settings, item.name) for item in fields(settings)},
        **_shared(section(config, "shared")),
    )
    estimator.pair_ = pair
    _take_inputs(estimator, config)
    num_outputs = 1
    if pair[1] is OutputKind.LABEL:
        estimator.classes_ = _classes(config)
        estimator.temperature_ = _temperature(config)
        num_outputs = len(estimator.classes_)
    elif pair[1] is OutputKind.TAGS:
        estimator.classes_ = _tag_names(config)
        num_outputs = len(estimator.classes_)
    if isinstance(estimator, RungTagger) and (FINDER_STATE in config or FINDER_STATE in state):
        estimator.finder_ = _finder(pair, section(config, FINDER_STATE), section(state, FINDER_STATE))
        state = {name: value for name, value in state.items() if name != FINDER_STATE}
    estimator.learner_ = make_learner(name, settings, pair)
    estimator.learner_.restore(state, num_outputs=num_outputs)
    _try(estimator.learner_, *_examples(estimator), pair[1], num_outputs)
    return estimator


def _finder(pair: Pair, config: State, state: State) -> RungTagger:
    """What finds the predicates for a model of this pair.

    Raises:
        ModelError: if the model takes no predicates, or this is another model than one that finds them.
    """
    names = [config[name] for name in ("rung", "model_type") if name in config]
    kinds = (config.get("input"), config.get("output"))
    if (
        pair[0] is not InputKind.PREDICATE
        or names != [FINDER]
        or kinds != (InputKind.TOKENS, OutputKind.TAGS)
    ):
        raise ModelError(f"predicates are found by {FINDER!r} on tokens, for a model that takes predicates.")
    finder = _restored(config, state)
    assert isinstance(finder, RungTagger)
    if finder.classes_.tolist() != PREDICATE_TAGS or finder.finder_ is not None:
        raise ModelError(f"the tags of what finds predicates must be {', '.join(PREDICATE_TAGS)}.")
    return finder


def _settings(kind: type[Any], stored: State) -> Any:
    unknown = sorted(set(stored) - {item.name for item in fields(kind)})
    if unknown:
        raise ModelError(f"the rung has no settings {', '.join(unknown[:5])[:200]!r}.")
    return registry.make_config(kind, {name: _taken(value) for name, value in stored.items()})


def _shared(stored: State) -> dict[str, Any]:
    """The values of `SHARED_PARAMETERS`."""
    device, seed, limit = (_taken(entry(stored, name)) for name in ("device", "random_state", "time_limit"))
    if not isinstance(device, str) or len(device) > _LONGEST_DEVICE:
        raise ModelError(f"'device' must be the name of one, of {_LONGEST_DEVICE} characters at most.")
    return {
        "device": device,
        "precision": str(Precision(entry(stored, "precision"))),
        "random_state": None if seed is None else whole(stored, "random_state", -(2**63), 2**64),
        "time_limit": limit if limit in (None, math.inf) else finite(stored, "time_limit"),
    }


def _take_inputs(estimator: RungEstimator, config: State) -> None:
    """What is known of the inputs: a table's columns, or the images' size."""
    if estimator.pair_[0] is InputKind.IMAGE:
        estimator.image_size_ = image_size(config, "image_size")
    if estimator.pair_[0] is not InputKind.TABLE:
        return
    if entry(config, "columns") is not None:
        set_columns(estimator, strings(config, "columns"))
    else:
        estimator.n_features_in_ = whole(config, "num_columns", 1, _MOST_COLUMNS)
    kinds = section(config, "column_kinds")
    if not kinds or not set(kinds.values()) <= set(_VALUES):
        raise ModelError(f"'column_kinds' must say of each column which of {', '.join(_VALUES)} it is.")
    estimator.column_kinds_ = kinds


def _classes(config: State) -> NDArray[Any]:
    """The classes (C,), sorted."""
    names, dtype = section(config, "id2label"), entry(config, "classes_dtype")
    labels = [entry(names, str(number)) for number in range(len(names))]
    kinds = {type(label) for label in labels}
    allowed = "|".join(_LABELS[kind] for kind in kinds if kind in _LABELS)
    if len(kinds) != 1 or not isinstance(dtype, str) or not re.fullmatch(allowed, dtype):
        raise ModelError(
            f"the classes are no {str(dtype)[:20]!r}: they must be of one type, which NumPy has."
        )
    if kinds == {str}:
        if len(labels) * max(map(len, labels)) > _MOST_CHARACTERS:
            raise ModelError(f"the classes have more than {_MOST_CHARACTERS} characters.")
        dtype = "object" if dtype == "object" else "U"
    classes = np.array(labels, dtype=dtype)
    if len(classes) < 2 or not np.array_equal(np.unique(classes), classes):
        raise ModelError("the classes must be two or more, different and sorted.")
    return classes


def _temperature(config: State) -> float:
    """What log-probabilities are divided by: 1 where the description doesn't say."""
    if _TEMPERATURE not in config:
        return 1.0
    return finite(config, _TEMPERATURE, 1 / MOST_TEMPERATURE, MOST_TEMPERATURE)


def _tag_names(config: State) -> NDArray[Any]:
    """The names of the tags (C,): those of some types, sorted."""
    names = section(config, "id2label")
    labels = {"classes": [entry(names, str(number)) for number in range(len(names))]}
    classes = strings(labels, "classes")
    types = type_names(classes)
    if not types or "" in types or types != sorted(types) or classes != tag_names(types):
        raise ModelError("'id2label' must be O, and B-TYPE and I-TYPE of each type, sorted.")
    if len(classes) * max(map(len, classes)) > _MOST_CHARACTERS:
        raise ModelError(f"the tags have more than {_MOST_CHARACTERS} characters.")
    return np.array(classes)


def _examples(estimator: RungEstimator) -> tuple[Any, int]:
    """Inputs that the estimator must have an answer to, in the form that learners take, and how many."""
    match estimator.pair_[0]:
        case InputKind.TEXT:
            return pa.chunked_array([_TEXTS]), len(_TEXTS)
        case InputKind.TOKENS:
            return as_tokens(_SENTENCES), len(_SENTENCES)
        case InputKind.PREDICATE:
            return as_predicates([(tokens, 0) for tokens in _SENTENCES]), len(_SENTENCES)
        case InputKind.IMAGE:
            return np.zeros((1, *estimator.image_size_), np.uint8), 1
        case InputKind.TABLE:
            schema = pa.schema(
                field(name, ColumnKind(kind)) for name, kind in estimator.column_kinds_.items()
            )
            columns = [
                pa.array(_VALUES[ColumnKind(kind)], column.type)
                for column, kind in zip(schema, estimator.column_kinds_.values(), strict=True)
            ]
            table = pa.Table.from_arrays(columns, schema=schema)
            return table, len(table)


def _try(learner: Learner, inputs: Any, count: int, output: OutputKind, num_outputs: int) -> None:
    """Asks a learner.

    Raises:
        ModelError: if its answers have another shape than they must, or aren't finite.
    """
    with np.errstate(all="ignore"):
        outputs = learner.predict(inputs)
    if output is OutputKind.TAGS:
        _check_tags(outputs, flat_sentences(inputs).offsets, num_outputs)
        return
    shape = (count, num_outputs) if output is OutputKind.LABEL else (count,)
    if outputs.shape != shape or not np.isfinite(outputs).all():
        raise ModelError(
            f"it answers {count} examples with {outputs.shape} outputs, or with some not finite."
        )


def _check_tags(outputs: Any, offsets: NDArray[np.int64], num_outputs: int) -> None:
    """A tag that there is for each token.

    Raises:
        ModelError: if it is otherwise.
    """
    is_whole = isinstance(outputs, Tags) and np.array_equal(outputs.offsets, offsets)
    if not is_whole or outputs.values.shape != (offsets[-1],) or outputs.values.dtype != np.int64:
        raise ModelError("it doesn't answer each token with a tag.")
    if len(outputs.values) and not 0 <= outputs.values.min() <= outputs.values.max() < num_outputs:
        raise ModelError(f"it answers with tags that aren't among its {num_outputs}.")
