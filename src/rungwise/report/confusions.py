"""Which classes a rung takes for which."""

# N examples, K classes

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rungwise.evaluation import Predictions
from rungwise.language import say
from rungwise.metrics import UNSEEN

__all__ = [
    "MAX_CLASSES",
    "UNSEEN_NAME",
    "ConfusedPair",
    "ConfusionRow",
    "confused_pairs",
    "confusion_rows",
    "pair_key",
]

MAX_CLASSES = 30
"""Of more classes the most confused pairs are shown, not the matrix."""

_MAX_PAIRS = 20
UNSEEN_NAME = say("not seen in training")


@dataclass(frozen=True)
class ConfusionRow:
    """The examples of one class: its name, and for each predicted class how many and which share."""

    name: str
    cells: Sequence[tuple[int, float, bool]]
    """Count, share of the row, whether the prediction is right."""


@dataclass(frozen=True)
class ConfusedPair:
    """How often a class was taken for another, and that count as a share of the class; NaN where there is none."""

    truth: str
    prediction: str
    count: int
    share: float

    @property
    def key(self) -> str:
        """What examples of it are marked with; see `pair_key`."""
        return pair_key(self.truth, self.prediction)


def pair_key(truth: str, prediction: str) -> str:
    """What the page calls a class, or a type, taken for another."""
    return f"{truth} → {prediction}"


def confusion_rows(predictions: Predictions, classes: Sequence[str]) -> list[ConfusionRow]:
    """The confusion matrix by true class; a last row has the targets that training never saw, if any."""
    num_classes = len(classes)
    true = np.where(predictions.target == UNSEEN, num_classes, predictions.target)
    counts = np.zeros((num_classes + 1, num_classes), dtype=np.int64)
    np.add.at(counts, (true, predictions.prediction), 1)
    names = [*classes, UNSEEN_NAME] if counts[-1].any() else list(classes)
    return [
        ConfusionRow(name, [(int(n), n / max(row.sum(), 1), i == j) for j, n in enumerate(row)])
        for i, (name, row) in enumerate(zip(names, counts, strict=False))
    ]


def confused_pairs(predictions: Predictions, classes: Sequence[str]) -> list[ConfusedPair]:
    """The pairs of classes confused most often, the most frequent first."""
    is_wrong = predictions.target != predictions.prediction
    pairs = np.stack([predictions.target, predictions.prediction], axis=1)[is_wrong]
    distinct, counts = np.unique(pairs, axis=0, return_counts=True)
    found = []
    for place in np.argsort(-counts, kind="stable")[:_MAX_PAIRS]:
        truth, prediction = distinct[place]
        name = UNSEEN_NAME if truth == UNSEEN else classes[truth]
        share = counts[place] / np.sum(predictions.target == truth)
        found.append(ConfusedPair(name, classes[prediction], int(counts[place]), float(share)))
    return found
