"""Memory: what this machine can still give, what this process may take, and the most that it has held."""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
from scipy.linalg import blas

__all__ = [
    "available_bytes",
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

_CGROUP_FILES = {
    "cgroup2": ("memory.max", "memory.current", "inactive_file"),
    "cgroup": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""File system → files with the limit and with what is used, and the part of that which can be dropped."""

_WORDS = re.compile(
    r"can(?:'|no)t allocate memory"  # torch, the system
    r"|not enough memory|out of memory"  # torch on Windows and on a GPU
    r"|could not create a primitive"  # oneDNN, which can't compile a kernel
    r"|bad[ _]alloc"  # C++, as LightGBM passes it on
    r"|memory allocation .*failed"  # Rust, as the tokenizers; OpenBLAS
    r"|libgomp: Thread creation failed",
    re.IGNORECASE,
)


def _status(name: str) -> int:
    """A number of /proc/self/status, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) * 1024


# -------------------------------------------------------------------------------------------------- the peak


def reset_peak_memory() -> None:
    """Starts the count anew where the system can (Linux): a forked process inherits its parent's peak."""
    if _IS_LINUX:
        with suppress(OSError):  # not allowed in some containers; the peak then includes the parent's
            Path("/proc/self/clear_refs").write_text(_RESET_PEAK)


def peak_memory_bytes() -> int:
    """The largest resident size of this process, in bytes."""
    if _IS_LINUX:
        return _status("VmHWM")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


# ---------------------------------------------------------------------------------------------- what is left


def available_bytes() -> int | None:
    """What this machine can give without swapping, within the limits of this process and its control groups.

    None where that isn't known: on other systems than Linux.
    """
    if not _IS_LINUX:
        return None
    return max(0, min([_free_on_machine(), *_free_in_cgroups(), *_free_in_limits()]))


def _free_on_machine() -> int:
    return int(Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]) * 1024


def _free_in_limits() -> Iterator[int]:
    for limit, used in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        most = resource.getrlimit(limit)[0]
        if most != resource.RLIM_INFINITY:
            yield most - _status(used)


def _free_in_cgroups(proc: Path = Path("/proc/self")) -> Iterator[int]:
    """What the process's control groups and those above them have left, of version 1 and of version 2."""
    for system, folder, top in _cgroups(proc):
        limit_file, used_file, droppable = _CGROUP_FILES[system]
        while folder.is_relative_to(top):
            with suppress(OSError, ValueError, IndexError):  # the root has no such files; "max" is no limit
                limit = int((folder / limit_file).read_text())
                used = int((folder / used_file).read_text())
                stat = (folder / "memory.stat").read_text()
                yield limit - used + int(stat.split(f"\n{droppable} ")[1].split()[0])
            folder = folder.parent


def _cgroups(proc: Path) -> Iterator[tuple[str, Path, Path]]:
    """File system, the process's folder in it, and the topmost folder that this process can see."""
    paths: dict[str, PurePosixPath] = {}
    for line in (proc / "cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or "memory" in controllers.split(","):
            paths["cgroup2" if number == "0" else "cgroup"] = PurePosixPath(path)
    for line in (proc / "mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        root, top = fields.split()[3:5]
        system, _, options = rest.split(maxsplit=2)
        if system in paths and (system == "cgroup2" or "memory" in options.split(",")):
            inside = paths[system]
            inside = inside.relative_to(root if inside.is_relative_to(root) else "/")
            yield system, Path(top, inside), Path(top)


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
    wanted = _status("VmData") + num_bytes
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
