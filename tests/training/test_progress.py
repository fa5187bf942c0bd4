"""A training that is stopped and goes on ends as if it had never stopped, bit for bit."""

import numpy as np
import pytest
from fits import NETWORKS, KilledError, Memory, bits, data, fit, fit_killed, make

from rungwise.fitting import FitContext, Precision
from rungwise.kinds import OutputKind
from rungwise.rung import Optimizer
from rungwise.training.trainer import Trainer


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
    settings = {"patience": 0, "epochs": 40, "learning_rate": 0.1, "weight_decay": 0.0}
    inputs, _, _ = data("mlp")
    whole = fit("mlp", Memory(), settings, OutputKind.NUMBER)
    assert 2 < len(whole.history) < 40
    learner, _ = fit_killed("mlp", 1, settings, OutputKind.NUMBER)
    assert bits(learner, inputs) == bits(whole, inputs)


def test_a_checkpoint_changes_nothing():
    inputs, _, _ = data("textcnn")
    without = fit("textcnn", FitContext().checkpoint)
    assert bits(without, inputs) == bits(fit("textcnn", Memory()), inputs)


def test_what_is_kept_is_the_best_model_so_far():
    checkpoint = Memory()
    learner = fit("mlp", checkpoint)
    inputs, _, pair = data("mlp")
    kept = make("mlp", {}, pair)
    kept.restore(checkpoint.model, num_outputs=2)
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


def test_seconds_go_on_counting():
    learner, _ = fit_killed("mlp", 2)
    seconds = [epoch.seconds for epoch in learner.history]
    assert seconds == sorted(seconds)


def test_the_precision_that_was_measured_first_stays():
    checkpoint = Memory(kill_every=2)
    with pytest.raises(KilledError):
        fit("mlp", checkpoint, precision=Precision.BF16)
    checkpoint.kill_every = None
    learner = fit("mlp", checkpoint, precision=Precision.AUTO)
    assert learner.state()["precision"] == "bf16"
