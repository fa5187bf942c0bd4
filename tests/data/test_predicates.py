"""Rows with a predicate each become sentences with tags, and back; sentences without are told from those with."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from rungwise.data import as_predicates, as_tokens
from rungwise.data.predicates import bare_sentences, joined_predicates, with_predicates
from rungwise.errors import DataError
from rungwise.tags import Tags

DOGS, CATS = ["dogs", "bark", "and", "bite"], ["cats", "sleep"]
ROWS = as_predicates([(DOGS, 1), (CATS, 1), (DOGS, 3), (DOGS, 1)])


def test_rows_of_equal_sentences_are_joined():
    tokens, tags, which = joined_predicates(ROWS)
    assert tokens.to_pylist() == [DOGS, CATS]
    assert tags.to_pylist() == [["O", "B-V", "O", "B-V"], ["O", "B-V"]]
    assert which.tolist() == [0, 1, 0, 0]


def test_each_predicate_of_a_sentence_gets_a_row():
    tokens = as_tokens([DOGS, ["rain"], CATS])
    tags = Tags(np.array([0, 1, 0, 1, 0, 0, 1]), np.array([0, 4, 5, 7]))
    rows, sentences = with_predicates(tokens, tags)
    assert rows.to_pylist() == as_predicates([(DOGS, 1), (DOGS, 3), (CATS, 1)]).to_pylist()
    assert sentences.tolist() == [0, 0, 2]
    none, sentences = with_predicates(tokens, Tags(np.zeros(7, np.int64), tags.offsets))
    assert (len(none), len(sentences)) == (0, 0)


@pytest.mark.parametrize(
    "X",
    [
        [DOGS, CATS],
        (tuple(DOGS), CATS),
        [{"tokens": DOGS}, {"tokens": CATS, "predicate": None}],
        pd.Series([DOGS, CATS]),
        pd.DataFrame({"tokens": [DOGS, CATS]}),
        pa.table({"tokens": [DOGS, CATS]}),
        pa.array([DOGS, CATS]),
        pa.array([{"tokens": DOGS}, {"tokens": CATS}]),
    ],
)
def test_sentences_without_predicates_come_in_many_forms(X):
    assert bare_sentences(X).to_pylist() == [DOGS, CATS]


@pytest.mark.parametrize(
    "X",
    [
        ROWS,
        [(DOGS, 1)],
        [{"tokens": DOGS, "predicate": 0}],
        [DOGS, (CATS, 1)],
        pd.DataFrame({"tokens": [DOGS], "predicate": [1]}),
        pa.table({"tokens": [DOGS], "predicate": [1]}),
        [],
        "dogs bark",
        iter([DOGS]),
    ],
)
def test_what_has_predicates_or_is_something_else_is_left_to_others(X):
    assert bare_sentences(X) is None


def test_tokens_that_are_none_are_named():
    with pytest.raises(DataError, match="a token is missing"):
        bare_sentences(pa.array([["dogs", None]]))
