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
from rungwise.evaluation.intervals import Score, score
from rungwise.evaluation.predictions import Predictions, joined_outputs
from rungwise.evaluation.resampling import Bounds, resample_each
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
        mean: over all corruptions and strengths; the clean score where none changed anything.
    """

    metric: str
    num_examples: int
    clean: Score
    scores: Mapping[str, tuple[Score, ...]]
    mean: Score

    def to_record(self) -> dict[str, Any]:
        """What the journal has, beside the rung: scores, and the ends of their intervals apart from them."""
        return {
            "metric": self.metric,
            "num_examples": self.num_examples,
            "clean": self.clean.value,
            "scores": {name: [each.value for each in scores] for name, scores in self.scores.items()},
            "intervals": {
                "clean": _ends(self.clean),
                "mean": _ends(self.mean),
                "scores": {name: [_ends(each) for each in scores] for name, scores in self.scores.items()},
            },
        }


def _ends(told: Score) -> Bounds:
    return told.low, told.high


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
    """What a journal's record of robustness says; None where it is the reason why there is none.

    Earlier versions had no intervals: their ends aren't known.
    """
    if record.get("scores") is None:
        return None
    known = record.get("intervals", {})
    scores = {
        name: tuple(map(_score, values, known["scores"][name] if known else [(None, None)] * len(values)))
        for name, values in record["scores"].items()
    }
    clean = _score(record["clean"], known.get("clean"))
    values = [each.value for of_strengths in scores.values() for each in of_strengths]
    mean = _score(float(np.mean(values)) if values else clean.value, known.get("mean"))
    return Robustness(record["metric"], record["num_examples"], clean, scores, mean)


def _score(value: float | None, ends: Sequence[float | None] | None) -> Score:
    """The journal has no number for what isn't defined, nor for an end that isn't known."""
    return Score(*(math.nan if each is None else each for each in (value, *(ends or (None, None)))))


def chosen_examples(num_test: int, count: int) -> NDArray[np.int64]:
    """Numbers of so many of the test examples, sorted: always the same ones, and fewer are some of the more."""
    return np.sort(np.random.default_rng(0).permutation(num_test)[:count])


def corrupted_scores(
    outputs: Callable[[Any], Any],
    versions: Iterable[Version],
    metric: Metric,
    clusters: NDArray[np.int64] | None = None,
) -> Robustness:
    """The clean score, and for each corruption the scores by strength, with intervals from the same resamples for all.

    Args:
        outputs: examples -> probabilities (N, K), or `Tags` (N).
        versions: of the chosen examples, some at a time, in order; their targets are class numbers, or `Tags`.
        metric: of the scores.
        clusters: (M,), examples of equal number are drawn together; None where each is its own.
    """
    found: dict[tuple[str, int], list[tuple[Any, Any]]] = {}
    for name, level, examples, target in versions:
        found.setdefault((name, level), []).append((target, outputs(examples)))
    judged = []
    for parts in found.values():
        said = _predictions(*map(joined_outputs, zip(*parts, strict=True)))
        judged.append((metric, said.target, said.output(metric)))
    num_examples = len(judged[0][1])
    num_drawn = num_examples if clusters is None else len(np.unique(clusters))
    drawn, bounds = resample_each(judged, clusters=clusters)
    values = [each.score(target, output) for each, target, output in judged]
    scores: dict[str, list[Score]] = {}
    for (name, _), *known in zip(found, values, drawn, bounds, strict=True):
        scores.setdefault(name, []).append(score(metric, num_drawn, *known))
    (clean,) = scores.pop("")
    mean = score(metric, num_drawn, float(np.mean(values[1:])), drawn[1:].mean(0)) if scores else clean
    return Robustness(
        metric.name, num_examples, clean, {name: tuple(each) for name, each in scores.items()}, mean
    )


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
