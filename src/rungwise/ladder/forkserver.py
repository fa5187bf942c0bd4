"""Starts workers from a process that has imported everything once, so that a worker starts in milliseconds.

Run as `python -m rungwise.ladder.forkserver`. The first line on standard input is `{"lock": file, "log": file}`, each
further one the path of a worker's job file as JSON; lines on standard output are `{"import_cpu_seconds": s}` at first,
when it is ready, then `{"job": path, "pid": n}` and `{"pid": n, "exit": code}`.

Nothing outlives it: a worker leads a process group of its own, which ends with it; what escapes from that group
becomes a child of the server and is ended too; workers end when the server does, and the server when its input ends.
The lock is held until the last of them is gone, so that no two climbs write into one folder.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import json
import os
import select
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType

__all__: list[str] = []

_PRELOAD = (
    "rungwise.ladder.worker",
    "rungwise.training.learner",
    "lightgbm",
    "pandas",
    "sklearn.svm",
    "tokenizers",
)
_PRELOAD_WHEN_IDLE = ["torch._dynamo"]  # a second, which every network's optimizer would pay
_IDLE_SECONDS = 0.3
_LOCK_SECONDS = 10.0
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # see `man 2 prctl`

_CHILDREN: set[int] = set()
_REPLIES = 1


def _say(message: dict[str, object]) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more; the input's end comes next
        os.write(_REPLIES, (json.dumps(message) + "\n").encode())


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _lock(file: str) -> None:
    """Takes the lock and keeps it; an earlier climb's last processes may be on their way out."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    os.set_inheritable(descriptor, True)
    end = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise SystemExit(
                    "Processes of an earlier climb in this folder still run; end them."
                ) from None
            time.sleep(0.05)


def _settle(lock: str, log: str) -> None:
    """Where the run is: from now on what is printed goes to its log."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    _lock(lock)


def _reap(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid in _CHILDREN:
                _CHILDREN.discard(pid)
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                _say({"pid": pid, "exit": os.waitstatus_to_exitcode(status)})
    for pid in _children() - _CHILDREN:  # they had left their worker's group, and lost their parent
        _kill(pid)


def _children() -> set[int]:
    """The processes whose parent this is."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(folder.name))
    return found


def _kill(pid: int) -> None:
    for end in (os.killpg, os.kill):  # a worker just started leads no group yet
        with suppress(ProcessLookupError):
            end(pid, signal.SIGKILL)


def _work(job: str, server: int) -> None:
    """In the child: does the job and never returns."""
    from rungwise.ladder.worker import main

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.close(_REPLIES)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what it would read are the server's jobs
    code = 1
    try:
        if os.getppid() == server:
            code = main(job)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _start(job: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        _work(job, server)
    _CHILDREN.add(pid)
    _say({"job": job, "pid": pid})
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _serve() -> None:
    while True:
        if _PRELOAD_WHEN_IDLE and not select.select([0], [], [], _IDLE_SECONDS)[0]:
            importlib.import_module(_PRELOAD_WHEN_IDLE.pop())
            continue
        line = sys.stdin.readline()
        if not line:
            return
        _start(json.loads(line))


def _end_all() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    while children := _children():
        for pid in children:
            _kill(pid)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


if __name__ == "__main__":
    _REPLIES = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not look like a reply
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # an import may hang, and nothing has been started yet
    for module in _PRELOAD:
        importlib.import_module(module)
    imported = time.process_time()
    importlib.import_module("rungwise.ladder.memory").claim_buffers()  # once for all workers
    if not (first := sys.stdin.readline()):
        os._exit(0)
    _settle(**json.loads(first))
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)  # so that the end of the input is seen
    signal.signal(signal.SIGCHLD, _reap)
    _say({"import_cpu_seconds": imported})
    try:
        _serve()
    finally:
        _end_all()
    os._exit(0)  # to end in order takes this interpreter up to a second, at the end of a budget
