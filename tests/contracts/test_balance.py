"""Classes that are unequally frequent: weights, and epochs in which each is equally often."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from problems import make_problem
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_class_weight
from test_rungs import SMALL

from rungwise import registry
from rungwise.errors import ConfigError
from rungwise.estimators import estimator_class, estimator_named
from rungwise.estimators.inputs import take
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.balance import class_weights
from rungwise.settings import ClassWeight
from rungwise.training.batches import train_batches
from rungwise.training.losses import Objective

CASES = [
    (name, pair)
    for name in registry.rung_names()
    for pair in sorted(registry.rung(name).accepts)
    if "class_weight" in {field.name for field in dataclasses.fields(registry.rung(name).config)}
]
IDS = ["-".join((name, *pair)) for name, pair in CASES]
QUICK = {"epochs": 2, "batch_size": 16, "min_steps": 0, "num_trees_blind": 20, "num_landmarks": 30}

QUICK_NETWORK = {"epochs": 4, "batch_size": 16, "min_steps": 0, "random_state": 0, "precision": "fp32"}


def settings(name, **wanted):
    names = {field.name for field in dataclasses.fields(registry.rung(name).config)}
    return {key: value for key, value in (SMALL.get(name, {}) | QUICK | wanted).items() if key in names}


def test_weights_are_scikit_learns():
    targets = np.random.default_rng(0).choice(4, 200, p=(0.7, 0.2, 0.08, 0.02))
    expected = compute_class_weight("balanced", classes=np.arange(4), y=targets)
    np.testing.assert_allclose(class_weights(ClassWeight.BALANCED, targets, 4), expected)
    np.testing.assert_allclose(class_weights(ClassWeight.BALANCED, targets, 5), [*expected, 1.0])
    assert class_weights(ClassWeight.NONE, targets, 4) is None


@pytest.mark.parametrize(("name", "pair"), CASES, ids=IDS)
def test_every_rung_that_can_weigh_does_and_says_where_it_cannot(name, pair):
    problem = make_problem(pair)
    if pair[1] is not OutputKind.LABEL:
        why = {OutputKind.NUMBER: "numbers have no classes", OutputKind.TAGS: "a sentence has no class"}
        for setting in {"class_weight", "sampling"} & set(settings(name, class_weight="", sampling="")):
            with pytest.raises(ConfigError, match=f"{setting}='balanced': {why[pair[1]]}"):
                estimator_class(name, pair[1])(**settings(name, **{setting: "balanced"})).fit(
                    *problem.first(20)
                )
        return
    common = problem.targets == problem.targets[0]
    kept = np.flatnonzero(common | (np.arange(len(common)) % 5 == 0))[:120]
    X, y = take(problem.inputs, kept), problem.targets[kept]
    plain, weighted = (
        estimator_class(name, pair[1])(
            **settings(name, class_weight=choice), random_state=0, precision="fp32"
        ).fit(X, y)
        for choice in ("none", "balanced")
    )
    before, after = (
        model.predict_proba(problem.test_inputs)[:, list(model.classes_).index(problem.targets[0])]
        for model in (plain, weighted)
    )
    assert after.mean() < before.mean()


def test_a_network_that_meets_each_class_equally_often_says_the_common_one_less():
    problem = make_problem((InputKind.IMAGE, OutputKind.LABEL))
    common = problem.targets == problem.targets[0]
    kept = np.flatnonzero(common | (np.arange(len(common)) % 5 == 0))[:120]
    shuffled, balanced = (
        estimator_class("lenet", OutputKind.LABEL)(**QUICK_NETWORK, sampling=sampling)
        .fit(problem.inputs[kept], problem.targets[kept])
        .predict_proba(problem.test_inputs)[:, sorted(set(problem.targets[kept])).index(problem.targets[0])]
        for sampling in ("shuffled", "balanced")
    )
    assert balanced.mean() < shuffled.mean()


def unbalanced(num_classes):
    rng = np.random.default_rng(1)
    y = np.minimum(rng.geometric(0.6, 300) - 1, num_classes - 1)
    X = rng.normal(size=(300, 4)) + y[:, None]
    return (X - X.mean(0)) / X.std(0), y  # which the rungs' own scaling leaves as it is


@pytest.mark.parametrize("num_classes", [2, 4])
def test_balanced_logistic_regression_is_scikit_learns(num_classes):
    X, y = unbalanced(num_classes)
    ours = estimator_named("LogisticClassifier")(C=0.5, class_weight="balanced").fit(X, y)
    theirs = LogisticRegression(C=0.5, class_weight="balanced", tol=1e-8, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-2)


def test_a_balanced_svm_is_scikit_learns():
    X, y = unbalanced(2)
    ours = estimator_named("SVMClassifier")(
        C=1.0, gamma=0.3, kernel="rbf", scaling="standard", class_weight="balanced"
    )
    theirs = SVC(C=1.0, gamma=0.3, class_weight="balanced").fit(X, y)
    scores = ours.fit(X, y).learner_.model.scores(X)[:, 0]
    np.testing.assert_allclose(scores, theirs.decision_function(X), atol=1e-3)


def test_a_networks_loss_weighs_the_classes_in_training_alone():
    outputs = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    targets, weights = torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([0.5, 1.0, 2.0])
    objective = Objective(OutputKind.LABEL, 0.1, weights)
    losses = F.cross_entropy(outputs, targets, label_smoothing=0.1, reduction="none")
    torch.testing.assert_close(objective.loss(outputs, targets), losses.mean())
    torch.testing.assert_close(objective.train_loss(outputs, targets), (losses * weights[targets]).mean())


@pytest.mark.parametrize("lengths", [None, np.arange(100) % 7 + 1])
def test_balanced_epochs_have_each_class_equally_often(lengths):
    labels = np.repeat([0, 2, 5], [80, 15, 5])
    batches = train_batches(100, lengths, 8, np.random.default_rng(0), labels=labels)
    drawn = np.concatenate(batches)
    assert sorted(np.bincount(labels[drawn]).tolist()) == [0, 0, 0, 33, 33, 34]
    assert np.unique(drawn[labels[drawn] == 0]).size == 33  # none twice while there are others
    assert np.bincount(drawn)[95:].min() >= 6
    again = np.concatenate(train_batches(100, lengths, 8, np.random.default_rng(0), labels=labels))
    np.testing.assert_array_equal(drawn, again)
