"""Memory that a step has freed is kept for the next."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

__all__ = ["give_back_freed", "keep_freed"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of glibc's `mallopt`."""

_LARGEST_KEPT, _MOST_KEPT = (2**30, 2**25), 2**31 - 1
"""Bytes of a block, the second where glibc is too old for the first, and of all that is free."""


@cache
def keep_freed() -> None:
    """From here on, where the C library is glibc, this process keeps the memory that it frees.

    By its defaults, blocks of some megabytes go back to the system as soon as they are free, and the next step pays for
    each of their pages when it is first touched: of fine-tuning MiniLM on short texts that took a seventh of the time,
    and of large products in int8 more than half.
    """
    library = _libc()
    if hasattr(library, "mallopt"):
        is_set = any(library.mallopt(_MMAP_THRESHOLD, largest) for largest in _LARGEST_KEPT)
        if is_set:  # the other alone would keep this one at its lowest
            library.mallopt(_TRIM_THRESHOLD, _MOST_KEPT)


def give_back_freed() -> None:
    """Gives back, once, what is free now."""
    library = _libc()
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def _libc() -> Any:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):  # of a system whose programs have no such library
        return None
