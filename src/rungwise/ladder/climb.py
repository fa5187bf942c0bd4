"""The climb: fits in order of cost, side by side in worker processes, each within its share of the budget.

A fit that is past its share in native code is ended, and the best model of its checkpoint counts. One whose process is
lost, as by the system's want of memory, is begun once more from its checkpoint, with nothing beside it: whichever of
several fits was to blame, it can't take the others with it again.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from rungwise.evaluation.records import append_record, write_json
from rungwise.evaluation.wording import bytes_text
from rungwise.ladder.folder import Paths
from rungwise.ladder.jobs import Job, read_json
from rungwise.ladder.memory import available_bytes, claim_buffers, says_out_of_memory
from rungwise.ladder.processes import Launcher, LauncherError, Worker, make_launcher
from rungwise.ladder.states import FitState, Status, Step
from rungwise.ladder.worker import DISK_EXIT_CODE

__all__ = ["Climb"]

_POLL_SECONDS = 0.02
_HEARTBEAT_SECONDS = 2.0

_SLACK, _SLACK_SECONDS = 0.02, 2.0
"""Of the budget, or in seconds: by how much more of these two a climb may be over its budget."""

_PROTECTED = 2
"""Fits that run however little time there is: the baseline and the cheapest rung."""

_PROTECTED_SECONDS, _PROTECTED_GRACE_SECONDS, _PROTECTED_LEAST_SECONDS = 0.5, 10.0, (10.0, 2.0)
_LEAST_SECONDS = 1.0
"""Another fit that would have less than this isn't started."""

_LATENCY_SHARE, _LATENCY_SECONDS = 0.2, 0.6
"""What is kept for measuring latencies: seconds for each rung, but no more than this share of the budget."""

_RESCUE_SHARE, _RESCUE_SECONDS = 0.1, 0.5
"""What making a model of a checkpoint takes: a part of the fit's share, at least these seconds."""

_GRACE_SHARE, _GRACE_SECONDS = 0.25, 1.0
"""By how much of its share, or by so many seconds, a fit may be over it if there is no checkpoint."""

_MEMORY_SHARE = 0.9
"""Of the memory that is free at the start, what fits may take."""

_TAIL_BYTES = 16_384
_TRIES = 2
"""Workers that a fit gets, if it loses them."""

_LAUNCHERS = 4
"""What starts workers is tried so often in a row."""


class Climb:
    """Runs fits within a budget and journals what comes of each.

    Args:
        paths: of the run.
        jobs: fits, cheapest first.
        facts: of each rung, to go into its record: its order, family and expected cost.
        unmeasured: fits of earlier climbs that have no latency yet.
        budget: seconds for the whole climb.
        elapsed: seconds of it that earlier climbs used up.
        results_seconds: what is kept of it for writing the results, by the number of fits that have some.
        num_workers: processes side by side.
        observe: called many times a second.
        launcher: starts workers; closed at the end.
    """

    def __init__(
        self,
        paths: Paths,
        jobs: list[Job],
        *,
        facts: dict[str, dict[str, Any]],
        unmeasured: list[Job],
        budget: float,
        elapsed: float,
        results_seconds: Callable[[int], float],
        num_workers: int,
        observe: Callable[[Step], None],
        launcher: Launcher | None = None,
    ) -> None:
        self.paths, self.facts, self.observe = paths, facts, observe
        self.states = [FitState(job) for job in jobs]
        self.unmeasured, self.num_workers = unmeasured, num_workers
        self.start = time.monotonic() - elapsed
        self.budget, self.results_seconds = budget, results_seconds
        self.launcher = launcher
        self.memory = available_bytes()
        self.heartbeat = time.monotonic()

    def run(self) -> None:
        """Fits every rung and measures latencies.

        Raises:
            KeyboardInterrupt: after journaling what is finished.
            LauncherError: if workers can't be started; what is finished is journaled.
            OSError: if the disk is full.
        """
        try:
            claim_buffers()
            self._launch(self.launcher)
            self._fit_all()
            self._measure_latencies()
        except BaseException as error:
            self._interrupt(error)
            raise
        finally:
            if self.launcher is not None:
                self.launcher.close()

    @property
    def ends(self) -> float:
        """When nothing but writing the results may be left to do; it comes nearer with each fit."""
        return self.start + self.budget - self.results_seconds(len(self._under_way()))

    @property
    def fit_ends(self) -> float:
        """When fits end, so that latencies can be measured."""
        num_latencies = len(self.unmeasured) + sum(state.job.repeat == 0 for state in self._under_way())
        return self.ends - min(_LATENCY_SHARE * self.budget, _LATENCY_SECONDS * num_latencies)

    def _under_way(self) -> list[FitState]:
        return self._with(Status.RUNNING, Status.DONE, Status.DEADLINE)

    def elapsed(self) -> float:
        """Seconds of the budget that are used up."""
        return time.monotonic() - self.start

    def _interrupt(self, error: BaseException) -> None:
        is_stop = isinstance(error, KeyboardInterrupt)
        reason = "stopped by the user" if is_stop else f"stopped by: {error}"
        with suppress(OSError):  # where a full disk was the reason
            for state in self._with(Status.RUNNING, Status.WAITING):
                self._end(state, Status.INTERRUPTED, reason)

    # ------------------------------------------------------------------------------------------- processes

    def _launch(self, launcher: Launcher | None = None) -> None:
        """Waits for the launcher, or makes a new one; one that doesn't get ready is replaced, some times.

        Raises:
            LauncherError: if none gets ready.
        """
        for launchers_left in reversed(range(_LAUNCHERS)):
            self.launcher = launcher or make_launcher(self.paths.logs)
            try:
                self.launcher.wait_until_ready()
                return
            except LauncherError:
                self.launcher.close()
                launcher = None
                if not launchers_left:
                    raise

    def _start(self, job: Job) -> Worker:
        """A worker on a job; a launcher that is lost is replaced, some times."""
        job.write()
        assert self.launcher is not None
        for _ in range(_LAUNCHERS - 1):
            try:
                return self.launcher.start(job.file)
            except LauncherError:
                self.launcher.close()
                self._launch()
        return self.launcher.start(job.file)

    # -------------------------------------------------------------------------------------------- fitting

    def _fit_all(self) -> None:
        while self._with(Status.WAITING, Status.RUNNING):
            changed = [state for state in self._with(Status.RUNNING) if self._watch(state)]
            changed += self._start_what_fits()
            self._beat()
            self.observe(Step(self.states, self.ends - time.monotonic(), "fit", changed))
            time.sleep(_POLL_SECONDS)

    def _start_what_fits(self) -> list[FitState]:
        changed = []
        while self._with(Status.WAITING) and len(self._with(Status.RUNNING)) < self.num_workers:
            state = min(self._with(Status.WAITING), key=lambda waiting: waiting.num_lost)
            running = self._with(Status.RUNNING)
            if running and any(self._runs_alone(other) for other in [state, *running]):
                break
            is_protected = self.states.index(state) < _PROTECTED
            share = self._share()
            needed = self._memory_needed(state)
            if not is_protected and not self._is_of_use(state):
                self._end(state, Status.SKIPPED, "the first seed gave no result")
            elif not is_protected and share < _LEAST_SECONDS and state.num_lost:
                self._end(state, Status.FAILED, state.reason)
            elif not is_protected and share < _LEAST_SECONDS:
                self._end(
                    state, Status.SKIPPED, "no time was left; --resume with another --budget gives more"
                )
            elif not is_protected and needed is not None and needed > self._memory_left():
                self._end(state, Status.SKIPPED, _too_large(needed, self._memory_left()))
            else:
                seconds = max(share, _PROTECTED_SECONDS)
                state.job = replace(state.job, seconds=seconds, memory=self._memory_limit(needed))
                self._run(state)
            changed.append(state)
        return changed

    def _run(self, state: FitState) -> None:
        state.started = time.monotonic()
        state.began = state.began or state.started
        state.is_predicting = False
        state.worker, state.status = self._start(state.job), Status.RUNNING

    def _is_of_use(self, state: FitState) -> bool:
        """Further seeds are worth a fit where the first one gave a result, or may yet."""
        if state.job.repeat == 0:
            return True
        first = [other.status for other in self.states if other.rung == state.rung and other.job.repeat == 0]
        return all(status.has_result or status in (Status.WAITING, Status.RUNNING) for status in first)

    def _share(self) -> float:
        """Seconds for the next fit: an equal part of the worker time that nobody holds; it grows as fits end."""
        now = time.monotonic()
        left = self.fit_ends - now
        held = sum(max(0.0, state.ends - now) for state in self._with(Status.RUNNING))
        waiting = self._with(Status.WAITING)
        free_workers = min(self.num_workers, len(waiting) + len(self._with(Status.RUNNING)))
        return min(left, (left * free_workers - held) / len(waiting))

    def _runs_alone(self, state: FitState) -> bool:
        """A fit whose worker was lost, by whoever's fault, and one that needs more than its part of the memory."""
        needed = self._memory_needed(state)
        return state.num_lost > 0 or (needed is not None and needed > self._memory_each())

    # ------------------------------------------------------------------------------------------ its memory

    def _memory_needed(self, state: FitState) -> float | None:
        return None if self.memory is None else float(self.facts[state.rung]["cost"].get("fit_bytes", 0))

    def _memory_left(self) -> float:
        assert self.memory is not None
        return _MEMORY_SHARE * self.memory

    def _memory_each(self) -> float:
        return self._memory_left() / self.num_workers

    def _memory_limit(self, needed: float | None) -> int | None:
        """A worker's part of the free memory, or all of it where it needs more than its part and runs alone."""
        if needed is None:
            return None
        return int(self._memory_left() if needed > self._memory_each() else self._memory_each())

    # ------------------------------------------------------------------------------------------- its watch

    def _watch(self, state: FitState) -> bool:
        """Looks after a running fit; True if it has come to its end."""
        assert state.worker is not None
        now = time.monotonic()
        state.seconds = now - state.began
        progress = read_json(state.job.progress_file)
        if progress is not None:
            state.fraction, state.score = progress["fraction"], progress["score"] or state.score
            state.is_predicting = progress["phase"] == "predict"
        code = state.worker.exit_code()
        result = read_json(state.job.result_file)
        if result is not None:
            self._collect(state, result)
        elif code == DISK_EXIT_CODE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(state.job.log_file))
        elif code is not None:
            self._lost(state, code)
        elif now > self._rescue_time(state) and state.job.checkpoint_file.exists():
            self._rescue(state)
        elif now > self._end_time(state):
            state.worker.kill()
            self._end(
                state,
                Status.FAILED,
                f"gave no result within its share of the budget, {state.job.seconds:.0f} s",
            )
        return state.status is not Status.RUNNING

    def _rescue_time(self, state: FitState) -> float:
        """When training that doesn't look at the clock is ended, early enough to make a model of its checkpoint."""
        if state.is_predicting or state.job.kind == "rescue":
            return float("inf")
        needed = max(_RESCUE_SECONDS, _RESCUE_SHARE * state.job.seconds)
        return min(state.ends, self.ends - needed)

    def _end_time(self, state: FitState) -> float:
        """When a worker is ended: some time after its share, a model that is there only when all time is used up."""
        last, grace = self.ends, max(_GRACE_SECONDS, _GRACE_SHARE * state.job.seconds)
        index = self.states.index(state)
        if index < _PROTECTED:
            least = state.started + _PROTECTED_LEAST_SECONDS[index]
            last = max(last + max(_SLACK * self.budget, _SLACK_SECONDS) / 2, least)
            grace = max(grace, _PROTECTED_GRACE_SECONDS)
        return last if state.is_predicting or state.job.kind == "rescue" else min(last, state.ends + grace)

    def _rescue(self, state: FitState) -> None:
        assert state.worker is not None
        state.worker.kill()
        state.job = replace(state.job, kind="rescue", spent=state.seconds)
        state.worker = self._start(state.job)

    def _lost(self, state: FitState, code: int) -> None:
        """Its process has ended without a result: by a signal it is begun once more, from its checkpoint."""
        state.num_lost += 1
        state.status, state.reason = Status.WAITING, _exit_reason(code, state.job)
        if code >= 0 or state.num_lost >= _TRIES or time.monotonic() > state.ends:
            self._end(state, Status.FAILED, state.reason)

    def _collect(self, state: FitState, result: dict[str, Any]) -> None:
        scores = [epoch["valid_score"] for epoch in result.get("history", [])]
        state.score = max((score for score in scores if score is not None), default=state.score)
        self._end(state, Status(result.pop("status")), result.pop("reason", None), result)

    def _end(
        self, state: FitState, status: Status, reason: str | None, result: dict[str, Any] | None = None
    ) -> None:
        state.status, state.reason = status, reason
        append_record(
            self.paths.run,
            {
                "type": "repeat" if state.job.repeat else "rung",
                "rung": state.rung,
                "repeat": state.job.repeat,
                "status": status,
                "reason": reason,
                "seed": state.job.seed,
                "elapsed": self.elapsed(),
                **self.facts[state.rung],
                **(result or {}),
            },
        )
        if status.has_result:
            state.job.checkpoint_file.unlink(missing_ok=True)

    def _with(self, *statuses: Status) -> list[FitState]:
        return [state for state in self.states if state.status in statuses]

    def _beat(self) -> None:
        """Now and then wakes what was suspended, and writes down how much of the budget is used up."""
        if time.monotonic() - self.heartbeat > _HEARTBEAT_SECONDS:
            self.heartbeat = time.monotonic()
            for state in self._with(Status.RUNNING):
                assert state.worker is not None
                state.worker.wake()
            write_json(self.paths.clock, {"elapsed": self.elapsed()}, sync=False)

    # -------------------------------------------------------------------------------------------- latency

    def _measure_latencies(self) -> None:
        """One rung after another, with nothing else running, while time is left."""
        finished = self._with(Status.DONE, Status.DEADLINE)
        jobs = [*self.unmeasured, *(state.job for state in finished if state.job.repeat == 0)]
        for number, job in enumerate(jobs):
            seconds = (self.ends - time.monotonic()) / (len(jobs) - number)
            self.observe(Step(self.states, self.ends - time.monotonic(), "latency"))
            latency = self._latency(job, seconds) if seconds > 0 else None
            if latency is not None:
                append_record(
                    self.paths.run, {"type": "latency", "rung": job.rung, "latency_seconds": latency}
                )

    def _latency(self, fitted: Job, seconds: float) -> float | None:
        """Seconds for one example, as a worker measures it; None if it doesn't get there in the seconds allowed."""
        job = Job(
            kind="latency", run=fitted.run, rung=fitted.rung, device=fitted.device, seconds=0.8 * seconds
        )
        worker, ends = self._start(job), time.monotonic() + seconds
        result = None
        while result is None and worker.exit_code() is None and time.monotonic() < ends:
            time.sleep(_POLL_SECONDS)
            result = read_json(job.result_file)
        worker.kill()
        return (result or read_json(job.result_file) or {}).get("latency_seconds")


def _too_large(needed: float, left: float) -> str:
    return f"needs about {bytes_text(needed)} of memory, and {bytes_text(left)} may be used"


def _tail(file: Path) -> str:
    """The last words of a log, however long it is."""
    if not file.exists():
        return ""
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - _TAIL_BYTES))
        return log.read().decode(errors="replace")


def _exit_reason(code: int, job: Job) -> str:
    if says_out_of_memory(_tail(job.log_file)):
        return f"out of memory; {job.log_file} says more"
    if code == -signal.SIGKILL:
        return "its process was killed, most likely for want of memory"
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}; {job.log_file} may say why"
    return f"its process ended with code {code} and gave no result; {job.log_file} may say why"
