"""The most memory that this process has held."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

__all__ = ["peak_memory_bytes", "reset_peak_memory"]

_RESET_PEAK = "5"  # see `man 5 proc`, /proc/pid/clear_refs


def reset_peak_memory() -> None:
    """Starts the count anew where the system can (Linux): a forked process inherits its parent's peak."""
    if sys.platform == "linux":
        try:
            Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
        except OSError:
            return  # not allowed in some containers; the peak then includes the parent's


def peak_memory_bytes() -> int:
    """The largest resident size of this process, in bytes."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
