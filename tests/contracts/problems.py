"""A small problem for each pair of kinds: easy to learn, quick to fit, and real where scikit-learn carries data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits, load_wine

from rungwise.estimators.inputs import take
from rungwise.kinds import InputKind, OutputKind
from rungwise.ladder.plan import estimate_shape
from rungwise.preprocessing.table import Scaling, TableFeatures
from rungwise.rung import Pair, Shape, TableShape

__all__ = ["Problem", "make_problem"]

POSITIVE = ("wonderful", "charming", "brilliant", "moving", "好看", "精彩", "感人", "喜欢")
NEGATIVE = ("dull", "clumsy", "boring", "awful", "难看", "无聊", "失望", "讨厌")
FILLER = (
    "the",
    "film",
    "a",
    "story",
    "of",
    "and",
    "with",
    "actors",
    "it",
    "was",
    "电影",
    "这部",
    "演员",
    "的",
)


@dataclass(frozen=True)
class Problem:
    """Inputs in a form that users hand in, and their targets: strings for classes, numbers otherwise."""

    pair: Pair
    inputs: Any
    targets: NDArray[Any]
    test_inputs: Any
    test_targets: NDArray[Any]

    def first(self, count: int) -> tuple[Any, NDArray[Any]]:
        """The first training examples."""
        index = np.arange(count)
        return take(self.inputs, index), self.targets[:count]

    def repeated(self, times: int) -> tuple[Any, NDArray[Any]]:
        """The training examples, over and over."""
        index = np.tile(np.arange(len(self.targets)), times)
        return take(self.inputs, index), self.targets[index]

    def shape(self, learner_inputs: Any, num_examples: int) -> Shape:
        """The problem's size, for inputs in the form that learners get.

        A table's is that of its preprocessed columns, the others are as a run's plan estimates them.
        """
        num_outputs = len(np.unique(self.targets)) if self.pair[1] is OutputKind.LABEL else 1
        if self.pair[0] is InputKind.TABLE:
            features = TableFeatures(Scaling.STANDARD)
            features.fit(learner_inputs)
            return TableShape(
                num_examples=num_examples,
                num_outputs=num_outputs,
                num_numbers=features.num_numbers,
                cardinalities=features.columns.cardinalities,
            )
        dataset: Any = SimpleNamespace(
            pair=self.pair,
            num_outputs=num_outputs,
            inputs=lambda part: learner_inputs,
            num=lambda part: num_examples,
        )
        return estimate_shape(dataset)


@cache
def make_problem(pair: Pair) -> Problem:
    """The problem of a pair of kinds."""
    kind, output = pair
    inputs, targets = _RAW[kind](output)
    order = np.random.default_rng(0).permutation(len(targets))
    train, test = order[: 2 * len(order) // 3], order[2 * len(order) // 3 :]
    return Problem(pair, take(inputs, train), targets[train], take(inputs, test), targets[test])


def _table(output: OutputKind) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Wine or diabetes, with holes, and with a category, a date and a text that say a little of the target."""
    rng = np.random.default_rng(1)
    data = (load_wine if output is OutputKind.LABEL else load_diabetes)(as_frame=True)
    frame, target = data.data.copy(), data.target.to_numpy()
    frame = frame.mask(rng.random(frame.shape) < 0.03)
    rank = target.argsort().argsort() / len(target)
    noisy = (rank + rng.normal(0, 0.2, len(rank))).clip(0, 0.999)
    frame["colour"] = np.array(["red", "green", "蓝", None], dtype=object)[(noisy * 4).astype(int)]
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta((noisy * 365).astype(int), unit="D")
    frame["note"] = [f"{word} number {i} of the list" for i, word in enumerate(rng.choice(FILLER, len(rank)))]
    if output is OutputKind.LABEL:
        return frame, np.array(["barolo", "grignolino", "barbera"])[target]
    return frame, target.astype(np.float64)


def _texts(output: OutputKind) -> tuple[pa.ChunkedArray, NDArray[Any]]:
    """English and Chinese words in any order, a third of which tell the class; lengths from 2 to 25."""
    rng = np.random.default_rng(2)
    positive = rng.random(300) < 0.5
    texts = []
    for is_positive in positive:
        num_words = rng.integers(2, 26)
        words = rng.choice(FILLER, num_words)
        telling = rng.random(num_words) < 1 / 3
        telling[0] = True
        words[telling] = rng.choice(POSITIVE if is_positive else NEGATIVE, telling.sum())
        texts.append(" ".join(rng.permutation(words)))
    targets = np.where(positive, "good", "bad") if output is OutputKind.LABEL else positive.astype(np.float64)
    return pa.chunked_array([texts]), targets


def _images(output: OutputKind) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Handwritten digits, 8 by 8 pixels."""
    digits = load_digits()
    images, digit = (digits.images[:600] * 15).astype(np.uint8), digits.target[:600]
    return images[..., None], digit.astype(str) if output is OutputKind.LABEL else digit.astype(np.float64)


_RAW = {InputKind.TABLE: _table, InputKind.TEXT: _texts, InputKind.IMAGE: _images}
