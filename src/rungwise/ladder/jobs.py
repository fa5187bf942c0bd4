"""What the climb and its workers tell each other, as files in the run's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rungwise.errors import RunError
from rungwise.evaluation.predictions import fit_name, growth_name
from rungwise.evaluation.records import write_json
from rungwise.ladder.folder import Paths

__all__ = ["Job", "read_json"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker does.

    Attributes:
        kind: "fit"; "rescue", which makes a model of what a fit that had to be ended left behind; "latency";
            "corruption", which corrupts the examples that "robustness" asks about; or "predicates".
        run: the run's folder.
        rung: the rung's name.
        repeat: 0, and from 1 on for fits with further seeds or folds, of which only the predictions are kept.
        is_fold: whether it is a repeat on other rows, and not with another seed.
        num_rows: of train that are learned from, to see what more bring; 0 for all.
        draw: which rows those are, from 0.
        split_seed: that they are drawn with.
        width: of the model, where it is another than the run's, to see what size brings; 0 for the run's own.
        settings: of the rung's config, where they differ from the defaults.
        seed: of the fit.
        seconds: that the whole job may take.
        memory: bytes that it may hold, None for no limit.
        device: a torch device name.
        precision: of the arithmetic.
        num_threads: that the worker's libraries may use.
        num_examples: of the test part, to measure robustness by.
    """

    kind: str
    run: str
    rung: str
    repeat: int = 0
    is_fold: bool = False
    num_rows: int = 0
    draw: int = 0
    split_seed: int = 0
    width: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    seconds: float = 0.0
    memory: int | None = None
    device: str = "cpu"
    precision: str = "auto"
    num_threads: int = 1
    num_examples: int = 0

    @property
    def name(self) -> str:
        """Of the fit: the rung's, with the repeat's number from 1 on, such as "lstm@1"."""
        if self.num_rows:
            return growth_name(self.rung, self.num_rows, self.draw, self.width)
        return fit_name(self.rung, self.repeat)

    @property
    def is_models_own(self) -> bool:
        """Whether the fit's model is the run's of this rung, to be kept."""
        return self.repeat == 0 and self.num_rows == 0

    @property
    def file(self) -> Path:
        """Where the job stands."""
        return Paths(Path(self.run)).logs / f"{self.name}.{self.kind}.json"

    @property
    def checkpoint_file(self) -> Path:
        """Where the fit is kept while it runs."""
        return Paths(Path(self.run)).checkpoints / f"{self.name}.safetensors"

    @property
    def log_file(self) -> Path:
        """Where the worker's output goes."""
        return self.file.with_suffix(".log")

    @property
    def progress_file(self) -> Path:
        """Where the worker says how far it is: `phase` ("fit" or "predict"), `fraction` and `score`."""
        return self.file.with_suffix(".progress")

    @property
    def result_file(self) -> Path:
        """Where the worker leaves its result."""
        return self.file.with_suffix(".result")

    def write(self) -> None:
        """Writes the job, and clears what an earlier try left."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        for file in (self.progress_file, self.result_file):
            file.unlink(missing_ok=True)
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
