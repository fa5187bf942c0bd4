import numpy as np
import pytest

from rungwise.data import as_predicates, as_tokens
from rungwise.data.sentences import flat_sentences
from rungwise.evaluation.robustness import corruptions_of, num_passes
from rungwise.evaluation.sentence_corruptions import sentence_contexts, sentence_versions
from rungwise.kinds import SENTENCE_KINDS, InputKind
from rungwise.metrics import metric, plain_spans
from rungwise.tags import Tags, spans_of

NAMES = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
SENTENCE = ["yesterday", "Ada", "went", "to", "New", "York", ",", "the", "large", "city", "!"]
TAGS = ["O", "B-PER", "O", "O", "B-LOC", "I-LOC", "O", "O", "O", "O", "O"]
PREDICATE = 2


def tokens_versions(rows, tags):
    inputs = as_tokens(rows)
    found = sentence_versions(inputs, as_tokens(tags), sentence_contexts(inputs))
    return {(name, level): (X.to_pylist(), y.to_pylist()) for name, level, X, y in found}


def entities(tokens, tags):
    """The words of each span, in order."""
    values = np.array([NAMES.index(tag) for tag in tags])
    spans = spans_of(Tags(values, np.array([0, len(values)])))
    return [tuple(tokens[a:b]) for a, b in zip(spans.starts, spans.ends, strict=True)]


MANY = tokens_versions([SENTENCE] * 60, [TAGS] * 60)


def test_sentences_come_as_they_are_and_in_every_corruption_and_strength():
    assert MANY["", 0] == ([SENTENCE] * 60, [TAGS] * 60)
    assert len(MANY) == num_passes(InputKind.TOKENS) == 21
    assert {name for name, _ in MANY if name} == {
        c.name for kind in SENTENCE_KINDS for c in corruptions_of(kind)
    }


@pytest.mark.parametrize("name", ["typos", "capitals", "other words"])
def test_words_are_changed_where_they_stand_and_signs_are_not(name):
    for level in range(5):
        rows, tags = MANY[name, level]
        assert tags == [TAGS] * 60
        assert all(len(row) == len(SENTENCE) and all(row) for row in rows)
        assert {row[6] + row[10] for row in rows} == {",!"}
    changed = [word != before for row in rows for word, before in zip(row, SENTENCE, strict=True)]
    assert np.mean(changed) > 0.2


def test_of_lost_words_all_are_outside_of_spans_and_their_tags_go_with_them():
    sizes = []
    for level in range(5):
        rows, tags = MANY["lost words", level]
        sizes.append(sum(map(len, rows)))
        for row, own in zip(rows, tags, strict=True):
            assert entities(row, own) == [("Ada",), ("New", "York")]
            assert row[-1] == "!"
            assert set(row) <= set(SENTENCE)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == pytest.approx(60 * (len(SENTENCE) - 0.4 * 6), rel=0.05), "six words may go"


def test_neighbouring_spans_stay_two():
    rows, tags = tokens_versions([["Ada", "met", "Alan"]] * 99, [["B-PER", "O", "B-PER"]] * 99)[
        "lost words", 4
    ]
    assert ["Ada", "Alan"] in rows
    assert tags[rows.index(["Ada", "Alan"])] == ["B-PER", "B-PER"]


def test_the_predicate_stays_and_its_number_moves_with_it():
    rows = as_predicates([(SENTENCE, PREDICATE)] * 60)
    tags = as_tokens([["O"] * len(SENTENCE)] * 60)
    moved = set()
    for name, _, X, y in sentence_versions(rows, tags, sentence_contexts(rows)):
        flat = flat_sentences(X)
        assert np.array_equal(flat.offsets, flat_sentences(y).offsets)
        for number, row in enumerate(flat.rows()):
            word = row[flat.predicates[number]]
            assert word == "went" or name in ("typos", "other words") or word == "WENT"
            moved.add(int(flat.predicates[number]))
    assert moved == {0, 1, 2}


def test_no_sentence_is_left_empty():
    for X, _ in tokens_versions([["one"], ["two", "three"]] * 50, [["O"], ["O", "O"]] * 50).values():
        assert all(X)


def test_typos_of_words_without_blanks_stay_within_the_word():
    rows, _ = tokens_versions([["电影", "好"]] * 200, [["O", "O"]] * 200)["typos", 4]
    assert {len(row) for row in rows} == {2}
    assert {"影电", "影", "电电影"} <= {row[0] for row in rows}
    assert {row[1] for row in rows} == {"好", "好好"}


def test_a_sentence_with_many_predicates_counts_once_in_what_stands_where():
    pairs = [(["a", "b"], 0), (["a", "b"], 1), (["a", "c", "!"], 0)]
    contexts = sentence_contexts(as_predicates(pairs))
    assert [contexts.another("x", "a", "", draw) for draw in (0.2, 0.7)] == ["b", "c"]
    assert contexts.another("c", "a", "!", 0.9) == "b", "signs are no words"


def test_what_is_to_be_found_of_lost_words_stays_the_same():
    rows, tags = MANY["lost words", 4]
    values = np.concatenate([[NAMES.index(tag) for tag in row] for row in tags])
    target = Tags(values, np.concatenate([[0], np.cumsum([len(row) for row in rows])]))
    assert len(plain_spans(target, NAMES)) == 120
    assert metric("span-f1").score(target, target) == 1
