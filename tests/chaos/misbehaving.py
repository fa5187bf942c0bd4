"""A rung that misbehaves as its setting says; it stands among the traditional rungs of a copy of the package.

Idea:
    Whatever it does costs its own row.
"""

# N examples, C classes

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from rungwise.fitting import Epoch, FitContext
from rungwise.kinds import InputKind, OutputKind
from rungwise.rung import Cost, Pair, Shape, TraditionalRung

HOURS = 4 * 3600
NUM_FORKS = 200
SHARED_MEMORY = Path("/dev/shm/rungwise-chaos")
BLOCK_BYTES = 64 * 2**20


class How(StrEnum):
    """What it does, at its fit if nothing else is said; those from SLOW on may have a result all the same."""

    HANG_WITH_GIL = "hang-with-gil"
    HANG_DEAF = "hang-deaf"
    ALLOCATE_AT_ONCE = "allocate-at-once"
    ALLOCATE_PIECEWISE = "allocate-piecewise"
    WRONG_SHAPE = "wrong-shape"
    WRONG_TYPE = "wrong-type"
    NOT_A_NUMBER = "not-a-number"
    RAISE = "raise"
    RAISE_BASE = "raise-base"
    RAISE_AT_PREDICT = "raise-at-predict"
    RAISE_AT_STATE = "raise-at-state"
    EXIT = "exit"
    EXIT_AT_ONCE = "exit-at-once"
    SEGFAULT = "segfault"
    ABORT = "abort"
    RECURSE = "recurse"
    KILL_PARENT = "kill-parent"
    FORK_AND_KILL_PARENT = "fork-and-kill-parent"

    SLOW = "slow"
    RAISE_AT_RESTORE = "raise-at-restore"
    FORK = "fork"
    SHARE_MEMORY = "share-memory"
    FILL_SHARED_MEMORY = "fill-shared-memory"
    PRINT = "print"
    READ_INPUT = "read-input"
    CLOSE_FILES = "close-files"
    DELETE_JOB = "delete-job"
    STOP_PARENT = "stop-parent"
    STOP_ITSELF = "stop-itself"
    LEAVE_THREADS = "leave-threads"
    CHANGE_FOLDER = "change-folder"
    CHANGE_SIGNALS = "change-signals"

    @property
    def may_have_result(self) -> bool:
        """Whether the row may say that it is done."""
        kinds = list(How)
        return kinds.index(self) >= kinds.index(How.SLOW)


@dataclass(frozen=True, kw_only=True)
class MisbehavingConfig:
    """How it misbehaves.

    Attributes:
        how: one of `How`.
        delay: seconds of its fit until then.
        is_dear: whether its cost by formula makes it the last rung instead of the second.
    """

    how: str = How.RAISE
    delay: float = 0.0
    is_dear: bool = False


class MisbehavedError(BaseException):
    """No Exception."""


class Misbehaving:
    """Predicts the share of each class (C,), if it gets there."""

    def __init__(self, config: MisbehavingConfig, pair: Pair) -> None:
        del pair
        self.config, self.how = config, How(config.how)
        self.history: list[Epoch] = []
        self.outputs = np.zeros(0)

    def fit(
        self,
        inputs: Any,
        targets: Any,
        *,
        num_outputs: int,
        validation: Any,
        context: FitContext,
    ) -> None:
        """Counts the classes, and misbehaves."""
        del inputs, validation, context
        self.outputs = np.bincount(targets, minlength=num_outputs) / len(targets)
        time.sleep(self.config.delay)
        _AT_FIT.get(self.how, _behave)()

    def predict(self, inputs: Any) -> Any:
        """Inputs (N) -> (N, C)."""
        outputs = np.tile(self.outputs, (len(inputs), 1))
        match self.how:
            case How.RAISE_AT_PREDICT:
                raise ZeroDivisionError("at predict")
            case How.WRONG_SHAPE:
                return outputs[:-1]
            case How.WRONG_TYPE:
                return "a word"
            case How.NOT_A_NUMBER:
                return outputs * np.nan
            case _:
                return outputs

    def num_parameters(self) -> int:
        """One an output."""
        return self.outputs.size

    def state(self) -> Any:
        """The outputs."""
        if self.how is How.RAISE_AT_STATE:
            raise ZeroDivisionError("at state")
        return {"outputs": self.outputs}

    def restore(self, state: Any, *, num_outputs: int) -> None:
        """Takes them."""
        del num_outputs
        if self.how is How.RAISE_AT_RESTORE:
            raise ZeroDivisionError("at restore")
        self.outputs = np.array(state["outputs"])


# ------------------------------------------------------------------------------------------------- at its fit


def _behave() -> None:
    pass


def _hang_with_gil() -> None:
    ctypes.PyDLL(None).sleep(HOURS)


def _hang_deaf() -> None:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(1)


def _allocate_at_once() -> None:
    np.ones(1 << 46, dtype=np.uint8)


def _allocate_piecewise() -> None:
    blocks = []
    while True:
        blocks.append(bytearray(BLOCK_BYTES))


def _raise() -> None:
    raise ZeroDivisionError("at fit")


def _raise_base() -> None:
    raise MisbehavedError("at fit")


def _exit() -> None:
    sys.exit(0)


def _exit_at_once() -> None:
    os._exit(0)


def _segfault() -> None:
    ctypes.string_at(0)


def _recurse() -> None:
    _recurse()


def _kill_parent() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(HOURS)


def _fork() -> None:
    """Processes that stay, of which every second one leaves the worker's group, and every fourth forks again."""
    for number in range(NUM_FORKS):
        if os.fork() == 0:
            if number % 2:
                os.setsid()
            if number % 4 == 1:
                os.fork()
            while True:
                time.sleep(HOURS)


def _share_memory() -> None:
    memory = mmap.mmap(-1, 64 * BLOCK_BYTES)  # shared, and so under no limit of data
    memory.write(bytes(BLOCK_BYTES))


def _fill_shared_memory() -> None:
    SHARED_MEMORY.write_bytes(bytes(BLOCK_BYTES))


def _print() -> None:
    for _ in range(BLOCK_BYTES // 2**14):
        os.write(1, b"word " * 2**10)
        os.write(2, b"\xff\x00\x1b[2J" * 2**10)


def _read_input() -> None:
    while os.read(0, 2**10):
        pass


def _close_files() -> None:
    os.closerange(0, 4096)


def _delete_job() -> None:
    for file in _log_file().parent.glob("misbehaving.*"):
        file.unlink()


def _log_file() -> Path:
    return Path(os.readlink("/proc/self/fd/1"))


def _stop_parent() -> None:
    os.kill(os.getppid(), signal.SIGSTOP)


def _stop_itself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _leave_threads() -> None:
    for _ in range(20):
        threading.Thread(target=time.sleep, args=(HOURS,)).start()


def _change_folder() -> None:
    os.chdir("/")


def _change_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))


_AT_FIT: dict[How, Callable[[], object]] = {
    How.HANG_WITH_GIL: _hang_with_gil,
    How.HANG_DEAF: _hang_deaf,
    How.ALLOCATE_AT_ONCE: _allocate_at_once,
    How.ALLOCATE_PIECEWISE: _allocate_piecewise,
    How.RAISE: _raise,
    How.RAISE_BASE: _raise_base,
    How.EXIT: _exit,
    How.EXIT_AT_ONCE: _exit_at_once,
    How.SEGFAULT: _segfault,
    How.ABORT: os.abort,
    How.RECURSE: _recurse,
    How.KILL_PARENT: _kill_parent,
    How.FORK_AND_KILL_PARENT: lambda: (_fork(), _kill_parent()),
    How.FORK: _fork,
    How.SHARE_MEMORY: _share_memory,
    How.FILL_SHARED_MEMORY: _fill_shared_memory,
    How.PRINT: _print,
    How.READ_INPUT: _read_input,
    How.CLOSE_FILES: _close_files,
    How.DELETE_JOB: _delete_job,
    How.STOP_PARENT: _stop_parent,
    How.STOP_ITSELF: _stop_itself,
    How.LEAVE_THREADS: _leave_threads,
    How.CHANGE_FOLDER: _change_folder,
    How.CHANGE_SIGNALS: _change_signals,
}


def cost(config: MisbehavingConfig, shape: Shape) -> Cost:
    """Just above the baseline's, or above all others."""
    flops = 1e15 if config.is_dear else 1 + shape.num_examples
    return Cost(parameters=shape.num_outputs, predict_flops=0, fit_flops=flops, fit_bytes=0)


RUNG = TraditionalRung(
    class_name="Misbehaving",
    accepts=frozenset({(InputKind.TABLE, OutputKind.LABEL)}),
    config=MisbehavingConfig,
    cost=cost,
    learner=Misbehaving,
)
