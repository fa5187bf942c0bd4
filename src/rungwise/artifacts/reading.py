"""Reads files that may be anybody's: regular ones alone, of a size that was looked at first."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from rungwise.available import available_bytes
from rungwise.errors import ModelError
from rungwise.fitting import State
from rungwise.stored import entry, parse_json

__all__ = ["MOST_ARRAYS", "array_names", "open_regular", "read_arrays", "read_json", "read_text"]

MOST_ARRAYS = 10_000
"""Of a safetensors file; a network of so many takes seconds to be put together."""

_MOST_HEADER_BYTES = 2**24

_FLAGS = os.O_RDONLY
for _name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # where the system has them
    _FLAGS |= getattr(os, _name, 0)

_DTYPES = ("F32", "F64", "I32", "I64", "U32", "U8")
"""Of arrays that rungwise writes, by safetensors' names."""


def open_regular(file: Path, most_bytes: int) -> BufferedReader:
    """The file, open to read, if it is one by itself, and not a link, pipe, device or folder.

    Raises:
        ModelError: if it isn't, or is larger.
    """
    try:
        is_regular = stat.S_ISREG(file.lstat().st_mode)
        stream = open(os.open(file, _FLAGS), "rb") if is_regular else None  # noqa: SIM115 - it is handed over
    except FileNotFoundError:
        raise ModelError(f"{file.parent} is no model folder: it has no {file.name}.") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} can't be read: {error}") from error
    if stream is None:
        raise ModelError(f"{file} is a link, a folder or a device; a model is made of files alone.")
    size = os.fstat(stream.fileno()).st_size
    if size > most_bytes:
        stream.close()
        raise ModelError(f"{file} has {size} bytes; more than {most_bytes} aren't read.")
    return stream


def read_text(file: Path, most_bytes: int) -> str:
    """The text of a file in UTF-8.

    Raises:
        ModelError: if it can't be read, or is larger.
    """
    with open_regular(file, most_bytes) as stream:
        try:
            return stream.read(most_bytes + 1).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{file} can't be read: {error}") from error


def read_json(file: Path, most_bytes: int) -> State:
    """The JSON object that a file holds.

    Raises:
        ModelError: if it can't be read, is larger, or no object.
    """
    text = read_text(file, most_bytes)
    try:
        return parse_json(text)
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from error


def array_names(file: Path, most_bytes: int) -> list[str]:
    """The names that a safetensors file declares, looked at before its arrays are read: a small file may declare large
    ones.

    Raises:
        ModelError: if it can't be read, is larger than it may be or than half of the memory that is free, or declares
            arrays that rungwise doesn't write.
    """
    with open_regular(file, most_bytes) as stream:
        num_bytes, free = os.fstat(stream.fileno()).st_size, available_bytes()
        if free is not None and num_bytes * 2 > free:
            raise ModelError(
                f"{file} has {num_bytes} bytes, too many for the {free} of memory that are free."
            )
        header_bytes = int.from_bytes(stream.read(8), "little")
        if header_bytes > _MOST_HEADER_BYTES:
            raise ModelError(f"{file}: a header of {header_bytes} bytes isn't read.")
        header = stream.read(header_bytes)
    try:
        declared = parse_json(header.decode())
        names = [name for name in declared if name != "__metadata__"]
        dtypes = {str(entry(declared[name], "dtype")) for name in names}
        if not dtypes <= set(_DTYPES):
            raise ModelError(f"its arrays are of {sorted(dtypes)}; known are {', '.join(_DTYPES)}.")
        if len(names) > MOST_ARRAYS:
            raise ModelError(f"it has {len(names)} arrays; more than {MOST_ARRAYS} aren't read.")
    except (ModelError, UnicodeDecodeError) as error:
        raise ModelError(f"{file} is damaged: {error}") from error
    return names


def read_arrays(file: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file whose names were looked at, by these.

    Raises:
        ModelError: if it can't be read, or holds numbers that aren't finite.
    """
    try:
        arrays = load_file(file)
    except (SafetensorError, OSError, MemoryError) as error:
        raise ModelError(f"{file} is damaged, or too large for this machine: {error}") from error
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(f"{file}: array {name!r} holds numbers that are not finite.")
    return arrays
