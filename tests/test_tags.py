"""Tags as numbers: spans against a loop over names, and which tag may follow which."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rungwise.tags import (
    Tags,
    legal_starts,
    legal_transitions,
    repaired,
    span_counts,
    span_f1,
    spans_of,
    tag_names,
    type_names,
    unscored_types,
)

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


@given(SENTENCES, st.randoms())
def test_hits_are_the_spans_that_both_sides_have(sentences, random):
    predicted = [
        [random.choice(range(7)) if random.random() < 0.3 else max(tag, 0) for tag in row]
        for row in sentences
    ]
    counts = span_counts(as_tags(sentences), as_tags(predicted), unscored=[1])
    sides = [[span for span in spans_by_names(side) if span[3] != 1] for side in (sentences, predicted)]
    both = [span for span in sides[0] if span in sides[1] and span[3] >= 0]
    for number in range(len(sentences)):
        expected = [sum(span[0] == number for span in spans) for spans in (both, *sides)]
        assert counts[number].tolist() == expected
    assert span_f1(counts) == 2 * len(both) / max(1, len(sides[0]) + len(sides[1]))


@given(SENTENCES)
def test_repaired_tags_have_the_same_spans_and_are_legal(sentences):
    tags = as_tags([[tag for tag in row if tag >= 0] for row in sentences])
    mended = repaired(tags)
    for before, after in zip(vars(spans_of(tags)).values(), vars(spans_of(mended)).values(), strict=True):
        np.testing.assert_array_equal(before, after)
    for row in mended.rows():
        assert legal_starts(7)[row[:1]].all()
        assert legal_transitions(7)[row[:-1], row[1:]].all()


def test_the_verb_is_not_scored():
    assert unscored_types(tag_names(["ARG0", "V", "VP"])) == (1,)


def test_types_have_their_names_from_those_of_their_tags():
    assert type_names(tag_names(["LOC", "A-B"])) == ["LOC", "A-B"]
    assert type_names(["O"]) == []
