"""The climb: rungs in order of cost, side by side in worker processes, each within its share of the budget."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from rungwise.evaluation.records import append_record
from rungwise.ladder.folder import Paths
from rungwise.ladder.jobs import Job, read_json
from rungwise.ladder.processes import Launcher, Worker, make_launcher

__all__ = ["Climb", "RungState", "Status", "Step"]

_POLL_SECONDS = 0.05
_LEAST_LATENCY_SECONDS = 2.0
"""What a latency gets where the budget is used up: the model is loaded, and asked a few times."""

_LATENCY_SHARE = 0.05
"""Of the budget, what is kept for measuring latency and writing the results."""

_LEAST_SECONDS = 1.0
"""A rung that would have less than this isn't started, but for the first two."""

_GRACE = 1.2
"""A worker is ended at this multiple of its share: native code may not look at the clock."""

_GRACE_SECONDS = 5.0


class Status(StrEnum):
    """How a rung stands; those from DONE on are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEADLINE = "deadline"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


@dataclass
class RungState:
    """What is known of a rung during the climb.

    Attributes:
        job: what its worker does.
        status: how it stands.
        fraction: of its training that is done.
        score: the best on validation so far, as its learner measures it.
        started: on the clock of `time.monotonic`.
        seconds: that it ran.
        reason: why it failed, or was cut.
    """

    job: Job
    status: Status = Status.WAITING
    fraction: float = 0.0
    score: float | None = None
    started: float = 0.0
    seconds: float = 0.0
    reason: str | None = None
    worker: Worker | None = None

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
        states: every rung, in order.
        seconds_left: of the budget.
        phase: "fit" or "latency".
        changed: the rungs whose status has just changed.
    """

    states: list[RungState]
    seconds_left: float
    phase: str
    changed: list[RungState] = field(default_factory=list)


class Climb:
    """Runs jobs within a budget and journals what comes of each.

    Args:
        paths: of the run.
        jobs: fits, cheapest first.
        facts: of each rung, to go into its record: its order, family and expected cost.
        unmeasured: rungs that were fitted earlier and have no latency yet.
        budget: seconds for the whole climb.
        num_workers: processes side by side.
        observe: called several times a second.
    """

    def __init__(
        self,
        paths: Paths,
        jobs: list[Job],
        *,
        facts: dict[str, dict[str, Any]],
        unmeasured: list[Job],
        budget: float,
        num_workers: int,
        observe: Callable[[Step], None],
    ) -> None:
        self.paths, self.facts, self.observe = paths, facts, observe
        self.states = [RungState(job) for job in jobs]
        self.unmeasured, self.num_workers, self.budget = unmeasured, num_workers, budget

    def run(self) -> None:
        """Fits every rung and measures latencies; on Ctrl-C journals what is finished and raises it again.

        The budget's clock starts when workers can.
        """
        with closing(make_launcher(self.paths.logs / "workers.log")) as launcher:
            try:
                launcher.wait_until_ready()
                self.ends = time.monotonic() + self.budget
                self.fit_ends = self.ends - _LATENCY_SHARE * self.budget
                self._fit_all(launcher)
                self._measure_latencies(launcher)
            except BaseException as error:
                reason = (
                    "stopped by the user" if isinstance(error, KeyboardInterrupt) else f"stopped by: {error}"
                )
                for state in self._with(Status.RUNNING, Status.WAITING):
                    self._end(state, Status.INTERRUPTED, reason)
                raise

    # -------------------------------------------------------------------------------------------- fitting

    def _fit_all(self, launcher: Launcher) -> None:
        while self._with(Status.WAITING, Status.RUNNING):
            changed = [state for state in self._with(Status.RUNNING) if self._watch(state)]
            changed += self._start_what_fits(launcher)
            self.observe(Step(self.states, self.ends - time.monotonic(), "fit", changed))
            time.sleep(_POLL_SECONDS)

    def _start_what_fits(self, launcher: Launcher) -> list[RungState]:
        changed = []
        while self._with(Status.WAITING) and len(self._with(Status.RUNNING)) < self.num_workers:
            state = self._with(Status.WAITING)[0]
            share = self._share()
            if share < _LEAST_SECONDS and self.states.index(state) > 1:
                self._end(state, Status.SKIPPED, "no time was left")
            else:
                state.job = replace(state.job, seconds=max(share, _LEAST_SECONDS))
                state.job.write()
                state.worker = launcher.start(state.job.file)
                state.started, state.status = time.monotonic(), Status.RUNNING
            changed.append(state)
        return changed

    def _share(self) -> float:
        """Seconds for the next rung: an equal part of the worker time that nobody holds; it grows as rungs finish."""
        now = time.monotonic()
        left = self.fit_ends - now
        held = sum(max(0.0, state.ends - now) for state in self._with(Status.RUNNING))
        waiting = self._with(Status.WAITING)
        free_workers = min(self.num_workers, len(waiting) + len(self._with(Status.RUNNING)))
        return min(left, (left * free_workers - held) / len(waiting))

    def _watch(self, state: RungState) -> bool:
        """Reads a running rung's progress; True if it has come to its end."""
        assert state.worker is not None
        state.seconds = time.monotonic() - state.started
        progress = read_json(state.job.progress_file)
        if progress is not None:
            state.fraction, state.score = progress["fraction"], progress["score"]
        code = state.worker.exit_code()
        if code is not None:
            self._collect(state, code)
        elif time.monotonic() > min(
            state.started + state.job.seconds * _GRACE + _GRACE_SECONDS, self.ends + _GRACE_SECONDS
        ):
            _kill(state.worker.pid)
            self._end(
                state,
                Status.FAILED,
                f"gave no result within its share of the budget, {state.job.seconds:.0f} s",
            )
        return state.status is not Status.RUNNING

    def _collect(self, state: RungState, code: int) -> None:
        result = read_json(state.job.result_file)
        if result is None:
            self._end(state, Status.FAILED, _exit_reason(code, state.job))
        else:
            scores = [epoch["valid_score"] for epoch in result.get("history", [])]
            state.score = max((score for score in scores if score is not None), default=state.score)
            self._end(state, Status(result.pop("status")), result.pop("reason", None), result)

    def _end(
        self, state: RungState, status: Status, reason: str | None, result: dict[str, Any] | None = None
    ) -> None:
        state.status, state.reason = status, reason
        append_record(
            self.paths.run,
            {
                "type": "rung",
                "rung": state.rung,
                "status": status,
                "reason": reason,
                "seed": state.job.seed,
                **self.facts[state.rung],
                **(result or {}),
            },
        )

    def _with(self, *statuses: Status) -> list[RungState]:
        return [state for state in self.states if state.status in statuses]

    # -------------------------------------------------------------------------------------------- latency

    def _measure_latencies(self, launcher: Launcher) -> None:
        """One rung after another, with nothing else running."""
        for job in [*self.unmeasured, *(state.job for state in self._with(Status.DONE, Status.DEADLINE))]:
            seconds_left = self.ends - time.monotonic()
            self.observe(Step(self.states, seconds_left, "latency"))
            append_record(
                self.paths.run,
                {
                    "type": "latency",
                    "rung": job.rung,
                    "latency_seconds": _latency(launcher, job, max(seconds_left, _LEAST_LATENCY_SECONDS)),
                },
            )


def _latency(launcher: Launcher, fitted: Job, seconds: float) -> float | None:
    """Seconds for one example, as a worker measures it; None if it doesn't get there in the seconds allowed."""
    job = Job(kind="latency", run=fitted.run, rung=fitted.rung, device=fitted.device)
    job.write()
    worker, ends = launcher.start(job.file), time.monotonic() + seconds
    while worker.exit_code() is None and time.monotonic() < ends:
        time.sleep(_POLL_SECONDS)
    if worker.exit_code() is None:
        _kill(worker.pid)
    return (read_json(job.result_file) or {}).get("latency_seconds")


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _exit_reason(code: int, job: Job) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed, most likely for want of memory"
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}; {job.log_file} may say why"
    return f"its process ended with code {code} and gave no result; {job.log_file} may say why"
