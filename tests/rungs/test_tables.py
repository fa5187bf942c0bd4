"""What is special to each rung of tables; what they share is in `contracts`."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sklearn.linear_model
import torch
from numpy.typing import NDArray
from scipy.optimize import check_grad
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from rungwise.data import as_table
from rungwise.fitting import FitContext
from rungwise.kinds import InputKind, OutputKind
from rungwise.rung import TableShape
from rungwise.rungs import _solver as solver
from rungwise.rungs._solver import HingeLoss, InsensitiveLoss, LinearProblem, Loss, SoftmaxLoss, best_on_path
from rungwise.rungs.traditional import gradient_boosting, linear_regression, logistic_regression, mlp, svm

LABEL, NUMBER = (InputKind.TABLE, OutputKind.LABEL), (InputKind.TABLE, OutputKind.NUMBER)
CONTEXT = FitContext(seed=0)


def scaled(X: NDArray[Any]) -> NDArray[np.float64]:
    features: NDArray[np.float64] = StandardScaler().fit_transform(X)
    return features


def fit(learner: Any, X: Any, y: NDArray[Any], valid: Any = None, context: FitContext = CONTEXT) -> Any:
    num_outputs = len(np.unique(y)) if y.dtype.kind == "i" else 1
    inputs = as_table(X) if X.ndim == 2 else X
    if valid is not None and valid[0].ndim == 2:
        valid = (as_table(valid[0]), valid[1])
    learner.fit(inputs, y, num_outputs=num_outputs, validation=valid, context=context)
    return learner


# ------------------------------------------------------------------------------------------------- solver


@pytest.mark.parametrize(
    ("loss", "targets", "num_scores"),
    [
        (SoftmaxLoss(), np.array([0, 2, 1, 2]), 3),
        (SoftmaxLoss(), np.array([0, 1, 1, 0]), 1),
        (HingeLoss(), np.array([0, 2, 1, 2]), 3),
        (HingeLoss(), np.array([0, 1, 1, 0]), 1),
        (InsensitiveLoss(0.1), np.array([0.5, -1.0, 2.0, 0.0]), 1),
    ],
)
def test_gradients_of_losses(loss: Loss, targets: NDArray[Any], num_scores: int) -> None:
    start = np.random.default_rng(0).normal(size=4 * num_scores)
    error = check_grad(
        lambda scores: loss(scores.reshape(4, num_scores), targets)[0],
        lambda scores: np.asarray(loss(scores.reshape(4, num_scores), targets)[1]).ravel(),
        start,
    )
    assert error < 1e-3  # the losses keep numbers in 32 bits in part


@pytest.mark.parametrize("most_rounded", [0, 2048])
def test_the_solver_finds_scikit_learns_minimum(most_rounded: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "MAX_ROUNDED", most_rounded)
    monkeypatch.setattr(solver, "_TOLERANCE", 1e-9)
    X, y = load_iris(return_X_y=True)
    X = scaled(X)
    problem = LinearProblem(X.astype(np.float32), y, SoftmaxLoss(), 3, CONTEXT)
    weights = problem.solve(1 / len(y), problem.start())
    expected = sklearn.linear_model.LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(weights[:-1], expected.coef_.T, atol=2e-3)
    centred = expected.intercept_ - expected.intercept_.mean()
    np.testing.assert_allclose(weights[-1] - weights[-1].mean(), centred, atol=2e-3)


def test_a_path_ends_when_validation_gets_worse() -> None:
    problem = LinearProblem(np.eye(4, dtype=np.float32), np.arange(4) % 2, SoftmaxLoss(), 1, CONTEXT)
    losses = iter([3.0, 2.0, 2.5])
    seen = []

    def valid_loss(weights: NDArray[np.float64]) -> float:
        seen.append(weights)
        return next(losses)

    best = best_on_path(problem, [1.0, 0.1, 0.01, 0.001], valid_loss)
    assert len(seen) == 3
    assert best is seen[1]


def test_a_search_out_of_time_says_so() -> None:
    cuts: list[bool] = []
    X, y = load_iris(return_X_y=True)
    context = FitContext(deadline=time.monotonic() - 1, cut=lambda: cuts.append(True))
    problem = LinearProblem(X.astype(np.float32), y, SoftmaxLoss(), 3, context)
    assert np.isfinite(problem.solve(1e-3, problem.start())).all()
    assert cuts == [True]


@pytest.mark.parametrize(("penalties", "is_cut"), [([1.0], False), ([1.0, 0.1], True)])
def test_a_path_is_cut_if_time_leaves_penalties_untried(
    monkeypatch: pytest.MonkeyPatch, penalties: list[float], is_cut: bool
) -> None:
    cuts: list[bool] = []
    X, y = load_iris(return_X_y=True)
    context = FitContext(deadline=time.monotonic() - 1, cut=lambda: cuts.append(True))
    problem = LinearProblem(X.astype(np.float32), y, SoftmaxLoss(), 3, context)
    monkeypatch.setattr(problem, "solve", lambda penalty, start: start)
    best_on_path(problem, penalties, lambda weights: 1.0)
    assert cuts == [True] * is_cut


# ------------------------------------------------------------------------------------------ linear models


def test_ridge_is_that_of_scikit_learn() -> None:
    X, y = load_diabetes(return_X_y=True)
    learner = linear_regression.LinearRegression(linear_regression.LinearRegressionConfig(alpha=3.0), NUMBER)
    expected = sklearn.linear_model.Ridge(alpha=3.0).fit(scaled(X), y)
    np.testing.assert_allclose(
        fit(learner, X, y).predict(as_table(X)), expected.predict(scaled(X)), rtol=1e-4
    )


def test_alpha_follows_the_noise() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 30))
    config = linear_regression.LinearRegressionConfig()
    clean = fit(linear_regression.LinearRegression(config, NUMBER), X, X[:, 0] + 2 * X[:, 1])
    np.testing.assert_allclose(clean.predict(as_table(X)), X[:, 0] + 2 * X[:, 1], atol=1e-3)
    noise = rng.normal(size=60)
    assert (
        np.std(fit(linear_regression.LinearRegression(config, NUMBER), X, noise).predict(as_table(X))) < 0.5
    )


def test_ridge_takes_more_features_than_examples_and_targets_far_from_zero() -> None:
    X = np.random.default_rng(0).normal(size=(10, 40))
    y = 1e9 + X[:, 0]
    learner = fit(
        linear_regression.LinearRegression(linear_regression.LinearRegressionConfig(), NUMBER), X, y
    )
    assert np.corrcoef(learner.predict(as_table(X)), y)[0, 1] > 0.9


def test_logistic_regression_is_that_of_scikit_learn() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    learner = logistic_regression.LogisticRegression(
        logistic_regression.LogisticRegressionConfig(C=1.0), LABEL
    )
    expected = sklearn.linear_model.LogisticRegression(C=1.0, max_iter=1000).fit(scaled(X), y)
    probabilities = fit(learner, X, y).predict(as_table(X))
    np.testing.assert_allclose(probabilities, expected.predict_proba(scaled(X)), atol=0.01)
    assert learner.num_parameters() == X.shape[1] + 1


def test_logistic_regression_reads_pixels_and_chooses_its_penalty() -> None:
    digits = load_digits()
    images = (digits.images[..., None] * 15).astype(np.uint8)
    pair = (InputKind.IMAGE, OutputKind.LABEL)
    learner = logistic_regression.LogisticRegression(logistic_regression.LogisticRegressionConfig(), pair)
    target = digits.target.astype(np.int64)
    fit(learner, images[:1200], target[:1200], (images[1200:1500], target[1200:1500]))
    assert (learner.predict(images[1500:]).argmax(1) == target[1500:]).mean() > 0.88


# ---------------------------------------------------------------------------------------------------- svm


def make_svm(pair: Any, **settings: Any) -> svm.SVM:
    return svm.SVM(svm.SVMConfig(**{"scaling": "standard", **settings}), pair)


def test_the_exact_svm_is_libsvms() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    learner = fit(make_svm(LABEL, C=1.0, gamma=0.05), X, y)
    expected = SVC(C=1.0, gamma=0.05).fit(scaled(X), y)
    scores = learner.model.scores(learner.features.transform(as_table(X)))[:, 0]
    np.testing.assert_allclose(scores, expected.decision_function(scaled(X)), atol=1e-3)
    X, y = load_diabetes(return_X_y=True)
    learner = fit(make_svm(NUMBER, C=1.0, gamma=0.05), X, y)
    expected = SVR(C=1.0, gamma=0.05).fit(scaled(X), (y - y.mean()) / y.std())
    numbers = expected.predict(scaled(X)) * y.std() + y.mean()
    np.testing.assert_allclose(learner.predict(as_table(X)), numbers, rtol=1e-3)


def test_nystroem_bends_as_the_exact_kernel_does() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(600, 2))
    y = (np.hypot(*X.T) < 1.4).astype(np.int64)
    for settings in ({}, {"exact_rows": 0, "num_landmarks": 100}):
        learner = fit(make_svm(LABEL, **settings), X[:300], y[:300], (X[300:450], y[300:450]))
        assert (learner.predict(as_table(X[450:])).argmax(1) == y[450:]).mean() > 0.95
    assert len(learner.model.support) == 100


def test_a_straight_kernel_is_chosen_where_it_serves() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 20))
    y = X[:, 0] + X[:, 1] + 0.1 * rng.normal(size=400)
    learner = fit(make_svm(NUMBER), X[:100], y[:100], (X[100:], y[100:]))
    assert learner.model.support is None


def test_an_svm_with_little_time_leaves_the_exact_kernel_out() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6000, 5)), rng.integers(0, 2, 6000)
    cuts: list[bool] = []
    context = FitContext(deadline=time.monotonic() + 1.0, cut=lambda: cuts.append(True))
    learner = fit(make_svm(LABEL, num_landmarks=50), X, y, context=context)
    assert len(learner.model.support) <= 50
    assert cuts


def test_an_svm_of_many_rows_has_landmarks_and_is_not_cut() -> None:
    cuts: list[bool] = []
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 5)), rng.integers(0, 2, 300)
    context = FitContext(deadline=time.monotonic() + 1000, cut=lambda: cuts.append(True))
    learner = fit(make_svm(LABEL, exact_rows=100, num_landmarks=50), X, y, (X, y), context)
    assert cuts == []
    learner = fit(make_svm(LABEL, kernel=svm.Kernel.LINEAR, C=1.0), X, y, (X, y), context)
    assert cuts == []
    assert learner.model.support is None


def test_an_svm_without_time_leaves_the_rbf_kernel_out_and_was_cut() -> None:
    cuts: list[bool] = []
    X, y = load_iris(return_X_y=True)
    context = FitContext(deadline=time.monotonic() - 1, cut=lambda: cuts.append(True))
    learner = fit(make_svm(LABEL), X, y, (X, y), context)
    assert learner.model.support is None
    assert cuts
    learner = fit(
        make_svm(LABEL, kernel=svm.Kernel.RBF), X, y, (X, y), context
    )  # after the first of its trials
    assert learner.model.support is not None


def test_a_class_that_trials_lack_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svm, "_TRIAL_ROWS", 20)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = np.where(np.arange(300) == 0, 2, (X[:, 0] > 0).astype(int))
    learner = fit(make_svm(LABEL), X, y, (X[1:], y[1:]))
    assert learner.predict(as_table(X)).shape == (300, 3)


# -------------------------------------------------------------------------------------- gradient boosting


def make_boosting(pair: Any, **settings: Any) -> gradient_boosting.GradientBoosting:
    return gradient_boosting.GradientBoosting(gradient_boosting.GradientBoostingConfig(**settings), pair)


def test_boosting_stops_at_the_best_tree() -> None:
    X, y = load_diabetes(return_X_y=True)
    learner = fit(make_boosting(NUMBER, patience=20), X[:300], y[:300], (X[300:], y[300:]))
    losses = [epoch.valid_loss for epoch in learner.history]
    assert 10 <= learner.booster.num_trees() < 300
    assert learner.history[-1].epoch == learner.booster.num_trees() + 20
    error = np.square((learner.predict(as_table(X[300:])) - y[300:]) / y[:300].std()).mean()
    assert error <= min(losses) + 1e-9


def test_boosting_splits_on_gaps_and_categories() -> None:
    rng = np.random.default_rng(0)
    names = rng.choice([f"c{i}" for i in range(20)], 2000)
    number = np.where(rng.random(2000) < 0.3, np.nan, rng.normal(size=2000))
    y = ((np.char.str_len(names) == 2) ^ np.isnan(number)).astype(np.int64)
    table = as_table(pa.table({"name": names.tolist(), "number": pa.array(number, from_pandas=True)}))
    learner = make_boosting(LABEL, num_trees_blind=50, learning_rate=0.2)
    learner.fit(table, y, num_outputs=2, validation=None, context=CONTEXT)
    assert (learner.predict(table).argmax(1) == y).mean() > 0.99


def test_boosting_ends_with_the_time() -> None:
    cuts: list[bool] = []
    X = np.random.default_rng(0).normal(size=(2000, 20))
    context = FitContext(deadline=time.monotonic() + 0.3, cut=lambda: cuts.append(True))
    learner = fit(make_boosting(NUMBER, num_trees_blind=100_000), X, X[:, 0] * X[:, 1], context=context)
    assert cuts == [True]
    assert time.monotonic() < context.deadline + 1
    assert np.isfinite(learner.predict(as_table(X[:5]))).all()


def test_boosting_that_validation_ends_was_not_cut() -> None:
    cuts: list[bool] = []
    X, y = load_diabetes(return_X_y=True)
    context = FitContext(deadline=time.monotonic() + 1000, cut=lambda: cuts.append(True))
    fit(make_boosting(NUMBER, patience=5), X[:300], y[:300], (X[300:], y[300:]), context)
    assert cuts == []


def test_an_svm_whose_errors_are_all_free_predicts_its_bias() -> None:
    X = np.random.default_rng(0).normal(size=(20, 2))
    learner = fit(make_svm(NUMBER), X, np.full(20, 3.0))
    np.testing.assert_allclose(learner.predict(as_table(X)), 3.0)


def test_boosting_counts_its_parameters() -> None:
    X, y = load_iris(return_X_y=True)
    learner = fit(make_boosting(LABEL, num_trees_blind=3), X, y)
    trees = learner.booster.dump_model()["tree_info"]
    assert learner.num_parameters() == sum(3 * tree["num_leaves"] - 2 for tree in trees)


# ---------------------------------------------------------------------------------------------------- mlp

SHAPE = TableShape(num_examples=100, num_outputs=3, num_numbers=4, cardinalities=(5, 3))


def make_mlp(**settings: Any) -> mlp.MLP:
    torch.manual_seed(0)
    return mlp.MLP(mlp.MLPConfig(hidden_size=16, **settings), SHAPE).eval()


@pytest.mark.parametrize("embedding", mlp.NumberEmbedding)
@pytest.mark.parametrize(
    "shape", [SHAPE, TableShape(num_examples=9, num_outputs=1, num_numbers=0, cardinalities=(4,))]
)
def test_parameters_are_those_of_the_formula(embedding: mlp.NumberEmbedding, shape: TableShape) -> None:
    config = mlp.MLPConfig(hidden_size=16, number_embedding=embedding)
    network = mlp.MLP(config, shape)
    assert mlp.cost(config, shape).parameters == sum(p.numel() for p in network.parameters())


def test_piecewise_linear_bins() -> None:
    embedding = mlp.PiecewiseLinearEmbedding(num_numbers=1, num_bins=4, embedding_size=4)
    with torch.no_grad():
        embedding.mix.weight[:] = torch.eye(4)
        embedding.mix.bias[:] = 0
        places = embedding(torch.tensor([[-9.0], [0.0], [9.0], [0.3186]]))[
            :, 0
        ]  # 62.5 % of a normal distribution
    expected = [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 0.5, 0]]
    torch.testing.assert_close(places, torch.tensor(expected), atol=1e-3, rtol=0)


def test_each_number_is_mixed_by_itself() -> None:
    layer = mlp.FeatureLinear(num_features=3, in_features=2, out_features=5)
    features = torch.rand(7, 3, 2)
    expected = torch.stack([features[:, i] @ layer.weight[i] + layer.bias[i] for i in range(3)], dim=1)
    torch.testing.assert_close(layer(features), expected)


def test_columns_of_categories_have_vectors_of_their_own() -> None:
    network = make_mlp()
    numbers = torch.zeros(2, 4)
    outputs = network(numbers, torch.tensor([[1, 2], [2, 1]]))
    assert not torch.allclose(outputs[0], outputs[1])
    assert network.first_codes.tolist() == [0, 5]
