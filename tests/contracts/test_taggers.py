"""What taggers do with tags of all sorts, beside the contract of every rung."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import rungwise as rw
from rungwise import load
from rungwise.errors import ConfigError, DataError, ModelError
from rungwise.tags import UNSEEN_BEGIN, UNSEEN_INSIDE

X = [["Ada", "Lovelace", "lives", "in", "London"], [], ["Emil", "works", "."]]
Y = [["B-PER", "I-PER", "O", "O", "B-LOC"], [], ["I-PER", "O", "O"]]
ROLES = [({"tokens": ["dogs", "bark", "loudly"], "predicate": 1})]


def fitted():
    return rw.BaselineTagger().fit(X, Y)


def test_classes_are_the_tags_of_sorted_types_and_a_span_that_only_goes_on_begins():
    model = fitted()
    assert model.classes_.tolist() == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert model.predict([["Emil", "and", "Ada", "Lovelace"], [], ["London"]]) == [
        ["B-PER", "O", "B-PER", "I-PER"],
        [],
        ["B-LOC"],
    ]
    assert model.predict([]) == []
    assert model.predict([[]]) == [[]]


@pytest.mark.parametrize(
    "inputs",
    [
        X,
        tuple(map(tuple, X)),
        pd.Series(X),
        pd.DataFrame({"tokens": X, "other": 1}),
        pa.array(X),
        pa.table({"tokens": X}),
        pa.chunked_array([X[:1], X[1:]], pa.large_list(pa.large_string())),
    ],
)
def test_sentences_come_in_many_forms(inputs):
    model = rw.BaselineTagger().fit(inputs, pa.array(Y))
    assert model.score(inputs, Y) == 1.0


@pytest.mark.parametrize(
    "inputs",
    [
        ROLES,
        [(["dogs", "bark", "loudly"], 1)],
        [(("dogs", "bark", "loudly"), np.int64(1))],
        pd.DataFrame(ROLES),
        pa.array(ROLES),
        pa.Table.from_pylist(ROLES),
    ],
)
def test_predicates_come_in_many_forms(inputs):
    model = rw.BaselineTagger().fit(inputs, [["B-ARG0", "B-V", "B-ARGM-MNR"]])
    assert model.pair_ == ("predicate", "tags")
    assert model.predict(inputs) == [["B-ARG0", "B-V", "B-ARGM-MNR"]]
    assert model.predict([(["bark", "dogs"], 1)]) == [["O", "O"]]  # another side of the predicate


def test_the_score_is_the_f1_of_spans_without_the_verb():
    model = rw.BaselineTagger().fit(ROLES, [["B-ARG0", "B-V", "B-ARGM-MNR"]])
    other = [(["dogs", "bark", "quietly"], 1)]
    assert model.score(other, [["B-ARG0", "B-V", "B-ARGM-MNR"]]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("tags", "message"),
    [([["O"]], "it has 2 tokens and 1 tags"), ([["O", "O"]] * 2, "there are 1 sentences and tags of 2")],
)
def test_a_score_wants_a_tag_for_each_token(tags, message):
    model = rw.BaselineTagger().fit([["Ada", "runs"]], [["B-PER", "O"]])
    with pytest.raises(DataError, match=message):
        model.score([["Bob", "hides"]], tags)


def test_tags_of_types_that_training_had_not_are_unseen():
    encoded = fitted().encode_tags([["B-ORG", "I-ORG", "O"], ["B-LOC"]])
    assert encoded.values.tolist() == [UNSEEN_BEGIN, UNSEEN_INSIDE, 0, 1]
    assert encoded.offsets.tolist() == [0, 3, 4]


@pytest.mark.parametrize(
    ("inputs", "tags", "message"),
    [
        (X, [["O"] * 5, [], ["O", "O"]], "row 3: it has 3 tokens and 2 tags"),
        (X, Y[:2], "there are 3 sentences and tags of 2"),
        (
            X,
            [Y[0], [], ["S-PER", "O", "O"]],
            "row 3, column 'y': the tag 'S-PER' is none; tags are O, B-TYPE",
        ),
        (X, ["O", "O", "O"], "y is a list of lists of tags"),
        (X, None, "y is None"),
        (["Ada lives"], [["O", "O"]], "row 1: a sentence is a list of tokens, got the string 'Ada lives'"),
        ("Ada lives", [["O", "O"]], "got one string"),
        ([["Ada", 3]], [["O", "O"]], "row 1: tokens are strings, got '3' of type int"),
        ([(["dogs", "bark"], 2)], [["O", "B-V"]], "row 1: predicate 2 is none of its 2 tokens"),
        ([{"tokens": ["dogs"]}], [["O"]], "row 1: a sentence with a predicate is"),
        (pa.array([["a", None]]), [["O", "O"]], "a sentence or a token is missing"),
        ([["\ud800"]], [["O"]], r"the token '\\ud800' isn't text"),
    ],
)
def test_what_cannot_be_used_is_named(inputs, tags, message):
    with pytest.raises(DataError, match=message.replace("(", r"\(")):
        rw.BaselineTagger().fit(inputs, tags)


def test_tags_without_spans_are_refused():
    with pytest.raises(ConfigError, match="every tag of y is 'O'"):
        rw.BaselineTagger().fit([["a"]], [["O"]])


def test_a_model_keeps_the_names_of_its_tags(tmp_path):
    folder = fitted().save(tmp_path / "model")
    assert load(folder).predict(X) == [["B-PER", "I-PER", "O", "O", "B-LOC"], [], ["B-PER", "O", "O"]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"B-LOC"', '"B-ORG"'),
        ('"O"', '"B-O"'),
        ('"I-PER"', '"B-PER"'),
        ('"B-PER"', "7"),
        ('"4": "I-PER"', '"5": "I-PER"'),
        ("LOC", "ZOO"),
    ],
)
def test_tags_that_do_not_go_together_are_refused(old, new, tmp_path):
    folder = fitted().save(tmp_path / "model")
    config = folder / "config.json"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
    with pytest.raises(ModelError):
        load(folder)
