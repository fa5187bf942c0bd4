"""Run folders made by hand: labels that each rung gets right or wrong as told."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from rungwise.evaluation import Predictions, append_record, write_predictions
from rungwise.evaluation.predictions import growth_name

NUM_EXAMPLES = 400


def record(rung, order, **fields):
    costs = {
        "fit_seconds": 1.0 * order,
        "fit_cpu_seconds": 10.0**order,
        "predict_seconds": 0.1,
        "parameters": 10 * order,
        "model_bytes": 100 * 2**order,
        "peak_memory_bytes": 1000,
    }
    return {"type": "rung", "rung": rung, "order": order, "status": "done", "reason": None, **costs, **fields}


def classified_as(target, rate, seed):
    """Predictions of which exactly this share is right."""
    rng = np.random.default_rng(seed)
    is_right = rng.permutation(len(target)) < round(rate * len(target))
    prediction = np.where(is_right, target, 1 - target)
    sure = rng.uniform(0.5, 1, len(target))
    first = np.where(prediction == 0, sure, 1 - sure)
    return Predictions(target, prediction, np.column_stack([first, 1 - first]))


MakeRun = Callable[[Mapping[str, tuple[float, float]]], Path]


@pytest.fixture
def make_run(tmp_path) -> MakeRun:
    """Rung → (share right on valid, on test), cheapest first → a run folder; "svm@1" is of a second seed."""

    def make(rates):
        rng = np.random.default_rng(0)
        targets = {part: rng.integers(0, 2, NUM_EXAMPLES) for part in ("valid", "test")}
        for order, (name, by_part) in enumerate(rates.items()):
            rung, _, repeat = name.partition("@")
            if repeat:
                append_record(tmp_path, record(rung, order, type="repeat", repeat=int(repeat)))
            else:
                append_record(tmp_path, record(rung, order))
                append_record(
                    tmp_path, {"type": "latency", "rung": rung, "latency_seconds": 0.001 * 3**order}
                )
            for part, rate in zip(("valid", "test"), by_part, strict=True):
                write_predictions(tmp_path, name, part, classified_as(targets[part], rate, seed=order))
        return tmp_path

    return make


@pytest.fixture(scope="session")
def classified():
    """See `classified_as`."""
    return classified_as


MakeGrownRun = Callable[[Path, Mapping[str, Callable[[float], float]], int, Sequence[int]], Path]


@pytest.fixture(scope="session")
def make_grown_run() -> MakeGrownRun:
    """A folder, rung → its error by rows, cheapest first, rows of train and of its parts → a run with their fits."""

    def make(folder, curves, num_train, sizes):
        append_record(folder, {"type": "run", "config": {"rows": {"train": num_train}}})
        rng = np.random.default_rng(0)
        targets = {part: rng.integers(0, 2, NUM_EXAMPLES) for part in ("valid", "test")}
        for order, (rung, error) in enumerate(curves.items()):
            append_record(folder, record(rung, order))
            for part, target in targets.items():
                write_predictions(folder, rung, part, classified_as(target, 1 - error(num_train), seed=order))
            for num_rows in sizes if rung != "baseline" else ():
                fit = {
                    "num_rows": num_rows,
                    "num_train": num_rows,
                    "num_all": num_train,
                    "draw": 0,
                    "status": "done",
                }
                append_record(folder, {"type": "growth", "rung": rung, "repeat": f"{num_rows}.0", **fit})
                for part, target in targets.items():
                    said = classified_as(target, 1 - error(num_rows), seed=order)
                    write_predictions(folder, growth_name(rung, num_rows, 0), part, said)
        return folder

    return make
