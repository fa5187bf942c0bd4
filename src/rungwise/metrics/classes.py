"""Metrics of predicted classes: accuracy, and what a table of confusions gives."""

# N examples, K classes, B resamples

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rungwise.kinds import OutputKind
from rungwise.metrics.metric import Floats, Metric, Needs

__all__ = [
    "ACCURACY",
    "BALANCED_ACCURACY",
    "ERROR",
    "MACRO_F1",
    "UNSEEN",
    "ClassScores",
    "class_scores",
    "f1",
    "rarer_class",
]

UNSEEN = -1
"""The number of a class that training never saw. It counts as one more class, which no model predicts."""


def rarer_class(target: NDArray[Any]) -> int:
    """Targets (N,) of two classes -> the one with fewer examples, 1 where they are equally many.

    It is what one looks for, spam or fraud, and so the positive class unless the user names another.
    """
    zeros, ones = np.sum(target == 0), np.sum(target == 1)
    return int(ones <= zeros)


@dataclass(frozen=True)
class ClassScores:
    """How one class is recognised.

    Attributes:
        precision: the share of its predictions that are right.
        recall: the share of its examples that are found.
        f1: the harmonic mean of both.
        support: its examples.
    """

    precision: float
    recall: float
    f1: float
    support: int


def class_scores(target: NDArray[Any], prediction: NDArray[Any], num_classes: int) -> list[ClassScores]:
    """Target (N,), prediction (N,) -> the scores of each class."""
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        target, prediction, labels=range(num_classes), average=None, zero_division=0
    )
    return [ClassScores(float(p), float(r), float(f), int(n)) for p, r, f, n in zip(*columns, strict=True)]


def _is_right(target: NDArray[Any], prediction: NDArray[Any]) -> Floats:
    return np.asarray(target == prediction, dtype=np.float64)[:, None]


def _is_wrong(target: NDArray[Any], prediction: NDArray[Any]) -> Floats:
    return 1 - _is_right(target, prediction)


def _confusion(target: NDArray[Any], prediction: NDArray[Any]) -> Any:
    """Target (N,), prediction (N,) -> sparse (N, 3 · (K + 1)): is a hit of, is predicted as, is of a class."""
    target, prediction = np.asarray(target) - UNSEEN, np.asarray(prediction) - UNSEEN
    classes = int(max(target.max(), prediction.max())) + 1
    rows = np.arange(len(target))
    hits = target == prediction
    columns = np.concatenate([target[hits], prediction + classes, target + 2 * classes])
    rows = np.concatenate([rows[hits], rows, rows])
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(target), 3 * classes))


def _mean_of_present(values: Floats, is_present: NDArray[np.bool_]) -> Floats:
    """Values (K, B) -> their mean (B,) over the classes that are there."""
    return np.asarray(np.where(is_present, values, 0).sum(axis=0) / np.maximum(is_present.sum(axis=0), 1))


def _macro_f1(means: Floats) -> Floats:
    hits, predicted, support = np.split(means, 3)  # (K, B) each
    both = predicted + support
    return _mean_of_present(2 * hits / np.where(both > 0, both, 1), both > 0)


def _mean_recall(means: Floats) -> Floats:
    hits, _, support = np.split(means, 3)  # (K, B) each
    return _mean_of_present(hits / np.where(support > 0, support, 1), support > 0)


def _positives(target: NDArray[Any], prediction: NDArray[Any], positive: int | None) -> Floats:
    positive = rarer_class(target) if positive is None else positive
    is_target, is_predicted = target == positive, prediction == positive
    return np.stack([is_target & is_predicted, is_target, is_predicted], axis=1).astype(np.float64)


def _binary_f1(means: Floats) -> Floats:
    hits, support, predicted = means  # (B,) each
    both = support + predicted
    return np.asarray(2 * hits / np.where(both > 0, both, 1))


def _label_metric(name: str, title: str, per_example: Any, **settings: Any) -> Metric:
    return Metric(
        name=name,
        title=title,
        output=OutputKind.LABEL,
        needs=Needs.PREDICTION,
        greater_is_better=name != "error",
        is_share=True,
        per_example=per_example,
        **settings,
    )


ACCURACY = _label_metric("accuracy", "accuracy", _is_right)
ERROR = _label_metric("error", "error", _is_wrong)
MACRO_F1 = _label_metric("macro-f1", "macro F1", _confusion, link=_macro_f1)
BALANCED_ACCURACY = _label_metric("balanced-accuracy", "balanced accuracy", _confusion, link=_mean_recall)


def f1(positive: int | None) -> Metric:
    """F1 of the positive class of two, the rarer one unless given."""
    return _label_metric("f1", "F1", partial(_positives, positive=positive), link=_binary_f1, is_binary=True)
