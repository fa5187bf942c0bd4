"""`read`: whatever holds data → a `Source`."""

from __future__ import annotations

import dataclasses
import difflib
import errno
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from rungwise.data.arrays import arrow_table, as_array, as_images, as_texts, flat, framed
from rungwise.data.conll import SENTENCE_SUFFIXES, read_conll
from rungwise.data.forms import Form, form_of, read_texts
from rungwise.data.images import LABEL, SUFFIXES, has_idx, read_idx, read_image_folder, resized
from rungwise.data.jsonlines import read_jsonl
from rungwise.data.limits import check_image_size, check_num_columns, check_regular
from rungwise.data.parquet import read_parquet
from rungwise.data.props import PROPS_SUFFIXES, read_props
from rungwise.data.sentencelines import has_sentences, read_sentence_lines
from rungwise.data.sentences import flat_sentences, lists
from rungwise.data.sentencetables import are_sentences, pair_of_sentences, sentence_source
from rungwise.data.separated import read_csv
from rungwise.data.source import PARTS, Level, Note, Source, workspace
from rungwise.data.textfiles import is_zipped
from rungwise.errors import DataError
from rungwise.files import is_disk_error
from rungwise.kinds import SENTENCE_KINDS, InputKind

__all__ = ["TARGET", "TEXT", "check_exists", "read"]

TEXT = "text"
"""The name of the one column of an array of strings."""

TARGET = "target"
"""The name that y gets beside a table."""

_SEPARATED = (".csv", ".tsv", ".tab")
_JSON = (".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
_KNOWN = (
    "CSV (.csv, .tsv), JSON lines (.jsonl, .ndjson) and CoNLL columns (.conll), also with .gz, Parquet (.parquet), "
    "a folder of images"
)
_TARGETS = (
    np.ndarray,
    pd.Series,
    pd.Index,
    pd.api.extensions.ExtensionArray,
    pa.ChunkedArray,
    pa.Array,
    Sequence,
)
_HF_PARTS = {"train": ("train",), "valid": ("validation", "valid", "dev"), "test": ("test",)}


def read(
    data: Any,
    *,
    encoding: str = "utf-8",
    folder: Path | None = None,
    image_size: int | None = None,
    kind: InputKind | None = None,
    target: str | None = None,
    has_target: bool = True,
) -> Source:
    """Rows as they stand, streamed into files that are mapped into memory; nothing is inferred yet.

    Args:
        data: the path of a CSV, TSV, JSON lines or Parquet file, of a folder of images or of IDX files; or a data
            frame, an Arrow table, a dict of columns, a Hugging Face dataset; or an array or a pair (X, y) of arrays,
            where two dimensions are a table, one is texts, and three or four are images.
        encoding: of text files.
        folder: where the files go; None for a temporary one, which goes when the source does.
        image_size: height and width that images are resized to.
        kind: what the data are to be, where that is known: text files are read as sentences only where they say that
            they are, or where that is wanted.
        target: the column of the tags, for sentences.
        has_target: whether sentences have tags; of new ones they aren't looked at.

    Raises:
        DataError: if the data can't be read; the message names file, row and column.
        UnknownNameError: if sentences have no such column.
        ConfigError: if there is no such encoding, or no images of such a size.
        OSError: if the disk is full, or can't be written.
    """
    if isinstance(data, Source):
        return data
    check_image_size(image_size)
    if isinstance(data, str | Path):
        try:
            source = _read_path(Path(data), encoding, folder, image_size, kind, target, has_target)
        except OSError as error:
            if is_disk_error(error) and error.errno != errno.EIO:  # about where it goes, not where it is
                raise
            name = data if error.filename is None else error.filename
            raise DataError(f"it can't be read ({error.strerror or error}).", file=name) from None
    else:
        source = _read_object(data, kind)
    if kind in (None, *SENTENCE_KINDS) and not source.has_sentences:
        source = sentence_source(source, target, is_wanted=kind is not None, has_tags=has_target)
    if source.images is not None and image_size and source.images.shape[1:3] != (image_size, image_size):
        space, keeps = workspace(folder)
        images = resized(source.images, image_size, space / "resized.npy")
        height, width = source.images.shape[1:3]
        message = f"{len(images)} images of {height} × {width} become {image_size} × {image_size}."
        notes = (*source.notes, Note(Level.INFO, message))
        source = dataclasses.replace(source, images=images, notes=notes, keeps=(source.keeps, keeps))
    return source


def _read_path(
    path: Path,
    encoding: str,
    folder: Path | None,
    image_size: int | None,
    kind: InputKind | None,
    target: str | None,
    has_tags: bool,
) -> Source:
    check_exists(path)
    if not path.is_dir():
        check_regular(path)
    if has_idx(path):
        return read_idx(path, folder=folder)
    if path.is_dir():
        return read_image_folder(path, folder=folder, size=image_size)
    suffix = (path.with_suffix("") if is_zipped(path) else path).suffix.lower()
    is_wanted = kind in SENTENCE_KINDS
    if is_wanted and suffix not in (*SENTENCE_SUFFIXES, *PROPS_SUFFIXES, *_JSON, *_PARQUET):
        form = form_of(path, suffix, encoding=encoding, has_tags=has_tags)
        if form is Form.TABLE:
            return read_csv(path, encoding=encoding, folder=folder)
        if form is Form.TEXTS:
            return read_texts(path, encoding=encoding)
    may_have_roles = kind is InputKind.PREDICATE or (kind is None and suffix in PROPS_SUFFIXES)
    if may_have_roles and suffix not in (*_JSON, *_PARQUET):
        return read_props(path, encoding=encoding, has_tags=has_tags)
    if suffix in (*SENTENCE_SUFFIXES, *PROPS_SUFFIXES) or (is_wanted and suffix not in (*_JSON, *_PARQUET)):
        return read_conll(path, encoding=encoding, target=target, has_tags=has_tags)
    if suffix in _JSON and (is_wanted or (kind is None and has_sentences(path, encoding))):
        return read_sentence_lines(path, encoding=encoding, target=target, has_tags=has_tags)
    if suffix in _SEPARATED:
        return read_csv(path, encoding=encoding, folder=folder)
    if suffix in _JSON:
        return read_jsonl(path, encoding=encoding, folder=folder)
    if suffix in _PARQUET and not is_zipped(path):
        return read_parquet(path, folder=folder)
    if suffix in SUFFIXES and not is_zipped(path):
        return read_image_folder(path, folder=folder, size=image_size)
    raise DataError(f"files of type {suffix or 'unknown'!r} can't be read; known are {_KNOWN}.", file=path)


def check_exists(path: Path) -> None:
    """Sees that there is something to read, before anything heavy is done.

    Raises:
        DataError: if there is not.
    """
    try:
        is_there = path.exists()
    except OSError as error:
        raise DataError(f"it can't be read ({error.strerror or error}).", file=path) from None
    if not is_there:
        raise _missing(path)


def _missing(path: Path) -> DataError:
    if path.is_symlink():
        return DataError("it is a link to nothing; correct it, or name the file itself.", file=path)
    beside = [child.name for child in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1)
    return DataError(
        "there is no such file or folder" + (f"; did you mean {path.with_name(near[0])}?" if near else "."),
        file=path,
    )


def _read_object(data: Any, kind: InputKind | None) -> Source:
    if type(data).__module__.partition(".")[0] == "datasets":
        return _read_hugging_face(data)
    if isinstance(data, pa.Table | pa.RecordBatch | pd.DataFrame | Mapping):
        return _read_table(data)
    X, y = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
    if are_sentences(X) and (kind in SENTENCE_KINDS or (y is not None and are_sentences(y))):
        return Source(name="the sentences", table=pair_of_sentences(X, y))
    if isinstance(data, tuple) and len(data) == 2:
        return _with_target(_read_array(data[0]), data[1])
    return _read_array(data)


def _read_table(data: Any) -> Source:
    name = "the table"
    table = arrow_table(data)
    try:
        table.validate(full=True)  # Arrow trusts buffers, which may come from anywhere
    except pa.ArrowInvalid as error:
        raise DataError(f"its Arrow data are damaged ({error}).", file=name) from None
    check_num_columns(table.num_columns, name)
    if table.num_rows == 0:
        raise DataError("it has no rows.", file=name)
    return Source(name=name, table=table)


def _read_array(X: Any) -> Source:
    if isinstance(X, pd.DataFrame | pa.Table | pa.RecordBatch):
        return _read_table(X)
    name = "the array"
    array = X if isinstance(X, np.ndarray) else None
    if array is None and not isinstance(X, pd.Series | pa.ChunkedArray | pa.Array | Sequence):
        raise DataError(
            f"data of type {type(X).__name__} can't be read; known are {_KNOWN}, tables and arrays."
        )
    if (array is not None and array.ndim == 0) or len(X) == 0:
        raise DataError("it has no rows.", file=name)
    if array is not None and array.ndim in (3, 4):
        return Source(name=name, table=pa.table({}), images=as_images(array))
    if isinstance(X, Sequence) and isinstance(X[0], Image.Image | Path):
        return Source(name=name, table=pa.table({}), images=as_images(X))
    if array is None or array.ndim == 1:
        if isinstance(X, list) and not isinstance(X[0], str | None):
            return _read_array(as_array(X))
        return Source(name=name, table=pa.table({TEXT: as_texts(X)}))
    return Source(name=name, table=arrow_table(array))


def _with_target(source: Source, y: Any) -> Source:
    if not isinstance(y, _TARGETS):
        raise DataError(f"y is a sequence of targets, got a {type(y).__name__}.")
    values = y if isinstance(y, pd.Series) else framed(flat(y)[:, None], [""]).iloc[:, 0].rename(None)
    if len(values) != source.num_rows:
        raise DataError(f"X has {source.num_rows} rows, y has {len(values)}.")
    default = TARGET if source.images is None and source.table.column_names != [TEXT] else LABEL
    name = default if values.name is None else str(values.name)
    column = arrow_table(values.to_frame(name)).column(0)
    if name in source.table.column_names:
        raise DataError("X has a column of y's name; rename one.", file=source.name, column=name)
    table = source.table.append_column(name, column) if source.table.num_columns else pa.table({name: column})
    return dataclasses.replace(source, table=table)


# ----------------------------------------------------------------------------------- Hugging Face `datasets`


def _read_hugging_face(data: Any) -> Source:
    """A `Dataset`, or a `DatasetDict` with its parts."""
    if type(data).__name__ not in ("Dataset", "DatasetDict"):
        raise DataError(
            f"a {type(data).__name__} of `datasets` can't be read; give a `Dataset` or a `DatasetDict`."
        )
    if not isinstance(data, Mapping):
        return Source(name="the dataset", table=_hugging_face_table(data))
    tables: list[pa.Table] = []
    parts: dict[str, range] = {}
    start = 0
    for part in PARTS:
        for name in _HF_PARTS[part]:
            if name in data and part not in parts:
                tables.append(_hugging_face_table(data[name]))
                parts[part] = range(start, start + tables[-1].num_rows)
                start += tables[-1].num_rows
    if "train" not in parts:
        raise DataError(f"a dataset has a `train` split, this one has {', '.join(data)}.")
    return Source(name="the dataset", table=pa.concat_tables(tables), parts=parts)


def _hugging_face_table(data: Any) -> pa.Table:
    """Its Arrow table, with the names of its class labels."""
    table = data.with_format("arrow")[:]
    for number, (name, feature) in enumerate(data.features.items()):
        values = table.column(name)
        inner = getattr(feature, "feature", None)
        if type(feature).__name__ == "ClassLabel":
            codes = pa.chunked_array([chunk.cast(pa.int32()) for chunk in values.chunks], pa.int32())
            known = pc.if_else(pc.less(codes, 0), pa.scalar(None, pa.int32()), codes)
            table = table.set_column(number, name, pa.array(feature.names).take(known))
        elif (
            inner is not None and type(inner).__name__ == "ClassLabel" and not pa.types.is_struct(values.type)
        ):
            flat = flat_sentences(values)
            names = pa.array(inner.names).take(flat.tokens.cast(pa.int32()))
            table = table.set_column(number, name, lists(names, flat.offsets))
    return arrow_table(table)
