"""A run's folder: where it goes, where things stand in it, and what is noted of the machine."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rungwise.errors import RunError
from rungwise.evaluation.records import JOURNAL
from rungwise.files import is_disk_error
from rungwise.ladder.energy import core_power

__all__ = [
    "Paths",
    "circumstances",
    "discard_folder",
    "free_folder",
    "full_disk_said",
    "locked",
    "new_folder",
    "num_cores",
]

_PACKAGES = ("rungwise", "torch", "scikit-learn", "numpy", "pyarrow", "lightgbm", "tokenizers")
_MOST_RUNS = 10_000


@dataclass(frozen=True)
class Paths:
    """Where things stand in a run's folder."""

    run: Path

    @property
    def config(self) -> Path:
        """What was asked and what was inferred."""
        return self.run / "config.json"

    @property
    def data(self) -> Path:
        """The Dataset."""
        return self.run / "data"

    @property
    def logs(self) -> Path:
        """What workers print, and their jobs."""
        return self.run / "logs"

    @property
    def checkpoints(self) -> Path:
        """What fits under way are kept in."""
        return self.run / "checkpoints"

    @property
    def corrupted(self) -> Path:
        """Test texts or sentences as they are and corrupted, while rungs are asked about them."""
        return self.checkpoints / "corrupted.arrow"

    @property
    def clock(self) -> Path:
        """How much of the budget is used up."""
        return self.logs / "clock.json"

    def model(self, rung: str) -> Path:
        """A rung's model folder."""
        return self.run / "models" / rung


def new_folder(out: Path | None, data: Any) -> Path:
    """The folder of a new run, made: the one asked for, or the next free one under `runs/`."""
    if out is not None:
        if not str(out).isprintable():
            raise RunError(
                f"{str(out)!r} isn't a name that every library can write to; choose another --out."
            )
        if out.is_file():
            raise RunError(f"{out} is a file; choose another --out.")
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            is_run = (out / JOURNAL).exists()
            remedy = f"go on with it by --resume {out}" if is_run else "delete it, as it holds no run"
            raise RunError(f"{out} exists and isn't empty; choose another --out, or {remedy}.")
        out.mkdir(parents=True, exist_ok=True)
        return out
    return free_folder(Path(data).name.split(".")[0] if isinstance(data, str | Path) else "data")


def discard_folder(folder: Path, *, is_kept: bool) -> None:
    """Deletes what a run that never began has left, and its folder, unless that was there before."""
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child, ignore_errors=True)
        else:
            child.unlink(missing_ok=True)
    if not is_kept:
        folder.rmdir()


def free_folder(stem: str) -> Path:
    """The next folder under `runs/` that isn't taken, made: `runs/STEM`, `runs/STEM-2`, …

    Raises:
        RunError: if there is none.
    """
    for number in range(1, _MOST_RUNS):
        folder = Path("runs") / (stem or "data") if number == 1 else Path("runs") / f"{stem}-{number}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise RunError(f"runs/{stem} to runs/{stem}-{_MOST_RUNS} exist; name the folder with --out.")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Inside, no other command climbs in this run; where the platform has no such locks (Windows), nothing is done.

    Raises:
        RunError: if one does already.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with file.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{file.parent} is in use by another command; wait for it, or stop it.") from None
        yield


@contextmanager
def full_disk_said(run: Path) -> Iterator[None]:
    """Inside, a disk that is full or can't be written is said in a sentence.

    Raises:
        RunError: instead of the OSError.
    """
    try:
        yield
    except OSError as error:
        if not is_disk_error(error, run):
            raise
        raise RunError(
            f"{run} can't be written ({error}). What was finished is kept: free some space, or permit writing, "
            f"then --resume {run}."
        ) from error


def circumstances() -> dict[str, Any]:
    """What was typed, and on which machine, with which versions."""
    return {
        "command": _command(),
        "core_power": core_power(),
        "environment": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "cpu": _cpu(),
            "cores": num_cores(),
            "packages": {name: version(name) for name in _PACKAGES},
        },
    }


def _command() -> str:
    """What was typed, as it can be typed again."""
    program = Path(sys.argv[0])
    name = program.name if program.name != "__main__.py" else f"python -m {program.parent.name}"
    return " ".join([name, shlex.join(sys.argv[1:])])


def _cpu() -> str:
    """The processor's name: another one may round otherwise."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")),
        platform.processor(),
    )


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
