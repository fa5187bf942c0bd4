"""The chain of tags beneath `crf`: its search, its weights out of CRFsuite, what is seen of tokens, what is stored."""

from __future__ import annotations

import ctypes
import itertools
import time

import numpy as np
import pycrfsuite
import pytest

from rungwise.data.sentences import Sentences, as_predicates, as_tokens, flat_sentences
from rungwise.errors import ConfigError, ModelError, TrainingError
from rungwise.fitting import FitContext
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.attributes import Attributes
from rungwise.preprocessing.views import View
from rungwise.preprocessing.wordviews import WordViews, parts
from rungwise.rungs._chain import Chain, Weights
from rungwise.rungs._crfsuite import ChainTrainer, OutOfTimeError, _drawing_from
from rungwise.rungs._templates import OF_ROLES, OF_WORDS
from rungwise.rungs._viterbi import FORBIDDEN, best_paths
from rungwise.rungs.traditional.crf import Algorithm, Crf, CrfConfig
from rungwise.tags import Tags, legal_transitions, span_counts, span_f1, spans_of

TOKENS = (InputKind.TOKENS, OutputKind.TAGS)
WORDS = ["a", "Ada", "in", "Rome", "sees", "12", "www.x.org", "猫", "@ada", ""]


def sentences(count, seed=0, longest=9):
    rng = np.random.default_rng(seed)
    rows = [rng.choice(WORDS, rng.integers(1, longest)).tolist() for _ in range(count)]
    return as_tokens(rows)


def tagged(count, seed=0):
    """Sentences in which "Ada" and "Rome" are spans of two types, with what follows where it is a number."""
    inputs = sentences(count, seed)
    values = []
    for row in inputs.to_pylist():
        inside = 0
        for word in row:
            inside = {"Ada": 1, "Rome": 3}.get(word, inside + inside % 2 if inside and word == "12" else 0)
            values.append(inside)
    return inputs, Tags(np.array(values), flat_sentences(inputs).offsets)


def fitted(count=60, **settings):
    learner = Crf(CrfConfig(**settings), TOKENS)
    inputs, targets = tagged(count)
    learner.fit(inputs, targets, num_outputs=5, validation=None, context=FitContext())
    return learner


# --------------------------------------------------------------------------------------------------- search


def test_the_search_finds_what_trying_all_paths_finds():
    rng = np.random.default_rng(0)
    lengths = np.array([3, 0, 1, 5, 4, 1])
    offsets = np.concatenate([[0], lengths.cumsum()])
    scores = rng.normal(size=(offsets[-1], 3)).astype(np.float32)
    starts = np.array([0.5, FORBIDDEN, 0.1], np.float32)
    transitions = rng.normal(size=(3, 3)).astype(np.float32)
    transitions[2, 1] = FORBIDDEN
    found = best_paths(scores, offsets, starts, transitions)

    def total(path, first):
        steps = sum(transitions[pair] for pair in itertools.pairwise(path))
        return starts[path[0]] + steps + sum(scores[first + i, tag] for i, tag in enumerate(path))

    for first, last in itertools.pairwise(offsets):
        if first < last:
            paths = itertools.product(range(3), repeat=last - first)
            assert tuple(found[first:last]) == max(paths, key=lambda path: total(path, first))


def test_long_sentences_and_short_ones_are_searched_together():
    rng = np.random.default_rng(1)
    lengths = np.array([1, 10_000, 2, 300])
    offsets = np.concatenate([[0], lengths.cumsum()])
    scores = rng.normal(size=(offsets[-1], 4)).astype(np.float32)
    starts, transitions = np.zeros(4, np.float32), rng.normal(size=(4, 4)).astype(np.float32)
    together = best_paths(scores, offsets, starts, transitions)
    for first, last in itertools.pairwise(offsets):
        alone = best_paths(scores[first:last], np.array([0, last - first]), starts, transitions)
        np.testing.assert_array_equal(together[first:last], alone)


# ------------------------------------------------------------------------------------------------- CRFsuite


@pytest.mark.parametrize("algorithm", ["lbfgs", "ap"])
def test_weights_and_tags_are_crfsuites_own(algorithm, tmp_path):
    inputs, targets = tagged(40)
    attributes = Attributes(OF_WORDS, has_predicates=False)
    flat = flat_sentences(inputs)
    attributes.fit(flat, min_count=1)
    rows = attributes.rows(flat)
    trainer = ChainTrainer(len(attributes), 5, None)
    trainer.add(rows, flat.offsets, targets.values)
    weights = trainer.fit(algorithm, {"max_iterations": 20}, seed=5)
    theirs = pycrfsuite.Trainer(algorithm, {"max_iterations": 20}, verbose=False)
    named = [
        [[f"a{number}" for number in row if number >= 0] for row in rows[first:last]]
        for first, last in itertools.pairwise(flat.offsets)
    ]
    for tokens, (first, last) in zip(named, itertools.pairwise(flat.offsets), strict=True):
        theirs.append(tokens, [f"t{tag}" for tag in targets.values[first:last]])
    with _drawing_from(5):
        theirs.train(str(tmp_path / "model"))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(tmp_path / "model"))
    dumped = tagger.info()
    ours = {
        (f"a{i}", f"t{j}"): weight
        for i, j, weight in zip(*weights.attributes.nonzero(), weights.attributes.data, strict=True)
    }
    assert ours == pytest.approx(dumped.state_features, abs=2e-6)
    followed = {
        (f"t{i}", f"t{j}"): weights.transitions[i, j]
        for i, j in zip(*weights.transitions.nonzero(), strict=True)
    }
    assert followed == pytest.approx(dumped.transitions, abs=2e-6)
    found = best_paths(
        Chain(np.arange(5), weights).scores(rows), flat.offsets, np.zeros(5, np.float32), weights.transitions
    )
    assert [f"t{tag}" for tag in found] == [tag for tokens in named for tag in tagger.tag(tokens)]


def test_the_seed_decides_what_crfsuite_draws_and_nobody_else_notices():
    libc = ctypes.CDLL(None)
    libc.srand(7)
    usual = [libc.rand() for _ in range(4)]
    libc.srand(7)
    drawn = []
    for seed in (3, 3, 4):
        with _drawing_from(seed):
            drawn.append([libc.rand() for _ in range(5)])
    assert drawn[0] == drawn[1] != drawn[2]
    assert [libc.rand() for _ in range(4)] == usual


def test_training_ends_at_the_deadline_and_says_so():
    rows, offsets, tags = np.zeros((2, 1), np.int32), np.array([0, 2]), np.array([0, 1])
    trainer = ChainTrainer(1, 2, time.monotonic() + 60)
    trainer.add(rows, offsets, tags)
    trainer.deadline = time.monotonic() - 1
    for work in (lambda: trainer.add(rows, offsets, tags), lambda: trainer.fit("lbfgs", {}, seed=0)):
        with pytest.raises(OutOfTimeError):
            work()
    inputs, targets = tagged(30)
    context = FitContext(deadline=time.monotonic() - 1)
    with pytest.raises(TrainingError, match="no time left for one fit"):
        Crf(CrfConfig(), TOKENS).fit(inputs, targets, num_outputs=5, validation=None, context=context)


def test_training_under_way_is_ended_by_the_deadline():
    inputs, targets = tagged(2000)
    attributes, flat = Attributes(OF_WORDS, has_predicates=False), flat_sentences(inputs)
    attributes.fit(flat, min_count=1)
    trainer = ChainTrainer(len(attributes), 5, None)
    trainer.add(attributes.rows(flat), flat.offsets, targets.values)
    trainer.deadline = time.monotonic() + 0.2
    with pytest.raises(OutOfTimeError):
        trainer.fit("lbfgs", {"c2": 0.0, "epsilon": 0.0, "delta": 0.0}, seed=0)
    assert time.monotonic() < trainer.deadline + 20


def test_little_time_gives_fewer_iterations_and_is_said():
    inputs, targets = tagged(2000)
    said = []
    context = FitContext(deadline=time.monotonic() + 20, cut=lambda: said.append(True))
    learner = Crf(CrfConfig(max_iterations=10**6, c2=0.0), TOKENS)
    learner.fit(inputs, targets, num_outputs=5, validation=None, context=context)
    assert said
    assert context.seconds_left() > 0
    assert span_f1(span_counts(targets, learner.predict(inputs))) > 0.9


# ---------------------------------------------------------------------------------------- what is looked at


def test_a_view_of_another_token_stays_within_the_sentence():
    view = View(np.array([0, 1, 2, 0, 1]), 3)
    offsets = np.array([0, 3, 3, 5])
    assert view.at(1, offsets).tolist() == [1, 2, 4, 1, 4]
    assert view.at(-1, offsets).tolist() == [3, 0, 1, 3, 0]
    assert view.at(-2, offsets).tolist() == [3, 3, 0, 3, 3]
    assert view.at(9, offsets).tolist() == [4] * 5


def test_what_is_seen_of_words():
    words = [["McDonald's", "2024-06", "@someone", "https://x.org/y", "猫が", "☃", "", "USA"]]
    flat, views = flat_sentences(as_tokens(words)), WordViews()
    views.fit(flat, min_count=1)
    seen = {
        name: [None if n < 0 else [*views.vocabularies[name]][n] for n in view.numbers]
        for name, view in views.views(flat).items()
        if name in views.vocabularies
    }
    assert seen["lower"] == ["mcdonald's", "0000-00", "⟨user⟩", "⟨address⟩", "猫が", "☃", "", "usa"]
    assert seen["shape"] == ["XxXxxxxx'x", "0000-00", "@xxxxxxx", None, "文文", "☆", "", "XXX"]
    assert seen["short"] == ["XxXx'x", "0-0", "@x", "⟨address⟩", "文", "☆", "", "X"]
    assert seen["s2"] == ["'s", "00", None, None, None, None, None, "sa"]
    assert seen["p1"] == ["m", "0", None, None, "猫", None, None, "u"]


def test_a_training_token_isnt_counted_itself():
    train = flat_sentences(as_tokens([["the", "Rome", "the"], ["The", "the"]]))
    new = flat_sentences(as_tokens([["the", "Paris", "Rome"]]))
    views = WordViews()
    views.fit(train, min_count=1)
    in_training, elsewhere = views.views(train, is_training=True), views.views(new)
    assert in_training["count"].numbers.tolist() == [2, 0, 2, 2, 2]  # three other tokens, but none of "Rome"
    assert elsewhere["count"].numbers.tolist() == [3, 0, 1]
    assert in_training["habit"].numbers[1] == elsewhere["habit"].numbers[1] == 0


def test_attributes_hang_on_the_sentence_alone_and_not_on_the_part_it_is_in():
    rng = np.random.default_rng(0)
    rows = [row for row in sentences(50).to_pylist() if row]
    inputs = as_predicates([(row, int(rng.integers(len(row)))) for row in rows])
    flat = flat_sentences(inputs)
    attributes = Attributes(OF_ROLES, has_predicates=True)
    attributes.fit(flat, min_count=1)
    together = attributes.rows(flat)
    cut = [attributes.rows(part) for part in parts(flat, 11)]
    assert len(cut) > 10
    np.testing.assert_array_equal(np.concatenate(cut), together)
    assert (together >= 0).mean() > 0.7


def test_parts_hold_every_sentence_once():
    flat = Sentences(flat_sentences(sentences(3)).tokens, np.array([0, 0, 2, 2, 5, 5]), None)
    cut = list(parts(flat, 2))
    assert [part.offsets.tolist() for part in cut] == [[0, 0, 2, 2], [0, 3], [0, 0]]


# -------------------------------------------------------------------------------------------------- learner


def test_the_rarest_types_are_left_out_and_no_tag_that_training_had_not_is_predicted():
    inputs, targets = tagged(200)
    spans = spans_of(targets)
    share = (spans.types == 1).mean()
    for rare_types, kept in ((0.0, [0, 1, 2, 3, 4]), (share + 0.01, [0, 1, 2])):
        learner = Crf(CrfConfig(rare_types=rare_types, max_iterations=20), TOKENS)
        learner.fit(inputs, targets, num_outputs=7, validation=None, context=FitContext())
        assert np.unique(learner.predict(inputs).values).tolist() == kept


def test_tags_follow_one_another_legally_where_words_say_otherwise():
    learner = fitted()
    weights = learner.chain.weights
    learner.chain = Chain(learner.chain.tags, Weights(weights.attributes, np.zeros_like(weights.transitions)))
    tags = learner.predict(as_tokens([["12", "12", "Ada", "12", "Rome", "12"]] * 3))
    legal = legal_transitions(5)
    for row in tags.rows():
        assert row[0] in (0, 1, 3)
        assert all(legal[pair] for pair in itertools.pairwise(row))


def test_validation_says_how_much_outside_counts_and_unscored_types_have_no_say():
    train, valid = tagged(30, seed=1), tagged(60, seed=2)
    learners = []
    for unscored in ((), (0, 1)):
        learner = Crf(CrfConfig(max_iterations=3), TOKENS)
        learner.fit(*train, num_outputs=5, validation=valid, context=FitContext(unscored=unscored))
        learners.append(learner)
    scored, blind = learners
    f1 = span_f1(span_counts(valid[1], scored.predict(valid[0])))
    scored.chain.outside = 0.0
    assert f1 >= span_f1(span_counts(valid[1], scored.predict(valid[0])))
    assert blind.chain.outside == 0.0  # all scores are alike


def test_the_algorithm_follows_the_problems_size():
    learner = fitted(algorithm=Algorithm.PERCEPTRON)
    inputs, targets = tagged(60)
    assert span_f1(span_counts(targets, learner.predict(inputs))) > 0.95


def test_settings_out_of_their_range_are_all_named():
    with pytest.raises(ConfigError, match=r"c1=-1.*max_iterations=0.*rare_types=1"):
        CrfConfig(c1=-1, max_iterations=0, rare_types=1)


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
    "tags unsorted": change(chain__tags=lambda tags: tags[::-1].copy()),
    "tags without outside": change(chain__tags=lambda tags: tags + 1),
    "tags beyond the outputs": change(chain__tags=lambda tags: tags * 2),
    "no tags": change(chain__tags=np.zeros(0, np.int64)),
    "a column beyond the tags": change(chain__columns=lambda columns: columns + 5),
    "a negative column": change(chain__columns=lambda columns: columns - 1),
    "rows that go back": change(chain__row_ends=lambda ends: ends[::-1].copy()),
    "rows beyond the weights": change(chain__row_ends=lambda ends: ends + 1),
    "weights that aren't numbers": change(chain__weights=lambda weights: weights * np.nan),
    "endless transitions": change(chain__transitions=lambda weights: weights + np.inf),
    "another outside": change(chain__outside=1e30),
    "attributes out of order": change(attributes__keys=lambda keys: keys[::-1].copy()),
    "negative attributes": change(attributes__keys=lambda keys: keys - 10**9),
    "more attributes than keys": change(attributes__counts=lambda counts: counts + 1),
    "counts that overflow": change(attributes__counts=lambda counts: counts + 2**62),
    "a word twice": change(attributes__words__lower=lambda words: [*words, words[0]]),
    "counts of other words": change(attributes__words__counts=lambda counts: counts[1:]),
    "fewer tokens than small ones": change(attributes__words__counts=lambda counts: counts[:, ::-1] - 1),
}


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
def test_a_state_that_doesnt_fit_is_a_named_error(edit):
    state = fitted().state()
    Crf(CrfConfig(), TOKENS).restore(state, num_outputs=5)
    edit(state)
    with pytest.raises(ModelError):
        Crf(CrfConfig(), TOKENS).restore(state, num_outputs=5)
