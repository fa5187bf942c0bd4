"""Memory: what this process may take, and the most that it has held."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.linalg import blas

from rungwise.available import available_bytes, status_bytes

if sys.platform != "win32":
    import resource

__all__ = [
    "claim_buffers",
    "is_memory_error",
    "limit_memory",
    "peak_memory_bytes",
    "reset_peak_memory",
    "says_out_of_memory",
]

_IS_LINUX = sys.platform == "linux"
_RESET_PEAK = "5"  # see `man 5 proc`, /proc/pid/clear_refs
_MOST_LIKELY_KILLED = "1000"  # the same, /proc/pid/oom_score_adj

_BUFFER_BYTES = 100_000_000
"""What OpenBLAS takes, twice over, and some more for what goes on beside it."""

_WORDS = re.compile(
    r"can(?:'|no)t allocate memory"  # torch, the system
    r"|not enough memory|out of memory"  # torch on Windows and on a GPU
    r"|could not create a primitive"  # oneDNN, which can't compile a kernel
    r"|bad[ _]alloc"  # C++, as LightGBM passes it on
    r"|memory allocation .*failed"  # Rust, as the tokenizers; OpenBLAS
    r"|libgomp: Thread creation failed",
    re.IGNORECASE,
)


# -------------------------------------------------------------------------------------------------- the peak


def reset_peak_memory() -> None:
    """Starts the count anew where the system can (Linux): a forked process inherits its parent's peak."""
    if _IS_LINUX:
        with suppress(OSError):  # not allowed in some containers; the peak then includes the parent's
            Path("/proc/self/clear_refs").write_text(_RESET_PEAK)


def peak_memory_bytes() -> int:
    """The largest resident size of this process, in bytes."""
    if _IS_LINUX:
        return status_bytes("VmHWM")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


# ------------------------------------------------------------------------------------------------- the limit


def limit_memory(num_bytes: int) -> None:
    """Lets this process take so much more and no more: what asks for more gets an error instead of the machine's rest.

    Where memory ends all the same, the kernel is told to end this process first. Only on Linux; elsewhere nothing
    happens. What counts is what is asked for, touched or not.
    """
    if not _IS_LINUX:
        return
    claim_buffers()
    pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own allocator asks for a gigabyte at once
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = status_bytes("VmData") + num_bytes
    resource.setrlimit(
        resource.RLIMIT_DATA, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most)
    )
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_MOST_LIKELY_KILLED)


def claim_buffers() -> None:
    """Has OpenBLAS, of which NumPy and SciPy have one each, take the buffers of its first product.

    It ends the process or tries forever if it doesn't get them: better now than when there are results to be scored.

    Raises:
        MemoryError: if there isn't enough for them.
    """
    left = available_bytes()
    if left is not None and left < _BUFFER_BYTES:
        raise MemoryError(f"{left / 1e6:.0f} MB are left, and {_BUFFER_BYTES / 1e6:.0f} MB is the least")
    square = np.ones((256, 256))
    np.matmul(square, square)
    blas.dgemm(1.0, square, square)


# ------------------------------------------------------------------------------------------------ the errors


def is_memory_error(error: BaseException) -> bool:
    """Whether an error, or one that it came from, is a want of memory, in the words of whichever library."""
    before = error.__cause__ or error.__context__
    return (
        isinstance(error, MemoryError)  # also of NumPy and Arrow
        or _WORDS.search(str(error)) is not None
        or (before is not None and is_memory_error(before))
    )


def says_out_of_memory(log: str) -> bool:
    """Whether what a process printed before it ended says that it wanted memory: some libraries raise no error."""
    return _WORDS.search(log) is not None
