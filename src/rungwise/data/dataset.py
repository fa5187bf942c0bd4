"""A prepared dataset: a folder, one sub-folder a part, each file mapped into memory."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.columns import Column
from rungwise.data.source import PARTS, Level, Note, mapped_array, mapped_table, shown_names
from rungwise.errors import DataError
from rungwise.files import replace_text, sync_path
from rungwise.kinds import ColumnKind, InputKind, OutputKind
from rungwise.rung import Pair

__all__ = ["Dataset", "read_notes"]

MANIFEST = "dataset.json"
TABLE = "table.arrow"
IMAGES = "images.npy"
GROUP = "group"
SCHEMA_VERSION = 1


class Dataset:
    """Train, valid and test parts of one problem; made by `prepare`, opened by `Dataset.open`.

    Attributes:
        folder: where it is.
        pair: what goes in and what comes out.
        schema: every column but the target, those left out too, and why each is what it is.
        text_columns: the columns that make the text, joined by line ends; TEXT alone.
        target: the name of the target's column.
        group: the name of the column whose equal values stay in one part; None where rows are each by themselves.
        sources: the file or folder that each part comes from.
        has_own_valid: whether the validation part was given, and not cut from train.
        image_shape: (H, W, C); IMAGE alone.
        fingerprint: SHA-256 of the data as they were prepared: names, kinds, values, targets.
        split_hash: short SHA-256 of the fingerprint and of which row is in which part.
        notes: what the user should know.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], keeps: Any = None) -> None:
        self.folder = folder
        self.pair: Pair = (InputKind(manifest["pair"][0]), OutputKind(manifest["pair"][1]))
        self.schema = tuple(
            Column(column["name"], ColumnKind(column["kind"]), column["reason"], column["format"])
            for column in manifest["columns"]
        )
        self.text_columns: tuple[str, ...] = tuple(manifest["text_columns"])
        self.target: str = manifest["target"]
        self.group: str | None = manifest.get("group")  # datasets of earlier versions don't say
        self.sources: dict[str, str] = manifest["sources"]
        self.has_own_valid: bool = manifest.get(
            "has_own_valid", True
        )  # datasets of earlier versions don't say
        self.image_shape: tuple[int, int, int] | None = (
            tuple(manifest["image_shape"]) if manifest["image_shape"] else None
        )
        self.fingerprint: str = manifest["fingerprint"]
        self.split_hash: str = manifest["split_hash"]
        self.notes = _notes(manifest)
        self._classes: list[Any] | None = manifest["classes"]
        self._files: dict[str, str] = dict(manifest.get("files", {}))
        self._keeps = keeps

    @classmethod
    def open(cls, folder: str | Path) -> Dataset:
        """The dataset in a folder.

        Raises:
            DataError: if there is none, or its description or a part is damaged or of another version.
        """
        return cls._open(Path(folder), None)

    @classmethod
    def _open(cls, folder: Path, keeps: Any) -> Dataset:
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            version = manifest["schema_version"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(f"no prepared dataset can be read from it ({error}).", file=folder) from None
        if version != SCHEMA_VERSION:
            raise DataError(f"schema version {version} can't be read, only {SCHEMA_VERSION}.", file=folder)
        try:
            dataset = cls(folder, manifest, keeps)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            problem = f"it isn't a whole description of a dataset ({error!r}); prepare the data again."
            raise DataError(problem, file=folder / MANIFEST) from None
        for part in PARTS:
            dataset.inputs(part)
        return dataset

    @cached_property
    def classes(self) -> NDArray[Any] | None:
        """The classes or tags of the training part in order, or None for numbers."""
        return None if self._classes is None else np.array(self._classes)

    @property
    def num_outputs(self) -> int:
        """Classes or tags, or 1 for a number."""
        return 1 if self._classes is None else len(self._classes)

    def check(self) -> None:
        """Sees whether every file of the parts holds what was prepared, by its SHA-256.

        Raises:
            DataError: naming the first file that is missing or differs, or if an earlier version prepared the data.
        """
        kinds = (TABLE, IMAGES) if self.pair[0] is InputKind.IMAGE else (TABLE,)
        for name in (f"{part}/{kind}" for part in PARTS for kind in kinds):
            file = self.folder / name
            if name not in self._files:
                raise _damaged(self.folder / MANIFEST, f"it lacks the SHA-256 of {name}")
            try:
                with file.open("rb") as stream:
                    found = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError as error:
                raise _damaged(file, error.strerror or str(error)) from None
            if found != self._files[name]:
                raise _damaged(file, "its SHA-256 isn't what it was")

    @cached_property
    def _tables(self) -> dict[str, pa.Table]:
        return {part: self._open_table(part) for part in PARTS}

    def _open_table(self, part: str) -> pa.Table:
        """The table of a part.

        Raises:
            DataError: if it is damaged.
        """
        file = self.folder / part / TABLE
        try:
            table = mapped_table(file)
            table.validate()
        except (OSError, pa.ArrowException) as error:
            raise _damaged(file, error) from None
        needed = 2 if self.pair[0] is InputKind.IMAGE else 3  # inputs, the target, the row number
        needed += self.group is not None
        if table.num_columns < needed or table.column_names[-2] != self.target:
            raise _damaged(file, f"its columns are {shown_names(table.column_names)}")
        return table

    def _open_images(self, part: str) -> NDArray[np.uint8]:
        """The images of a part (N, H, W, C).

        Raises:
            DataError: if they are damaged.
        """
        file = self.folder / part / IMAGES
        try:
            images = mapped_array(file)
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(file, error) from None
        shape = (self.num(part), *(self.image_shape or ()))
        if images.dtype != np.uint8 or images.shape != shape:
            raise _damaged(file, f"it has the shape {images.shape} of {images.dtype}, not {shape} of uint8")
        return images

    def _table(self, part: str) -> pa.Table:
        if part not in PARTS:
            raise DataError(f"part {part!r} is unknown; known are {', '.join(PARTS)}.")
        return self._tables[part]

    def num(self, part: str) -> int:
        """Rows in a part: "train", "valid" or "test"."""
        return int(self._table(part).num_rows)

    def inputs(self, part: str) -> Any:
        """What a learner gets: TABLE a `pyarrow.Table`, IMAGE uint8 (N, H, W, C), else a `ChunkedArray`."""
        table = self._table(part)
        match self.pair[0]:
            case InputKind.IMAGE:
                return self._open_images(part)
            case InputKind.TEXT | InputKind.TOKENS | InputKind.PREDICATE:
                return table.column(0)
            case InputKind.TABLE:
                return table.select(list(range(table.num_columns - 2 - (self.group is not None))))

    def targets(self, part: str) -> Any:
        """Labels (N) of str, int or bool as they were, numbers (N) float64, or a `ChunkedArray` of lists of tags."""
        values = self._table(part).column(-2)
        if self.pair[1] is OutputKind.TAGS:
            return values
        if not pa.types.is_string(values.type):
            return np.asarray(values.to_numpy())
        known = pc.unique(values)
        codes = pc.index_in(values, value_set=known).to_numpy()
        return np.asarray(np.array(known.to_pylist(), dtype=np.str_)[codes])

    def groups(self, part: str) -> NDArray[np.int64] | None:
        """For each row (N), the number of its group; None where there are no groups."""
        return None if self.group is None else np.asarray(self._table(part).column(-3).to_numpy())

    def row_numbers(self, part: str) -> NDArray[np.int64]:
        """For each row (N), its number in its source, 1 for the first record."""
        return np.asarray(self._table(part).column(-1).to_numpy())


def _notes(manifest: dict[str, Any]) -> list[Note]:
    return [Note(Level(note["level"]), note["message"]) for note in manifest["notes"]]


def read_notes(folder: Path) -> list[Note]:
    """What the user should know of the dataset in a folder, without opening its parts; nothing where there is none.

    Raises:
        DataError: if its description is damaged.
    """
    file = folder / MANIFEST
    try:
        return _notes(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _damaged(file, repr(error)) from None


def _damaged(file: Path, problem: object) -> DataError:
    return DataError(f"this part of a dataset is damaged ({problem}); prepare the data again.", file=file)


def write_manifest(folder: Path, **values: Any) -> None:
    """Write a dataset's description, the last of its files; all are on the disk then."""
    values["columns"] = [asdict(column) for column in values["columns"]]
    values["notes"] = [asdict(note) for note in values["notes"]]
    text = json.dumps({"schema_version": SCHEMA_VERSION, **values}, ensure_ascii=False, indent=1)
    if os.name == "posix":
        for part in PARTS:
            sync_path(folder / part)
    replace_text(folder / MANIFEST, text + "\n")
