"""Fits on parts of train that grow, after the climb, so that it can be forecast what more data would bring."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rungwise.available import available_bytes
from rungwise.data import STARTS, Dataset
from rungwise.evaluation.records import append_record
from rungwise.ladder.folder import Paths
from rungwise.ladder.jobs import Job, read_json
from rungwise.ladder.limits import MEMORY_SHARE
from rungwise.ladder.memory import claim_buffers
from rungwise.ladder.processes import READY_SECONDS, Worker, end_left_behind, make_launcher
from rungwise.ladder.states import Status

__all__ = ["START_SECONDS", "GrowthStep", "grow", "growth_budget", "growth_sizes", "is_known", "plan_growth"]

STEP = 2**0.5
"""By which the parts of train grow."""

LEAST_ROWS, CLASS_ROWS, LEAST_SHARE = 50, 5, 1 / 16
_FEW_SHARE = 1 / 5
"""That the smallest part has: rows, though no more than a share of few, rows for each class, and a share of many."""

DRAWS = len(STARTS)
"""Parts of each size, of different rows, of those that are cheap."""

_POLL_SECONDS = 0.02
START_SECONDS = 0.3
"""What a worker takes beside its fit."""

_LEAST_BUDGET, _PART = 20.0, 2.0

_CARE = 1.5
"""By how much a fit may take longer than is expected of it, to be begun with so much time left."""

_KEPT = (
    "num_train",
    "num_all",
    "fit_seconds",
    "fit_cpu_seconds",
    "total_seconds",
    "parameters",
    "num_threads",
)
"""What is journaled of a fit."""


@dataclass(frozen=True)
class GrowthStep:
    """A moment of the growth, for whoever shows it.

    Attributes:
        num_done: fits that have come to an end.
        num_fits: fits that were planned.
        seconds_left: of the budget.
        running: names of rungs, with their rows.
    """

    num_done: int
    num_fits: int
    seconds_left: float
    running: tuple[tuple[str, int], ...]


def growth_sizes(num_train: int, num_classes: int) -> list[int]:
    """Rows of the parts of train, from the largest on, each 1/√2 of the one before; without all of train."""
    least = max(min(LEAST_ROWS, _FEW_SHARE * num_train), CLASS_ROWS * num_classes, LEAST_SHARE * num_train)
    sizes, size = [], num_train / STEP
    while round(size) >= least:
        sizes.append(round(size))
        size /= STEP
    return sizes


def growth_budget(records: Sequence[Mapping[str, Any]]) -> float:
    """Seconds that are spent where none are named: twice what the climb took.

    Parts of one draw have 2.4 times the rows of train.
    """
    took = [float(record["elapsed"]) for record in records if record["type"] == "climb"]
    return max(_LEAST_BUDGET, _PART * max(took, default=0.0))


def plan_growth(records: Sequence[Mapping[str, Any]], jobs: Sequence[Job], dataset: Dataset) -> list[Job]:
    """Fits that have no result yet, those that say most for their time first; `seconds` is what each will take.

    The first part of each size comes before further ones, and those of every second size before those between them.

    Args:
        records: of the journal.
        jobs: of the run's own fits, of the rungs that are to grow.
        dataset: the run's.
    """
    took = {r["rung"]: r["total_seconds"] for r in records if r["type"] == "rung" and r.get("total_seconds")}
    num_classes = 0 if dataset.classes is None else len(dataset.classes)
    sizes = growth_sizes(dataset.num("train"), num_classes)
    planned = []
    for job in jobs:
        for place, num_rows in enumerate(sizes):
            seconds = START_SECONDS + took.get(job.rung, 0.0) * num_rows / dataset.num("train")
            for draw in range(DRAWS):
                part = replace(job, num_rows=num_rows, draw=draw, seconds=seconds, repeat=0)
                if not is_known(records, part):
                    planned.append(((min(draw, 1), seconds * (1 + draw) * (1 if place % 2 else 2)), part))
    return [part for _, part in sorted(planned, key=lambda each: each[0])]


def is_known(records: Sequence[Mapping[str, Any]], job: Job) -> bool:
    """Whether it is journaled what came of a fit."""
    return any(
        r["type"] == "growth" and (r["rung"], r["repeat"]) == (job.rung, _repeat(job)) for r in records
    )


def _repeat(job: Job) -> str:
    return f"{job.num_rows}.{job.draw}{f'.{job.width}' if job.width else ''}"


def grow(
    paths: Paths,
    jobs: Sequence[Job],
    *,
    budget: float,
    num_workers: int,
    observe: Callable[[GrowthStep], None],
) -> int:
    """Does fits side by side while time is left, and journals what comes of each; returns how many weren't done.

    Raises:
        KeyboardInterrupt: what is finished is journaled.
        RunError: if workers can't be started.
        OSError: if the disk is full.
    """
    if not jobs:
        return 0
    claim_buffers()
    launcher = make_launcher(paths.logs)
    try:
        launcher.wait_until_ready(READY_SECONDS[-1])
        return _Growth(paths, jobs, budget, num_workers, launcher.start, observe).run()
    finally:
        launcher.close()
        end_left_behind(paths.logs)


class _Growth:
    """The fits under way."""

    def __init__(
        self,
        paths: Paths,
        jobs: Sequence[Job],
        budget: float,
        num_workers: int,
        start: Callable[[Path], Worker],
        observe: Callable[[GrowthStep], None],
    ) -> None:
        self.paths, self.waiting, self.num_fits = paths, list(jobs), len(jobs)
        self.num_workers, self.start, self.observe = num_workers, start, observe
        self.ends = time.monotonic() + budget
        free = available_bytes()
        self.memory = None if free is None else int(MEMORY_SHARE * free / num_workers)
        self.running: list[tuple[Job, Worker]] = []
        self.num_left = 0

    def run(self) -> int:
        """Works the fits off."""
        while self.waiting or self.running:
            self._start_what_fits()
            self.running = [each for each in self.running if not self._has_ended(*each)]
            num_done = self.num_fits - len(self.waiting) - len(self.running)
            rungs = tuple((job.rung, job.num_rows) for job, _ in self.running)
            self.observe(GrowthStep(num_done, self.num_fits, self._seconds_left(), rungs))
            time.sleep(_POLL_SECONDS)
        return self.num_left

    def _start_what_fits(self) -> None:
        while self.waiting and len(self.running) < self.num_workers:
            job = self.waiting.pop(0)
            left = self._seconds_left()
            if left < _CARE * job.seconds:
                self.num_left += 1
                continue
            job = replace(job, seconds=left, memory=self.memory)
            job.checkpoint_file.unlink(missing_ok=True)
            job.write()
            self.running.append((job, self.start(job.file)))

    def _has_ended(self, job: Job, worker: Worker) -> bool:
        """Whether a fit is over: it has left a result, or been lost, or there is no more time for it."""
        code = worker.exit_code()
        result = read_json(job.result_file)
        is_over = self._seconds_left() < 0
        if result is None and code is None and not is_over:
            return False
        worker.kill()
        self._journal(job, result or {}, is_over)
        for file in (job.checkpoint_file, job.progress_file, job.file, job.result_file):
            file.unlink(missing_ok=True)
        return True

    def _journal(self, job: Job, result: Mapping[str, Any], is_over: bool) -> None:
        """Notes what came of a fit; one that was cut by the budget can be done another time."""
        if result.get("status") == Status.DEADLINE or (not result and is_over):
            self.num_left += 1
            return
        append_record(
            self.paths.run,
            {
                "type": "growth",
                "rung": job.rung,
                "repeat": _repeat(job),
                "num_rows": job.num_rows,
                "draw": job.draw,
                "width": job.width,
                "status": result.get("status", Status.FAILED),
                "reason": result.get("reason", f"its process ended; {job.log_file} may say why")
                if result.get("status") != Status.DONE
                else None,
                **{name: result[name] for name in _KEPT if name in result},
            },
        )

    def _seconds_left(self) -> float:
        return self.ends - time.monotonic()
