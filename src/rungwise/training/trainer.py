"""The loop that trains every network, in five stages that a subclass may override.

    prepare → (batches → step)* → validate → … → finish

The length of the training is planned in steps. While the deadline can't be met at the measured pace, the plan is cut,
and the learning rate falls to zero over what is left; otherwise the clock changes nothing, and a seed decides all.
Between two steps the training can be kept, and goes on from there to the same end (`progress`).
"""

# N examples, B examples of one batch, C outputs

from __future__ import annotations

import copy
import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rungwise.errors import TrainingError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.rung import Weights
from rungwise.settings import NetworkConfig, Sampling
from rungwise.training.asking import (
    Labelled,
    Targets,
    groups_of,
    labels_of,
    num_units,
    predict_outputs,
    targets_of,
    to_device,
)
from rungwise.training.batches import train_batches
from rungwise.training.losses import Criterion
from rungwise.training.optimizers import make_optimizers
from rungwise.training.precision import autocast, resolve_precision
from rungwise.training.progress import is_sound, progress_of, restore_progress
from rungwise.training.schedules import rate_factor

__all__ = ["AUXILIARY_WEIGHT", "DivergenceError", "Trainer"]


class Augment(Protocol):
    """`Preprocessor.augment`."""

    def __call__(
        self, batch: tuple[Any, ...], generator: torch.Generator, *, index: NDArray[np.int64], epoch: int
    ) -> tuple[Any, ...]:
        """A batch on its device -> the same, randomly altered."""
        ...


Keep = Callable[[State, Weights, list[Epoch]], None]
"""Stores the progress, the best weights so far, and the history."""

AUXILIARY_WEIGHT = 0.4
"""Of the loss of a head that only training has, as torchvision's."""

_PROBE_STEPS = 10
"""Steps between looks at losses and clock; the first ones, which set things up, don't count for the pace."""

_DIVERGED = 3.0
"""Times the loss of guessing. Single steps come above it and recover, up to 36 times it in simple RNNs; in the rungs'
trainings at their default rates, and at ten times these, no ten steps in a row did."""

_PROBE_SHARE = 0.05
"""Of the time allowed, what passes before the pace is trusted: one hiccup of the machine must not change the plan."""

_FORWARD_SHARE = 1 / 3
"""Of a step's time, the forward pass; the backward pass computes twice as much."""

_RESERVE = 0.9
"""The fraction of the time left that the plan may fill."""


def _keep_nothing(progress: State, weights: Weights, history: list[Epoch]) -> None:
    """Of a training whose context has no checkpoint, this is never called."""


class DivergenceError(TrainingError):
    """The loss is not finite, or stays far above that of guessing."""


class Trainer:
    """Fits a network's weights: `Trainer(network, config, context, objective, …).fit(train, validation)`.

    Training has diverged when a loss is not finite, or when each of the last `_PROBE_STEPS` steps had more than
    `_DIVERGED` times the loss of guessing.

    Args:
        network: on the CPU; `fit` moves it to the context's device and back.
        config: the training's settings.
        context: seed, deadline, device and precision, and when the checkpoint is due.
        objective: loss and score.
        augment: alters a training batch on its device.
        keep: is called where the checkpoint is due.
        new: names of parameters that are new beside pretrained ones (`make_optimizers`).
    """

    def __init__(
        self,
        network: nn.Module,
        config: NetworkConfig,
        context: FitContext,
        objective: Criterion,
        augment: Augment,
        keep: Keep = _keep_nothing,
        new: Collection[str] = (),
    ) -> None:
        self.network, self.config, self.context = network, config, context
        self.objective, self.augment, self.keep, self.new = objective, augment, keep, new
        self.precision = resolve_precision(context.precision, context.device)
        self.is_over: bool

    def fit(self, train: Labelled, validation: Labelled | None, progress: State | None = None) -> list[Epoch]:
        """Trains in place, leaves the best weights seen on validation (else the last), returns the history.

        Args:
            train: examples and their targets.
            validation: the same, or None.
            progress: what was kept of this same training, to go on from.

        Raises:
            DivergenceError: if the training has diverged.
            TrainingError: if there was no time for one step.
        """
        if progress is None and self.context.seconds_left() <= 0:
            raise TrainingError("there is no time left for one step of training; allow more time.")
        self.prepare(train, validation)
        if progress is not None:
            restore_progress(self, progress)
        elif self.context.pretrained is not None:
            self.validate(0)  # what the weights give as they are is to be beaten
            self.first_step_start = time.monotonic()
        while not self.is_over:
            for batch in self.batches(self.epoch):
                self.step(batch)
                if self.step_number >= self.total_steps:
                    break
                self._keep_if_due()
            self._begin_epoch(self.epoch + 1)
            is_last = not self.validate(self.epoch) or self.epoch >= self.num_epochs
            self.is_over = is_last or self.step_number >= self.total_steps
            self._keep_if_due()
        self.finish()
        return self.history

    # ------------------------------------------------------------------------------------- the five stages

    def prepare(self, train: Labelled, validation: Labelled | None) -> None:
        """Stage 1: the network on its device, optimizers, the plan of steps, and an empty history."""
        self.train, self.validation = train, validation
        to_device(self.network, self.context.device)
        self.optimizers = make_optimizers(self.network, self.config, self.new)
        self.base_rates = [[group["lr"] for group in o.param_groups] for o in self.optimizers]
        self.rng = np.random.default_rng(self.context.seed)
        self.generator = torch.Generator(self.context.device).manual_seed(self.context.seed)
        self.num_epochs = self.config.num_epochs(num_units(train[0]))
        self.planned_steps = self.total_steps = self._count_steps()
        self.step_number = 0
        self.is_over = self.was_hurried = False
        self._begin_epoch(0)
        self.history: list[Epoch] = []
        self.best: tuple[tuple[float, float], Weights] | None = None
        self.stale_epochs = 0
        self.validate_seconds = self.asked_seconds = 0.0
        self.start = time.monotonic()
        self.first_step, self.first_step_start = 0, self.start
        self.pace_from = (0, self.start)
        self.losses: list[Tensor] = []
        self.recent_losses: deque[Tensor] = deque(maxlen=_PROBE_STEPS)

    def batches(self, epoch: int) -> Iterator[tuple[tuple[Any, ...], Targets]]:
        """Stage 2: what is left of an epoch, as batches on the device: the network's inputs, and targets (B)."""
        for index in self._epoch_index(self.rng)[self.epoch_step :]:
            inputs = tuple(part.to(self.context.device) for part in self.train[0].batch(index))
            inputs = self.augment(inputs, self.generator, index=index, epoch=epoch)
            yield inputs, targets_of(self.train, index).to(self.context.device)

    def step(self, batch: tuple[tuple[Any, ...], Targets]) -> None:
        """Stage 3: one step of the optimizers."""
        inputs, targets = batch
        self.network.train()
        self._set_rate()
        with autocast(self.precision, self.context.device):
            given = self.network(*inputs)
        outputs, *others = given if isinstance(given, tuple) else (given,)
        loss = self.objective.train_loss(outputs.float(), targets)
        for auxiliary in others:
            loss = loss + AUXILIARY_WEIGHT * self.objective.train_loss(auxiliary.float(), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.losses.append(loss.detach())
        self.recent_losses.append(loss.detach())
        self.step_number += 1
        self.epoch_step += 1
        is_probe = self.step_number % _PROBE_STEPS == 0
        if is_probe:
            self._check_recent_losses(self.objective.guessing_loss(outputs.shape[1]))
        if is_probe or self.context.seconds_left() <= self.asked_seconds:
            self._keep_to_deadline()
            self.context.report(self.step_number / self.total_steps, self._best_score())

    def validate(self, epoch: int) -> bool:
        """Stage 4: score on validation, remember the best weights; False ends the training."""
        train_loss = math.nan
        if self.losses:
            train_loss = torch.stack(self.losses).mean().item()
            self._check_loss(train_loss)
        self.losses = []
        valid_loss = valid_score = None
        if self.validation is not None:
            start = time.monotonic()
            outputs = predict_outputs(self.network, self.validation[0], self.config, self.context)
            self.validate_seconds = time.monotonic() - start
            targets = self.validation[1]
            valid_loss = float(self.objective.loss(outputs, targets))
            self._check_loss(valid_loss)
            valid_score = self.objective.score(outputs, targets)
            self._remember((valid_score, -valid_loss))
        seconds = time.monotonic() - self.start
        self.history.append(Epoch(epoch, seconds, train_loss, valid_loss, valid_score))
        if self.step_number:
            self._keep_to_deadline()
        self.context.report(min(1.0, self.step_number / self.total_steps), self._best_score())
        return self.stale_epochs <= self.config.patience

    def finish(self) -> None:
        """Stage 5: the best weights, on the CPU, ready to predict."""
        if self.total_steps <= self.step_number < self.planned_steps:
            self.context.cut()
        elif self.was_hurried:
            self.context.note(
                "for a while its time looked short, and its learning rate fell faster; another fit may differ"
            )
        if self.best is not None:
            self.network.load_state_dict(self.best[1])
        self.network.to("cpu").eval()

    # ---------------------------------------------------------------------------------------------- parts

    def _begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        self.epoch_step = 0
        self.epoch_rng = self.rng.bit_generator.state

    def _keep_if_due(self) -> None:
        """Keeps the training, unless its weights are broken, which the next losses say."""
        if self.context.checkpoint.is_due() and is_sound(self):
            weights = self.network.state_dict() if self.best is None else self.best[1]
            self.keep(progress_of(self), weights, self.history)

    def _check_recent_losses(self, guessing_loss: float) -> None:
        losses = torch.stack(list(self.recent_losses))
        self._check_loss(float(losses.mean()))
        if float(losses.min()) > _DIVERGED * guessing_loss:
            raise self._divergence(f"{float(losses.mean()):.3g} (that of guessing is {guessing_loss:.3g})")

    def _check_loss(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise self._divergence(str(loss))

    def _divergence(self, loss: str) -> DivergenceError:
        rate = self.config.learning_rate
        return DivergenceError(
            f"the loss was {loss} after {self.step_number} steps at learning_rate {rate:g}"
        )

    def _epoch_index(self, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        examples = self.train[0]
        labels = labels_of(self.train) if self.config.sampling is Sampling.BALANCED else None
        batch_size, groups = self.config.batch_size, groups_of(examples)
        return train_batches(len(examples), examples.lengths, batch_size, rng, labels=labels, groups=groups)

    def _count_steps(self) -> int:
        """Steps of all the epochs; cut by length, no two epochs have the same number."""
        rng = np.random.default_rng(self.context.seed)
        return sum(len(self._epoch_index(rng)) for _ in range(self.num_epochs))

    def _set_rate(self) -> None:
        progress = (self.step_number + 1) / (self.total_steps + 1)
        factor = rate_factor(self.config.schedule, progress, self.config.warmup)
        for optimizer, rates in zip(self.optimizers, self.base_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor

    def _keep_to_deadline(self) -> None:
        """Plans as many of the steps as can be paid for; without a deadline, or far from it, that is all of them."""
        left, now = self.context.seconds_left(), time.monotonic()
        is_settling = self.step_number <= self.first_step + _PROBE_STEPS
        if is_settling:
            self.pace_from = (self.step_number, now)
        elapsed = now - self.start
        if math.isinf(left) or elapsed < _PROBE_SHARE * (elapsed + left):
            return
        if is_settling and self.first_step and left > self.asked_seconds:
            return  # a training that goes on has a plan, and no pace yet
        steps, since = self.pace_from if self.pace_from[0] < self.step_number else (0, self.first_step_start)
        pace = (now - since) / max(1, self.step_number - steps)
        self.asked_seconds = self._seconds_to_ask(pace)
        affordable = int(max(0.0, _RESERVE * left - self.asked_seconds) / pace)
        self.total_steps = min(self.planned_steps, self.step_number + affordable)
        self.was_hurried = self.was_hurried or self.total_steps < self.planned_steps

    def _seconds_to_ask(self, pace: float) -> float:
        """What the last validation and the predictions after the fit take, as the validations did, or else the steps.

        Args:
            pace: seconds of a step.
        """
        num_valid = 0 if self.validation is None else len(self.validation[0])
        if self.validate_seconds:
            seconds = self.validate_seconds / num_valid
        else:
            batch_size = len(self.train[0]) * self.num_epochs / self.planned_steps
            seconds = pace / batch_size * _FORWARD_SHARE
        parts = len(self.train[0]) / len(self.train[1])  # of an input, as long texts have several
        return seconds * (num_valid + parts * self.context.then_predict)

    def _best_score(self) -> float | None:
        return None if self.best is None else self.best[0][0]

    def _remember(self, merit: tuple[float, float]) -> None:
        """Keeps the weights if their score, or at equal scores their loss, is the best so far."""
        if self.best is None or merit > self.best[0]:
            self.best = (merit, copy.deepcopy(self.network.state_dict()))
            self.stale_epochs = 0
        else:
            self.stale_epochs += 1
