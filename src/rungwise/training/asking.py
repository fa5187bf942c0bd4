"""Asks a network about examples, whatever it is trained for."""

# N inputs, P examples that they are made into, C outputs

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rungwise.fitting import FitContext
from rungwise.layers.sequence import rows_of
from rungwise.rung import Examples
from rungwise.settings import NetworkConfig
from rungwise.training.batches import sorted_batches
from rungwise.training.precision import autocast, possible_precision
from rungwise.training.seeds import torch_as_usual
from rungwise.training.tagging import TagTargets

__all__ = [
    "Labelled",
    "Targets",
    "ask",
    "ask_batches",
    "groups_of",
    "labels_of",
    "num_units",
    "predict_outputs",
    "targets_of",
    "to_device",
]

Targets = Tensor | TagTargets
Labelled = tuple[Examples, Targets]
"""Examples (P), and the targets (N) of the inputs that they were made of."""

_LEAST_ASKED, _MOST_ASKED = 64, 256
"""Examples of a batch that is only predicted, whatever the batches of training: what larger ones make leaves the caches
(`fast-cnn`, images a second on one core: 3,530 in batches of 250, 2,540 in batches of 500)."""


def targets_of(part: Labelled, index: NDArray[np.int64]) -> Targets:
    """The targets (B,) of examples, by their numbers (B,)."""
    examples, targets = part
    owners = examples.owners
    return targets[torch.from_numpy(index if owners is None else owners[index])]


def groups_of(examples: Examples) -> NDArray[np.int64] | None:
    """The number of each example's group (P,) that a batch has whole; None where each is one to itself."""
    return getattr(examples, "groups", None)  # asked for the protocol, it takes 50 µs


def num_units(examples: Examples) -> int:
    """Examples that batches are counted by: groups, where there are any."""
    groups = groups_of(examples)
    return len(examples) if groups is None else int(groups.max(initial=-1)) + 1


def labels_of(part: Labelled) -> NDArray[np.int64]:
    """The class indices (P,) of all examples, which have one each."""
    targets = targets_of(part, np.arange(len(part[0])))
    assert isinstance(targets, Tensor)
    return targets.numpy()


def to_device(network: nn.Module, device: str) -> None:
    """Moves a network; kernels of images get the channels last in memory, in which convolutions are fast."""
    network.to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def predict_outputs(
    network: nn.Module,
    examples: Examples,
    config: NetworkConfig,
    context: FitContext,
    *,
    forward: Callable[..., Tensor] | None = None,
) -> Tensor:
    """Examples (P) of N inputs -> the network's outputs (N, C) float32 on the CPU, in the inputs' order.

    Of an input in several examples, it is the mean of theirs. Of `WordExamples`, there is a row for each word (S, C).

    Args:
        network: of which the outputs are asked.
        examples: what it is asked.
        config: of its training.
        context: device and precision.
        forward: a method of the network that is called in place of `forward`.
    """
    to_device(network, context.device)
    if network.training:
        network.eval()
    return ask(network, examples, config, context, forward=forward)


def ask(
    network: nn.Module,
    examples: Examples,
    config: NetworkConfig,
    context: FitContext,
    *,
    forward: Callable[..., Tensor] | None = None,
) -> Tensor:
    """`predict_outputs` of a network that is on its device, and not in training.

    It may say in `asked_tokens` how many tokens of a batch it answers fastest on a CPU.
    """
    most_tokens = getattr(network, "asked_tokens", None) if context.device == "cpu" else None
    most = min(max(config.batch_size, _LEAST_ASKED), _MOST_ASKED)
    index = sorted_batches(
        len(examples), examples.lengths, most, most_tokens=most_tokens, groups=groups_of(examples)
    )
    outputs = ask_batches(forward or network, examples, index, context)
    order = torch.from_numpy(np.concatenate(index))
    num_words = getattr(examples, "num_words", None)
    if num_words is not None:
        order = rows_of(torch.from_numpy(num_words), order)
    batches = torch.cat(outputs)
    result = torch.empty_like(batches)
    result[order] = batches
    return result if examples.owners is None else _means(result, torch.from_numpy(examples.owners))


def ask_batches(
    answer: Callable[..., Tensor],
    examples: Examples,
    batches: Iterable[NDArray[np.int64]],
    context: FitContext,
) -> list[Tensor]:
    """Examples in batches, by their numbers -> what a network answers to each batch, float32 on the CPU."""
    precision = possible_precision(context.precision, context.device)
    with torch_as_usual(), torch.inference_mode(), autocast(precision, context.device):
        given = ((part.to(context.device) for part in examples.batch(index)) for index in batches)
        return [answer(*inputs).float().cpu() for inputs in given]


def _means(outputs: Tensor, owners: Tensor) -> Tensor:
    """Outputs (P, C), owners (P,), every number from 0 on among them -> their means (N, C)."""
    counts = owners.bincount()
    sums = torch.zeros(len(counts), outputs.shape[1]).index_add_(0, owners, outputs)
    return sums / counts[:, None]
