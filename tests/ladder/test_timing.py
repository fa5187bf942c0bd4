"""What answers of a stored model cost, measured by the worker's own function within this process."""

import time

import numpy as np
import pytest
from sklearn.datasets import load_digits

from rungwise.data import prepare
from rungwise.estimators import estimator_class
from rungwise.kinds import OutputKind
from rungwise.ladder import timing
from rungwise.ladder.folder import Paths
from rungwise.ladder.jobs import Job
from rungwise.ladder.timing import measure_answers

pytestmark = pytest.mark.filterwarnings("ignore:TF32 acceleration")  # from setting oneDNN's flags


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder with the models of a rung without a network and of one with."""
    images, labels = load_digits(return_X_y=True)
    images = (16 * images[:300].reshape(-1, 8, 8)).clip(0, 255).astype(np.uint8)
    paths = Paths(tmp_path_factory.mktemp("runs") / "digits")
    paths.run.mkdir()
    dataset = prepare((images, labels[:300]), folder=paths.data)
    for rung, settings in (("baseline", {}), ("cnn", {"epochs": 1, "min_steps": 0})):
        estimator = estimator_class(rung, OutputKind.LABEL)(**settings)
        estimator.fit(dataset.inputs("train"), dataset.targets("train")).save(paths.model(rung))
    return paths.run


def measure(run, rung, seconds=20.0):
    return measure_answers(Job(kind="latency", run=str(run), rung=rung, seconds=seconds))


def test_a_network_s_answers_are_measured_in_every_way(run):
    found = measure(run, "cnn")
    assert 0 < found["latency_seconds"] <= found["latency_p95_seconds"]
    assert found["num_calls"] >= 20
    assert found["batch_size"] == 60  # all of the test part
    assert found["throughput"] > 1 / found["latency_seconds"], "in batches more is done"
    assert found["answer_cpu_seconds"] < found["latency_seconds"]
    assert found["start_seconds"] > 0
    assert 0 < found["core_share"] <= 1
    assert found["counted_flops"]["step"] > found["counted_flops"]["predict"] > 0


def test_what_torch_cannot_count_costs_nothing_else(run, monkeypatch, capfd):
    def fail(*arguments):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr("rungwise.training.counting.count_flops", fail)
    found = measure(run, "cnn")
    assert found["throughput"] > 0
    assert "counted_flops" not in found
    assert "no such kernel" in capfd.readouterr().err


def test_percentiles_hang_on_the_calls_that_there_were(run, monkeypatch):
    monkeypatch.setattr(timing, "_MOST_ALONE", 99)
    found = measure(run, "baseline")
    assert found["num_calls"] == 99
    assert found["latency_p95_seconds"] >= found["latency_seconds"]
    assert found["latency_p99_seconds"] is None
    assert "counted_flops" not in found


def test_what_there_is_no_time_for_is_left_out(run, monkeypatch):
    slow = timing.outputs_of
    monkeypatch.setattr(timing, "outputs_of", lambda *args: (time.sleep(0.05), slow(*args)))
    began = time.perf_counter()
    found = measure(run, "cnn", seconds=0.05)
    assert time.perf_counter() - began < 3
    assert found["num_calls"] == 1
    assert found["latency_p95_seconds"] is None
    assert "throughput" not in found
    assert "counted_flops" not in found
