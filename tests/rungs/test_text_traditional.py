import time

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy import sparse
from sklearn.metrics import log_loss

from rungwise import registry
from rungwise.errors import ConfigError
from rungwise.fitting import FitContext
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.ngrams import NGrams, Unit, Weighting
from rungwise.rung import TextShape
from rungwise.rungs.traditional.fasttext import FastTextConfig, _Factors
from rungwise.rungs.traditional.nb_svm import log_count_ratio

PAIR = (InputKind.TEXT, OutputKind.LABEL)
RUNGS = ("tfidf-logistic", "nb-svm", "linear-svm")
TOPICS = (("ship", "port", "cargo"), ("wheat", "corn", "crop"), ("bank", "rate", "loan"))


def make_texts(num_texts, seed, num_classes=3, noise=0.3):
    """Texts whose words are of the topic of their class, or with probability `noise` of any."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, num_classes, num_texts)
    any_word = [word for topic in TOPICS for word in topic]
    rows = [
        " ".join(
            rng.choice(any_word) if rng.random() < noise else rng.choice(TOPICS[target]) for _ in range(5)
        )
        for target in targets
    ]
    return pa.chunked_array([rows]), targets


def fitted(name, train, valid, settings=None, context=None):
    rung = registry.rung(name)
    learner = rung.learner(registry.make_config(rung.config, settings or {}), PAIR)
    context = context or FitContext()
    learner.fit(*train, num_outputs=int(train[1].max()) + 1, validation=valid, context=context)
    return learner


@pytest.mark.parametrize("name", RUNGS)
@pytest.mark.parametrize("num_classes", [2, 3])
def test_topics_are_told_apart_with_honest_probabilities(name, num_classes):
    train, valid, test = (make_texts(300, seed, num_classes, noise=0.6) for seed in range(3))
    probabilities = fitted(name, train, valid).predict(test[0])
    shares = np.bincount(train[1]) / len(train[1])
    assert (probabilities.argmax(1) == test[1]).mean() > 0.7
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert log_loss(test[1], probabilities) < 0.75 * log_loss(test[1], np.tile(shares, (300, 1)))


@pytest.mark.parametrize("name", RUNGS)
def test_validation_chooses_what_has_the_least_loss(name):
    train, valid = make_texts(200, 0, noise=0.7), make_texts(200, 1, noise=0.7)
    chosen = log_loss(valid[1], fitted(name, train, valid).predict(valid[0]))
    for C in (0.3, 1.0, 3.0):
        one = fitted(name, train, valid, {"C": C}).predict(valid[0])
        assert chosen <= log_loss(valid[1], one) + 0.02


@pytest.mark.parametrize("name", RUNGS)
def test_validation_changes_no_weight(name):
    train, settings = make_texts(200, 0), {"C": 1.0}
    if name == "nb-svm":
        settings["beta"] = 0.5
    one = fitted(name, train, make_texts(50, 1), settings)
    other = fitted(name, train, make_texts(50, 2), settings)
    np.testing.assert_array_equal(one.linear.weights, other.linear.weights)


@pytest.mark.parametrize("name", RUNGS)
def test_after_the_deadline_the_first_fit_stands(name):
    progress, cuts = [], []
    context = FitContext(
        deadline=time.monotonic(),
        report=lambda done, score: progress.append(done),
        cut=lambda: cuts.append(True),
    )
    fitted(name, make_texts(100, 0), make_texts(50, 1), context=context)
    assert len(progress) == 1
    assert cuts == [True]


@pytest.mark.parametrize("name", RUNGS)
def test_a_fit_with_nothing_left_to_try_was_not_cut(name):
    cuts, settings = [], {"C": 1.0} | ({"beta": 0.5} if name == "nb-svm" else {})
    context = FitContext(deadline=time.monotonic(), cut=lambda: cuts.append(True))
    fitted(name, make_texts(100, 0), make_texts(50, 1), settings, context)
    assert cuts == []


@pytest.mark.parametrize("name", RUNGS)
def test_parameters_and_costs_grow_with_the_problem(name):
    rung = registry.rung(name)
    small, large = (
        rung.cost(
            rung.config(),
            TextShape(num_examples=count, num_outputs=3, vocab_size=100, mean_tokens=5, max_tokens=9),
        )
        for count in (100, 1000)
    )
    learner = fitted(name, make_texts(100, 0), make_texts(50, 1))
    assert learner.num_parameters() <= small.parameters < large.parameters
    assert small.predict_flops == large.predict_flops
    assert 10 * small.fit_flops == large.fit_flops


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("linear-svm", {"C": 0.0}, "C=0.0: must be above 0, or None to choose it on validation"),
        ("linear-svm", {"word_ngrams": 0, "word_pairs": 0, "char_ngrams": 0}, "both 0: one must be above it"),
        ("tfidf-logistic", {"min_df": 0, "max_features": 0}, "min_df=0: must be at least 1; max_features=0"),
        ("nb-svm", {"word_ngrams": -1}, "word_ngrams=-1: must be from 0 to 100"),
        ("nb-svm", {"alpha": 0.0, "beta": -1.0}, "alpha=0.0: must be above 0.*; beta=-1.0: must be above 0"),
    ],
)
def test_settings_out_of_range_are_named(name, settings, message):
    with pytest.raises(ConfigError, match=message):
        registry.make_config(registry.rung(name).config, settings)


def test_log_count_ratio_is_the_papers():
    counts = np.array([[1.0, 0, 1], [1, 1, 0], [0, 1, 1]])
    from scipy.sparse import csr_array

    ratio = log_count_ratio(csr_array(counts), np.array([True, True, False]), alpha=1)
    p, q = np.array([3, 2, 2]) / 7, np.array([1, 2, 2]) / 5
    np.testing.assert_allclose(ratio, np.log(p / q))


@pytest.mark.parametrize("solver", ["svm", "logistic"])
def test_nb_svm_as_in_the_paper_learns(solver):
    settings = {
        "weighting": "binary",
        "word_ngrams": 2,
        "word_pairs": 0,
        "char_ngrams": 0,
        "C": 1.0,
        "beta": 0.25,
        "solver": solver,
    }
    learner = fitted("nb-svm", make_texts(300, 0, 2), None, settings)
    inputs, targets = make_texts(200, 1, 2)
    assert (learner.predict(inputs).argmax(1) == targets).mean() > 0.9


def test_chinese_needs_no_word_splitter():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 200)
    words = (("很差", "失望", "难看"), ("很好", "喜欢", "精彩"))
    inputs = pa.chunked_array([[f"这部电影真的{rng.choice(words[target])}，看了两遍" for target in targets]])
    for name in RUNGS:
        learner = fitted(name, (inputs, targets), (inputs, targets))
        assert (learner.predict(inputs).argmax(1) == targets).all()


# ------------------------------------------------------------------------------------------------- fasttext


def factors_of(num_outputs):
    rng = np.random.default_rng(0)
    features = sparse.csr_array(rng.random((6, 9)) * (rng.random((6, 9)) < 0.5), dtype=np.float32)
    return _Factors(9, num_outputs, 4, seed=1), features


def test_fasttext_steps_go_by_the_gradient_of_the_log_loss():
    factors, features = factors_of(3)
    targets, counts = np.array([0, 1, 2, 0, 1, 1]), np.array([1, 1, 2, 1, 0.5, 1], np.float32)
    parts = [
        torch.tensor(part, requires_grad=True) for part in (factors.vectors, factors.weights, factors.bias)
    ]
    logits = torch.tensor(features.toarray()) @ parts[0] @ parts[1] + parts[2]
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(targets), reduction="none")
    (loss * torch.tensor(counts)).sum().backward()
    slopes = [part.grad.numpy() for part in parts]
    before = [factors.vectors.copy(), factors.weights.copy(), factors.bias.copy()]
    factors._step(features, np.eye(3, dtype=np.float32)[targets], counts[:, None], 0.1)
    after = [factors.vectors, factors.weights, factors.bias]
    squares = [np.square(slopes[0]).mean(1, keepdims=True), np.square(slopes[1]), np.square(slopes[2])]
    for was, now, slope, square in zip(before, after, slopes, squares, strict=True):
        np.testing.assert_allclose(now, was - 0.1 * slope / np.sqrt(square + 1e-8), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("num_outputs", [2, 4])
def test_fasttext_keeps_the_product_of_vectors_and_weights(num_outputs):
    factors, features = factors_of(num_outputs)
    scores = features @ factors.vectors @ factors.weights + factors.bias
    expected = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(factors.product().probabilities(features), expected, rtol=1e-5)


def test_fasttext_means_are_shares_of_a_texts_ngrams():
    ngrams = NGrams(Unit.WORD, 1, 1, min_df=1, max_features=99, weighting=Weighting.MEAN)
    rows = ngrams.fit_transform(pa.chunked_array([["good good film", "film"]])).toarray()
    shares = dict(zip(ngrams.names, rows[0], strict=True))
    assert shares["good"] == pytest.approx(2 * shares["film"])
    np.testing.assert_allclose(rows.sum(1), 1)
    assert ngrams.transform(pa.chunked_array([["unheard film"]])).sum() == pytest.approx(1)


def test_fasttext_settings_out_of_range_are_named():
    for settings, message in (
        ({"embedding_dim": 0}, "embedding_dim=0: must be at least 1"),
        ({"epochs": 0}, "epochs=0: must be above 0"),
        ({"word_ngrams": 0}, "word_ngrams and char_ngrams are both 0"),
    ):
        with pytest.raises(ConfigError, match=message):
            FastTextConfig(**settings)
