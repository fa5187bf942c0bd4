"""What a stored model costs to ask, measured by a worker that is alone on the machine: times, energy and operations."""

# N examples

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rungwise.artifacts import load_model
from rungwise.data import Dataset
from rungwise.estimators.inputs import rows
from rungwise.ladder.energy import EnergyMeter
from rungwise.ladder.folder import Paths
from rungwise.ladder.jobs import Job
from rungwise.ladder.measuring import outputs_of
from rungwise.training.learner import NetworkLearner

__all__ = ["measure_answers"]

_ALONE_SECONDS, _MOST_ALONE = 0.4, 1000
"""For examples one by one, at most."""

_BATCH_SECONDS, _MOST_BATCHES, _BATCH_SIZE, _FIRST_SIZE = 0.2, 20, 256, 16
"""For examples in batches, how large these are at most, and the one by which it is seen how large they can be."""

_LEAST_BATCHES = 2
"""The first, which isn't like the others, and one that is."""

_SHARE = 0.5
"""Of the time that is left, what each of these may have, where that is little."""

_TAIL = {"latency_p95_seconds": (95, 20), "latency_p99_seconds": (99, 100)}
"""Field → a percentile, and the calls from which on at least one is beyond it."""

_COUNTED, _COUNTING_SECONDS, _COUNTING_TIMES, _IMPORT_SECONDS = 16, 0.1, 8, 3.0
"""Examples whose operations are counted; what that takes, and as how many of their predictions; what torch imports for
it, unless the process that workers are forked from has done so."""


def measure_answers(job: Job) -> dict[str, Any]:
    """How the stored model answers on one CPU thread, preprocessing included.

    It ends when the job's seconds do, which may leave out the last things.

    Returns:
        `start_seconds` to load the model and give the first answer; `latency_seconds`, the median of `num_calls` about
        one example, and `latency_mean_seconds`, `latency_p95_seconds` and `latency_p99_seconds` of them, the last two
        None of too few; `core_share`, what the process had of a core meanwhile; `throughput`, examples a second in
        batches of `batch_size`, with `answer_cpu_seconds` and `answer_energy` of each example; and `counted_flops` of
        networks.
    """
    began = time.perf_counter()
    end = began + job.seconds
    paths = Paths(Path(job.run))
    dataset = Dataset.open(paths.data)
    inputs, num = dataset.inputs("test"), dataset.num("test")
    opened = time.perf_counter()
    estimator = load_model(paths.model(job.rung))
    outputs_of(estimator, rows(inputs, 0, 1))
    now = time.perf_counter()
    result: dict[str, Any] = {"start_seconds": now - opened}

    def ask(call: int, size: int) -> None:
        """Asks about some of the test examples, the next ones at each call."""
        start = call % (num // size) * size
        outputs_of(estimator, rows(inputs, start, start + size))

    until, cpu = now + min(_ALONE_SECONDS, _SHARE * (end - now)), time.process_time()
    seconds = _times(lambda call: ask(call, 1), _MOST_ALONE, until)
    alone = float(np.median(seconds))
    result |= {"latency_seconds": alone, "latency_mean_seconds": float(np.mean(seconds))}
    result["num_calls"] = len(seconds)
    result["core_share"] = min(1.0, (time.process_time() - cpu) / (time.perf_counter() - now))
    result |= {
        field: float(np.percentile(seconds, percent)) if len(seconds) >= least else None
        for field, (percent, least) in _TAIL.items()
    }
    result |= _in_batches(ask, num, alone, end)
    left, size = end - time.perf_counter(), min(_COUNTED, num)
    if isinstance(estimator.learner_, NetworkLearner) and "throughput" in result:
        imports = 0.0 if "torch._dynamo" in sys.modules else _IMPORT_SECONDS
        if left > imports + _COUNTING_SECONDS + _COUNTING_TIMES * size / result["throughput"]:
            result |= _counted(estimator.learner_, rows(inputs, 0, size), size)
    return result


def _counted(learner: NetworkLearner, inputs: Any, size: int) -> dict[str, Any]:
    from rungwise.training.counting import count_flops

    try:
        return {"counted_flops": count_flops(learner, inputs, size)}
    except Exception:  # what was measured before is worth more than what torch can't count
        traceback.print_exc()
        return {}


def _times(ask: Callable[[int], None], most: int, until: float) -> list[float]:
    """Seconds of each of at most so many calls, but for the first, which isn't like the others: at least one."""
    seconds: list[float] = []
    for call in range(most + 1):
        before = time.perf_counter()
        ask(call)
        now = time.perf_counter()
        seconds.append(now - before)
        if call and now > until:
            break
    return seconds[1:]


def _in_batches(ask: Callable[[int, int], None], num: int, alone: float, end: float) -> dict[str, Any]:
    """What examples cost in batches, as large as there is time for; nothing where there is none.

    Args:
        ask: about a number of examples.
        num: of all examples.
        alone: seconds for one by itself.
        end: of the time, on the clock of `time.perf_counter`.
    """
    first = min(_FIRST_SIZE, num, int(_SHARE * (end - time.perf_counter()) / alone))
    if first < 1:
        return {}
    [pace] = (seconds / first for seconds in _times(lambda call: ask(call, first), 1, end))
    seconds_left = _SHARE * (end - time.perf_counter())
    size = max(first, min(_BATCH_SIZE, num, int(seconds_left / _LEAST_BATCHES / pace)))
    meter, cpu = EnergyMeter(), time.process_time()
    until = time.perf_counter() + min(_BATCH_SECONDS, seconds_left)
    seconds = _times(lambda call: ask(call, size), _MOST_BATCHES, until)
    energy, count = meter.read(), size * (len(seconds) + 1)
    return {
        "throughput": size * len(seconds) / sum(seconds),
        "batch_size": size,
        "answer_cpu_seconds": (time.process_time() - cpu) / count,
        "answer_energy": {
            source: None if joules is None else joules / count for source, joules in energy.items()
        },
    }
