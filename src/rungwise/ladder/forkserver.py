"""Starts workers from a process that has imported everything once, so that a worker starts in milliseconds.

Run as `python -m rungwise.ladder.forkserver`: a line on standard input is the path of a worker's job file; lines on
standard output are `{"ready": true}` at first, then `{"job": path, "pid": n}` and `{"pid": n, "exit": code}`. When its
input ends, so do its workers.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from types import FrameType

__all__: list[str] = []

_PRELOAD = (
    "rungwise.ladder.worker",
    "rungwise.training.learner",
    "lightgbm",
    "pandas",
    "sklearn.svm",
    "tokenizers",
    "torch._dynamo",  # seconds, which every network's optimizer would pay
)


def _say(message: dict[str, object]) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more; the input's end comes next
        os.write(_REPLIES, (json.dumps(message) + "\n").encode())


def _reap(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    while _CHILDREN:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _CHILDREN.discard(pid)
        _say({"pid": pid, "exit": os.waitstatus_to_exitcode(status)})


def _work(job: str) -> None:
    """In the child: does the job and never returns."""
    from rungwise.ladder.worker import main

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.close(_REPLIES)
    code = 1
    try:
        code = main(job)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


_CHILDREN: set[int] = set()
_REPLIES = 1

if __name__ == "__main__":
    _REPLIES = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not look like a reply
    for module in _PRELOAD:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, _reap)
    _say({"ready": True})
    for line in sys.stdin:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        job = line.strip()
        pid = os.fork()
        if pid == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            _work(job)
        _CHILDREN.add(pid)
        _say({"job": job, "pid": pid})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for pid in _CHILDREN:
        os.kill(pid, signal.SIGKILL)
