"""Files that are whole or not there, whenever the machine stops: written aside, synced, then renamed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["replace_file", "replace_text"]


def replace_file(file: Path, write: Callable[[Path], object]) -> None:
    """Writes a file by way of another one; it is on the disk when this returns, and as it was if this raises.

    Args:
        file: the name in the end.
        write: is given the name to write to, in the same folder.
    """
    part = file.with_name(f".{file.name}.part")
    try:
        write(part)
        _sync(part)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a folder can't be opened, and a rename needs no more
        _sync(file.parent)


def replace_text(file: Path, text: str) -> None:
    """Writes a file of UTF-8 text so."""
    replace_file(file, lambda part: part.write_text(text, encoding="utf-8"))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
