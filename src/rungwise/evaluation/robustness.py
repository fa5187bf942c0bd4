"""How a rung's score holds when its inputs get worse: a score for each corruption and strength."""

# N examples, M of them chosen, H height, W width, C channels, K classes

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.data import Dataset
from rungwise.evaluation.corruptions import CORRUPTIONS, Corruption, Pixels, corrupt
from rungwise.evaluation.predictions import Predictions, joined_outputs
from rungwise.evaluation.sentence_corruptions import sentence_contexts, sentence_versions
from rungwise.evaluation.text_corruptions import (
    SENTENCE_CORRUPTIONS,
    TEXT_CORRUPTIONS,
    Contexts,
    TextCorruption,
    text_versions,
    words_of,
)
from rungwise.kinds import InputKind, OutputKind
from rungwise.metrics import Metric
from rungwise.tags import Tags

__all__ = [
    "Robustness",
    "Version",
    "chosen_examples",
    "corrupted_scores",
    "corruptions_of",
    "image_versions",
    "num_passes",
    "robustness_of",
    "word_examples",
]

Version = tuple[str, int, Any, Any]
"""A corruption's name and level, examples corrupted by it and their targets; those named "" are as they were."""

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
        case InputKind.TOKENS | InputKind.PREDICATE:
            return SENTENCE_CORRUPTIONS
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
    outputs: Callable[[Any], Any], versions: Iterable[Version], metric: Metric
) -> tuple[float, dict[str, list[float]]]:
    """The clean score, and for each corruption the scores by strength.

    Args:
        outputs: examples -> probabilities (N, K), or `Tags` (N).
        versions: of the chosen examples, some at a time, in order; their targets are class numbers, or `Tags`.
        metric: of the scores.
    """
    found: dict[tuple[str, int], list[tuple[Any, Any]]] = {}
    for name, level, examples, target in versions:
        found.setdefault((name, level), []).append((target, outputs(examples)))
    scores: dict[str, list[float]] = {}
    for (name, _), parts in found.items():
        predictions = _predictions(*map(joined_outputs, zip(*parts, strict=True)))
        scores.setdefault(name, []).append(metric.score(predictions.target, predictions.output(metric)))
    (clean,) = scores.pop("")
    return clean, scores


def _predictions(target: Any, outputs: Any) -> Predictions:
    if isinstance(outputs, Tags):
        return Predictions(target, outputs)
    return Predictions(target, outputs.argmax(1), outputs)


def image_versions(images: Pixels, target: NDArray[np.int64], index: NDArray[np.int64]) -> Iterator[Version]:
    """The images of these numbers, some at a time, as they are and with each corruption in each strength.

    Args:
        images: of the test part (N, H, W, C), which may be mapped from disk.
        target: their class numbers (N,).
        index: the examples to look at (M,).
    """
    size = max(1, _CHUNK_BYTES // max(1, images[0].size))
    for first in range(0, len(index), size):
        numbers = index[first : first + size]
        some, truth = images[numbers], target[numbers]
        yield "", 0, some, truth
        for corruption in CORRUPTIONS:
            for level in range(len(corruption.strengths)):
                yield corruption.name, level, corrupt(some, corruption, level, first=first), truth


def word_examples(dataset: Dataset, index: NDArray[np.int64]) -> Iterator[Version]:
    """The test texts or sentences of these numbers (M,), as they are and with each corruption in each strength.

    Their targets are as the dataset has them.
    """
    inputs, train = dataset.inputs("test").take(pa.array(index)), dataset.inputs("train")
    targets = dataset.targets("test")
    if dataset.pair[1] is OutputKind.TAGS:
        yield from sentence_versions(inputs, targets.take(pa.array(index)), sentence_contexts(train))
        return
    contexts = Contexts(words_of(text.as_py()) for text in train)
    for name, level, texts in text_versions(inputs.to_pylist(), contexts):
        yield name, level, pa.chunked_array([texts], pa.string()), targets[index]
