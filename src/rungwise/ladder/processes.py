"""Worker processes: started, watched and ended by the climb."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from rungwise.errors import RunError

__all__ = ["ForkLauncher", "Launcher", "SpawnLauncher", "Worker", "make_launcher"]

_CLOSE_SECONDS = 5
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Worker(Protocol):
    """A process that does one job."""

    pid: int

    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        ...


class Launcher(Protocol):
    """Starts workers."""

    def wait_until_ready(self) -> None:
        """Returns when a worker would start at once."""
        ...

    def start(self, job: Path) -> Worker:
        """A worker on a job file."""
        ...

    def close(self) -> None:
        """Ends every worker that still runs."""
        ...


def make_launcher(log: Path) -> Launcher:
    """The launcher of this platform: forking where that is safe, else a new interpreter for each worker.

    Args:
        log: where workers' output goes until they open their own.
    """
    return ForkLauncher(log) if sys.platform == "linux" else SpawnLauncher(log)


def _environment() -> dict[str, str]:
    """Libraries start with one thread; a worker raises that where its job says so."""
    return {**os.environ, **dict.fromkeys(_THREADS, "1"), "TOKENIZERS_PARALLELISM": "true"}


class _ForkedWorker:
    def __init__(self, pid: int, exits: dict[int, int]) -> None:
        self.pid, self._exits = pid, exits

    def exit_code(self) -> int | None:
        return self._exits.get(self.pid)


class ForkLauncher:
    """Workers forked from one process that has imported the libraries."""

    def __init__(self, log: Path) -> None:
        with log.open("ab") as output:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "rungwise.ladder.forkserver"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=_environment(),
                start_new_session=True,
            )
        self._log = log
        self._exits: dict[int, int] = {}
        self._pids: dict[str, int] = {}
        self._changed = threading.Condition()
        self._is_ready = self._ended = False
        threading.Thread(target=self._listen, args=(self._server.stdout,), daemon=True).start()

    def wait_until_ready(self) -> None:
        """Waits for the server's imports.

        Raises:
            RunError: if they failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_ready or self._ended)
        self._check_alive()

    def start(self, job: Path) -> Worker:
        """A forked worker on a job file.

        Raises:
            RunError: if the server has ended.
        """
        assert self._server.stdin is not None
        try:
            self._server.stdin.write(f"{job}\n".encode())
            self._server.stdin.flush()
        except BrokenPipeError:
            self._ended = True
        with self._changed:
            self._changed.wait_for(lambda: str(job) in self._pids or self._ended)
            if str(job) not in self._pids:
                self._check_alive()
            return _ForkedWorker(self._pids.pop(str(job)), self._exits)

    def close(self) -> None:
        """Ends the server and with it the workers."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._server.wait(timeout=_CLOSE_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()

    def _check_alive(self) -> None:
        if self._ended:
            raise RunError(f"the process that starts workers has ended; {self._log} says why.")

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
                    case _:
                        self._is_ready = True
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


class SpawnLauncher:
    """Workers that are interpreters of their own."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._processes: list[subprocess.Popen[bytes]] = []

    def wait_until_ready(self) -> None:
        """Nothing is prepared, so nothing is waited for."""

    def start(self, job: Path) -> Worker:
        """A new interpreter on a job file."""
        with self._log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "rungwise.ladder.worker", str(job)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment(),
                start_new_session=True,
            )
        self._processes.append(process)
        return _SpawnedWorker(process)

    def close(self) -> None:
        """Ends the workers."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
