"""What was read, before anything is inferred: rows as an Arrow table, and images as one array."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = [
    "PARTS",
    "BatchWriter",
    "Level",
    "Note",
    "Source",
    "mapped_array",
    "mapped_table",
    "shown_names",
    "workspace",
]

PARTS = ("train", "valid", "test")

SHOWN = 10
"""Names listed in one note."""


class Level(StrEnum):
    """How much a note matters."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True)
class Note:
    """Something that the user should know of the data and of what was done with it."""

    level: Level
    message: str


def shown_names(names: Sequence[str]) -> str:
    """The first few names of a list, for a note."""
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows as they stand in a file, a folder or an object.

    Attributes:
        name: the file or folder as the user gave it.
        table: one row an example; of images all but the pixels.
        images: uint8 (N, H, W, C).
        is_text_file: whether every value is a string that may hold a number or a date.
        parts: the rows of train, valid and test, where the source says so itself.
        notes: what happened while reading.
        keeps: what must live as long as the rows, such as a temporary folder.
    """

    name: str
    table: pa.Table
    images: NDArray[np.uint8] | None = None
    is_text_file: bool = False
    parts: Mapping[str, range] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    keeps: object = field(default=None, repr=False)

    @property
    def num_rows(self) -> int:
        """Examples in it."""
        return int(self.table.num_rows) if self.images is None else len(self.images)


class _Temporary:
    """A temporary folder that goes when nothing refers to this object any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="rungwise-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def workspace(folder: Path | None) -> tuple[Path, object]:
    """The folder, made where it is missing, or a temporary one and what keeps it alive."""
    if folder is None:
        temporary = _Temporary()
        return temporary.path, temporary
    folder.mkdir(parents=True, exist_ok=True)
    return folder, None


class BatchWriter:
    """Streams record batches into an Arrow IPC file."""

    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self.file = file
        self._sink = pa.OSFile(str(file), "wb")
        self._writer = pa.ipc.new_file(self._sink, schema)

    def __enter__(self) -> BatchWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()
        self._sink.close()

    def write(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Append batches of the writer's schema; empty ones are left out."""
        for batch in batches:
            if batch.num_rows:
                self._writer.write_batch(batch)


def mapped_table(file: Path) -> pa.Table:
    """The table of an Arrow IPC file, mapped into memory and not read until it is used."""
    with pa.memory_map(str(file)) as mapped:
        return pa.ipc.open_file(mapped).read_all()


def mapped_array(file: Path) -> NDArray[np.uint8]:
    """The images of a .npy file, mapped into memory."""
    array: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
    return array
