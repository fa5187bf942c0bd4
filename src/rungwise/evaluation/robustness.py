"""How a rung's score holds when its inputs get worse: a score for each corruption and strength."""

# N examples, H height, W width, C channels, K classes

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.evaluation.corruptions import CORRUPTIONS, Pixels, corrupt
from rungwise.evaluation.predictions import Predictions
from rungwise.metrics import Metric

__all__ = ["NUM_PASSES", "Robustness", "chosen_examples", "corrupted_scores", "robustness_of"]

NUM_PASSES = 1 + sum(len(corruption.strengths) for corruption in CORRUPTIONS)
"""How often an example is predicted."""

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
        """Over all corruptions and strengths."""
        return float(np.mean([score for scores in self.scores.values() for score in scores]))


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
    outputs: Callable[[Pixels], NDArray[Any]],
    images: Pixels,
    target: NDArray[np.int64],
    index: NDArray[np.int64],
    metric: Metric,
) -> tuple[float, dict[str, list[float]]]:
    """The clean score, and for each corruption the scores by strength.

    Args:
        outputs: images (N, H, W, C) -> probabilities (N, K).
        images: of the test part (N, H, W, C), which may be mapped from disk.
        target: class numbers of the test part (N,).
        index: the examples to look at.
        metric: of the scores.
    """
    found: dict[tuple[str, int], list[NDArray[Any]]] = {}
    size = max(1, _CHUNK_BYTES // max(1, images[0].size))
    for first in range(0, len(index), size):
        for name, level, corrupted in _versions(images[index[first : first + size]], first):
            found.setdefault((name, level), []).append(outputs(corrupted))

    def score(name: str, level: int) -> float:
        probabilities = np.concatenate(found[name, level])
        predictions = Predictions(target[index], probabilities.argmax(1), probabilities)
        return metric.score(predictions.target, predictions.output(metric))

    scores = {c.name: [score(c.name, level) for level in range(len(c.strengths))] for c in CORRUPTIONS}
    return score("", 0), scores


def _versions(images: Pixels, first: int) -> Iterator[tuple[str, int, Pixels]]:
    """The images as they are, named "", and with each corruption in each strength."""
    yield "", 0, images
    for corruption in CORRUPTIONS:
        for level in range(len(corruption.strengths)):
            yield corruption.name, level, corrupt(images, corruption, level, first=first)
