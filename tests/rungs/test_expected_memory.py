"""The memory that formulas expect is near what NumPy and Python are seen to take, and what stacking arrays takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from rungwise import registry
from rungwise.estimators import RungEstimator, estimator_class
from rungwise.kinds import OutputKind
from rungwise.rung import ImageShape, SentenceShape, Shape, TableShape, TextShape
from rungwise.rungs._linear import stacked

RNG = np.random.default_rng(0)
ROWS, TEXTS, IMAGES = 20_000, 2_000, 1_000
TABLE = pd.DataFrame(RNG.normal(size=(ROWS, 20))).rename(columns=str)
WORDS = np.array(["".join(letters) for letters in RNG.choice(list("abcdefghijklmnop"), (3_000, 5))])
PROBLEMS: dict[str, tuple[object, object, Shape]] = {
    "table": (
        TABLE,
        np.where(TABLE["0"] > 0, "a", "b"),
        TableShape(num_examples=ROWS, num_outputs=2, num_numbers=20),
    ),
    "numbers": (
        TABLE,
        TABLE["0"].to_numpy(),
        TableShape(num_examples=ROWS, num_outputs=1, num_numbers=20),
    ),
    "texts": (
        [" ".join(text) for text in RNG.choice(WORDS, (TEXTS, 20))],
        RNG.choice(["a", "b"], TEXTS),
        TextShape(num_examples=TEXTS, num_outputs=2, vocab_size=3_000, mean_tokens=20, max_tokens=20),
    ),
    "images": (
        RNG.integers(0, 256, (IMAGES, 28, 28), dtype=np.uint8),
        RNG.choice(["a", "b"], IMAGES),
        ImageShape(num_examples=IMAGES, num_outputs=2, channels=1, height=28, width=28),
    ),
    "sentences": (
        [sentence.tolist() for sentence in RNG.choice(WORDS, (TEXTS, 20))],
        [tags.tolist() for tags in RNG.choice(["O", "O", "B-x", "B-y"], (TEXTS, 20))],
        SentenceShape(num_examples=TEXTS, num_outputs=5, vocab_size=3_000, mean_tokens=20, max_tokens=20),
    ),
}


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("logistic-regression", "table"),
        ("gradient-boosting", "table"),
        ("linear-regression", "numbers"),
        ("tfidf-logistic", "texts"),
        ("linear-svm", "texts"),
        ("hog-svm", "images"),
        ("hmm", "sentences"),
    ],
)
def test_the_expected_memory_is_near_what_is_seen(name, problem):
    inputs, targets, shape = PROBLEMS[problem]
    settings = {"num_trees_blind": 5, "num_trees": 5} if name == "gradient-boosting" else {}
    outputs = {"numbers": OutputKind.NUMBER, "sentences": OutputKind.TAGS}
    output = outputs.get(problem, OutputKind.LABEL)
    estimator: RungEstimator = estimator_class(name, output)(**settings)
    rung = registry.rung(name)
    peak = peak_bytes(lambda: estimator.fit(inputs, targets))
    assert 0.4 * peak < rung.cost(rung.config(**settings), shape).fit_bytes < 2.5 * peak


def test_parts_that_are_stacked_are_held_once():
    peak = peak_bytes(lambda: stacked((np.ones((1_000, 100), np.float32) for _ in range(20)), 20_000))
    assert peak < 1.2 * 4 * 20_000 * 100
    parts = [np.float32([[1, 2]]), np.float32([[3, 4], [5, 6]])]
    np.testing.assert_array_equal(stacked(iter(parts), 3), np.vstack(parts))
