"""Training for tags: targets as many as an example has words, and the loss and score of scores for each of them."""

# N sentences, P examples, B of one batch, S words of all of them, C tags

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rungwise.layers.sequence import rows_of
from rungwise.rung import TagLayer
from rungwise.tags import OUTSIDE, Tags, repaired, span_counts, span_f1
from rungwise.training.batches import length_batches

__all__ = ["TagObjective", "TagTargets", "decode"]

_WORDS_AT_ONCE, _CELLS_AT_ONCE = 4096, 2**25
"""Words, padding counted, whose paths are looked for together, and pairs of tags of as many sentences in a step."""


@dataclass(frozen=True)
class TagTargets:
    """The tags of some examples, one for each word.

    Attributes:
        values: of all the words (S,) int64.
        lengths: words of each example (P,) int64.
    """

    values: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, tags: Tags, num_words: NDArray[np.int64]) -> TagTargets:
        """The tags of sentences that are cut into parts of so many words (P,); a span that is cut begins anew."""
        offsets = np.concatenate([[0], num_words.cumsum()])
        return cls(torch.from_numpy(repaired(Tags(tags.values, offsets)).values), torch.from_numpy(num_words))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: Tensor) -> TagTargets:
        """Those of examples by their numbers (B,)."""
        return TagTargets(self.values[rows_of(self.lengths, index)], self.lengths[index])

    def to(self, device: str) -> TagTargets:
        """The same on a device."""
        return TagTargets(self.values.to(device), self.lengths.to(device))

    def tags(self) -> Tags:
        """The same in NumPy."""
        return _tags(self.values, self.lengths)


@dataclass(frozen=True)
class TagObjective:
    """Loss and score of a score for each tag of each word, outputs (S, C), against `TagTargets`.

    Attributes:
        layer: of the network, which knows what goes with what.
        unscored: types whose spans the score leaves out.
    """

    layer: TagLayer
    unscored: tuple[int, ...] = ()

    def loss(self, outputs: Tensor, targets: TagTargets) -> Tensor:
        """Outputs (S, C), targets (P) -> the mean loss of a word (). Spans of unseen types count as outside."""
        total = torch.zeros(())
        for rows, lengths in _chunks(targets.lengths, outputs.shape[1]):
            with torch.inference_mode():
                tags = targets.values[rows].clamp(min=OUTSIDE)
                loss = self.layer.loss(*_on_device(self.layer, outputs[rows], tags, lengths))
            total = total + loss.cpu() * len(rows)
        return total / len(outputs)

    def train_loss(self, outputs: Tensor, targets: TagTargets) -> Tensor:
        """Outputs (S, C), targets (B), seen in training all of them -> the mean loss of a word ()."""
        return self.layer.loss(outputs, targets.values, targets.lengths)

    def guessing_loss(self, num_outputs: int) -> float:
        """The loss of a word where all tags are alike."""
        return math.log(num_outputs)

    def score(self, outputs: Tensor, targets: TagTargets) -> float:
        """Outputs (S, C), targets (P) -> F1 over spans."""
        predicted = decode(self.layer, outputs, targets.lengths)
        return span_f1(span_counts(targets.tags(), predicted, self.unscored))


def decode(layer: TagLayer, outputs: Tensor, lengths: Tensor) -> Tags:
    """Outputs (S, C) of sentences of so many words (N,), at least one each -> the tags that the layer decides on."""
    values = torch.empty(len(outputs), dtype=torch.int64)
    for rows, some in _chunks(lengths, outputs.shape[1]):
        values[rows] = layer.decode(*_on_device(layer, outputs[rows], some)).cpu()
    return _tags(values, lengths)


def _chunks(lengths: Tensor, num_tags: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Lengths (N,) -> the rows and the lengths of some sentences at a time, alike in length."""
    known = lengths.numpy()
    most = min(_WORDS_AT_ONCE, max(1, _CELLS_AT_ONCE // num_tags**2))
    for part in length_batches(np.argsort(known, kind="stable"), known, most):
        index = torch.from_numpy(part)
        yield rows_of(lengths, index), lengths[index]


def _tags(values: Tensor, lengths: Tensor) -> Tags:
    return Tags(values.numpy(), np.concatenate([[0], lengths.numpy().cumsum()]))


def _on_device(layer: TagLayer, *tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.to(layer.legal.device) for tensor in tensors)
