"""What is done with the models once all fits are over: latencies, one rung alone after another, and robustness.

In between models of roles learn to find predicates, if they are to.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rungwise.data import Dataset
from rungwise.estimators.tagger import FINDER
from rungwise.evaluation.records import append_record, read_records
from rungwise.evaluation.robustness import num_passes
from rungwise.kinds import InputKind, OutputKind
from rungwise.ladder.folder import Paths
from rungwise.ladder.jobs import Job, read_json
from rungwise.ladder.limits import Limits
from rungwise.ladder.processes import Worker

__all__ = ["Aftermath", "Corruptible", "corruptible", "plan_examples"]

_POLL_SECONDS = 0.02

_MOST_EXAMPLES, _LEAST_EXAMPLES = 1000, 50
"""Of the test part, for robustness: more say little more, and fewer too little."""

_START_SECONDS = 0.4
"""What a worker takes to load a model."""

_PIXEL_SECONDS, _BYTE_SECONDS = 1e-8, 1e-6
"""What corrupting takes for each value of an image, and each byte of a text, on one core, with what stands about it."""

_CARE = 0.7
"""Of the time that is left, what is planned with: predictions may take longer than they did."""


@dataclass(frozen=True)
class Corruptible:
    """Test examples that rungs can be asked about once more, corrupted.

    Attributes:
        num_test: of them.
        num_passes: how often one is predicted.
        seconds: what corrupting one takes, once.
        is_stored: whether they are corrupted once for all rungs, and not, as images are, by each for itself.
    """

    num_test: int
    num_passes: int
    seconds: float
    is_stored: bool = False


def corruptible(dataset: Dataset) -> Corruptible | None:
    """The test part, where its examples are images or texts in classes, or sentences with tags."""
    kind, output = dataset.pair
    inputs = dataset.inputs("test")
    if output is OutputKind.LABEL and kind is InputKind.IMAGE:
        return Corruptible(len(inputs), num_passes(kind), _PIXEL_SECONDS * math.prod(inputs.shape[1:]))
    if output is OutputKind.TAGS or (output is OutputKind.LABEL and kind is InputKind.TEXT):
        seconds = _BYTE_SECONDS * inputs.nbytes / max(1, len(inputs))
        return Corruptible(len(inputs), num_passes(kind), seconds, is_stored=True)
    return None


@dataclass(frozen=True)
class Aftermath:
    """Measures the models of a run, within what its budget has left.

    Attributes:
        run: the run's folder.
        limits: of the climb.
        num_workers: processes side by side.
        start: starts a worker on a job.
        observe: told what is measured, many times a second: "latency", "predicates" or "robustness".
        import_cpu_seconds: of a new interpreter, for all that a model may need; None where that isn't known.
    """

    run: Path
    limits: Limits
    num_workers: int
    start: Callable[[Job], Worker]
    observe: Callable[[str], None]
    import_cpu_seconds: float | None = None

    # -------------------------------------------------------------------------------------------- latency

    def measure_latencies(self, fits: Sequence[Job]) -> None:
        """What answers cost, of one rung after another, with nothing else running, while time is left."""
        for number, fitted in enumerate(fits):
            seconds = self._seconds_left() / (len(fits) - number)
            self.observe("latency")
            job = replace(fitted, kind="latency", seconds=0.8 * seconds, memory=None, num_threads=1)
            answers = self._result(job, seconds) if seconds > 0 else {}
            if "latency_seconds" in answers:
                imports = {"import_cpu_seconds": self.import_cpu_seconds}
                append_record(self.run, {"type": "latency", "rung": job.rung, **answers, **imports})

    def _result(self, job: Job, seconds: float) -> dict[str, Any]:
        """What a worker leaves of a job that is done alone; nothing if it doesn't get there in the seconds allowed."""
        worker, ends = self.start(job), time.monotonic() + seconds
        result = None
        while result is None and worker.exit_code() is None and time.monotonic() < ends:
            time.sleep(_POLL_SECONDS)
            result = read_json(job.result_file)
        worker.kill()
        return result or read_json(job.result_file) or {}

    # ----------------------------------------------------------------------------------------- predicates

    def identify_predicates(self, metric: str) -> None:
        """Lets all models of the run find predicates themselves; what that comes to, or why not, is journaled."""
        self.observe("predicates")
        seconds = self._seconds_left()
        job = Job(
            kind="predicates", run=str(self.run), rung=FINDER, seconds=seconds, settings={"metric": metric}
        )
        result = self._result(job, seconds) if seconds > 0 else {}
        if "scores" not in result:
            reason = str(
                result.get("reason") or "no time was left; --resume with another --budget gives more"
            )
            result = {"reason": reason.rstrip(".")}
        append_record(self.run, {"type": "predicates", **result})

    # ----------------------------------------------------------------------------------------- robustness

    def measure_robustness(self, fits: Sequence[Job], asked: Corruptible) -> None:
        """Rungs side by side, all on the same test examples, the slowest first; why one isn't measured is journaled.

        Args:
            fits: of the rungs.
            asked: the test examples.
        """
        records = read_records(self.run)
        before = [r["num_examples"] for r in records if r["type"] == "robustness" and r.get("scores")]
        paces = _paces(records)
        each, once = (0.0, asked.seconds) if asked.is_stored else (asked.seconds, 0.0)
        count, chosen = plan_examples(
            {job.rung: asked.num_passes * (each + paces[job.rung]) for job in fits},
            once=asked.num_passes * once,
            least=min(before[-1] if before else _LEAST_EXAMPLES, asked.num_test),
            most=min(before[-1] if before else _MOST_EXAMPLES, asked.num_test),
            num_workers=self.num_workers,
            seconds=_CARE * self._seconds_left(),
        )
        jobs = {job.rung: job for job in fits}
        for rung in jobs.keys() - set(chosen):
            self._journal(
                rung, {"reason": f"no time was left to predict {count} examples {asked.num_passes} times"}
            )
        if chosen and asked.is_stored:
            self.observe("robustness")
            made = self._result(self._job("corruption", jobs[chosen[0]], count), self._seconds_left())
            if "num_examples" not in made:
                reason = made.get("reason") or "no time was left"
                for rung in chosen:
                    self._journal(rung, {"reason": f"the examples weren't corrupted: {reason}"})
                return
        self._work_off([self._job("robustness", jobs[rung], count) for rung in chosen])
        Paths(self.run).corrupted.unlink(missing_ok=True)

    def _job(self, kind: str, fitted: Job, count: int) -> Job:
        memory = self.limits.memory / self.num_workers
        return replace(
            fitted,
            kind=kind,
            num_examples=count,
            memory=None if math.isinf(memory) else int(memory),
            num_threads=1,
        )

    def _work_off(self, jobs: Sequence[Job]) -> None:
        waiting, running = list(jobs), list[tuple[Job, Worker]]()
        while waiting or running:
            is_over = self._seconds_left() <= 0
            while waiting and not is_over and len(running) < self.num_workers:
                job = waiting.pop(0)
                running.append((job, self.start(job)))
            ended = [each for each in running if is_over or self._has_ended(*each)]
            running = [each for each in running if each not in ended]
            for job, worker in ended:
                worker.kill()
                self._journal(job.rung, read_json(job.result_file) or {"reason": _reason(is_over)})
            if is_over:
                for job in waiting:
                    self._journal(job.rung, {"reason": _reason(is_over)})
                return
            self.observe("robustness")
            time.sleep(_POLL_SECONDS)

    def _has_ended(self, job: Job, worker: Worker) -> bool:
        return worker.exit_code() is not None or job.result_file.exists()

    def _journal(self, rung: str, result: Mapping[str, Any]) -> None:
        append_record(self.run, {"type": "robustness", "rung": rung, **result})

    def _seconds_left(self) -> float:
        return self.limits.ends - time.monotonic()


def _paces(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Rung → seconds to predict one example: of many at once, or of one alone where that is less.

    The former has the start of the first prediction in it, which is most of it where a rung is fast.
    """
    paces = {
        r["rung"]: r["predict_seconds"] / r["num_predicted"]
        for r in records
        if r["type"] == "rung" and r.get("num_predicted")
    }
    for r in records:
        if r["type"] == "latency" and r["rung"] in paces:
            paces[r["rung"]] = min(paces[r["rung"]], r["latency_seconds"])
    return paces


def _reason(is_over: bool) -> str:
    return "the budget ended before it was measured" if is_over else "its process ended and gave no result"


def plan_examples(
    paces: Mapping[str, float],
    *,
    once: float = 0.0,
    least: int,
    most: int,
    num_workers: int,
    seconds: float,
) -> tuple[int, list[str]]:
    """How many examples to predict with each rung, and the rungs that there is time for, the slowest first.

    All get the same number. Where even the least number takes too long, the slowest rungs are left out.

    Args:
        paces: rung → seconds for one example, in all its versions.
        once: seconds for one example before any rung is asked.
        least: examples.
        most: examples.
        num_workers: rungs side by side.
        seconds: that all of it may take.
    """
    chosen = sorted(paces, key=lambda rung: -paces[rung])
    while chosen:
        # whatever the order, a list of jobs takes its part of the sum, and the rest of its longest (Graham 1966)
        lone = 1 - 1 / num_workers
        starts = _START_SECONDS * (len(chosen) / num_workers + lone)
        pace = sum(paces[rung] for rung in chosen) / num_workers + lone * paces[chosen[0]] + once
        count = int((seconds - starts) / pace)
        if count >= least:
            return min(count, most), chosen
        chosen = chosen[1:]
    return least, []
