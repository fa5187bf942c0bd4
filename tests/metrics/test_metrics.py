import numpy as np
import pytest
import sklearn.metrics as reference

from rungwise.errors import UnknownNameError
from rungwise.kinds import OutputKind
from rungwise.metrics import UNSEEN, Needs, class_scores, metric, metric_names, rarer_class

RNG = np.random.default_rng(7)
LABELS = RNG.integers(0, 4, 200)
PROBABILITIES = RNG.dirichlet(np.ones(4), 200)
PROBABILITIES[np.arange(200), LABELS] += 0.3
PROBABILITIES = (PROBABILITIES / PROBABILITIES.sum(axis=1, keepdims=True)).round(2)  # rounding makes ties
PREDICTIONS = PROBABILITIES.argmax(axis=1)
BINARY = (LABELS == 0).astype(int)
BINARY_SCORE = PROBABILITIES[:, 0]
BINARY_PROBABILITIES = np.column_stack([1 - BINARY_SCORE, BINARY_SCORE])
BINARY_PREDICTIONS = (BINARY_SCORE > 0.4).astype(int)
NUMBERS = 1e6 + RNG.normal(size=200)
GUESSES = NUMBERS + RNG.normal(scale=0.3, size=200)
WEIGHTS = RNG.integers(0, 4, 200).astype(float)


def mean_area(area):
    return lambda target, output, sample_weight: np.mean(
        [area(target == k, output[:, k], sample_weight=sample_weight) for k in range(output.shape[1])]
    )


CASES = {
    "accuracy": (LABELS, PREDICTIONS, reference.accuracy_score),
    "error": (LABELS, PREDICTIONS, reference.zero_one_loss),
    "macro-f1": (
        LABELS,
        PREDICTIONS,
        lambda t, p, sample_weight: reference.f1_score(t, p, average="macro", sample_weight=sample_weight),
    ),
    "balanced-accuracy": (LABELS, PREDICTIONS, reference.balanced_accuracy_score),
    "f1": (BINARY, BINARY_PREDICTIONS, reference.f1_score),
    "log-loss": (
        BINARY,
        BINARY_PROBABILITIES.clip(1e-3, 1 - 1e-3),
        lambda t, p, sample_weight: reference.log_loss(t, p, sample_weight=sample_weight),
    ),
    "roc-auc": (LABELS, PROBABILITIES, mean_area(reference.roc_auc_score)),
    "average-precision": (LABELS, PROBABILITIES, mean_area(reference.average_precision_score)),
    "rmse": (NUMBERS, GUESSES, reference.root_mean_squared_error),
    "mae": (NUMBERS, GUESSES, reference.mean_absolute_error),
    "r2": (NUMBERS, GUESSES, reference.r2_score),
}


def test_every_metric_has_a_reference():
    plain = [
        name for name in metric_names() if metric(name).output is not OutputKind.TAGS
    ]  # see test_spans.py
    assert sorted(CASES) == sorted(plain)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["plain", "weighted"])
def test_score_equals_scikit_learn(name, sample_weight):
    target, output, expected = CASES[name]
    score = metric(name).score(target, output, sample_weight)
    assert score == pytest.approx(expected(target, output, sample_weight=sample_weight), rel=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_score_is_the_link_of_the_mean_of_the_values(name):
    target, output, _ = CASES[name]
    subject = metric(name)
    means = np.asarray(subject.per_example(target, output).mean(axis=0)).reshape(-1, 1)
    assert subject.link(means)[0] == pytest.approx(subject.score(target, output), abs=1e-9)


@pytest.mark.parametrize("name", ["roc-auc", "average-precision"])
def test_values_of_areas_are_their_derivatives_by_weight(name):
    subject, step = metric(name, positive=1), 1e-4
    values = subject.per_example(BINARY, BINARY_PROBABILITIES)[:, 0]
    for example in (0, 1, 2, 3):
        weights = np.ones(len(BINARY))
        weights[example] += step
        moved = subject.score(BINARY, BINARY_PROBABILITIES, weights)
        expected = np.average(values, weights=weights)
        assert moved == pytest.approx(expected, abs=1e-3 * step)


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("rmse", "mae", "r2")])
def test_unseen_classes_count_as_wrong(name):
    target, output, _ = CASES[name]
    subject = metric(name, positive=1)
    unseen = np.where((target == 1) & (np.arange(len(target)) < 100), UNSEEN, target)
    worse, better = sorted(
        (subject.score(target, output), subject.score(unseen, output)), reverse=not subject.greater_is_better
    )
    assert worse == subject.score(unseen, output)
    assert np.isfinite(worse)
    assert worse != better


def test_f1_is_of_the_rarer_class_unless_told():
    target, prediction = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0])
    assert metric("f1").score(target, prediction) == pytest.approx(0.5)
    assert metric("f1", positive=0).score(target, prediction) == pytest.approx(0.75)
    assert rarer_class(1 - target) == 0
    assert rarer_class(np.array([0, 1])) == 1


def test_areas_of_one_class_are_not_defined():
    probabilities = np.full((3, 2), 0.5)
    for name in ("roc-auc", "average-precision"):
        assert np.isnan(metric(name).score(np.zeros(3, int), probabilities))


def test_a_constant_target_has_no_r2():
    assert np.isnan(metric("r2").score(np.ones(3), np.arange(3.0)))


def test_no_examples_have_no_score():
    assert np.isnan(metric("accuracy").score(np.array([], int), np.array([], int)))


def test_an_impossible_example_keeps_log_loss_finite():
    assert metric("log-loss").score(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(15.94, abs=0.01)


def test_scores_of_each_class():
    scores = class_scores(np.array([0, 0, 1, UNSEEN]), np.array([0, 1, 1, 1]), 3)
    assert scores[1].precision == pytest.approx(1 / 3)
    assert scores[1].recall == 1
    assert scores[1].f1 == pytest.approx(0.5)
    assert [score.support for score in scores] == [2, 1, 0]


def test_unknown_metric_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match=r"metric 'acuracy' is unknown; did you mean 'accuracy'\?"):
        metric("acuracy")


def test_rank_metrics_need_probabilities():
    assert metric("roc-auc").needs is Needs.PROBABILITIES
    assert metric("accuracy").needs is Needs.PREDICTION
