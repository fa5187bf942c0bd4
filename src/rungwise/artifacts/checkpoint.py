"""A fit's checkpoint as one safetensors file, replaced as a whole.

Its tensors are the arrays of this state, and `json`, all the rest of it as UTF-8; its metadata is their checksum:

description   the estimator, as `describe` gives it
fit           what else decides the outcome: the seed, the targets, the version of rungwise
progress      what the fit goes on from
model         the best model so far, as a learner's state
history       its learning curve
notes         what the user should know of it
seconds       wall and CPU seconds so far
"""

from __future__ import annotations

import json
import reprlib
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rungwise import __version__
from rungwise.artifacts.description import describe, restored
from rungwise.artifacts.state import join_state, split_state
from rungwise.errors import ConfigError, ModelError
from rungwise.estimators import RungEstimator
from rungwise.files import replace_file
from rungwise.fitting import Epoch, State
from rungwise.tags import Tags

__all__ = ["FileCheckpoint", "load_checkpoint"]

_FIRST_SECONDS, _MOST_SECONDS = 1.0, 30.0
"""From the start to the first save, and between two saves where a save costs little."""

_MOST_SHARE = 0.02
"""Of the time, that saving may take."""

_JSON, _CHECKSUM = "json", "checksum"


class FileCheckpoint:
    """The `fitting.Checkpoint` of one fit in one file.

    Args:
        file: where it is kept; if it exists, it must be of the same fit.
        estimator: what is fitted, with its columns and classes set.
        seed: of the fit.
        targets: of training (N).
        valid_targets: of validation, if there is any.
        note: called with a sentence when the file can't be written; the fit goes on without.

    Raises:
        ConfigError: if the file is of another fit, or there is no such folder.
        ModelError: if the file is damaged.
    """

    def __init__(
        self,
        file: Path,
        estimator: RungEstimator,
        *,
        seed: int,
        targets: NDArray[Any] | Tags,
        valid_targets: NDArray[Any] | Tags | None,
        note: Callable[[str], None],
    ) -> None:
        self._file, self._note, self._is_noted = file, note, False
        self._notes = estimator.notes_
        self.seconds_before = (0.0, 0.0)
        self._same: State = {
            "description": describe(estimator),
            "fit": {
                "rungwise": __version__,
                "seed": seed,
                "training targets": _fingerprint(targets),
                "validation targets": _fingerprint(valid_targets),
            },
        }
        self._progress: State = {}
        first = _FIRST_SECONDS
        if file.exists():
            kept = _read(file)
            _check_same(file, kept, self._same)
            self._progress = kept["progress"]
            if self._progress:
                self.seconds_before = (kept["seconds"][0], kept["seconds"][1])
            else:  # the fit begins anew, and its first model isn't as good yet as what is kept
                first = max(first, kept["seconds"][0])
        elif not file.parent.is_dir():
            raise ConfigError(f"checkpoint {file}: there is no folder {file.parent}; make it first.")
        self._start = self._asked = time.monotonic()
        self._cpu_start = time.process_time()
        self._due = self._start + first

    def load(self) -> State | None:
        """The progress that the file had at first; it is given once, so that it needn't stay in memory."""
        progress, self._progress = self._progress, {}
        return progress or None

    def is_due(self) -> bool:
        """Whether to save now: after a second, then ever more seldom, and so that it costs little of the time."""
        self._asked = time.monotonic()
        return self._asked >= self._due

    def save(self, progress: State, model: State, history: list[Epoch]) -> None:
        """Replaces the file; a disk that is full or can't be written is noted, and the fit goes on."""
        curve = [vars(epoch) for epoch in history]
        said = {"history": curve, "notes": self._notes, "seconds": self._seconds()}
        rest, arrays = split_state({**self._same, "progress": progress, "model": model, **said})
        arrays[_JSON] = np.frombuffer(json.dumps(rest).encode(), np.uint8)
        metadata = {_CHECKSUM: _checksum(arrays)}
        try:
            replace_file(self._file, lambda part: save_file(arrays, part, metadata))
        except (OSError, SafetensorError) as error:
            if not self._is_noted:
                self._note(f"checkpoint {self._file} can't be written ({error}); the fit goes on without.")
            self._is_noted = True
        now = time.monotonic()
        self._due = now + max((now - self._asked) / _MOST_SHARE, min(now - self._start, _MOST_SECONDS))

    def _seconds(self) -> list[float]:
        wall, cpu = self.seconds_before
        return [wall + time.monotonic() - self._start, cpu + time.process_time() - self._cpu_start]


def load_checkpoint(file: str | Path) -> RungEstimator:
    """The best model so far of the fit that a checkpoint is of, as a fitted estimator with its history.

    Raises:
        ModelError: if there is no checkpoint, it is damaged, or its model doesn't predict.
    """
    kept = _read(Path(file))
    try:
        estimator = restored(kept["description"], kept["model"])
    except ModelError as error:
        raise ModelError(f"checkpoint {file} has no model that can be used: {error}") from error
    estimator.learner_.history = [Epoch(**row) for row in kept["history"]]
    estimator.notes_ = kept["notes"]
    estimator.seconds_before_ = (kept["seconds"][0], kept["seconds"][1])
    return estimator


def _read(file: Path) -> State:
    """What was written into a file, with its checksum looked at before anything else."""
    if not file.exists():
        raise ModelError(f"there is no checkpoint {file}.")
    try:
        with safe_open(file, framework="numpy") as opened:
            checksum = (opened.metadata() or {}).get(_CHECKSUM)
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except Exception as error:  # a header with a wrong letter in it can be anything
        raise ModelError(f"checkpoint {file} is damaged ({error}); delete it to begin anew.") from error
    if _JSON not in arrays or checksum != _checksum(arrays):
        raise ModelError(f"checkpoint {file} is damaged (its checksum is wrong); delete it to begin anew.")
    return join_state(json.loads(arrays.pop(_JSON).tobytes()), arrays)


def _checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    crc = 0
    for name, array in sorted(arrays.items()):
        crc = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), crc)
        crc = zlib.crc32(array.ravel().view(np.uint8).data, crc)
    return f"{crc:08x}"


def _fingerprint(targets: NDArray[Any] | Tags | None) -> str:
    if targets is None:
        return "none"
    arrays = [targets.values, targets.offsets] if isinstance(targets, Tags) else [targets]
    crc = 0
    for array in arrays:
        crc = zlib.crc32(array.tobytes(), crc)
    return f"{len(targets)}, CRC {crc:08x}"


def _check_same(file: Path, kept: State, same: State) -> None:
    """Sees that both are of the same fit; how long it may take is no part of it."""
    there, here = _flat(kept), _flat(json.loads(json.dumps(same)))
    differences = [
        f"{name} is {reprlib.repr(there.get(name))} there and {reprlib.repr(here.get(name))} here"
        for name in here | there
        if name != "time_limit" and there.get(name) != here.get(name)
    ]
    if differences:
        raise ConfigError(
            f"checkpoint {file} is of another fit: {'; '.join(differences)}. Delete it, or take another file."
        )


def _flat(side: State) -> dict[str, Any]:
    """Description and fit as one, the estimator's settings beside the rest."""
    rest = dict(side["description"])
    return {**rest.pop("settings"), **rest.pop("shared"), **rest, **side["fit"]}
