"""Keeps the pixels of large folders of images, so that the next run on the same files doesn't decode them again.

What is kept stands in the user's cache, under a hash of the files' names, sizes and times. It is a convenience alone:
whatever goes wrong with it is passed over, and the images are decoded.
"""

# N images, H height, W width, C channels

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray

from rungwise.data.source import mapped_array
from rungwise.files import cache_folder

__all__ = ["decoded_once"]

Pixels = NDArray[np.uint8]

LEAST_FILES = 2_000
"""Images from which on decoding takes seconds."""

MOST_BYTES = 10 * 2**30
"""Of all that is kept; what was used longest ago goes first."""

_FREE_SHARE = 0.25
"""Of what is free on the disk, what one folder's pixels may take."""

_VERSION = "2"
"""Of how pictures are decoded: another one decodes anew."""

_PIXELS, _FACTS = "images.npy", "facts.json"


def decoded_once(
    files: Sequence[Path], size: int | None, decode: Callable[[], tuple[Path, str]]
) -> tuple[Pixels, str]:
    """The pixels (N, H, W, C) of image files, mapped, and what is to be said of them: kept ones, or decoded now.

    Args:
        files: the images.
        size: that was asked for, or None.
        decode: writes the pixels to a file and returns its path, and what is to be said.
    """
    entry = _entry(files, size) if len(files) >= LEAST_FILES else None
    kept = None if entry is None else _kept(entry, len(files))
    if kept is not None:
        return kept
    file, message = decode()
    if entry is not None and _entry(files, size) == entry:  # else they changed while they were read
        with suppress(OSError):
            _keep(entry, file, message)
    return mapped_array(file), message


def _entry(files: Sequence[Path], size: int | None) -> Path | None:
    """The folder for these files, by their names, sizes and times; None if one has gone, or there is no cache."""
    digest = hashlib.sha256(f"{_VERSION} {PIL.__version__} {size}".encode())
    try:
        for file in files:
            facts = file.stat()
            digest.update(b"\0%b\0%d %d" % (os.fsencode(file.absolute()), facts.st_size, facts.st_mtime_ns))
        return cache_folder() / "images" / digest.hexdigest()[:32]
    except (OSError, RuntimeError):  # there may be no home
        return None


def _kept(folder: Path, num_images: int) -> tuple[Pixels, str] | None:
    """What is kept in a folder, if it is whole."""
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        if _sha256(folder / _PIXELS) != facts["sha256"]:
            raise ValueError("the pixels are damaged")
        images, message = mapped_array(folder / _PIXELS), str(facts["message"])
        if images.ndim != 4 or len(images) != num_images or images.dtype != np.uint8:
            raise ValueError("they are not these images' pixels")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    with suppress(OSError):  # it may be another's
        os.utime(folder)
    return images, message


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _keep(folder: Path, pixels: Path, message: str) -> None:
    """Copies the pixels aside and renames them into place, where there is room; another run may have been faster."""
    num_bytes = pixels.stat().st_size
    folder.parent.mkdir(parents=True, exist_ok=True)
    if num_bytes > min(MOST_BYTES, _FREE_SHARE * shutil.disk_usage(folder.parent).free):
        return
    _make_room(folder.parent, MOST_BYTES - num_bytes)
    aside = Path(tempfile.mkdtemp(prefix="part-", dir=folder.parent))
    try:
        shutil.copyfile(pixels, aside / _PIXELS)
        facts = {"sha256": _sha256(pixels), "message": message}
        (aside / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _make_room(folder: Path, most: int) -> None:
    """Removes what was used longest ago, or left aside by a killed run, until no more than so many bytes are left."""
    by_age = []
    for entry in folder.iterdir():
        with suppress(OSError):  # another run may be removing it
            size = sum(file.stat().st_size for file in entry.iterdir())
            by_age.append((entry.stat().st_mtime, size, entry))
    total = sum(size for _, size, _ in by_age)
    for _, size, entry in sorted(by_age):
        if total <= most:
            break
        shutil.rmtree(entry, ignore_errors=True)
        total -= size
