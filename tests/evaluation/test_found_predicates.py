"""What is said of predicates that are found, counted by hand."""

import numpy as np
import pytest

from rungwise.data import as_predicates
from rungwise.data.sentences import flat_sentences
from rungwise.evaluation.predicates import finder_f1, predicate_sentences, role_f1
from rungwise.evaluation.predictions import Predictions
from rungwise.tags import Tags, concatenated

NAMES = ("O", "B-A0", "I-A0", "B-A1", "I-A1", "B-V", "I-V")
FIRST, SECOND = ["a", "sees", "b"], ["c", "d", "runs", "e"]
ROWS = as_predicates([(FIRST, 1), (SECOND, 2), (SECOND, 1), (FIRST, 1)])
"""The last row is the first one once more."""


def tags(*rows):
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return Tags(np.array([NAMES.index(name) for row in rows for name in row], dtype=np.int64), offsets)


class Finder:
    """Finds "sees", and of the second sentence "runs" and, wrongly, the last word."""

    classes_ = np.array(["O", "B-V", "I-V"])

    def predict_tags(self, tokens):
        flat = flat_sentences(tokens)
        is_found = [word in ("sees", "runs", "e") for word in flat.tokens.to_pylist()]
        return Tags(np.array(is_found, dtype=np.int64), flat.offsets)

    def encode_tags(self, names):
        flat = flat_sentences(names)
        numbers = [self.classes_.tolist().index(name) for name in flat.tokens.to_pylist()]
        return Tags(np.array(numbers), flat.offsets)


class Estimator:
    """Says of whatever predicate that the first word is A0."""

    finder_ = Finder()

    def __init__(self):
        self.asked = []

    def predict_tags(self, inputs):
        self.asked += inputs.to_pylist()
        rows = [["B-A0", *["O"] * (len(row["tokens"]) - 1)] for row in inputs.to_pylist()]
        return concatenated([tags(row) for row in rows])


def test_f1_of_predicates_counts_each_word_once():
    assert finder_f1(Finder(), ROWS) == pytest.approx(2 * 2 / (3 + 3)), "two of three, and one that is none"


def test_roles_of_what_is_found_count_against_those_that_are_there():
    target = tags(
        ["B-A0", "B-V", "B-A1"],
        ["B-A0", "I-A0", "B-V", "O"],
        ["O", "B-V", "O", "B-A1"],
        ["B-A0", "B-V", "B-A1"],
    )
    said = tags(
        ["B-A0", "B-V", "O"],
        ["B-A0", "I-A0", "B-V", "O"],
        ["O", "B-V", "O", "B-A1"],
        ["O", "O", "O"],
    )
    estimator = Estimator()
    given, found = role_f1(estimator, ROWS, Predictions(target, said, tags=NAMES))
    assert estimator.asked == [{"tokens": SECOND, "predicate": 3}], "the rest was predicted already"
    assert given == pytest.approx(2 * 3 / (4 + 3))
    assert found == pytest.approx(2 * 2 / (4 + 3)), "one argument lost with its predicate, one invented"


def test_the_last_record_is_put_into_words():
    scores = {"rung": "crf", "valid": 0.9, "test": 0.85, "num_sentences": 1234, "given": 0.7, "found": 0.6}
    records = [{"type": "predicates", "reason": "no time was left"}, {"type": "predicates", "scores": scores}]
    (sentence,) = predicate_sentences(records)
    assert "85.0 % F1 on test (90.0 on validation)" in sentence
    assert "1,234 sentences" in sentence
    assert "`crf` has 70.0 % argument F1 on test with given predicates" in sentence
    assert "60.0 with those that are found" in sentence
    assert "budget" not in sentence
    (sentence,) = predicate_sentences([{"type": "predicates", "scores": {**scores, "is_cut": True}}])
    assert sentence.endswith("The budget ended the learning of predicates: a larger one may find more.")
    assert predicate_sentences(records[:1]) == ["Predicates aren't found by these models: no time was left."]
    assert predicate_sentences([{"type": "latency"}]) == []
