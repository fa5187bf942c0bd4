"""Whether a model folder is as it was written, and loads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rungwise.artifacts.folder import (
    MOST_BYTES,
    NEEDED,
    SUMS,
    is_model_folder,
    load_model,
    model_bytes,
    read_config,
    sha256,
)
from rungwise.artifacts.reading import read_text
from rungwise.errors import ModelError

__all__ = ["FileState", "Verification", "model_folders", "verify_model"]

_LINE = re.compile(r"([0-9a-f]{64}) [ *]([A-Za-z0-9_.-]{1,100})")
_MODELS = "models"
"""The folder of a run's models."""


class FileState(StrEnum):
    """A file of a model folder against its hash."""

    OK = "ok"
    CHANGED = "changed"
    MISSING = "missing"
    NOT_LISTED = "not listed"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found in a model folder.

    Attributes:
        folder: the folder.
        files: the state of each file that is listed or there, by name.
        problem: why the model doesn't load; None if it does.
        schema_version: of its description, None if that can't be read.
        rung: the rung's name, None if the model doesn't load.
        parameters: learned numbers, None if the model doesn't load.
        bytes: of the files that prediction needs.
    """

    folder: Path
    files: dict[str, FileState]
    problem: str | None
    schema_version: int | None
    rung: str | None
    parameters: int | None
    bytes: int

    @property
    def bad_files(self) -> list[str]:
        """Files that aren't as they were written; one that no one reads may be added."""
        return [
            name
            for name, state in self.files.items()
            if state in (FileState.CHANGED, FileState.MISSING)
            or (state is FileState.NOT_LISTED and name in NEEDED)
        ]

    @property
    def is_ok(self) -> bool:
        """Whether the files are as they were written, and the model loads."""
        return not self.bad_files and self.problem is None

    def sentence(self) -> str:
        """What is wrong, or that nothing is."""
        if self.bad_files:
            states = ", ".join(f"{name} is {self.files[name]}" for name in self.bad_files)
            return f"{self.folder} isn't as it was written: {states}; get it anew from where it came from."
        if self.problem is not None:
            return f"{self.folder} is as it was written, but doesn't load: {self.problem}"
        return f"{self.folder} is as it was written, and loads."


def model_folders(folder: Path) -> list[Path]:
    """The folders of a run's models, or the one folder of a model.

    Raises:
        ModelError: if a run has no model yet.
    """
    models = folder / _MODELS
    if (folder / SUMS).exists() or is_model_folder(folder) or models.is_symlink() or not models.is_dir():
        return [folder]
    found = sorted(entry for entry in models.iterdir() if entry.is_dir() and not entry.is_symlink())
    if not found:
        raise ModelError(f"{folder} is a run that has no model yet.")
    return found


def verify_model(folder: Path) -> Verification:
    """Compares a model folder's files with their hashes, and loads the model.

    Hashes say that nothing was changed by accident; who can change a file can change its hash.

    Raises:
        ModelError: if the folder is no model folder, or has no hashes that can be read.
    """
    read_config(folder)
    sums = _read_sums(folder)
    there = {entry.name for entry in folder.iterdir()} - {SUMS}
    files = {name: _state(folder / name, sums.get(name)) for name in sorted(there | sums.keys())}
    problem = rung = parameters = None
    try:
        estimator = load_model(folder)
        rung, parameters = estimator.rung_name, estimator.learner_.num_parameters()
    except ModelError as error:
        problem = str(error)
    return Verification(
        folder=folder,
        files=files,
        problem=problem,
        schema_version=read_config(folder)["schema_version"],
        rung=rung,
        parameters=parameters,
        bytes=model_bytes(folder),
    )


def _read_sums(folder: Path) -> dict[str, str]:
    """The hash of each file by its name, from lines as `sha256sum` writes them."""
    if not (folder / SUMS).exists():
        raise ModelError(
            f"{folder} has no {SUMS}, so there is nothing to compare with; save the model again."
        )
    sums: dict[str, str] = {}
    for line in read_text(folder / SUMS, MOST_BYTES[SUMS]).splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[2] in sums:
            raise ModelError(f"{folder / SUMS}: {line[:80]!r} isn't a hash and the name of a file beside it.")
        sums[match[2]] = match[1]
    return sums


def _state(file: Path, digest: str | None) -> FileState:
    if digest is None:
        return FileState.NOT_LISTED
    if not file.exists():
        return FileState.MISSING
    try:
        return FileState.OK if sha256(file) == digest else FileState.CHANGED
    except ModelError:  # a link, or larger than anything that was written
        return FileState.CHANGED
