"""How the fits of a climb stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rungwise.ladder.jobs import Job
from rungwise.ladder.processes import Worker

__all__ = ["FitState", "Status", "Step"]


class Status(StrEnum):
    """How a fit stands; those from DONE on are its end, in this climb."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEADLINE = "deadline"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"

    @property
    def has_result(self) -> bool:
        """Whether there are predictions."""
        return self in (Status.DONE, Status.DEADLINE)


@dataclass
class FitState:
    """What is known of a fit during the climb.

    Attributes:
        job: what its worker does.
        order: of its rung on the ladder, from 0.
        memory: bytes that it is expected to need.
        status: how it stands.
        is_predicting: whether its training is over.
        fraction: of its training that is done.
        score: the best on validation so far, as its learner measures it.
        began: on the clock of `time.monotonic`.
        started: its last try.
        seconds: that it ran.
        num_lost: workers of it that ended without a result.
        reason: why it failed, or was cut, or its worker was lost.
    """

    job: Job
    order: int
    memory: float
    status: Status = Status.WAITING
    is_predicting: bool = False
    fraction: float = 0.0
    score: float | None = None
    began: float = 0.0
    started: float = 0.0
    seconds: float = 0.0
    num_lost: int = 0
    reason: str | None = None
    worker: Worker | None = None

    @property
    def name(self) -> str:
        """The rung's, with the number of the repeat from 1 on."""
        return self.job.name

    @property
    def rung(self) -> str:
        """The rung's name."""
        return self.job.rung

    @property
    def ends(self) -> float:
        """When its share of the budget is used up."""
        return self.started + self.job.seconds


@dataclass
class Step:
    """A moment of the climb, for whoever shows it.

    Attributes:
        states: every fit, in order.
        seconds_left: of the budget.
        phase: "fit", "latency" or "robustness".
        changed: the fits whose status has just changed.
    """

    states: list[FitState]
    seconds_left: float
    phase: str
    changed: list[FitState] = field(default_factory=list)
