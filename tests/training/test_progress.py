"""A training that is stopped and goes on ends as if it had never stopped, bit for bit."""

import time

import numpy as np
import pytest
from fits import NETWORKS, KilledError, Memory, bits, data, fit, fit_killed, make

from rungwise.fitting import FitContext, Precision
from rungwise.kinds import OutputKind
from rungwise.settings import Optimizer
from rungwise.training.trainer import Trainer

STOPS_EARLY = {"patience": 2, "epochs": 40, "learning_rate": 0.1, "weight_decay": 0.0}


@pytest.mark.parametrize("kill_every", [1, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_killed_again_and_again_ends_the_same(name, kill_every):
    inputs, _, _ = data(name)
    whole = bits(fit(name, Memory()), inputs)
    learner, kills = fit_killed(name, kill_every)
    assert kills >= 2
    assert bits(learner, inputs) == whole


@pytest.mark.parametrize("optimizer", list(Optimizer))
@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_every_optimizer_goes_on_where_it_was(name, optimizer):
    settings = {"optimizer": optimizer}
    inputs, _, _ = data(name)
    whole = bits(fit(name, Memory(), settings), inputs)
    assert bits(fit_killed(name, 2, settings)[0], inputs) == whole


def test_numbers_and_early_stopping_go_on_as_well():
    inputs, _, _ = data("mlp")
    whole = fit("mlp", Memory(), STOPS_EARLY, OutputKind.NUMBER)
    assert 2 < len(whole.history) < 40
    learner, _ = fit_killed("mlp", 1, STOPS_EARLY, OutputKind.NUMBER)
    assert bits(learner, inputs) == bits(whole, inputs)


def test_a_checkpoint_changes_nothing():
    inputs, _, _ = data("textcnn")
    without = fit("textcnn", FitContext().checkpoint)
    assert bits(without, inputs) == bits(fit("textcnn", Memory()), inputs)


def test_what_is_kept_is_the_best_model_so_far():
    checkpoint = Memory()
    learner = fit("mlp", checkpoint, STOPS_EARLY, OutputKind.NUMBER)
    inputs, _, pair = data("mlp", OutputKind.NUMBER)
    kept = make("mlp", STOPS_EARLY, pair)
    kept.restore(checkpoint.model, num_outputs=1)
    np.testing.assert_array_equal(kept.predict(inputs), learner.predict(inputs))
    assert checkpoint.history == learner.history


def test_no_batch_is_made_twice():
    made = []

    class Watching(Trainer):
        def batches(self, epoch):
            for batch in super().batches(epoch):
                made.append(epoch)
                yield batch

    fit_killed("mlp", 1, trainer=Watching)
    assert made == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_plan_that_was_cut_stays_so():
    cuts, checkpoint = [], Memory(kill_every=2)
    with pytest.raises(KilledError):
        fit("mlp", checkpoint)
    checkpoint.kill_every, checkpoint.progress["training"]["counters"]["total_steps"] = None, 5
    learner = fit("mlp", checkpoint, cut=lambda: cuts.append(True))
    assert [epoch.epoch for epoch in learner.history] == [1, 2]
    assert cuts == [True]


def test_a_slow_start_after_a_stop_changes_no_plan():
    class SlowStart(Trainer):
        def step(self, batch):
            if self.step_number == self.first_step > 0:
                time.sleep(0.6)
            super().step(batch)

    settings = {"epochs": 60, "patience": 60}
    checkpoint, cuts = Memory(kill_every=25), []
    with pytest.raises(KilledError):
        fit("mlp", checkpoint, settings, trainer=SlowStart)
    checkpoint.kill_every = None
    resumed = fit(
        "mlp",
        checkpoint,
        settings,
        trainer=SlowStart,
        deadline=time.monotonic() + 8,
        cut=lambda: cuts.append(True),
    )
    inputs = data("mlp")[0]
    assert bits(resumed, inputs) == bits(fit("mlp", Memory(), settings), inputs)
    assert not cuts


def test_seconds_go_on_counting():
    checkpoint = Memory(kill_every=5)
    with pytest.raises(KilledError):
        fit("mlp", checkpoint)
    checkpoint.kill_every, checkpoint.progress["training"]["seconds"] = None, 1000.0
    assert [epoch.seconds > 1000 for epoch in fit("mlp", checkpoint).history] == [False, True, True]


def test_the_precision_stays_what_it_was_found_to_be():
    checkpoint = Memory(kill_every=2)
    with pytest.raises(KilledError):
        fit("mlp", checkpoint, precision=Precision.FP32)
    checkpoint.kill_every = None
    assert fit("mlp", checkpoint, precision=Precision.BF16).state()["precision"] == "fp32"
