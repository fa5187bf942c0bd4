"""What is held in memory → the form that learners get: `as_table`, `as_texts`, `as_images`."""

# N examples, H height, W width, C channels

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

from rungwise.data.columns import Column, field
from rungwise.data.conversion import convert
from rungwise.data.inference import infer
from rungwise.data.pictures import decode, quiet
from rungwise.errors import DataError
from rungwise.kinds import ColumnKind

__all__ = ["arrow_table", "as_images", "as_table", "as_texts"]


# -------------------------------------------------------------------------------------------------- table


def as_table(X: Any, columns: Mapping[str, ColumnKind] | None = None) -> pa.Table:
    """A table whose fields' metadata say their `kind`: number, category, date or text.

    Args:
        X: a data frame, an Arrow table, or a 2-D array or sequence, whose columns are then `x0`, `x1`, ….
        columns: kinds that are known, for instance from the fit; the others are inferred.

    Raises:
        DataError: if X isn't two-dimensional, names a column twice, or holds a value that isn't of its column's kind.
    """
    table = arrow_table(X)
    known = columns or {}
    fields, arrays = [], []
    for old, values in zip(table.schema, table.columns, strict=True):
        column = _column(old, values, known)
        if column.kind is ColumnKind.IGNORE:
            continue
        fields.append(field(column.name, column.kind))
        chunks = [convert(chunk, column) for chunk in values.chunks]
        arrays.append(pa.chunked_array(chunks, fields[-1].type))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _column(old: pa.Field, values: pa.ChunkedArray, known: Mapping[str, ColumnKind]) -> Column:
    if old.name in known:
        return Column(old.name, ColumnKind(known[old.name]), "given")
    kind = (old.metadata or {}).get(b"kind")
    if kind is not None:
        return Column(old.name, ColumnKind(kind.decode()), "its metadata")
    return infer(old.name, values, parse=False)


def arrow_table(X: Any) -> pa.Table:
    """Rows held in memory as an Arrow table, with names that are distinct strings.

    Raises:
        DataError: if X can't be a table.
    """
    if isinstance(X, pa.Table):
        table = X
    elif isinstance(X, pa.RecordBatch):
        table = pa.Table.from_batches([X])
    elif isinstance(X, pd.DataFrame):
        table = _from_frame(X)
    elif isinstance(X, Mapping):
        table = _from_mapping(X)
    else:
        table = _from_array(X)
    try:
        names = table.column_names
    except UnicodeDecodeError as error:
        raise DataError(f"a name of a column isn't UTF-8 ({error}); rename it.") from None
    check_names(names)
    return table


def check_names(names: Sequence[str], file: object | None = None) -> None:
    """Column names must be distinct.

    Raises:
        DataError: if one occurs twice.
    """
    seen: set[str] = set()
    for number, name in enumerate(names, 1):
        if name in seen:
            first = list(names).index(name) + 1
            raise DataError(
                f"two columns ({first} and {number}) have this name; rename one.", file=file, column=name
            )
        seen.add(name)


def _from_frame(frame: pd.DataFrame) -> pa.Table:
    names = [str(name) for name in frame.columns]
    for name in names:
        if not _is_text(name):
            raise DataError("this name isn't text; rename the column.", column=name)
    arrays = [_from_series(name, frame.iloc[:, number]) for number, name in enumerate(names)]
    return pa.table(arrays, names=names)


def _is_text(name: str) -> bool:
    """Whether it can be written as UTF-8."""
    return not re.search("[\ud800-\udfff]", name)


def _from_mapping(columns: Mapping[Any, Any]) -> pa.Table:
    try:
        frame = pd.DataFrame(dict(columns))
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(
            f"a dict of columns holds sequences of one length each ({str(error)[:100]})."
        ) from None
    return _from_frame(frame)


def framed(array: NDArray[Any], names: Sequence[str]) -> pd.DataFrame:
    """An array (N, len(names)) as a frame.

    Raises:
        DataError: if its values can't be in one.
    """
    try:
        return pd.DataFrame(array, columns=pd.Index(names, dtype=object)).infer_objects()
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"its values can't be used ({str(error)[:100]}).") from None


def _from_series(name: str, series: pd.Series) -> pa.ChunkedArray:
    try:
        if (
            series.dtype == object
            and np.datetime64 in (kinds := set(map(type, series.dropna())))
            and len(kinds) > 1
        ):
            raise TypeError("mixed dates")  # pyarrow would end the process, at least up to version 26
        values = pa.array(series, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        if isinstance(error, MemoryError):
            raise
        raise _no_column(name, series, error) from None
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])


def _no_column(name: str, series: pd.Series, error: Exception) -> DataError:
    """The error for values that Arrow can't hold."""
    kinds = series.dropna().map(lambda value: type(value).__name__).to_numpy()
    rows = np.flatnonzero(series.notna().to_numpy()) + 1
    others = np.flatnonzero(kinds != kinds[0])
    if len(others):
        found = f"are of types that don't go together ({kinds[others[0]]} among {kinds[0]})"
        return DataError(f"its values {found}; make them one type.", row=int(rows[others[0]]), column=name)
    problem = f"its values of type {kinds[0]} can't be used ({str(error)[:100]})"
    return DataError(f"{problem}; numbers, strings, booleans and dates can.", column=name)


def as_array(X: Any) -> NDArray[Any]:
    """A sequence as an array.

    Raises:
        DataError: if its rows differ in length.
    """
    try:
        return np.asarray(X)
    except ValueError as error:
        raise DataError(f"rows must be of one length ({str(error)[:100]}).") from None


def flat(y: Any) -> Any:
    """One value a row; a column of them is taken for that, as in scikit-learn.

    Raises:
        DataError: if there are more.
    """
    array = y.to_numpy(zero_copy_only=False) if isinstance(y, pa.Array) else y
    array = as_array(y.to_numpy() if isinstance(y, pa.ChunkedArray) else array)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"y is one target a row, got an array of shape {array.shape}.")
    return array


def _from_array(X: Any) -> pa.Table:
    array = as_array(X)
    if array.ndim != 2:
        hint = " Reshape your data with `X.reshape(-1, 1)` if it has one feature." if array.ndim == 1 else ""
        raise DataError(
            f"a table has two dimensions, this array has {array.ndim}: shape {array.shape}.{hint}"
        )
    if array.dtype.kind == "c":
        raise DataError("complex data are not supported; give the real and the imaginary parts as columns.")
    names = [f"x{number}" for number in range(array.shape[1])]
    if array.dtype == object:
        return _from_frame(framed(array, names))
    try:
        return pa.table([pa.array(column, from_pandas=True) for column in np.asarray(array).T], names=names)
    except (pa.ArrowNotImplementedError, ValueError) as error:
        raise DataError(f"values of type {array.dtype} can't be used ({error}).") from None


# ------------------------------------------------------------------------------------------ texts, images


def as_texts(X: Any) -> pa.ChunkedArray:
    """Strings (N), a missing one as "".

    Args:
        X: a sequence, series or Arrow array of strings, or a table of one column.

    Raises:
        DataError: if X holds something else.
    """
    if type(X) is list and all(type(text) is str for text in X):
        with suppress(pa.ArrowException, UnicodeError):  # what Arrow can't hold is named below
            return pa.chunked_array([pa.array(X, pa.string())])
    if isinstance(X, pa.Table | pd.DataFrame) or (isinstance(X, np.ndarray) and X.ndim == 2):
        table = arrow_table(X)
        if table.num_columns != 1:
            raise DataError(
                f"texts are one column, got {table.num_columns}: {', '.join(table.column_names)}."
            )
        values = table.column(0)
    elif isinstance(X, pa.ChunkedArray | pa.Array):
        values = X if isinstance(X, pa.ChunkedArray) else pa.chunked_array([X])
    elif isinstance(X, str):
        raise DataError(f"texts are a sequence of strings, got one string; use [{X[:20]!r}].")
    elif isinstance(X, np.ndarray) and X.ndim != 1:
        raise DataError(f"texts are a sequence of strings, got an array of shape {X.shape}.")
    else:
        if isinstance(X, np.ndarray) and X.dtype.kind not in "OSUT":
            raise DataError(f"texts are strings, got values of type {X.dtype}.")
        values = _from_series("text", pd.Series(X, dtype=object))
    if pa.types.is_null(values.type):
        values = values.cast(pa.string())
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        raise DataError(f"texts are strings, got values of type {values.type}.")
    return pc.fill_null(values.cast(pa.string()), "")


def as_images(X: Any) -> NDArray[np.uint8]:
    """Images uint8 (N, H, W, C) with C = 1 or 3.

    Args:
        X: an array (N, H, W) or (N, H, W, C) of bytes, or of floats from 0 to 1 or from 0 to 255; or a sequence of
            PIL images or of paths, all of one size.

    Raises:
        DataError: if X holds something else.
    """
    if isinstance(X, Sequence) and len(X) and isinstance(X[0], Image.Image | str | Path):
        with quiet():
            return _stack([decode(image) for image in X])
    array = as_array(X)
    if array.ndim == 3:
        array = array[..., None]  # (N, H, W, 1)
    if array.ndim != 4 or array.shape[-1] not in (1, 3):
        raise DataError(
            f"images have the shape (N, H, W) or (N, H, W, C) with C = 1 or 3, got {array.shape}."
        )
    return array if array.dtype == np.uint8 else _bytes(array)


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype.kind not in "fiub":
        raise DataError(f"pixels are numbers, got values of type {array.dtype}.")
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not (low >= 0 and high <= 255):
        raise DataError(f"pixels are from 0 to 1 or from 0 to 255, got {low:g} to {high:g}.")
    scale = 255.0 if (array.dtype.kind == "f" and high <= 1) or array.dtype == bool else 1.0
    return np.rint(array * scale).astype(np.uint8)


def _stack(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    sizes = {image.shape[:2] for image in images}
    if len(sizes) > 1:
        raise DataError(
            f"images must be of one size, got {len(sizes)} sizes; resize them, or read their folder with an image size."
        )
    channels = max(image.shape[2] for image in images)
    return np.stack([np.broadcast_to(image, (*image.shape[:2], channels)) for image in images])
