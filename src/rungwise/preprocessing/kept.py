"""Keeps tokenizers of large data, so that of several rungs, side by side or one after the other, only one trains it.

What is kept stands in the user's cache, under a hash of what it is made from. It is a convenience alone: whatever goes
wrong with it is passed over, and the text is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa

from rungwise.data.rowhash import hash_table
from rungwise.files import cache_folder, replace_text

__all__ = ["made_once"]

LEAST_BYTES = 2**22
"""Of texts from which on making something of them takes seconds."""

_MOST_FILES = 200
"""What was made longest ago goes first."""


def made_once(texts: pa.ChunkedArray, how: str, make: Callable[[], str]) -> str:
    """A text that is made from texts: the one that is kept, or made now while others who want it wait.

    Args:
        texts: strings.
        how: all else that decides what comes out.
        make: makes it.
    """
    if texts.nbytes < LEAST_BYTES:
        return make()
    digest = hashlib.sha256(how.encode())
    digest.update(hash_table(pa.table({"text": texts})).tobytes())
    try:
        file = cache_folder() / "tokenizers" / f"{digest.hexdigest()[:32]}.json"
        with _alone(file):
            with suppress(FileNotFoundError):
                return file.read_text(encoding="utf-8")
            made = make()
            _keep(file, made)
            return made
    except (OSError, RuntimeError, UnicodeError):  # no cache can be had
        return make()


def _keep(file: Path, text: str) -> None:
    with suppress(OSError):
        replace_text(file, text)
        kept = sorted(file.parent.glob("*.json"), key=lambda other: other.stat().st_mtime)
        for old in kept[:-_MOST_FILES]:
            old.unlink()


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Inside, nobody else makes this file; where the platform has no such locks (Windows), somebody may."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (file.parent / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a process that ends lets go
        yield
