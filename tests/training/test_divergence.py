"""A training that diverges begins anew, once, at a tenth of its learning rate."""

import contextlib

import numpy as np
import pytest
from fits import KilledError, Memory, bits, data, fit, fit_killed, stored
from test_trainer import labelled, make

from rungwise.artifacts.state import split_state
from rungwise.errors import TrainingError
from rungwise.fitting import FitContext, Precision
from rungwise.kinds import OutputKind
from rungwise.training.losses import Objective
from rungwise.training.seeds import seeded
from rungwise.training.trainer import DivergenceError, Trainer

RATE = {"learning_rate": 0.05}
NOTE = "the loss was nan after 6 steps at learning_rate 0.05; training began anew at 0.005"


class Broken(Trainer):
    """From the fifth step on the loss is NaN, if the learning rate is high."""

    def step(self, batch):
        if self.step_number >= 4 and self.config.learning_rate > 0.01:
            batch = (batch[0][0] * np.nan,), batch[1]
        super().step(batch)


class AlwaysBroken(Trainer):
    def step(self, batch):
        super().step(((batch[0][0] * np.nan,), batch[1]))


def test_it_begins_anew_from_the_same_seed_and_says_so():
    notes = []
    learner = fit("cnn", Memory(), RATE, trainer=Broken, note=notes.append)
    assert notes == [NOTE]
    inputs, _, _ = data("cnn")
    assert bits(learner, inputs) == bits(fit("cnn", Memory(), {"learning_rate": 0.005}), inputs)
    assert learner.config.learning_rate == 0.05


@pytest.mark.parametrize("kill_every", [1, 3])
def test_killed_after_that_it_goes_on_at_the_second_rate(kill_every):
    notes = []
    learner, _ = fit_killed("cnn", kill_every, RATE, trainer=Broken, note=notes.append)
    inputs, _, _ = data("cnn")
    assert bits(learner, inputs) == bits(fit("cnn", Memory(), RATE, trainer=Broken), inputs)
    assert set(notes) == {NOTE}


def test_broken_weights_are_never_kept():
    class Watched(Memory):
        def save(self, progress, model, history):
            for state in (progress, model):
                assert all(np.isfinite(array).all() for array in split_state(state)[1].values())
            super().save(progress, model, history)

    fit("cnn", Watched(), RATE, trainer=Broken)


def test_a_second_time_it_is_an_error_with_both_reasons():
    with pytest.raises(TrainingError) as error:
        fit("cnn", Memory(), {"learning_rate": 0.01}, trainer=AlwaysBroken)
    assert str(error.value) == (
        "the loss was nan after 3 steps at learning_rate 0.01; training began anew at 0.001; the loss was nan after 3 "
        "steps at learning_rate 0.001; try a learning_rate under 0.001, or look for odd numbers in the data."
    )


def test_a_broken_loss_is_seen_before_the_epoch_ends():
    with pytest.raises(TrainingError, match="the loss was nan after 10 steps"):
        fit("cnn", Memory(), {"batch_size": 1}, trainer=AlwaysBroken)


class Shifted(Objective):
    """Adds the shifts to the losses of the first steps."""

    def loss(self, outputs, targets):
        return super().loss(outputs, targets) + next(self.shifts, 0.0)


def fit_shifted(shifts, *, stop_at=None, progress=None):
    """Without validation; keeps the training at a step and ends there, if one is given."""
    objective = Shifted(OutputKind.LABEL, 0.0)
    object.__setattr__(objective, "shifts", iter(shifts))
    trainer = make(context=FitContext(seed=3, precision=Precision.FP32, checkpoint=Memory()))
    trainer.objective = objective
    kept = []

    def keep(progress, weights, history):
        kept.append(stored(progress))
        if trainer.step_number == stop_at:
            raise KilledError

    trainer.keep = keep
    with seeded(3, "cpu"), contextlib.suppress(KilledError):
        trainer.fit(labelled(slice(120)), None, progress)
    return kept[-1]


MUCH = r"the loss was 5\.\d+ \(that of guessing is 0\.693\) after 10 steps"


def test_ten_steps_in_a_row_far_above_guessing_are_divergence():
    with pytest.raises(DivergenceError, match=MUCH):
        fit_shifted([5.0] * 10)


def test_steps_before_a_kill_count():
    with pytest.raises(DivergenceError, match=MUCH):
        fit_shifted([5.0] * 3, progress=fit_shifted([5.0] * 7, stop_at=7))


def test_single_steps_far_above_guessing_are_none():
    fit_shifted(([5.0] * 9 + [0.0]) * 2)
    fit_shifted([5.0] * 3, progress=fit_shifted([], stop_at=7))
