"""The climb: fits in order of cost, side by side in worker processes, each within its share of the budget.

A fit that is past its share in native code is ended, and the best model of its checkpoint counts. One whose process is
lost, as by the system's want of memory, is begun once more from its checkpoint, with nothing beside it: whichever of
several fits was to blame, it can't take the others with it again.
"""

from __future__ import annotations

import errno
import math
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from rungwise.available import available_bytes
from rungwise.evaluation.records import append_record, read_records, write_json
from rungwise.evaluation.wording import bytes_text
from rungwise.ladder.aftermath import Aftermath, Corruptible
from rungwise.ladder.folder import Paths
from rungwise.ladder.identifying import is_identified
from rungwise.ladder.jobs import Job, read_json
from rungwise.ladder.limits import LEAST_SECONDS, Limits
from rungwise.ladder.memory import claim_buffers, says_out_of_memory
from rungwise.ladder.processes import (
    READY_SECONDS,
    Launcher,
    LauncherError,
    Worker,
    end_left_behind,
    make_launcher,
)
from rungwise.ladder.resume import is_there
from rungwise.ladder.states import FitState, Status, Step
from rungwise.ladder.worker import DISK_EXIT_CODE

__all__ = ["Climb"]

_SIGKILL = 9  # Windows has no name for it
_POLL_SECONDS = 0.02
_HEARTBEAT_SECONDS = 2.0

_TRIES = 2
"""Workers that a fit gets, if it loses them."""

_TAIL_BYTES = 16_384


class Climb:
    """Runs fits within a budget and journals what comes of each.

    Args:
        paths: of the run.
        jobs: fits, cheapest first.
        facts: of each rung, to go into its record: its order, family and expected cost.
        unmeasured: fits of earlier climbs that have no latency yet.
        uncorrupted: fits of earlier climbs whose robustness isn't known yet.
        corruptible: the test examples, where robustness is to be measured.
        identifying: the metric that the rung is chosen by whose roles are measured; None where no predicates are found.
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
        uncorrupted: Sequence[Job] = (),
        corruptible: Corruptible | None = None,
        identifying: str | None = None,
        budget: float,
        elapsed: float,
        results_seconds: Callable[[int], float],
        num_workers: int,
        observe: Callable[[Step], None],
        launcher: Launcher | None = None,
    ) -> None:
        self.paths, self.facts, self.observe = paths, facts, observe
        self.states = [
            FitState(job, facts[job.rung]["order"], facts[job.rung]["cost"]["fit_bytes"]) for job in jobs
        ]
        self.unmeasured, self.num_workers, self.launcher = unmeasured, num_workers, launcher
        self.uncorrupted, self.corruptible, self.identifying = uncorrupted, corruptible, identifying
        self.limits = Limits(
            self.states,
            start=time.monotonic() - elapsed,
            budget=budget,
            results_seconds=results_seconds,
            num_unmeasured=len(unmeasured),
            is_corruptible=corruptible is not None,
            identifies=identifying is not None,
            num_workers=num_workers,
            free_memory=available_bytes(),
        )
        self.heartbeat = time.monotonic()

    def run(self) -> None:
        """Fits every rung and measures the models.

        Raises:
            KeyboardInterrupt: after journaling what is finished.
            LauncherError: if workers can't be started; what is finished is journaled.
            OSError: if the disk is full.
        """
        try:
            self._collect_what_is_there()
            claim_buffers()
            used = self.elapsed()
            try:
                self._launch(self.launcher)
            finally:  # imports on a busy machine are no part of the climb
                self.limits.start = time.monotonic() - used
            self._fit_all()
            self._measure()
        except BaseException as error:
            self._interrupt(error)
            if not isinstance(error, LauncherError) or time.monotonic() < self.limits.ends:
                raise
        finally:
            if self.launcher is not None:
                self.launcher.close()
            end_left_behind(self.paths.logs)

    def elapsed(self) -> float:
        """Seconds of the budget that are used up."""
        return time.monotonic() - self.limits.start

    def _interrupt(self, error: BaseException) -> None:
        is_stop = isinstance(error, KeyboardInterrupt)
        reason = "stopped by the user" if is_stop else f"stopped by: {error}"
        with suppress(OSError):  # where a full disk was the reason
            self._collect_what_is_there()
            for state in self._with(Status.RUNNING):
                self._end(state, Status.INTERRUPTED, reason)
            for state in self._with(Status.WAITING):
                self._pass_over(state, Status.INTERRUPTED, reason)

    def _collect_what_is_there(self) -> None:
        """Results that a worker left, and no one was there to journal."""
        for state in self._with(Status.RUNNING, Status.WAITING):
            for kind in ("fit", "rescue"):
                result = read_json(replace(state.job, kind=kind).result_file)
                if result is None or not Status(result["status"]).has_result:
                    continue
                if is_there(self.paths, state.rung, state.job.repeat):
                    self._collect(state, result)
                    break

    # ------------------------------------------------------------------------------------------- processes

    def _launch(self, launcher: Launcher | None = None, end: float = math.inf) -> None:
        """Waits for the launcher, or makes a new one; one that isn't ready in time is replaced, some times.

        Raises:
            LauncherError: if none gets ready.
        """
        for number, seconds in enumerate(READY_SECONDS, start=1):
            self.launcher = launcher or make_launcher(self.paths.logs)
            try:
                self.launcher.wait_until_ready(min(seconds, end - time.monotonic()))
                return
            except LauncherError:
                self.launcher.close()
                launcher = None
                if number == len(READY_SECONDS):
                    raise

    def _start(self, job: Job) -> Worker:
        """A worker on a job; a launcher that is lost is replaced, some times, while time is left."""
        job.write()
        assert self.launcher is not None
        for _ in range(len(READY_SECONDS) - 1):
            try:
                return self.launcher.start(job.file)
            except LauncherError:
                self.launcher.close()
                self._launch(end=self.limits.ends)
        return self.launcher.start(job.file)

    # -------------------------------------------------------------------------------------------- fitting

    def _fit_all(self) -> None:
        while self._with(Status.WAITING, Status.RUNNING):
            ended = [state for state in self._with(Status.RUNNING) if self._watch(state)]
            changed = [
                *(state for state in ended if state.status is not Status.WAITING),
                *self._start_what_fits(),
            ]
            self._beat()
            self.observe(Step(self.states, self.limits.ends - time.monotonic(), "fit", changed))
            time.sleep(_POLL_SECONDS)

    def _start_what_fits(self) -> list[FitState]:
        changed = []
        while self._with(Status.WAITING) and len(self._with(Status.RUNNING)) < self.num_workers:
            state = min(self._with(Status.WAITING), key=lambda waiting: waiting.num_lost)
            running = self._with(Status.RUNNING)
            if running and any(self.limits.runs_alone(other) for other in [state, *running]):
                break
            share = self.limits.share()
            reason = None if self.limits.is_protected(state) else self._reason_to_skip(state, share)
            if reason is None:
                seconds, memory = self.limits.seconds(state, share), self.limits.memory_limit(state)
                state.job = replace(state.job, seconds=seconds, memory=memory)
                self._run(state)
            elif state.num_lost:
                self._end(state, Status.FAILED, state.reason)
            else:
                self._pass_over(state, Status.SKIPPED, reason)
            changed.append(state)
        return changed

    def _reason_to_skip(self, state: FitState, share: float) -> str | None:
        if not self._is_of_use(state):
            return "the first seed gave no result"
        if share < LEAST_SECONDS:
            return "no time was left; --resume with another --budget gives more"
        if state.memory > self.limits.memory:
            return (
                f"needs about {bytes_text(state.memory)} beside what every worker has, "
                f"and {bytes_text(self.limits.memory)} may be used"
            )
        return None

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

    # ------------------------------------------------------------------------------------------- its watch

    def _watch(self, state: FitState) -> bool:
        """Looks after a running fit; True if it has come to its end."""
        assert state.worker is not None
        now = time.monotonic()
        state.seconds = now - state.began
        progress = read_json(state.job.progress_file)
        if progress is not None:
            state.fraction, state.score = progress["fraction"], progress["score"]
            state.is_predicting = progress["phase"] == "predict"
        code = state.worker.exit_code()
        result = read_json(state.job.result_file)
        if result is not None:
            self._collect(state, result)
        elif code == DISK_EXIT_CODE:
            raise OSError(errno.EIO, "a worker could not write", str(state.job.log_file))
        elif code is not None:
            self._lost(state, code)
        elif now > self.limits.end_time(state) or (
            now > self.limits.rescue_time(state) and state.job.checkpoint_file.exists()
        ):
            self._stop(state)
        return state.status is not Status.RUNNING

    def _stop(self, state: FitState) -> None:
        """Ends a worker: what it left in that moment counts, or else the best model of its checkpoint."""
        assert state.worker is not None
        state.worker.kill()
        result = read_json(state.job.result_file)
        if result is not None:
            self._collect(state, result)
        else:
            reason = f"gave no result within its share of the budget, {state.job.seconds:.0f} s"
            self._rescue_or_fail(state, reason)

    def _rescue_or_fail(self, state: FitState, reason: str | None) -> None:
        if state.job.kind != "rescue" and state.job.checkpoint_file.exists():
            state.job = replace(state.job, kind="rescue")
            state.worker, state.status = self._start(state.job), Status.RUNNING
        else:
            self._end(state, Status.FAILED, reason)

    def _lost(self, state: FitState, code: int) -> None:
        """Its process has ended without a result: by a signal it is begun once more, from its checkpoint."""
        state.num_lost += 1
        state.status, state.reason = Status.WAITING, _exit_reason(code, state.job)
        end = self.limits.end_time(state) if state.job.kind == "rescue" else state.ends
        if code >= 0 or state.num_lost >= _TRIES or time.monotonic() > end:
            self._rescue_or_fail(state, state.reason)

    def _collect(self, state: FitState, result: dict[str, Any]) -> None:
        state.score = result.pop("valid_score", None)
        self._end(state, Status(result.pop("status")), result.pop("reason", None), result)

    def _end(
        self, state: FitState, status: Status, reason: str | None, result: dict[str, Any] | None = None
    ) -> None:
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
        state.status, state.reason = status, reason
        if status.has_result:
            state.job.checkpoint_file.unlink(missing_ok=True)

    def _pass_over(self, state: FitState, status: Status, reason: str | None) -> None:
        """Ends a fit that wasn't begun; why it has no result from an earlier climb says more."""
        if any(
            (record.get("rung"), record.get("repeat")) == (state.rung, state.job.repeat)
            for record in read_records(self.paths.run)
            if record["type"] in ("rung", "repeat")
        ):
            state.status, state.reason = status, reason
        else:
            self._end(state, status, reason)

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

    # ---------------------------------------------------------------------------------------- the aftermath

    def _measure(self) -> None:
        """Latencies, and robustness where inputs can be corrupted, of the models of this climb and of earlier ones."""
        finished = [state.job for state in self._with(Status.DONE, Status.DEADLINE) if not state.job.repeat]
        assert self.launcher is not None
        aftermath = Aftermath(
            self.paths.run,
            self.limits,
            self.num_workers,
            start=self._start,
            observe=self._observe_phase,
            import_cpu_seconds=self.launcher.import_cpu_seconds,
        )
        aftermath.measure_latencies([*self.unmeasured, *finished])
        if self.identifying is not None and (finished or not is_identified(self.paths.run)):
            aftermath.identify_predicates(self.identifying)
        if self.corruptible is not None:
            aftermath.measure_robustness([*self.uncorrupted, *finished], self.corruptible)

    def _observe_phase(self, phase: str) -> None:
        self.observe(Step(self.states, self.limits.ends - time.monotonic(), phase))


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
    if code == -_SIGKILL:
        return "its process was killed, most likely for want of memory"
    if code < 0:
        return f"its process was ended by {_signal_name(-code)}; {job.log_file} may say why"
    return f"its process ended with code {code} and gave no result; {job.log_file} may say why"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
