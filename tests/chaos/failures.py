"""The kinds of failure: what happens at a moment of a command, and what must be true after it."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from climbs import (
    BUDGET,
    SOURCE,
    Command,
    Reference,
    has_begun,
    rung_records,
    rungs_with_results,
)
from misbehaving import SHARED_MEMORY, How
from processes import data_bytes, left_after, marked, servers, signal_all, workers

__all__ = ["KINDS", "Outcome", "attempt", "why_not_here"]

LATEST = 1.1
"""The last moment, in durations of a command to which nothing happens."""

_PATIENCE_SECONDS = BUDGET + 60
"""After which a command hangs: a fit that does is ended at its share of the budget."""

_LEFT_SECONDS = 3.0
"""In which what a command has left behind must end."""

_DISK_BYTES = 24 * 2**20
_ERROR_CODE = 2
_LIBRARY_CODES = {1, -signal.SIGABRT, -signal.SIGSEGV}


@dataclass
class Outcome:
    """What came of a try.

    Attributes:
        name: of the try, such as "parent 17".
        moment: seconds from the command's start to the failure.
        what: what happened, in words.
        problems: empty if it survived.
        lost: rungs whose results stood in the journal and aren't there, or are others.
        resumed: whether a second command went on.
        left: processes left behind.
        over: seconds over the budget, where that is the limit.
        is_aborted: whether a library ended the command when it got no memory, as some do instead of raising an error.
    """

    name: str
    moment: float = 0.0
    what: str = ""
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    resumed: bool = False
    left: int = 0
    over: float | None = None
    is_aborted: bool = False


@dataclass(frozen=True)
class Failure:
    """A kind of failure.

    Attributes:
        strike: does it to a command, says what it did, and gives what undoes it.
        heals: whether the command must get over it by itself; else it is resumed.
        is_deadly: whether the command is killed; else it ends with 0, or with 2 and a sentence.
        may_abort: whether a library may end it without a word of ours.
    """

    strike: Callable[[Command, Path, random.Random], tuple[str, Callable[[], None]]]
    heals: bool = False
    is_deadly: bool = False
    may_abort: bool = False


def _nothing() -> None:
    pass


# --------------------------------------------------------------------------------------------------- the kinds


def _kill_parent(command: Command, run: Path, rng: random.Random) -> tuple[str, Callable[[], None]]:
    signal_all([command.pid], signal.SIGKILL)
    return "SIGKILL of the command", _nothing


def _kill_worker(command: Command, run: Path, rng: random.Random) -> tuple[str, Callable[[], None]]:
    name, find = ("fork server", servers) if rng.random() < 0.25 else ("worker", workers)
    return _signal_one(command, name, find, signal.SIGKILL, rng), _nothing


def _stop(command: Command, run: Path, rng: random.Random) -> tuple[str, Callable[[], None]]:
    choice = rng.choice(["command", "fork server", "worker"])
    if choice == "command":
        signal_all([command.pid], signal.SIGSTOP)
        time.sleep(1)
        signal_all([command.pid], signal.SIGCONT)
        return "SIGSTOP of the command, SIGCONT after a second", _nothing
    find = servers if choice == "fork server" else workers
    return _signal_one(command, choice, find, signal.SIGSTOP, rng), _nothing


def _signal_one(
    command: Command, name: str, find: Callable[[int], list[int]], number: signal.Signals, rng: random.Random
) -> str:
    """Sends a signal to the first that there is from now on."""
    pid = _wait_for_one(command, find, rng)
    if pid is None:
        return f"no {name} any more"
    signal_all([pid], number)
    return f"{number.name} of {name} {pid}"


def _wait_for_one(command: Command, find: Callable[[int], list[int]], rng: random.Random) -> int | None:
    """One of the command's processes, when there is one; None if it ends without."""
    while not (found := find(command.pid)):
        if command.has_ended():
            return None
        time.sleep(0.01)
    return rng.choice(found)


def _fill_disk(command: Command, run: Path, rng: random.Random) -> tuple[str, Callable[[], None]]:
    file, spare = run.parent / "filler", rng.choice([0, rng.randrange(2**18)])
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(2**16))
    with suppress(FileNotFoundError):
        os.truncate(file, max(0, file.stat().st_size - spare))
    return f"disk full but for {spare:,} bytes", lambda: file.unlink(missing_ok=True)


def _limit_memory(command: Command, run: Path, rng: random.Random) -> tuple[str, Callable[[], None]]:
    """Of a command only once it has workers: before, it imports, nothing was paid for yet, and Python may hang."""
    name, find = rng.choice(
        [
            ("command", lambda pid: [pid] if workers(pid) else []),
            ("fork server", servers),
            ("worker", workers),
        ]
    )
    pid, more = _wait_for_one(command, find, rng), rng.randrange(64 * 2**20)
    if pid is None:
        return f"no {name} any more", _nothing
    used = data_bytes(pid)
    if used is None:
        return f"{name} {pid} had gone", _nothing
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_DATA, (used + more, used + more))
    return f"{name} {pid} may take {more:,} bytes more", _nothing


KINDS: dict[str, Failure | None] = {
    "parent": Failure(_kill_parent, is_deadly=True),
    "worker": Failure(_kill_worker, heals=True),
    "stop": Failure(_stop, heals=True),
    "disk": Failure(_fill_disk),
    "memory": Failure(_limit_memory, may_abort=True),
    "rung": None,  # its own failure
}


def why_not_here(kind: str) -> str | None:
    """Why this machine can't have that failure, if so."""
    if kind == "disk" and os.geteuid() != 0:
        return "mounting a small disk needs root"
    if kind == "memory" and not hasattr(resource, "prlimit"):
        return "this system can't limit the memory of another process"
    return None


# ----------------------------------------------------------------------------------------------------- a try


def attempt(kind: str, number: int, reference: Reference, folder: Path, seed: int) -> Outcome:
    """One try of a kind, in a new folder; everything random in it comes from the seed, kind and number."""
    rng, outcome = random.Random(f"{seed} {kind} {number}"), Outcome(f"{kind} {number}")
    folder = folder / f"{kind}-{number}"
    folder.mkdir(parents=True)
    failure = KINDS[kind]
    try:
        if failure is None:
            _misbehave(number, reference, folder, rng, outcome)
        else:
            with _disk(folder) if kind == "disk" else _plain(folder) as place:
                _fail(failure, reference, folder, place / "run", rng, outcome)
                if outcome.problems and kind == "disk":
                    shutil.copytree(place, folder / "kept")
    finally:
        signal_all(marked(str(folder)), signal.SIGKILL)
    return outcome


@contextmanager
def _plain(folder: Path) -> Iterator[Path]:
    yield folder


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "rungwise-chaos", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def _fail(
    failure: Failure, reference: Reference, folder: Path, run: Path, rng: random.Random, outcome: Outcome
) -> None:
    """Three of four commands go on with a prepared run, the fourth begins one."""
    if rng.random() < 0.25:
        begins, seconds = reference.begin(run), reference.fit_seconds
    else:
        shutil.copytree(reference.prepared, run)
        begins, seconds = ["--resume", str(run)], reference.climb_seconds
    outcome.moment = rng.uniform(0, LATEST * seconds)
    command = Command(folder, begins)
    with suppress(subprocess.TimeoutExpired):
        command.process.wait(outcome.moment)
    before = rungs_with_results(run)
    undo = _nothing
    if not command.has_ended():
        outcome.what, undo = failure.strike(command, run, rng)
    else:
        outcome.what = "when it had ended"
    code = _end(command, outcome)
    outcome.is_aborted = failure.may_abort and code in _LIBRARY_CODES and not _has_traceback(command)
    if not outcome.is_aborted and not (failure.is_deadly and code == -signal.SIGKILL):
        _check_end(command, code, outcome, may_fail=not failure.heals)
    undo()
    if not failure.heals:
        run = _go_on(reference, folder, run, outcome)
    _compare(reference, run, before, outcome)


def _go_on(reference: Reference, folder: Path, run: Path, outcome: Outcome) -> Path:
    """Resumes a run, or begins another one where there is none yet; returns the folder with the results."""
    outcome.resumed = begun = has_begun(run)
    command = Command(folder, ["--resume", str(run)])
    code = _end(command, outcome)
    _check_end(command, code, outcome, may_fail=not begun)
    if begun:
        return run
    run = run.with_name("again")
    command = Command(folder, reference.begin(run))
    _check_end(command, _end(command, outcome), outcome)
    return run


def _end(command: Command, outcome: Outcome) -> int | None:
    code = command.wait(_PATIENCE_SECONDS)
    if code is None:
        outcome.problems.append(f"hung for {_PATIENCE_SECONDS:.0f} s")
        signal_all([command.pid], signal.SIGKILL)
        command.wait(_PATIENCE_SECONDS)
    return code


def _check_end(command: Command, code: int | None, outcome: Outcome, *, may_fail: bool = False) -> None:
    """A command that ended by itself: with 0, or perhaps with 2 and one sentence, and with nothing left behind."""
    output = command.output()
    if _has_traceback(command):
        outcome.problems.append("a traceback was shown")
    if may_fail and code == _ERROR_CODE:
        sentences = [line for line in output.splitlines() if line.startswith("error: ")]
        if len(sentences) != 1:
            outcome.problems.append(f"{len(sentences)} sentences were said instead of one")
    elif code not in (0, None):
        outcome.problems.append(f"ended with {code}: {output.strip().rpartition(chr(10))[2]}")
    if left := left_after(command.mark, _LEFT_SECONDS):
        outcome.left += len(left)
        outcome.problems.append(f"processes left: {left}")


def _has_traceback(command: Command) -> bool:
    return "Traceback (most recent call last)" in command.output()


def _compare(reference: Reference, run: Path, before: set[str], outcome: Outcome) -> None:
    differences = reference.differences(run)
    outcome.lost = sorted(before & set(differences))
    outcome.problems += [f"{rung} differs in {', '.join(names)}" for rung, names in differences.items()]


# ----------------------------------------------------------------------------------------- a misbehaving rung

_MEMORY_BYTES = 6 * 2**30
"""Of a command with a misbehaving rung: for this machine's sake, should the limits of its workers not hold."""


def _misbehave(number: int, reference: Reference, folder: Path, rng: random.Random, outcome: Outcome) -> None:
    how = list(How)[number % len(How)]
    is_dear, outcome.moment = rng.random() < 0.5, rng.uniform(0, 1.5)
    outcome.what = f"{how}, {'the last' if is_dear else 'the second'} rung"
    settings = {"how": str(how), "delay": round(outcome.moment, 3), "is_dear": is_dear}
    budget = max(12.0, 1.5 * reference.climb_seconds)
    run = folder / "run"
    arguments = reference.begin(run, {"misbehaving": settings}, budget)
    command = Command(folder, arguments, _overlay(folder.parent))
    resource.prlimit(command.pid, resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    code = _end(command, outcome)
    if run.exists():
        outcome.over = max(0.0, time.time() - (run / "config.json").stat().st_mtime - budget)
    _check_end(command, code, outcome)
    SHARED_MEMORY.unlink(missing_ok=True)
    if outcome.over is not None and outcome.over > max(2.0, 0.02 * budget):
        outcome.problems.append(f"{outcome.over:.1f} s over its budget")
    record = rung_records(run).get("misbehaving", {"status": "without a record", "reason": None})
    is_done = record["status"] == "done"
    if not (is_done and how.may_have_result) and (is_done or not record["reason"]):
        outcome.problems.append(f"its row is {record['status']}, with the reason {record['reason']}")
    _compare(reference, run, rungs_with_results(run), outcome)


def _overlay(folder: Path) -> Path:
    """A copy of the package with one rung more."""
    overlay = folder / "overlay"
    if not overlay.exists():
        part = folder / f".overlay-{os.getpid()}-{time.monotonic_ns()}"
        shutil.copytree(SOURCE / "rungwise", part / "rungwise", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(Path(__file__).with_name("misbehaving.py"), part / "rungwise" / "rungs" / "traditional")
        with suppress(OSError):  # another try was first
            part.rename(overlay)
    return overlay
