"""What runs on this machine, as /proc has it (Linux)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MARK = "RUNGWISE_CHAOS"
"""A variable of the environment, which every descendant of a command inherits, whatever it does to get away."""

_SERVER = b"rungwise.ladder.forkserver"


def marked(mark: str) -> list[int]:
    """The processes whose environment was begun with that mark; a zombie has none any more."""
    return [pid for pid in _pids() if f"{MARK}={mark}".encode() in _read(pid, "environ").split(b"\0")]


def servers(command: int) -> list[int]:
    """The fork server of a command: none until it has been started."""
    return [pid for pid in children(command) if _SERVER in _read(pid, "cmdline").split(b"\0")]


def workers(command: int) -> list[int]:
    """The workers of a command."""
    return [worker for server in servers(command) for worker in children(server)]


def children(parent: int) -> list[int]:
    """The living processes whose parent that is."""
    return [pid for pid in _pids() if _state_and_parent(pid) in {(s, str(parent)) for s in "RSDTt"}]


def data_bytes(pid: int) -> int | None:
    """What RLIMIT_DATA would count of a process; None if it has gone."""
    status = _read(pid, "status").decode()
    return int(status.split("VmData:")[1].split()[0]) * 1024 if "VmData:" in status else None


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    """Sends a signal to those that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def left_after(mark: str, seconds: float) -> list[int]:
    """Those with the mark that are still there after some seconds."""
    end = time.monotonic() + seconds
    while (left := marked(mark)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path("/proc", str(pid), name).read_bytes()
    except OSError:  # it has gone
        return b""


def _state_and_parent(pid: int) -> tuple[str, ...]:
    return tuple(_read(pid, "stat").decode(errors="replace").rpartition(")")[2].split()[:2])
