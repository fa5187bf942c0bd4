"""What each class counts in training where classes are unequally frequent."""

# N examples, K classes

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rungwise.errors import ConfigError
from rungwise.kinds import OutputKind
from rungwise.settings import ClassWeight, Sampling

__all__ = ["SKLEARN_CLASS_WEIGHT", "check_labels", "class_weights"]

SKLEARN_CLASS_WEIGHT = {ClassWeight.NONE: None, ClassWeight.BALANCED: "balanced"}
"""The `class_weight` of scikit-learn's classifiers."""


def class_weights(
    choice: ClassWeight, targets: NDArray[np.int64], num_outputs: int
) -> NDArray[np.float64] | None:
    """Class indices (N,) -> what an example of each class counts (K,), N / (K · its examples); None for all alike.

    So that every class counts as much as any other, and all examples together what they do by themselves. Classes
    without an example don't count among the K, as in scikit-learn.

    Raises:
        ConfigError: if the targets are numbers, which have no classes.
    """
    check_labels(OutputKind.NUMBER if num_outputs == 1 else OutputKind.LABEL, class_weight=choice)
    if choice is ClassWeight.NONE:
        return None
    counts = np.bincount(targets, minlength=num_outputs)
    weights = len(targets) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 1.0)


def check_labels(
    kind: OutputKind,
    *,
    class_weight: ClassWeight = ClassWeight.NONE,
    sampling: Sampling = Sampling.SHUFFLED,
) -> None:
    """Sees that settings that are about classes are left alone where there are none.

    Raises:
        ConfigError: if they aren't.
    """
    if kind is OutputKind.LABEL:
        return
    why = "numbers have no classes" if kind is OutputKind.NUMBER else "a sentence has no class"
    problems = []
    if class_weight is not ClassWeight.NONE:
        problems.append(f"class_weight={class_weight.value!r}: {why}; leave it at 'none'")
    if sampling is not Sampling.SHUFFLED:
        problems.append(f"sampling={sampling.value!r}: {why}; leave it at 'shuffled'")
    if problems:
        raise ConfigError("; ".join(problems) + ".")
