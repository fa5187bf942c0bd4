"""A small problem for each pair of kinds: easy to learn, quick to fit, and real where scikit-learn carries data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits, load_wine

from rungwise.data.sentences import PREDICATE_TYPE, TOKENS_TYPE
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
    """Inputs in a form that users hand in, and their targets: strings for classes, numbers, or lists of tags."""

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

    @cached_property
    def num_outputs(self) -> int:
        """Classes, tags, or 1 for a number."""
        match self.pair[1]:
            case OutputKind.LABEL:
                return len(np.unique(self.targets))
            case OutputKind.NUMBER:
                return 1
            case OutputKind.TAGS:
                return 1 + 2 * len({tag[2:] for tags in self.targets for tag in tags if tag != "O"})

    def shape(self, learner_inputs: Any, num_examples: int) -> Shape:
        """The problem's size, for inputs in the form that learners get.

        A table's is that of its preprocessed columns, the others are as a run's plan estimates them.
        """
        if self.pair[0] is InputKind.TABLE:
            features = TableFeatures(Scaling.STANDARD)
            features.fit(learner_inputs)
            return TableShape(
                num_examples=num_examples,
                num_outputs=self.num_outputs,
                num_numbers=features.num_numbers,
                cardinalities=features.columns.cardinalities,
            )
        dataset: Any = SimpleNamespace(
            pair=self.pair,
            num_outputs=self.num_outputs,
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


SPANS = {
    "ORG": (
        ("United", "Grand", "North", "Royal", "联合", "国家"),
        ("Steel", "Bank", "Post", "Mills", "银行", "大学"),
    ),
    "PER": (("Ada", "Max", "Rosa", "Emil", "小明", "王"), ("Stone", "Fisher", "Lind", "Okafor", "芳", "伟")),
}
"""Words that a name of each type begins with, and words that it goes on with."""

VERBS = ("sees", "calls", "helps", "看见", "帮助")
NOUNS = ("dog", "child", "teacher", "neighbour", "猫", "老师")
MODIFIERS = ("the", "old", "small", "clever", "那个", "老")
TIMES = (("on", "Monday"), ("in", "May"), ("at", "noon"), ("昨天",))


def _sentences(output: OutputKind) -> tuple[pa.ChunkedArray, NDArray[Any]]:
    """Names of two to four words among others: each word is seen often, the whole name hardly ever before."""
    assert output is OutputKind.TAGS
    rng = np.random.default_rng(3)
    sentences, targets = [], []
    for _ in range(240):
        tokens, tags = [], []
        for kind in [*rng.choice([*SPANS], rng.integers(1, 4)), None]:
            others = rng.choice(FILLER, rng.integers(1, 5)).tolist()
            tokens += others
            tags += ["O"] * len(others)
            if kind is not None:
                first, rest = SPANS[kind]
                name = [rng.choice(first), *rng.choice(rest, rng.integers(1, 4))]
                tokens += map(str, name)
                tags += [f"B-{kind}", *[f"I-{kind}"] * (len(name) - 1)]
        sentences.append(tokens)
        targets.append(tags)
    return pa.chunked_array([sentences], TOKENS_TYPE), _objects(targets)


def _predicates(output: OutputKind) -> tuple[pa.ChunkedArray, NDArray[Any]]:
    """Two clauses, of one of which the roles are asked: who stands before the verb acts, whom it is done to, behind."""
    assert output is OutputKind.TAGS
    rng = np.random.default_rng(4)
    rows, targets = [], []
    for _ in range(240):
        tokens, tags, predicate = [], [], 0
        asked = int(rng.integers(2))
        for clause in range(2):
            if clause:
                tokens, tags = [*tokens, "and"], [*tags, "O"]
            for role in ("ARG0", "V", "ARG1", "ARGM-TMP"):
                words = _phrase(role, rng)
                if role == "V" and clause == asked:
                    predicate = len(tokens)
                is_inside = clause == asked and bool(words)
                tokens += words
                tags += [f"B-{role}", *[f"I-{role}"] * (len(words) - 1)] if is_inside else ["O"] * len(words)
        rows.append({"tokens": tokens, "predicate": predicate})
        targets.append(tags)
    return pa.chunked_array([rows], PREDICATE_TYPE), _objects(targets)


def _phrase(role: str, rng: np.random.Generator) -> list[str]:
    if role == "V":
        return [str(rng.choice(VERBS))]
    if role == "ARGM-TMP":
        return [*TIMES[rng.integers(len(TIMES))]] if rng.random() < 0.5 else []
    return [*rng.choice(MODIFIERS, rng.integers(1, 4)).tolist(), str(rng.choice(NOUNS))]


def _objects(rows: list[list[str]]) -> NDArray[Any]:
    """Lists of any length as the values (N,) of an array."""
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


_RAW = {
    InputKind.TABLE: _table,
    InputKind.TEXT: _texts,
    InputKind.IMAGE: _images,
    InputKind.TOKENS: _sentences,
    InputKind.PREDICATE: _predicates,
}
