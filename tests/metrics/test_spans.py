"""Metrics of tags: seqeval's numbers, srl-eval's rules, and resamples of sentences."""

from __future__ import annotations

import numpy as np
import pytest

from rungwise.evaluation.resampling import bootstrap
from rungwise.metrics import metric, span_arguments, type_scores
from rungwise.tags import Tags, concatenated, spans_of, tag_names

TYPES = ["LOC", "ORG", "PER"]
ROLES = tag_names(["ARG0", "ARG1", "C-ARG1", "C-V", "R-ARG0", "V"])


def as_tags(sentences):
    offsets = np.concatenate([[0], np.cumsum([len(sentence) for sentence in sentences])]).astype(np.int64)
    return Tags(np.concatenate([[], *sentences]).astype(np.int64), offsets)


def sides(seed=0, num=60):
    """Tags and the same with a third of them drawn anew, of any sequence."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 15, num)
    target = [rng.choice(7, n, p=[0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]) for n in lengths]
    said = [
        np.where(rng.random(n) < 0.35, rng.choice(7, n), row) for n, row in zip(lengths, target, strict=True)
    ]
    return as_tags(target), as_tags(said)


@pytest.mark.parametrize(
    ("name", "expected"),
    # seqeval 1.2.2: f1_score, precision_score, recall_score, accuracy_score of these tags by name
    [
        ("span-f1", 0.6570397111913358),
        ("span-precision", 0.621160409556314),
        ("span-recall", 0.6973180076628352),
        ("token-accuracy", 0.7196467991169978),
    ],
)
def test_scores_are_those_of_seqeval(name, expected):
    assert metric(name).score(*sides()) == pytest.approx(expected, rel=1e-12)


def test_scores_of_types_are_those_of_seqeval():
    found = dict(type_scores(*sides(), tag_names(TYPES), is_roles=False))
    # seqeval 1.2.2: classification_report(output_dict=True)
    expected = {
        "LOC": (0.6344086021505376, 0.6781609195402298, 0.6555555555555556, 87),
        "ORG": (0.625, 0.7051282051282052, 0.6626506024096386, 78),
        "PER": (0.6071428571428571, 0.7083333333333334, 0.6538461538461539, 96),
    }
    for name, numbers in expected.items():
        score = found[name]
        assert (score.precision, score.recall, score.f1, score.support) == pytest.approx(numbers)


def test_spans_of_types_that_training_had_not_are_missed():
    target, said = as_tags([[-1, -2, 0, 1]]), as_tags([[1, 2, 0, 1]])
    assert metric("span-f1").score(target, said) == 0.5
    assert metric("argument-f1", tags=tag_names(TYPES)).score(target, said) == 0.5
    assert (
        dict(type_scores(target, said, tag_names(TYPES), is_roles=False))["not seen in training"].support == 1
    )


def test_nothing_to_find_and_nothing_found_is_zero_as_in_seqeval():
    assert metric("span-f1").score(as_tags([[0, 0]]), as_tags([[0, 0]])) == 0


@pytest.mark.parametrize(
    ("target", "said", "counts"),
    # hits, there, said: by the rules of srl-eval.pl 1.1
    [
        ("ARG0 V ARG1", "ARG0 V ARG1", (2, 2, 2)),  # the verb doesn't count
        ("ARG0 V O", "ARG0 O O", (1, 1, 1)),  # nor a missed verb
        ("ARG1 V C-ARG1", "ARG1 V C-ARG1", (1, 1, 1)),  # two parts, one argument
        ("ARG1 V C-ARG1", "ARG1 V O", (0, 1, 1)),  # wrong without all its parts
        ("ARG1 V C-ARG1", "ARG1 V ARG1", (0, 1, 2)),
        ("O V C-ARG1", "O V ARG1", (1, 1, 1)),  # a continuation of nothing is the argument
        ("R-ARG0 V O", "ARG0 V O", (0, 1, 1)),  # a reference is a role of its own
        ("ARG0 V C-V", "ARG0 V O", (1, 1, 1)),  # a particle goes with the verb
    ],
)
def test_arguments_count_as_in_srl_eval(target, said, counts):
    sides = [as_tags([[_role(tag) for tag in side.split()]]) for side in (target, said)]
    values = metric("argument-f1", tags=ROLES).per_example(*sides)
    assert tuple(values[0]) == counts


def _role(tag):
    return 0 if tag == "O" else ROLES.index(f"B-{tag}")


def test_without_continuations_arguments_are_the_spans():
    target, said = sides()
    names = tag_names(TYPES)
    f1 = metric("argument-f1", tags=names)
    assert f1.score(target, said) == pytest.approx(metric("span-f1").score(target, said))
    assert len(span_arguments(target, names)) == len(spans_of(target))


def test_what_is_counted_once_is_of_these_tags_and_names_alone():
    target, said = sides()
    names = tag_names(TYPES)
    first = metric("argument-f1", tags=names).score(target, said)
    assert metric("argument-f1", tags=tag_names(["V", "W", "X"])).score(target, said) != first, (
        "V isn't scored"
    )
    assert metric("argument-f1", tags=names).score(said, said) == 1
    assert metric("argument-f1", tags=names).score(target, said) == first
    values = [
        metric(name, tags=names).per_example(target, said) for name in ("argument-f1", "argument-recall")
    ]
    assert values[0] is values[1], "once for all metrics"


def test_rows_of_one_sentence_are_drawn_together():
    target, said = sides()
    twice = concatenated([target, target]), concatenated([said, said])
    numbers = np.tile(np.arange(len(target)), 2)
    f1 = metric("span-f1")
    [once] = bootstrap(target, [(f1, said)], seed=3)
    [clustered] = bootstrap(twice[0], [(f1, twice[1])], seed=3, clusters=numbers)
    np.testing.assert_allclose(clustered, once)
    [apart] = bootstrap(twice[0], [(f1, twice[1])], seed=3)
    assert np.std(apart) < 0.85 * np.std(once)  # which would be too sure
