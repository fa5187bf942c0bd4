"""Writes and reads a model folder.

config.json        schema_version, rung, pair, settings, classes
model.safetensors  every array of the learner's state, and of what finds predicates, if anything does
state.json         the rest of the state
tokenizer.json     text networks: the `tokenizers` file, which is `preprocessor.tokenizer` of the state
README.md          the model card
SHA256SUMS         a line for each of these, as `sha256sum` writes them

A folder may be anybody's. What is read is looked at first, and is only ever taken as numbers and words.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from rungwise.artifacts.card import model_card
from rungwise.artifacts.description import FINDER_STATE, SCHEMA_VERSION, describe, restored
from rungwise.artifacts.reading import (
    MOST_ARRAYS,
    array_names,
    open_regular,
    read_arrays,
    read_json,
    read_text,
)
from rungwise.artifacts.state import join_state, split_state
from rungwise.errors import ModelError
from rungwise.estimators import RungEstimator, RungTagger
from rungwise.files import replace_file, replace_text
from rungwise.fitting import Elsewhere, State
from rungwise.stored import section

__all__ = [
    "MOST_BYTES",
    "NEEDED",
    "SUMS",
    "is_model_folder",
    "load_model",
    "model_bytes",
    "read_config",
    "replace_card",
    "save_model",
    "sha256",
]

_CONFIG, _ARRAYS, _STATE, _TOKENIZER = "config.json", "model.safetensors", "state.json", "tokenizer.json"
_CARD, SUMS = "README.md", "SHA256SUMS"

NEEDED = (_CONFIG, _ARRAYS, _STATE, _TOKENIZER)
"""Files that prediction needs, the last one of some rungs alone."""

MOST_BYTES = {
    _CONFIG: 2**23,
    _ARRAYS: 2**34,
    _STATE: 2**25,
    _TOKENIZER: 2**25,
    _CARD: 2**23,
    SUMS: 2**16,
}
"""Of each file of a model folder; larger ones aren't read, and aren't written either."""

_ASIDE = ".new"
_OWN = {*MOST_BYTES, _ASIDE, *(f".{name}.part" for name in (_CONFIG, _CARD, SUMS))}
"""Names in a model folder, the last of them left there by a machine that stopped."""

_LONGEST_REASON = 500
_ARCHIVES = (".zip", ".pkl", ".pickle", ".pt", ".pth", ".joblib", ".gz", ".tar", ".onnx", ".safetensors")


def save_model(estimator: RungEstimator, folder: Path) -> Path:
    """Writes a fitted estimator into a folder, new or with a model in it, which stays until the new one is on the disk.

    Raises:
        ModelError: if the folder holds something else, or the model is one that couldn't be read again.
    """
    if folder.exists() and (not folder.is_dir() or not {file.name for file in folder.iterdir()} <= _OWN):
        raise ModelError(f"{folder} exists and is no model folder; choose another name.")
    learner = estimator.learner_
    elsewhere = learner.elsewhere() if isinstance(learner, Elsewhere) else {}
    state = learner.state()
    if isinstance(estimator, RungTagger) and estimator.finder_ is not None:
        state = {**state, FINDER_STATE: estimator.finder_.learner_.state()}
    rest, arrays = split_state(state, bare="network" if elsewhere else None)
    _check_arrays(arrays)
    tokenizer = rest.get("preprocessor", {}).pop("tokenizer", None)
    config = describe(estimator)
    if elsewhere:  # the other library's word for the network stands where it looks for it
        config |= {**elsewhere, "rung": estimator.rung_name}
    texts = {_STATE: _json(rest), _CARD: model_card(estimator), _CONFIG: _json(config)}
    texts |= {} if tokenizer is None else {_TOKENIZER: tokenizer}
    for name, text in texts.items():
        if len(text.encode()) > MOST_BYTES[name]:
            raise ModelError(
                f"the model isn't saved: its {name} would be larger than what is read, {MOST_BYTES[name]} bytes."
            )
    aside = folder / _ASIDE
    aside.mkdir(parents=True, exist_ok=True)
    try:
        replace_file(aside / _ARRAYS, lambda part: _write_arrays(arrays, part))
        for name, text in texts.items():
            replace_text(aside / name, text)
        sums = {name: sha256(aside / name) for name in sorted((_ARRAYS, *texts))}
        replace_text(aside / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sums.items()))
        _move(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def replace_card(folder: Path, text: str) -> None:
    """Gives a model folder another card, and its hash; one that says the same stays as it is."""
    lines = [line for line in read_text(folder / SUMS, MOST_BYTES[SUMS]).splitlines() if line]
    digest = hashlib.sha256(text.encode()).hexdigest()
    new = [f"{digest}  {_CARD}" if line.endswith(f"  {_CARD}") else line for line in lines]
    if (new == lines and sha256(folder / _CARD) == digest) or len(text.encode()) > MOST_BYTES[_CARD]:
        return
    replace_text(folder / _CARD, text)
    replace_text(folder / SUMS, "".join(f"{line}\n" for line in new))


def _move(aside: Path, folder: Path) -> None:
    """Puts the files of a model in place of those of another; in between there is no model in the folder."""
    (folder / _CONFIG).unlink(missing_ok=True)
    for name in MOST_BYTES.keys() - {_CONFIG}:
        if (aside / name).exists():
            (aside / name).replace(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    replace_file(folder / _CONFIG, (aside / _CONFIG).replace)


def load_model(folder: Path) -> RungEstimator:
    """The estimator that a model folder holds.

    Raises:
        ModelError: if it is no model folder, damaged, hostile, or of a later schema.
    """
    config = read_config(folder)
    try:
        return restored(config, _read_state(folder))
    except ModelError as error:
        raise ModelError(f"{folder} can't be used: {_plain(str(error))}") from error


def read_config(folder: Path) -> State:
    """The description of a model folder, of a schema that this version reads.

    Raises:
        ModelError: if it is no model folder, or of a later schema.
    """
    if folder.is_file():
        kind = "an archive or a pickle" if folder.suffix in _ARCHIVES else "a file"
        raise ModelError(
            f"{folder} is {kind}; a model is a folder with a {_CONFIG}, and nothing else is read."
        )
    config = read_json(folder / _CONFIG, MOST_BYTES[_CONFIG])
    version = config.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise ModelError(
            f"{folder}: schema_version is {str(version)[:20]!r}; this version of rungwise reads {SCHEMA_VERSION}."
        )
    return config


def is_model_folder(folder: Path) -> bool:
    """Whether the files that every model has are there."""
    return all((folder / name).exists() for name in (_CONFIG, _ARRAYS, _STATE))


def model_bytes(folder: Path) -> int:
    """The bytes of the files that prediction needs."""
    files = [folder / name for name in NEEDED]
    return sum(file.stat().st_size for file in files if file.exists())


def sha256(file: Path) -> str:
    """The hash of a file of a model folder.

    Raises:
        ModelError: if it can't be read.
    """
    with open_regular(file, MOST_BYTES.get(file.name, MOST_BYTES[_ARRAYS])) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _plain(reason: str) -> str:
    """One line of no great length, with nothing in it that a terminal would obey."""
    line = " ".join(reason[:_LONGEST_REASON].split())
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _read_state(folder: Path) -> State:
    names = array_names(folder / _ARRAYS, MOST_BYTES[_ARRAYS])
    rest = read_json(folder / _STATE, MOST_BYTES[_STATE])
    if (folder / _TOKENIZER).exists():
        text = read_text(folder / _TOKENIZER, MOST_BYTES[_TOKENIZER])
        rest["preprocessor"] = {**section(rest, "preprocessor"), "tokenizer": text}
    join_state(rest, dict.fromkeys(names))
    return join_state(rest, read_arrays(folder / _ARRAYS))


def _check_arrays(arrays: dict[str, NDArray[Any]]) -> None:
    if len(arrays) > MOST_ARRAYS:
        raise ModelError(f"the model isn't saved: it has {len(arrays)} arrays, more than {MOST_ARRAYS}.")
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(f"the model isn't saved: its {name!r} holds numbers that are not finite.")


def _write_arrays(arrays: dict[str, NDArray[Any]], file: Path) -> None:
    save_file(arrays, file, metadata={"format": "pt"})  # without it `transformers` refuses the file
    file.chmod(0o644)  # it is written for its owner alone


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
