"""Worker processes: started, watched and ended by the climb."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from rungwise.errors import RunError

__all__ = [
    "READY_SECONDS",
    "ForkLauncher",
    "Launcher",
    "LauncherError",
    "SpawnLauncher",
    "Worker",
    "end_left_behind",
    "make_launcher",
    "start_ahead",
]

_PATIENCE_SECONDS = 1.0
"""After which a process that doesn't answer is told to go on: it may have been suspended."""

READY_SECONDS = (8.0, 16.0, 32.0, 64.0)
"""How long the first launcher may take, and those that replace it: one may hang, or the machine be slow."""

_START_SECONDS = 10.0
"""After which a process that doesn't answer is taken for lost."""

_LOCK = "workers.lock"
_CLOSE_SECONDS = 5.0
_KILL_SECONDS = 0.01
_KERNELS = "64"
"""Compiled products that torch holds beside oneDNN's own cache. With its 1024 a small Transformer on TREC peaks at 1048
MiB, with this at 837, and takes no longer: 7.1 and 6.4 CPU seconds for four epochs."""

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class LauncherError(RunError):
    """Workers can't be started any more; a new launcher might."""


class Worker(Protocol):
    """A process that does one job."""

    pid: int

    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        ...

    def wake(self) -> None:
        """Lets it go on, if it was suspended."""
        ...

    def kill(self) -> None:
        """Ends it, and every process that it has started."""
        ...


class Launcher(Protocol):
    """Starts workers.

    Attributes:
        import_cpu_seconds: that a new interpreter took to import all that workers need; None where that isn't known.
    """

    import_cpu_seconds: float | None

    def wait_until_ready(self, seconds: float) -> None:
        """Returns when a worker would start at once."""
        ...

    def start(self, job: Path) -> Worker:
        """A worker on a job file."""
        ...

    def close(self) -> None:
        """Ends every worker that still runs."""
        ...


def make_launcher(logs: Path) -> Launcher:
    """The launcher of this platform: forking where that is safe, else a new interpreter for each worker.

    Args:
        logs: the folder for what workers print until they open their own logs.
    """
    end_left_behind(logs)
    return ForkLauncher(logs) if sys.platform == "linux" else SpawnLauncher(logs)


def end_left_behind(logs: Path) -> None:
    """Ends what lost launchers have left: only they, workers, and what these have started have their lock open.

    To be called by the only climb in the run's folder.
    """
    name, end = str((logs / _LOCK).resolve()), time.monotonic() + _CLOSE_SECONDS
    while (pids := _holders(name)) and time.monotonic() < end:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_KILL_SECONDS)


def _holders(file: str) -> set[int]:
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            if any(os.readlink(link) == file for link in process.joinpath("fd").iterdir()):
                found.add(int(process.name))
    return found


def _environment() -> dict[str, str]:
    """Libraries start with one thread; a worker raises that where its job says so."""
    started = {**dict.fromkeys(_THREADS, "1"), "TOKENIZERS_PARALLELISM": "true"}
    return {"LRU_CACHE_CAPACITY": _KERNELS, **os.environ, **started}


class _ForkedWorker:
    def __init__(self, pid: int, launcher: ForkLauncher) -> None:
        self.pid, self._launcher = pid, launcher

    def exit_code(self) -> int | None:
        return self._launcher.exit_code(self.pid)

    def wake(self) -> None:
        for pid in (self._launcher.pid, self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        for end in (os.killpg, os.kill):  # one that has just been started leads no group yet
            with suppress(ProcessLookupError):
                end(self.pid, signal.SIGKILL)


_AHEAD: list[subprocess.Popen[bytes]] = []
"""A fork server that was started before there is a launcher to use it, if there is one."""


def start_ahead() -> None:
    """Starts the imports of the first launcher's workers, beside what else is to be done before there is a run."""
    if sys.platform == "linux" and not _AHEAD:
        _AHEAD.append(_start_server(subprocess.DEVNULL))


def _start_server(errors: IO[bytes] | int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "rungwise.ladder.forkserver"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=_environment(),
        start_new_session=True,
    )


class ForkLauncher:
    """Workers forked from one process that has imported the libraries."""

    import_cpu_seconds: float | None = None

    def __init__(self, logs: Path) -> None:
        self._log = logs / "workers.log"
        if _AHEAD:
            self._server = _AHEAD.pop()
        else:
            with self._log.open("ab") as output:
                self._server = _start_server(output)
        self._say({"lock": str(logs / _LOCK), "log": str(self._log)})
        self.pid = self._server.pid
        self._exits: dict[int, int] = {}
        self._pids: dict[str, int] = {}
        self._changed = threading.Condition()
        self._is_ready = self._ended = False
        threading.Thread(target=self._listen, args=(self._server.stdout,), daemon=True).start()

    def wait_until_ready(self, seconds: float) -> None:
        """Waits for the server's imports.

        Raises:
            LauncherError: if they failed, or take too long.
        """
        with self._changed:
            self._wait_for(lambda: self._is_ready or self._ended, seconds)
            if not self._is_ready or self._ended:
                raise self._error()

    def start(self, job: Path) -> Worker:
        """A forked worker on a job file.

        Raises:
            LauncherError: if the server has ended, or doesn't answer.
        """
        self._say(str(job))
        with self._changed:
            self._wait_for(lambda: str(job) in self._pids or self._ended, _START_SECONDS)
            if str(job) not in self._pids:
                raise self._error()
            return _ForkedWorker(self._pids.pop(str(job)), self)

    def exit_code(self, pid: int) -> int | None:
        """That of a worker; those of a server that has ended have ended with it."""
        with self._changed:
            return self._exits.get(pid, -signal.SIGKILL if self._ended else None)

    def close(self) -> None:
        """Ends the server and with it the workers."""
        assert self._server.stdin is not None
        with suppress(BrokenPipeError):
            self._server.stdin.close()
        with suppress(ProcessLookupError):
            self._server.send_signal(signal.SIGCONT)
        with suppress(subprocess.TimeoutExpired):
            if self._is_ready:  # else it has no workers, and imports that nobody needs to wait for
                self._server.wait(timeout=_CLOSE_SECONDS)
        self._server.kill()
        self._server.wait()

    def _say(self, message: object) -> None:
        assert self._server.stdin is not None
        with suppress(BrokenPipeError):
            self._server.stdin.write(f"{json.dumps(message)}\n".encode())
            self._server.stdin.flush()

    def _wait_for(self, is_so: Callable[[], bool], seconds: float) -> None:
        """Waits; a server that has been suspended goes on."""
        patience = min(_PATIENCE_SECONDS, seconds)
        if not self._changed.wait_for(is_so, patience):
            with suppress(ProcessLookupError):
                self._server.send_signal(signal.SIGCONT)
            self._changed.wait_for(is_so, seconds - patience)

    def _error(self) -> LauncherError:
        return LauncherError(
            f"the process that starts workers has ended or hangs; {self._log} may say why. "
            "What was finished is kept; --resume goes on."
        )

    def _listen(self, replies: IO[bytes]) -> None:
        for line in replies:
            reply = json.loads(line)
            with self._changed:
                match reply:
                    case {"job": job, "pid": pid}:
                        self._pids[job] = pid
                        self._exits.pop(pid, None)  # an earlier worker had this number
                    case {"exit": code, "pid": pid}:
                        self._exits[pid] = code
                    case {"import_cpu_seconds": seconds}:
                        self._is_ready, self.import_cpu_seconds = True, seconds
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        replies.close()


class _SpawnedWorker:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid, self._process = process.pid, process

    def exit_code(self) -> int | None:
        return self._process.poll()

    def wake(self) -> None:
        if sys.platform != "win32":
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if sys.platform != "win32":
            with suppress(ProcessLookupError, PermissionError):  # as macOS says of one that has ended
                os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()


class SpawnLauncher:
    """Workers that are interpreters of their own."""

    import_cpu_seconds: float | None = None

    def __init__(self, logs: Path) -> None:
        self._log = logs / "workers.log"
        self._workers: list[_SpawnedWorker] = []

    def wait_until_ready(self, seconds: float) -> None:
        """Nothing is prepared, so nothing is waited for."""
        del seconds

    def start(self, job: Path) -> Worker:
        """A new interpreter on a job file."""
        with self._log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "rungwise.ladder.worker", str(job)],
                stdin=subprocess.PIPE,  # which ends with this process, and the worker with it
                stdout=output,
                stderr=output,
                env=_environment(),
                start_new_session=True,
            )
        self._workers.append(_SpawnedWorker(process))
        return self._workers[-1]

    def close(self) -> None:
        """Ends the workers."""
        for worker in self._workers:
            worker.kill()
