"""Files that are whole or not there, whenever the machine stops: written aside, synced, then renamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["cache_folder", "is_disk_error", "replace_file", "replace_text", "sync_path"]

_DISK_ERRORS = {errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO}
_DENIED = {errno.EACCES, errno.EPERM}
_PROBE_BYTES = 2**20
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
    except BaseException as error:
        if isinstance(error, OSError) and error.filename == str(part):
            error.filename = str(file)
        with suppress(OSError):
            part.unlink()
        raise
    if sync and os.name == "posix":  # elsewhere a folder can't be opened, and a rename needs no more
        sync_path(file.parent)


def replace_text(file: Path, text: str, *, sync: bool = True) -> None:
    """Writes a file of UTF-8 text so; what UTF-8 can't hold, as names of files may be, becomes an escape, \\udcff."""
    replace_file(
        file, lambda part: part.write_text(text, encoding="utf-8", errors="backslashreplace"), sync=sync
    )


def is_disk_error(error: BaseException, folder: Path | None = None) -> bool:
    """Whether a disk is full, or can't be written: no fault of what was being done.

    Args:
        error: what was raised.
        folder: the one that matters; where the error doesn't say, a mebibyte is written there to see.
    """
    kinds = _DISK_ERRORS if folder is None else _DISK_ERRORS | _DENIED
    is_one = isinstance(error, OSError) and error.errno in kinds
    if not is_one and not any(words in str(error) for words in _DISK_WORDS):  # libraries in Rust and C++
        return False
    if folder is None:
        return True
    file = error.filename if isinstance(error, OSError) else None
    return Path(file).is_relative_to(folder) if isinstance(file, str) else not _can_write(folder)


def _can_write(folder: Path) -> bool:
    probe = folder / f".probe-{os.getpid()}"
    try:
        probe.write_bytes(bytes(_PROBE_BYTES))
        sync_path(probe)
    except OSError:
        return False
    finally:
        with suppress(OSError):
            probe.unlink()
    return True


def sync_path(path: Path) -> None:
    """Returns when a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cache_folder() -> Path:
    """Where what can be made again is kept for the next time: `RUNGWISE_CACHE`, or a folder in the user's cache."""
    given = os.environ.get("RUNGWISE_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rungwise"
