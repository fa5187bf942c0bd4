"""Files that are whole or not there, whenever the machine stops: written aside, synced, then renamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["is_disk_error", "replace_file", "replace_text", "sync_path"]

_DISK_ERRORS = {errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO}
_DENIED = {errno.EACCES, errno.EPERM}
_DISK_WORDS = ("No space left on device", "Read-only file system", "Disk quota exceeded")


def replace_file(file: Path, write: Callable[[Path], object], *, sync: bool = True) -> None:
    """Writes a file by way of another one; it is on the disk when this returns, and as it was if this raises.

    Args:
        file: the name in the end.
        write: is given the name to write to, in the same folder.
        sync: whether it must outlive a failure of the machine, and not only of this process.
    """
    part = file.with_name(f".{file.name}.part")
    try:
        write(part)
        if sync:
            sync_path(part)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if sync and os.name == "posix":  # elsewhere a folder can't be opened, and a rename needs no more
        sync_path(file.parent)


def replace_text(file: Path, text: str, *, sync: bool = True) -> None:
    """Writes a file of UTF-8 text so."""
    replace_file(file, lambda part: part.write_text(text, encoding="utf-8"), sync=sync)


def is_disk_error(error: BaseException, folder: Path | None = None) -> bool:
    """Whether a disk is full, or it or the folder can't be written: no fault of what was being done."""
    if isinstance(error, OSError):
        if error.errno in _DENIED and folder is not None and isinstance(error.filename, str):
            return Path(error.filename).is_relative_to(folder)
        if error.errno in _DISK_ERRORS:
            return True
    return any(words in str(error) for words in _DISK_WORDS)  # as libraries in Rust and C++ pass it on


def sync_path(path: Path) -> None:
    """Returns when a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
