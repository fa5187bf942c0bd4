"""Tags as numbers: spans against a loop over names, and which tag may follow which."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rungwise.tags import Tags, legal_starts, legal_transitions, spans_of, tag_names

TYPES = ["LOC", "PER", "ORG"]
NAMES = dict(zip([-2, -1, *range(7)], ["I-?", "B-?", *tag_names(TYPES)], strict=True))
SENTENCES = st.lists(st.lists(st.sampled_from(sorted(NAMES)), max_size=8), max_size=6)


def as_tags(sentences: list[list[int]]) -> Tags:
    offsets = np.concatenate([[0], np.cumsum([len(sentence) for sentence in sentences])]).astype(np.int64)
    return Tags(np.array([tag for sentence in sentences for tag in sentence], dtype=np.int64), offsets)


def spans_by_names(sentences: list[list[int]]) -> list[tuple[int, int, int, int]]:
    """As conlleval finds them."""
    found = []
    for number, sentence in enumerate(sentences):
        open_at, open_type = None, ""
        for place, tag in enumerate([*sentence, 0]):
            prefix, _, name = NAMES[tag].partition("-")
            if open_at is not None and (prefix in "OB" or name != open_type):
                found.append((number, open_at, place, [*TYPES, "?"].index(open_type)))
                open_at = None
            if prefix != "O" and open_at is None:
                open_at, open_type = place, name
    return [(s, a, b, -1 if kind == len(TYPES) else kind) for s, a, b, kind in found]


@given(SENTENCES)
def test_spans_are_those_of_a_loop_over_names(sentences):
    spans = spans_of(as_tags(sentences))
    columns = (spans.sentences, spans.starts, spans.ends, spans.types)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == spans_by_names(sentences)


@given(SENTENCES, st.randoms())
def test_taking_sentences_keeps_their_tags(sentences, random):
    index = [random.randrange(len(sentences)) for _ in range(4)] if sentences else []
    taken = as_tags(sentences).take(np.array(index, dtype=np.int64))
    assert [row.tolist() for row in taken.rows()] == [sentences[number] for number in index]


def test_only_a_tag_of_the_same_type_is_gone_on_with():
    names = tag_names(TYPES)
    for first, name in enumerate(names):
        for second, following in enumerate(names):
            is_legal = following[0] != "I" or (name[0] in "BI" and name[2:] == following[2:])
            assert legal_transitions(7)[first, second] == is_legal
    assert [names[number] for number in np.flatnonzero(legal_starts(7))] == ["O", "B-LOC", "B-PER", "B-ORG"]
