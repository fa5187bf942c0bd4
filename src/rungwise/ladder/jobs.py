"""What the climb and its workers tell each other, as files in the run's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rungwise.errors import RunError
from rungwise.evaluation.records import write_json
from rungwise.ladder.folder import Paths

__all__ = ["Job", "read_json"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker does.

    Attributes:
        kind: "fit" or "latency".
        run: the run's folder.
        rung: the rung's name.
        settings: of the rung's config, where they differ from the defaults.
        seed: of the fit.
        seconds: that the whole job may take.
        device: a torch device name.
        precision: of the arithmetic.
        num_threads: that the worker's libraries may use.
    """

    kind: str
    run: str
    rung: str
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    seconds: float = 0.0
    device: str = "cpu"
    precision: str = "auto"
    num_threads: int = 1

    @property
    def file(self) -> Path:
        """Where the job stands."""
        return Paths(Path(self.run)).logs / f"{self.rung}.{self.kind}.json"

    @property
    def log_file(self) -> Path:
        """Where the worker's output goes."""
        return self.file.with_suffix(".log")

    @property
    def progress_file(self) -> Path:
        """Where the worker says how far it is: `fraction` and `score`."""
        return self.file.with_suffix(".progress")

    @property
    def result_file(self) -> Path:
        """Where the worker leaves its result."""
        return self.file.with_suffix(".result")

    def write(self) -> None:
        """Writes the job, and clears what an earlier try left."""
        self.progress_file.unlink(missing_ok=True)
        self.result_file.unlink(missing_ok=True)
        write_json(self.file, asdict(self))

    @classmethod
    def read(cls, file: Path) -> Job:
        """The job of a file."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))


def read_json(file: Path) -> dict[str, Any] | None:
    """What a file holds, or None where there is none.

    Raises:
        RunError: if it is no JSON object.
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RunError(f"{file} is damaged: {error}.") from None
    if not isinstance(value, dict):
        raise RunError(f"{file} is damaged: it holds no JSON object.")
    return value
