"""Memory that this machine can still give."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

if sys.platform != "win32":
    import resource

__all__ = ["available_bytes", "status_bytes"]

_CGROUP_FILES = {
    "cgroup2": ("memory.max", "memory.current", "inactive_file"),
    "cgroup": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""File system → files with the limit and with what is used, and the part of that which can be dropped."""


def available_bytes() -> int | None:
    """What this machine can give without swapping, within the limits of this process and its control groups.

    None where that isn't known: on other systems than Linux.
    """
    if sys.platform != "linux":
        return None
    return max(0, min([_free_on_machine(), *_free_in_cgroups(), *_free_in_limits()]))


def _free_on_machine() -> int:
    return int(Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]) * 1024


def _free_in_limits() -> Iterator[int]:
    for limit, used in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        most = resource.getrlimit(limit)[0]
        if most != resource.RLIM_INFINITY:
            yield most - status_bytes(used)


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


def status_bytes(name: str) -> int:
    """A number of /proc/self/status, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) * 1024
