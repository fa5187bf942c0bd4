"""Keeps tokenizers of large data, so that of several rungs, side by side or one after the other, only one trains it.

What is kept stands in the user's cache, under a hash of what it is made from. It is a convenience alone: whatever goes
wrong with it is passed over, and the text is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

import pyarrow as pa

from rungwise.data.rowhash import hash_table
from rungwise.files import cache_folder, replace_text

__all__ = ["made_once"]

_Made = TypeVar("_Made")

LEAST_BYTES = 2**22
"""Of texts from which on making something of them takes seconds."""

_MOST_FILES = 200
"""What was made longest ago goes first."""


def made_once(
    texts: pa.ChunkedArray, how: str, make: Callable[[], str], read: Callable[[str], _Made]
) -> _Made:
    """What is made from texts: what is kept, or made now while others who want it wait.

    Args:
        texts: strings.
        how: all else that decides what comes out.
        make: makes it, as a text.
        read: what the text stands for; a ValueError says that a text that was kept is damaged.
    """
    if texts.nbytes < LEAST_BYTES:
        return read(make())
    digest = hashlib.sha256(how.encode())
    digest.update(hash_table(pa.table({"text": texts})).tobytes())
    with _alone(f"{digest.hexdigest()[:32]}.json") as file:
        if file is not None:
            with suppress(OSError, ValueError):
                return read(file.read_text(encoding="utf-8"))
        made = make()
        if file is not None:
            _keep(file, made)
        return read(made)


def _keep(file: Path, text: str) -> None:
    with suppress(OSError):
        replace_text(file, text)
        kept = sorted(file.parent.glob("*.json"), key=lambda other: other.stat().st_mtime)
        for old in kept[:-_MOST_FILES]:
            old.unlink()


@contextmanager
def _alone(name: str) -> Iterator[Path | None]:
    """A file of the cache, None where no cache can be had; inside, nobody else makes this file.

    Where the platform has no such locks (Windows), somebody may.
    """
    with ExitStack() as stack:
        file = None
        with suppress(OSError, RuntimeError, UnicodeError):
            folder = cache_folder() / "tokenizers"
            folder.mkdir(parents=True, exist_ok=True)
            _lock(stack.enter_context((folder / "lock").open("a")))
            file = folder / name
        yield file


def _lock(file: IO[str]) -> None:
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(file, fcntl.LOCK_EX)  # a process that ends lets go
