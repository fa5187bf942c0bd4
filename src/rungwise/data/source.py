"""What was read, before anything is inferred: rows as an Arrow table, and images as one array."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = [
    "PARTS",
    "BatchWriter",
    "ImageWriter",
    "Level",
    "Note",
    "PartFile",
    "Source",
    "mapped_array",
    "mapped_table",
    "printable",
    "shown",
    "shown_names",
    "workspace",
]

PARTS = ("train", "valid", "test")

SHOWN = 10
"""Names listed in one note."""

SHOWN_CHARACTERS = 40
"""Characters of a value in a note or an error."""


class Level(StrEnum):
    """How much a note matters."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True)
class Note:
    """Something that the user should know of the data and of what was done with it."""

    level: Level
    message: str


def shown(value: object) -> str:
    """A value, cut, for a note or an error."""
    if isinstance(value, str):
        return repr(_cut(value, SHOWN_CHARACTERS))
    return _cut(repr(value), SHOWN_CHARACTERS)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def shown_names(names: Sequence[str]) -> str:
    """The first few names of a list, each cut, for a note."""
    some = [_cut(name, 2 * SHOWN_CHARACTERS) for name in names[:SHOWN]]
    return ", ".join(some) + (", …" if len(names) > SHOWN else "")


def printable(name: object) -> str:
    """A name of a file as text: bytes that are no UTF-8 are escaped."""
    return str(name).encode(errors="backslashreplace").decode()


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows as they stand in a file, a folder or an object.

    Attributes:
        name: the file or folder as the user gave it.
        table: one row an example; of images all but the pixels.
        images: uint8 (N, H, W, C).
        is_text_file: whether every value is a string that may hold a number or a date.
        has_sentences: whether rows are sentences: lists of `tokens`, with `tags` (BIO2) and a `predicate` if there are
            any, and perhaps the `document` that they stand in, and the `text` that they were and where its tokens
            `starts`; what else there is may say what stays together.
        parts: the rows of train, valid and test, where the source says so itself.
        notes: what happened while reading.
        keeps: what must live as long as the rows, such as a temporary folder.
    """

    name: str
    table: pa.Table
    images: NDArray[np.uint8] | None = None
    is_text_file: bool = False
    has_sentences: bool = False
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


class PartFile:
    """A new file that is written from its start to its end, and what it holds in short."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.closed = False
        self._stream = file.open("wb")
        self._digest = hashlib.sha256()

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: Any) -> int:
        """Appends bytes."""
        self._digest.update(data)
        return self._stream.write(data)

    def flush(self) -> None:
        """Hands to the system what is written."""
        self._stream.flush()

    def close(self) -> None:
        """Ends the file once it is on the disk."""
        if not self.closed:
            self.closed = True
            with self._stream as stream:
                stream.flush()
                os.fsync(stream.fileno())

    def sha256(self) -> str:
        """Of all that was written."""
        return self._digest.hexdigest()


class BatchWriter:
    """Streams record batches into an Arrow IPC file."""

    def __init__(self, file: Path | PartFile, schema: pa.Schema) -> None:
        self.file = file if isinstance(file, Path) else file.file
        self._sink = pa.OSFile(str(file), "wb") if isinstance(file, Path) else file
        self._writer = pa.ipc.new_file(self._sink, schema)

    def __enter__(self) -> BatchWriter:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._writer.close()
        finally:
            self._sink.close()

    def write(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Append batches of the writer's schema; empty ones are left out."""
        for batch in batches:
            if batch.num_rows:
                self._writer.write_batch(batch)


class ImageWriter:
    """Streams images into a .npy file: a mapped file would end the process where the disk is full.

    Args:
        sink: what is written to.
        shape: (N, H, W, C), of all the images.
    """

    def __init__(self, sink: BinaryIO | PartFile, shape: tuple[int, ...]) -> None:
        self._sink = sink
        header = {"descr": "|u1", "fortran_order": False, "shape": tuple(map(int, shape))}
        np.lib.format.write_array_header_1_0(sink, header)

    def write(self, images: NDArray[np.uint8]) -> None:
        """Appends images uint8 (N, H, W, C)."""
        self._sink.write(np.ascontiguousarray(images).data)


def mapped_table(file: Path) -> pa.Table:
    """The table of an Arrow IPC file, mapped into memory and not read until it is used."""
    with pa.memory_map(str(file)) as mapped:
        return pa.ipc.open_file(mapped).read_all()


def mapped_array(file: Path) -> NDArray[np.uint8]:
    """The images of a .npy file, mapped into memory."""
    array: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
    return array
