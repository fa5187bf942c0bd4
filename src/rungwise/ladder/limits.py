"""How long the fits of a climb may run, and how much memory they may take."""

from __future__ import annotations

import time
from collections.abc import Callable

from rungwise.ladder.states import FitState, Status

__all__ = ["LEAST_SECONDS", "MEMORY_SHARE", "Limits"]

LEAST_SECONDS = 1.0
"""A fit that would have less than this isn't started, but for protected ones."""

_SLACK, _SLACK_SECONDS = 0.02, 2.0
"""Of the budget, or in seconds: by how much, the larger of the two, a climb may be over its budget."""

_PROTECTED_SECONDS, _PROTECTED_GRACE_SECONDS, _PROTECTED_LEAST_SECONDS = 0.5, 10.0, (10.0, 2.0)
"""The baseline and the cheapest rung run however little time there is: their share at least, by how much they may be
over it, and how long each may run in any case."""

_LATENCY_SHARE, _LATENCY_SECONDS = 0.2, 0.8
"""What is kept for measuring what answers cost: seconds for each rung, but no more than this share of the budget."""

_ROBUSTNESS_SHARE, _ROBUSTNESS_SECONDS = 0.05, 20.0
"""What is kept for robustness where inputs can be corrupted: this share of the budget, but at most these seconds."""

_FINDER_SHARE = 0.1
"""Of the budget, what is kept for finding predicates."""

_RESCUE_SHARE, _RESCUE_SECONDS = 0.1, 0.5
"""What making a model of a checkpoint takes: a part of the fit's share, at least these seconds."""

_GRACE_SHARE, _GRACE_SECONDS = 0.25, 1.0
"""By how much of its share, or by so many seconds, a fit may be over it if there is no checkpoint."""

MEMORY_SHARE = 0.9
"""Of the memory that is free at the start, what fits may take."""


class Limits:
    """Of a climb's fits, as they stand at the moment.

    Args:
        states: of all the fits.
        start: when the budget began to run, on the clock of `time.monotonic`.
        budget: seconds for the whole climb.
        results_seconds: what is kept of it for writing the results, by the number of fits that have some.
        num_unmeasured: fits of earlier climbs that have no latency yet.
        is_corruptible: whether robustness is to be measured.
        identifies: whether models are to find predicates.
        num_workers: processes side by side.
        free_memory: bytes, None where that isn't known.
    """

    def __init__(
        self,
        states: list[FitState],
        *,
        start: float,
        budget: float,
        results_seconds: Callable[[int], float],
        num_unmeasured: int,
        is_corruptible: bool,
        identifies: bool = False,
        num_workers: int,
        free_memory: int | None,
    ) -> None:
        self.states, self.start, self.budget, self.num_workers = states, start, budget, num_workers
        self.results_seconds, self.num_unmeasured = results_seconds, num_unmeasured
        self.robustness_seconds = (
            min(_ROBUSTNESS_SHARE * budget, _ROBUSTNESS_SECONDS) if is_corruptible else 0.0
        )
        self.finder_seconds = _FINDER_SHARE * budget if identifies else 0.0
        self.memory = float("inf") if free_memory is None else MEMORY_SHARE * free_memory

    # ------------------------------------------------------------------------------------------------ time

    @property
    def ends(self) -> float:
        """When nothing but writing the results may be left to do; it comes nearer with each fit."""
        return self.start + self.budget - self.results_seconds(len(self._paid_for()))

    @property
    def fit_ends(self) -> float:
        """When fits end, so that latencies and robustness can be measured, and predicates found."""
        num_latencies = self.num_unmeasured + sum(state.job.repeat == 0 for state in self._paid_for())
        latency_seconds = min(_LATENCY_SHARE * self.budget, _LATENCY_SECONDS * num_latencies)
        return self.ends - latency_seconds - self.robustness_seconds - self.finder_seconds

    def share(self) -> float:
        """Seconds for the next fit: an equal part of the worker time that nobody holds; it grows as fits end."""
        now = time.monotonic()
        running, waiting = self._with(Status.RUNNING), self._with(Status.WAITING)
        waiting = [state for state in waiting if not state.job.is_fold] or waiting  # folds get what is left
        left = self.fit_ends - now
        held = sum(max(0.0, state.ends - now) for state in running)
        free_workers = min(self.num_workers, len(waiting) + len(running))
        return min(left, (left * free_workers - held) / len(waiting))

    def seconds(self, state: FitState, share: float) -> float:
        """What a fit gets of a share."""
        return max(share, _PROTECTED_SECONDS) if self.is_protected(state) else share

    def is_protected(self, state: FitState) -> bool:
        """Whether a fit runs however little time there is: the baseline's and the cheapest rung's do."""
        return state.job.repeat == 0 and state.order < len(_PROTECTED_LEAST_SECONDS)

    def rescue_time(self, state: FitState) -> float:
        """When training that doesn't look at the clock is ended, early enough to make a model of its checkpoint."""
        if state.is_predicting or state.job.kind == "rescue":
            return float("inf")
        return min(state.ends, self.ends - max(_RESCUE_SECONDS, _RESCUE_SHARE * state.job.seconds))

    def end_time(self, state: FitState) -> float:
        """When a worker is ended: some time after its share, a model that is there only when all time is used up."""
        last = self.ends + max(_SLACK * self.budget, _SLACK_SECONDS) / 2
        if self.is_protected(state):
            last = max(last, state.started + _PROTECTED_LEAST_SECONDS[state.order])
        if state.is_predicting or state.job.kind == "rescue":
            return last
        if self.is_protected(state):
            return min(last, state.ends + _PROTECTED_GRACE_SECONDS)
        return min(self.ends, state.ends + max(_GRACE_SECONDS, _GRACE_SHARE * state.job.seconds))

    # ---------------------------------------------------------------------------------------------- memory

    def runs_alone(self, state: FitState) -> bool:
        """A fit whose worker was lost, by whoever's fault, and one that needs more than its part of the memory."""
        return state.num_lost > 0 or state.memory > self.memory / self.num_workers

    def memory_limit(self, state: FitState) -> int | None:
        """A fit's part of the free memory, or all of it where it runs alone; None where that isn't known."""
        if self.memory == float("inf"):
            return None
        return int(self.memory if self.runs_alone(state) else self.memory / self.num_workers)

    def _paid_for(self) -> list[FitState]:
        return self._with(Status.RUNNING, Status.DONE, Status.DEADLINE)

    def _with(self, *statuses: Status) -> list[FitState]:
        return [state for state in self.states if state.status in statuses]
