import copy
import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from rungwise.errors import ConfigError, TrainingError
from rungwise.fitting import FitContext, Precision, Pretrained
from rungwise.kinds import OutputKind
from rungwise.settings import ClassWeight, NetworkConfig, Optimizer, Sampling, Schedule
from rungwise.training.asking import predict_outputs, targets_of
from rungwise.training.losses import Objective
from rungwise.training.seeds import seeded
from rungwise.training.trainer import DivergenceError, Trainer

CONFIG = NetworkConfig(epochs=3, batch_size=16, learning_rate=1e-2)
OBJECTIVE = Objective(OutputKind.LABEL, 0.0)


class Rows:
    """Features (N, D) as examples."""

    lengths = None
    owners = None

    def __init__(self, features, seconds=0.0):
        self.features, self.seconds = torch.from_numpy(features), seconds

    def __len__(self):
        return len(self.features)

    def batch(self, index):
        time.sleep(self.seconds)
        return (self.features[torch.from_numpy(index)],)


def problem(num_rows=160, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(num_rows, 8)).astype(np.float32)
    return features, torch.from_numpy((features[:, 0] + features[:, 1] > 0).astype(np.int64))


def make(config=CONFIG, context=None, augment=None):
    context = context or FitContext(seed=3, precision=Precision.FP32)
    with seeded(context.seed, "cpu"):
        network = nn.Sequential(
            nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 16), nn.Linear(16, 2)
        )
    return Trainer(
        network, config, context, OBJECTIVE, augment or (lambda batch, generator, *, index, epoch: batch)
    )


def labelled(rows, seconds=0.0):
    features, targets = problem()
    return Rows(features[rows], seconds), targets[rows]


def fit(trainer, seconds=0.0, validation=True):
    with seeded(trainer.context.seed, "cpu"):
        return trainer.fit(labelled(slice(120), seconds), labelled(slice(120, None)) if validation else None)


@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_it_learns_with_every_optimizer(optimizer):
    trainer = make(replace(CONFIG, optimizer=optimizer, epochs=20))
    history = fit(trainer)
    assert history[-1].train_loss < 0.6 * history[0].train_loss
    assert max(epoch.valid_score for epoch in history) > 0.85


@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_a_seed_decides_all(optimizer):
    first, second = (make(replace(CONFIG, optimizer=optimizer)) for _ in range(2))
    histories = [[(e.train_loss, e.valid_loss) for e in fit(trainer)] for trainer in (first, second)]
    assert histories[0] == histories[1]
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_global_generators_stay_as_they_were():
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    fit(make())
    assert torch.equal(torch_state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state()[1]).all()  # noqa: NPY002


def test_augmentation_draws_from_the_trainers_own_generator():
    def noisy(batch, generator, *, index, epoch):
        return (batch[0] + 0.1 * torch.randn(batch[0].shape, generator=generator),)

    losses = [[epoch.train_loss for epoch in fit(make(augment=noisy))] for _ in range(2)]
    assert losses[0] == losses[1]
    assert losses[0] != [epoch.train_loss for epoch in fit(make())]


def test_the_deadline_cuts_the_plan_and_the_rate_still_falls_to_zero():
    cuts = []
    context = FitContext(
        deadline=time.monotonic() + 0.4, precision=Precision.FP32, cut=lambda: cuts.append(True)
    )
    trainer = make(replace(CONFIG, epochs=1000, patience=1000), context)
    fit(trainer, seconds=0.002)
    assert time.monotonic() < context.deadline + 0.1
    assert cuts
    assert trainer.step_number == trainer.total_steps < 8000
    assert trainer.optimizers[0].param_groups[0]["lr"] < 0.1 * CONFIG.learning_rate


@pytest.mark.parametrize("batch_size", [4, 120], ids=["by the validation", "by the steps"])
def test_time_is_left_to_predict(batch_size):
    context = FitContext(deadline=time.monotonic() + 1.5, then_predict=400, precision=Precision.FP32)
    trainer = make(replace(CONFIG, epochs=1000, patience=1000, batch_size=batch_size), context)
    valid = labelled(slice(120, None))
    with seeded(0, "cpu"):
        trainer.fit(labelled(slice(120), 0.02), (Rows(valid[0].features.numpy(), 0.05), valid[1]))
    assert time.monotonic() < context.deadline - trainer.asked_seconds + 0.3
    assert trainer.asked_seconds > 0.3


def test_the_first_validation_of_pretrained_weights_is_no_step():
    context = FitContext(
        deadline=time.monotonic() + 3, precision=Precision.FP32, pretrained=Pretrained(name="w", weights={})
    )
    trainer = make(replace(CONFIG, epochs=3, patience=3), context)
    valid = labelled(slice(120, None))
    with seeded(0, "cpu"):
        history = trainer.fit(labelled(slice(120), 0.001), (Rows(valid[0].features.numpy(), 0.25), valid[1]))
    assert [row.epoch for row in history] == [0, 1, 2, 3]
    assert trainer.step_number == trainer.planned_steps


def test_slow_steps_do_not_overrun_the_deadline_by_more_than_one():
    context = FitContext(deadline=time.monotonic() + 0.2, precision=Precision.FP32)
    trainer = make(context=context)
    fit(trainer, seconds=0.15)
    assert trainer.step_number <= 2


def test_a_far_deadline_changes_nothing():
    context = FitContext(seed=3, deadline=time.monotonic() + 1000, precision=Precision.FP32)
    losses = [[epoch.train_loss for epoch in fit(trainer)] for trainer in (make(), make(context=context))]
    assert losses[0] == losses[1]


def test_no_time_at_all_is_an_error():
    trainer = make(context=FitContext(deadline=time.monotonic() - 1))
    with pytest.raises(TrainingError, match="no time left for one step"):
        fit(trainer)


def test_a_loss_that_is_not_finite_is_an_error_that_names_the_rate():
    def broken(batch, generator, *, index, epoch):
        return (batch[0] * torch.nan,)

    with pytest.raises(DivergenceError, match=r"the loss was nan after 8 steps at learning_rate 0\.01"):
        fit(make(augment=broken))


def test_training_stops_early_and_keeps_the_best_weights():
    trainer = make(replace(CONFIG, epochs=60, patience=2, schedule=Schedule.CONSTANT))
    history = fit(trainer)
    merits = [(epoch.valid_score, -epoch.valid_loss) for epoch in history]
    assert len(history) < 60
    assert len(history) == merits.index(max(merits)) + 1 + 3
    features, targets = problem()
    outputs = predict_outputs(trainer.network, Rows(features[120:]), CONFIG, trainer.context)
    assert OBJECTIVE.score(outputs, targets[120:]) == max(merits)[0]


def test_without_validation_all_epochs_run():
    history = fit(make(), validation=False)
    assert [epoch.epoch for epoch in history] == [1, 2, 3]
    assert history[0].valid_score is None


def test_few_examples_are_passed_over_more_often():
    trainer = make(replace(CONFIG, min_steps=40, patience=100))
    fit(trainer)
    assert trainer.step_number == 40  # 8 batches of 120 examples, 5 times


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"epochs": 0, "batch_size": 0, "learning_rate": -1.0},
            "epochs=0: must be at least 1; batch_size=0: must be from 1 to 1048576; "
            "learning_rate=-1.0: must be a number above 0.",
        ),
        ({"learning_rate": math.nan}, "learning_rate=nan: must be a number above 0."),
        ({"weight_decay": -0.1}, "weight_decay=-0.1: must be a number from 0 on."),
        ({"warmup": 1.0}, "warmup=1.0: must be from 0 to below 1."),
        ({"label_smoothing": -0.1}, "label_smoothing=-0.1: must be from 0 to below 1."),
        ({"clip_norm": 0.0}, "clip_norm=0.0: must be above 0, and inf for no bound."),
        (
            {"patience": -1, "min_steps": -1},
            "patience=-1: must be at least 0; min_steps=-1: must be at least 0.",
        ),
        (
            {"class_weight": ClassWeight.BALANCED, "sampling": Sampling.BALANCED},
            "class_weight and sampling both 'balanced' balance the classes twice; choose one.",
        ),
    ],
)
def test_settings_out_of_range_are_named_together(settings, message):
    with pytest.raises(ConfigError) as error:
        NetworkConfig(**settings)
    assert str(error.value) == message


def test_gradients_are_clipped():
    trainer = make(replace(CONFIG, optimizer=Optimizer.SGD, clip_norm=1e-6, epochs=1, weight_decay=0.0))
    before = copy.deepcopy(trainer.network.state_dict())
    fit(trainer, validation=False)
    after = trainer.network.state_dict()
    moved = sum(float((after[name] - before[name]).norm()) for name in before)
    assert 0 < moved < 1e-4


def test_progress_is_reported():
    seen = []
    context = FitContext(
        report=lambda fraction, score: seen.append((fraction, score)), precision=Precision.FP32
    )
    fit(make(context=context))
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    assert seen[-1][1] is not None


def test_predictions_come_in_the_order_of_the_examples():
    features, _ = problem()
    trainer = make()
    fit(trainer)
    all_at_once = predict_outputs(trainer.network, Rows(features), CONFIG, trainer.context)
    assert torch.allclose(all_at_once, trainer.network(torch.from_numpy(features)), atol=1e-6)


def test_examples_of_one_input_have_its_target_and_the_mean_of_their_outputs():
    features, targets = problem()
    parts, owners = Rows(features), np.repeat(np.arange(80), 2)
    parts.owners = owners
    trainer = make(replace(CONFIG, epochs=1))
    with seeded(0, "cpu"):
        trainer.fit((parts, targets[:80]), (parts, targets[:80]))
    outputs = predict_outputs(trainer.network, parts, CONFIG, trainer.context)
    single = predict_outputs(trainer.network, Rows(features), CONFIG, trainer.context)
    torch.testing.assert_close(outputs, single.view(80, 2, 2).mean(1))
    assert targets_of((parts, targets[:80]), np.array([0, 1, 9])).tolist() == targets[[0, 0, 4]].tolist()
