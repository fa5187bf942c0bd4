"""The hidden Markov model: its counts, its search, what it guesses of new words, and what is stored."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rungwise.data.sentences import as_predicates, as_tokens, flat_sentences
from rungwise.errors import ConfigError, ModelError
from rungwise.fitting import FitContext
from rungwise.kinds import InputKind, OutputKind
from rungwise.rungs._trigrams import Trigrams
from rungwise.rungs.traditional.hmm import Hmm, HmmConfig
from rungwise.tags import Tags, legal_transitions, span_counts, span_f1

TOKENS = (InputKind.TOKENS, OutputKind.TAGS)
PREDICATES = (InputKind.PREDICATE, OutputKind.TAGS)
TOWNS = ["Hamburg", "Freiburg", "Marburg", "Coburg", "Ilsenburg", "Merseburg"]


def places(towns, count=40, seed=0):
    """Sentences in which a town is a span of the one type."""
    rng = np.random.default_rng(seed)
    rows = [[*rng.choice(["a", "the", "Mr", "in"], 3), str(rng.choice(towns)), "."] for _ in range(count)]
    inputs = as_tokens([[str(word) for word in row] for row in rows])
    return inputs, Tags(np.tile([0, 0, 0, 1, 0], count), flat_sentences(inputs).offsets)


def fitted(**settings):
    learner = Hmm(HmmConfig(**settings), TOKENS)
    inputs, targets = places(TOWNS[:4])
    learner.fit(inputs, targets, num_outputs=3, validation=None, context=FitContext())
    return learner


def random_trigrams(size=3, seed=0):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 9, (size + 1, size + 1, size))
    counts[:size, size] = 0  # nothing comes before the begin of a sentence
    return Trigrams(np.arange(size), counts)


# --------------------------------------------------------------------------------------------------- counts


def test_counts_are_of_three_tags_in_a_row_and_begin_anew_with_each_sentence():
    values, offsets = np.array([0, 1, 0, 1, 1]), np.array([0, 3, 3, 5])
    counts = Trigrams.of(np.array([0, 1]), values, offsets).counts
    begin = 2
    expected = {(begin, begin, 0): 1, (begin, 0, 1): 1, (0, 1, 0): 1, (begin, begin, 1): 1, (begin, 1, 1): 1}
    assert {tuple(map(int, key)): int(counts[tuple(key)]) for key in np.argwhere(counts)} == expected


def test_probabilities_mix_one_two_and_three_tags_as_in_the_paper():
    rng = np.random.default_rng(1)
    tags = np.array([0, 1, 3])  # any may follow any: only spans of one token
    values = rng.integers(0, 3, 200)
    trigrams = Trigrams.of(tags, values, np.arange(0, 201, 8))
    counts, weights = trigrams.counts.astype(float), np.zeros(3)
    total, tag = counts.sum(), counts.sum(axis=(0, 1))
    pair, pair_before = counts.sum(axis=0), counts.sum(axis=2)

    def share(part, whole):
        return part / whole if whole > 0 else 0.0

    for a, b, c in np.argwhere(counts):
        cases = (
            share(tag[c] - 1, total - 1),
            share(pair[b, c] - 1, pair[b].sum() - 1),
            share(counts[a, b, c] - 1, pair_before[a, b] - 1),
        )
        weights[int(np.argmax(cases))] += counts[a, b, c]
    weights /= total
    for a, b, c in [(0, 1, 2), (3, 0, 1), (2, 2, 0), (3, 3, 2)]:
        expected = weights @ [
            share(tag[c], total),
            share(pair[b, c], pair[b].sum()),
            share(counts[a, b, c], pair_before[a, b]),
        ]
        assert trigrams._logs[a, b, c] == pytest.approx(np.log(expected), rel=1e-5)


# --------------------------------------------------------------------------------------------------- search


def test_the_search_finds_what_trying_all_paths_finds():
    trigrams, rng = random_trigrams(), np.random.default_rng(2)
    lengths = np.array([4, 1, 0, 5, 2])
    offsets = np.concatenate([[0], lengths.cumsum()])
    scores = rng.normal(size=(offsets[-1], 3)).astype(np.float32)
    found = trigrams.paths(scores, offsets, beam=3)
    legal = legal_transitions(3)

    def total(path, first):
        before = [3, 3, *path]
        steps = sum(trigrams._logs[before[i], before[i + 1], tag] for i, tag in enumerate(path))
        return steps + sum(scores[first + i, tag] for i, tag in enumerate(path))

    for first, last in itertools.pairwise(offsets):
        if first < last:
            paths = itertools.product(range(3), repeat=last - first)
            best = max(paths, key=lambda path: total(path, first))
            assert tuple(found[first:last]) == best
            assert best[0] != 2
            assert all(legal[pair] for pair in itertools.pairwise(best))


def test_a_narrow_beam_is_legal_and_seldom_otherwise():
    trigrams, rng = random_trigrams(9, seed=3), np.random.default_rng(3)
    offsets = np.arange(0, 601, 12)
    scores = 3 * rng.normal(size=(600, 9)).astype(np.float32)
    narrow, wide = (trigrams.paths(scores, offsets, beam) for beam in (2, 9))
    assert (narrow == wide).mean() > 0.95
    legal = legal_transitions(9)
    assert all(legal[pair] for row in np.split(narrow, offsets[1:-1]) for pair in itertools.pairwise(row))


def test_a_sentence_is_tagged_alike_by_itself_and_beside_longer_ones():
    learner, words = fitted(), ["the", "Mr", "Marburg", "in", "Olburg", "."]
    rng = np.random.default_rng(4)
    rows = [[str(word) for word in rng.choice(words, length)] for length in (3, 1, 4000, 50)]
    together = learner.predict(as_tokens(rows)).rows()
    for row, tags in zip(rows, together, strict=True):
        np.testing.assert_array_equal(learner.predict(as_tokens([row])).values, tags)


# -------------------------------------------------------------------------------------------------- learner


def test_a_new_word_is_guessed_by_its_end():
    predicted = fitted().predict(
        as_tokens([["in", "the", "a", "Quedlinburg", "."], ["the", "Mr", "in", "Bremen", "."]])
    )
    assert predicted.values[3] == 1
    assert predicted.values[[0, 1, 2, 4]].tolist() == [0] * 4


def test_roles_hang_on_the_side_of_the_predicate():
    rng = np.random.default_rng(5)
    names, rows, tags = ["Ada", "Bo", "Cy"], [], []
    for _ in range(60):
        first, second = rng.choice(names, 2)
        rows.append(([str(first), "sees", str(second)], 1))
        tags += [1, 5, 3]
    inputs = as_predicates(rows)
    targets = Tags(np.array(tags), flat_sentences(inputs).offsets)
    learner = Hmm(HmmConfig(), PREDICATES)
    learner.fit(inputs, targets, num_outputs=7, validation=None, context=FitContext())
    assert learner.predict(as_predicates([(["Cy", "sees", "Ada"], 1)])).values.tolist() == [1, 5, 3]


def test_validation_chooses_how_counts_are_smoothed():
    train, valid = places(TOWNS[:2], 30), places(TOWNS, 60, seed=6)
    reported = []
    context = FitContext(report=lambda fraction, score: reported.append(score))
    learner = Hmm(HmmConfig(), TOKENS)
    learner.fit(*train, num_outputs=3, validation=valid, context=context)
    assert len(reported) == 3
    assert span_f1(span_counts(valid[1], learner.predict(valid[0]))) == reported[-1] == max(reported)


def test_settings_out_of_their_range_are_all_named():
    with pytest.raises(ConfigError, match=r"smoothing=0.*rare_types=-1.*beam=0"):
        HmmConfig(smoothing=0, rare_types=-1, beam=0)


# --------------------------------------------------------------------------------------------------- stored


def change(**changes):
    def edit(state):
        for path, value in changes.items():
            *sections, name = path.split("__")
            for part in sections:
                state = state[part]
            state[name] = value(state[name]) if callable(value) else value

    return edit


HOSTILE = {
    "trigrams out of order": change(trigrams__trigrams=lambda keys: keys[::-1].copy()),
    "a trigram of other tags": change(trigrams__trigrams=lambda keys: keys + 10**6),
    "a count of nothing": change(trigrams__counts=lambda counts: counts * 0),
    "a count beyond all": change(trigrams__counts=lambda counts: counts + 2**60),
    "no trigrams": change(trigrams={"trigrams": np.zeros(0, np.int64), "counts": np.zeros(0, np.int64)}),
    "negative counts": change(counts=lambda counts: -counts),
    "counts that aren't numbers": change(counts=lambda counts: counts * np.nan),
    "endless counts": change(counts=lambda counts: counts * np.inf),
    "a column beyond the tags": change(columns=lambda columns: columns + 3),
    "tags beyond the outputs": change(tags=lambda tags: tags + np.arange(len(tags)) * 9),
    "no smoothing": change(smoothing=0.0),
    "another outside": change(outside="much"),
}


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
def test_a_state_that_doesnt_fit_is_a_named_error(edit):
    state = fitted().state()
    Hmm(HmmConfig(), TOKENS).restore(state, num_outputs=3)
    edit(state)
    with pytest.raises(ModelError):
        Hmm(HmmConfig(), TOKENS).restore(state, num_outputs=3)
