"""How a rung's score holds when its inputs get worse: a score for each corruption and strength."""

# N examples, H height, W width, C channels, K classes

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.evaluation.corruptions import CORRUPTIONS, Corruption, Pixels, corrupt
from rungwise.evaluation.predictions import Predictions
from rungwise.evaluation.text_corruptions import TEXT_CORRUPTIONS, TextCorruption
from rungwise.kinds import InputKind
from rungwise.metrics import Metric

__all__ = [
    "Robustness",
    "Version",
    "chosen_examples",
    "corrupted_scores",
    "corruptions_of",
    "image_versions",
    "num_passes",
    "robustness_of",
]

Version = tuple[str, int, Any]
"""A corruption's name and level, and examples corrupted by it; those named "" are as they were."""

_CHUNK_BYTES = 2**22
"""Of images that are corrupted together."""


@dataclass(frozen=True)
class Robustness:
    """A rung's scores on corrupted examples.

    Attributes:
        metric: the name of what the scores are of.
        num_examples: test examples that they are over, the same for all rungs.
        clean: the score on these examples as they are.
        scores: corruption → a score for each strength.
    """

    metric: str
    num_examples: int
    clean: float
    scores: Mapping[str, tuple[float, ...]]

    @property
    def mean(self) -> float:
        """Over all corruptions and strengths; the clean score where none changed anything."""
        scores = [score for scores in self.scores.values() for score in scores]
        return float(np.mean(scores)) if scores else self.clean


def corruptions_of(kind: InputKind) -> Sequence[Corruption] | Sequence[TextCorruption]:
    """The corruptions of inputs of a kind; none where the kind has none yet."""
    match kind:
        case InputKind.IMAGE:
            return CORRUPTIONS
        case InputKind.TEXT:
            return TEXT_CORRUPTIONS
        case _:
            return ()


def num_passes(kind: InputKind) -> int:
    """How often an example is predicted."""
    return 1 + sum(len(corruption.strengths) for corruption in corruptions_of(kind))


def robustness_of(record: Mapping[str, Any]) -> Robustness | None:
    """What a journal's record of robustness says; None where it is the reason why there is none."""
    if record.get("scores") is None:
        return None
    scores = {name: tuple(map(_number, values)) for name, values in record["scores"].items()}
    return Robustness(record["metric"], record["num_examples"], _number(record["clean"]), scores)


def _number(value: float | None) -> float:
    """The journal has no number for a score that isn't defined."""
    return math.nan if value is None else value


def chosen_examples(num_test: int, count: int) -> NDArray[np.int64]:
    """Numbers of so many of the test examples, sorted: always the same ones, and fewer are some of the more."""
    return np.sort(np.random.default_rng(0).permutation(num_test)[:count])


def corrupted_scores(
    outputs: Callable[[Any], NDArray[Any]],
    versions: Iterable[Version],
    target: NDArray[np.int64],
    metric: Metric,
) -> tuple[float, dict[str, list[float]]]:
    """The clean score, and for each corruption the scores by strength.

    Args:
        outputs: examples -> probabilities (N, K).
        versions: of the chosen examples, some at a time, in order.
        target: their class numbers (N,).
        metric: of the scores.
    """
    found: dict[tuple[str, int], list[NDArray[Any]]] = {}
    for name, level, examples in versions:
        found.setdefault((name, level), []).append(outputs(examples))
    scores: dict[str, list[float]] = {}
    for name, level in found:
        probabilities = np.concatenate(found[name, level])
        predictions = Predictions(target, probabilities.argmax(1), probabilities)
        scores.setdefault(name, []).append(metric.score(predictions.target, predictions.output(metric)))
    (clean,) = scores.pop("")
    return clean, scores


def image_versions(images: Pixels, index: NDArray[np.int64]) -> Iterator[Version]:
    """The images of these numbers, some at a time, as they are and with each corruption in each strength.

    Args:
        images: of the test part (N, H, W, C), which may be mapped from disk.
        index: the examples to look at.
    """
    size = max(1, _CHUNK_BYTES // max(1, images[0].size))
    for first in range(0, len(index), size):
        some = images[index[first : first + size]]
        yield "", 0, some
        for corruption in CORRUPTIONS:
            for level in range(len(corruption.strengths)):
                yield corruption.name, level, corrupt(some, corruption, level, first=first)
