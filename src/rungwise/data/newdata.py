"""New rows in the form of a dataset's inputs, for predicting."""

# N examples, H height, W width, C channels

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.data.columns import Column, field
from rungwise.data.dataset import Dataset
from rungwise.data.inference import infer
from rungwise.data.limits import batch_rows, check_regular
from rungwise.data.lines import read_lines
from rungwise.data.pool import converted, pool, relocated
from rungwise.data.reading import check_exists, read
from rungwise.data.sentences import as_predicates, as_tokens
from rungwise.data.source import Level, Note, Source, shown_names
from rungwise.data.writing import joined
from rungwise.errors import DataError
from rungwise.kinds import SENTENCE_KINDS, ColumnKind, InputKind

__all__ = ["NewInputs", "inputs_for"]

IMAGE_ROWS = 4096
SENTENCES = 4096
"""Of a batch."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey: ITU-R BT.601, as in Pillow."""


@dataclass(frozen=True, kw_only=True)
class NewInputs:
    """Inputs in batches: iterate over it, as often as wanted.

    Attributes:
        source: the rows as they were read.
        notes: what the user should know of them.
    """

    source: Source
    notes: tuple[Note, ...]
    _dataset: Dataset
    _columns: tuple[Column, ...]
    _has_predicates: bool = False

    def __len__(self) -> int:
        return self.source.num_rows

    def __iter__(self) -> Iterator[Any]:
        if self.source.has_sentences:
            return _sentence_batches(self.source, has_predicates=self._has_predicates)
        if self.source.images is not None:
            return _image_batches(self.source.images, self._dataset)
        return _table_batches(self.source, self._columns, self._dataset)


def inputs_for(
    dataset: Dataset,
    data: Any,
    *,
    encoding: str = "utf-8",
    folder: Path | None = None,
    finds_predicates: bool = False,
) -> NewInputs:
    """New data in the form of `dataset.inputs`; it needs no target.

    Args:
        dataset: what the model learned from.
        data: anything that `read` reads; or a .txt file, of which each line that isn't blank is a text.
        encoding: of text files.
        folder: where what is read goes; None for a temporary one.
        finds_predicates: whether the model finds predicates where sentences come without.

    Raises:
        DataError: if the data can't be read, lacks columns, or holds values of another kind.
        ConfigError: if there is no such encoding.
    """
    size = (
        dataset.image_shape[0]
        if dataset.image_shape and dataset.image_shape[0] == dataset.image_shape[1]
        else None
    )
    kind = dataset.pair[0] if dataset.pair[0] in SENTENCE_KINDS else InputKind.TABLE
    if dataset.pair[0] is InputKind.TEXT and isinstance(data, str | Path) and Path(data).suffix == ".txt":
        check_exists(Path(data))
        check_regular(Path(data))
        data = pa.table({dataset.text_columns[0]: read_lines(Path(data), encoding)})
    source = read(data, encoding=encoding, folder=folder, image_size=size, kind=kind, has_target=False)
    if (source.images is None) != (dataset.image_shape is None):
        raise DataError(f"the model takes {dataset.pair[0]}s, this isn't one.", file=source.name)
    columns: tuple[Column, ...] = ()
    notes = source.notes
    if source.images is not None:
        _check_shape(source, dataset)
    elif source.has_sentences:
        _check_sentences(source, dataset, finds_predicates=finds_predicates)
    else:
        source, columns = _matching(source, dataset)
        notes += _extras(source, dataset)
    has_predicates = dataset.pair[0] is InputKind.PREDICATE and "predicate" in source.table.column_names
    return NewInputs(
        source=source, notes=notes, _dataset=dataset, _columns=columns, _has_predicates=has_predicates
    )


def _check_shape(source: Source, dataset: Dataset) -> None:
    if source.images is not None and source.images.shape[1:3] != (dataset.image_shape or ())[:2]:
        raise DataError(
            f"the images are {source.images.shape[1:3]} (height, width), the model takes {dataset.image_shape}.",
            file=source.name,
        )


def _check_sentences(source: Source, dataset: Dataset, *, finds_predicates: bool) -> None:
    if dataset.pair[0] not in SENTENCE_KINDS:
        raise DataError(
            f"it holds sentences of tokens, and the model takes {dataset.pair[0]} input.", file=source.name
        )
    needs_predicates = dataset.pair[0] is InputKind.PREDICATE and not finds_predicates
    if needs_predicates and "predicate" not in source.table.column_names:
        problem = "the model takes sentences with a predicate, the number of a token, from 0; there is none"
        remedy = "Give JSON lines with `tokens` and `predicate`, or fit with `--identify-predicates`"
        raise DataError(f"{problem}. {remedy}.", file=source.name)


def _sentence_batches(source: Source, *, has_predicates: bool) -> Iterator[pa.ChunkedArray]:
    """Sentences, each with its predicate or none with one."""
    for start in range(0, source.num_rows, SENTENCES):
        some = source.table.slice(start, SENTENCES)
        yield as_predicates(some) if has_predicates else as_tokens(some.column("tokens"))


def _matching(source: Source, dataset: Dataset) -> tuple[Source, tuple[Column, ...]]:
    """The source, and the dataset's columns with the formats of its dates."""
    columns = [column for column in dataset.schema if column.kind is not ColumnKind.IGNORE]
    names = source.table.column_names
    if dataset.pair[0] is InputKind.TEXT and len(names) == len(columns) == 1 and names != [dataset.target]:
        source = replace(source, table=source.table.rename_columns([columns[0].name]))
    names = source.table.column_names
    there = set(names)
    missing = [repr(column.name) for column in columns if column.name not in there]
    if missing:
        raise DataError(
            f"it lacks the columns {shown_names(missing)}; it has {shown_names(names)}.", file=source.name
        )
    return source, tuple(_with_format(column, source) for column in columns)


def _with_format(column: Column, source: Source) -> Column:
    if column.kind is not ColumnKind.DATE or column.format is not None:
        return column
    inferred = relocated(_infer_parsed, column.name, source.table.column(column.name), file=source.name)
    return replace(column, format=inferred.format)


def _infer_parsed(name: str, values: pa.ChunkedArray) -> Column:
    return infer(name, values, parse=True)


def _extras(source: Source, dataset: Dataset) -> tuple[Note, ...]:
    known = {dataset.target, *(column.name for column in dataset.schema)}
    extra = [name for name in source.table.column_names if name not in known]
    if not extra:
        return ()
    return (Note(Level.INFO, f"{source.name}: left out {shown_names(extra)}, which the model doesn't know."),)


def _table_batches(source: Source, columns: Sequence[Column], dataset: Dataset) -> Iterator[Any]:
    """Tables, or ChunkedArrays of strings."""
    rows = pool({"train": source}, ())
    schema = pa.schema([field(column.name, column.kind) for column in columns])
    for batch in converted(rows, columns, [""] * len(columns), schema):
        table = pa.Table.from_batches([batch])
        yield joined(table.select(list(dataset.text_columns))) if dataset.text_columns else table


def _image_batches(images: NDArray[np.uint8], dataset: Dataset) -> Iterator[NDArray[np.uint8]]:
    """Images (N, H, W, C) with the channels that the dataset's have."""
    channels = (dataset.image_shape or (0, 0, 0))[2]
    chunk = batch_rows(IMAGE_ROWS, math.prod(images.shape[1:]))
    for start in range(0, len(images), chunk):
        batch = np.asarray(images[start : start + chunk])
        if batch.shape[3] > channels:
            batch = np.rint(batch @ _LUMA).astype(np.uint8)[..., None]  # (N, H, W, 1)
        yield np.broadcast_to(batch, (*batch.shape[:3], channels))
