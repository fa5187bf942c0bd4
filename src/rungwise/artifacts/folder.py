"""Writes and reads a model folder.

config.json        schema_version, rung, pair, settings, classes
model.safetensors  every array of the learner's state
state.json         the rest of the state
tokenizer.json     text networks: the `tokenizers` file, which is `preprocessor.tokenizer` of the state
README.md          the model card
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from rungwise.artifacts.card import model_card
from rungwise.artifacts.description import SCHEMA_VERSION, describe, restored
from rungwise.artifacts.state import join_state, split_state
from rungwise.errors import ModelError, RungwiseError
from rungwise.estimators import RungEstimator
from rungwise.fitting import State

__all__ = ["load_model", "model_bytes", "save_model"]

_CONFIG, _ARRAYS, _STATE, _CARD = "config.json", "model.safetensors", "state.json", "README.md"
_TOKENIZER = "tokenizer.json"


def save_model(estimator: RungEstimator, folder: Path) -> Path:
    """Writes a fitted estimator into a folder, new or with a model in it.

    Raises:
        ModelError: if the folder holds something else.
    """
    if folder.exists() and (
        not folder.is_dir() or (any(folder.iterdir()) and not (folder / _CONFIG).exists())
    ):
        raise ModelError(f"{folder} exists and is no model folder; choose another name.")
    folder.mkdir(parents=True, exist_ok=True)
    rest, arrays = split_state(estimator.learner_.state())
    save_file(arrays, folder / _ARRAYS)
    (folder / _ARRAYS).chmod(0o644)  # it is written for its owner alone
    tokenizer = rest.get("preprocessor", {}).pop("tokenizer", None)
    if tokenizer is None:
        (folder / _TOKENIZER).unlink(missing_ok=True)
    else:
        (folder / _TOKENIZER).write_text(tokenizer, encoding="utf-8")
    _write_json(folder / _STATE, rest)
    _write_json(folder / _CONFIG, describe(estimator))
    (folder / _CARD).write_text(model_card(estimator), encoding="utf-8")
    return folder


def load_model(folder: Path) -> RungEstimator:
    """The estimator that a model folder holds.

    Raises:
        ModelError: if it is no model folder, damaged, or of a later schema.
    """
    config = _read_json(folder / _CONFIG)
    version = config.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ModelError(
            f"{folder}: schema_version is {version!r}; this version of rungwise reads {SCHEMA_VERSION}."
        )
    try:
        return restored(config, _read_state(folder))
    except ModelError:
        raise
    except (KeyError, TypeError, ValueError, OSError, RungwiseError, SafetensorError) as error:
        raise ModelError(
            f"{folder}: the model folder is damaged ({type(error).__name__}: {error})."
        ) from error


def model_bytes(folder: Path) -> int:
    """The bytes of the files that prediction needs."""
    files = [folder / name for name in (_CONFIG, _ARRAYS, _STATE, _TOKENIZER)]
    return sum(file.stat().st_size for file in files if file.exists())


def _read_state(folder: Path) -> State:
    arrays = load_file(folder / _ARRAYS)
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(f"{folder}: array {name!r} holds numbers that are not finite.")
    rest = _read_json(folder / _STATE)
    if (folder / _TOKENIZER).exists():
        rest["preprocessor"]["tokenizer"] = (folder / _TOKENIZER).read_text(encoding="utf-8")
    return join_state(rest, arrays)


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False), encoding="utf-8")


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{file.parent} is no model folder: it has no {file.name}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file} can't be read: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{file} must hold a JSON object.")
    return value
