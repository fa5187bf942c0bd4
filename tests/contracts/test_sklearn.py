"""The estimators of table rungs keep scikit-learn's contract, and work in its tools."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from rungwise.artifacts import load_model
from rungwise.errors import ConfigError, DataError
from rungwise.estimators import RungEstimator, class_names, estimator_named
from rungwise.kinds import InputKind, OutputKind
from rungwise.registry import rung, rung_names

QUICK: dict[str, dict[str, Any]] = {
    "GradientBoosting": {"num_trees_blind": 40, "learning_rate": 0.1},
    "MLP": {"epochs": 12, "batch_size": 32, "learning_rate": 0.01, "hidden_size": 32, "precision": "fp32"},
}
"""Settings with which a fit on a few hundred rows is quick."""

EXPECTED_FAILURES: dict[str, dict[str, str]] = {
    "BaselineClassifier": {"check_classifiers_train": "it looks at no input, so that its accuracy is bad"},
    "BaselineRegressor": {"check_regressors_train": "it looks at no input, so that its R² is 0"},
    **{
        f"{stem}Classifier": {
            "check_class_weight_classifiers": "its class weights are none or balanced, no dict"
        }
        for stem in ("GradientBoosting", "Logistic", "MLP", "SVM")
    },
}


SUFFIXES = {OutputKind.LABEL: "Classifier", OutputKind.NUMBER: "Regressor"}
NAMES = sorted(
    rung(name).class_name + SUFFIXES[output]
    for name in rung_names()
    for kind, output in rung(name).accepts
    if kind is InputKind.TABLE
)
LEARNERS = [name for name in NAMES if not name.startswith("Baseline")]


def make(name: str) -> RungEstimator:
    stem = name.removesuffix("Classifier").removesuffix("Regressor")
    return estimator_named(name)(random_state=0, **QUICK.get(stem, {}))


def mixed(name: str, num_rows: int = 200) -> tuple[pd.DataFrame, np.ndarray]:
    """A frame with numbers, a category, a date, gaps, and codes that look like numbers; and a target."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "width": rng.normal(size=num_rows),
            "colour": rng.choice(["red", "green", "blue"], num_rows),
            "code": rng.choice(["1", "2", "10"], num_rows),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, num_rows), unit="D"),
        }
    )
    target = frame["width"] + 2 * (frame["colour"] == "red") + 2 * (frame["code"] == "10")
    frame.loc[::7, "width"] = None
    frame.loc[::5, "colour"] = None
    if name.endswith("Classifier"):
        return frame, np.where(target > 1, "high", "low")
    return frame, target.to_numpy()


@pytest.mark.parametrize("name", NAMES)
def test_check_estimator(name: str) -> None:
    check_estimator(make(name), expected_failed_checks=EXPECTED_FAILURES.get(name), on_skip=None)


@pytest.mark.parametrize("name", LEARNERS)
def test_clone_pickle_and_saved_folder_predict_the_same(name: str, tmp_path: Path) -> None:
    frame, target = mixed(name)
    estimator = make(name).fit(frame, target)
    expected = estimator.predict(frame)
    np.testing.assert_array_equal(clone(estimator).fit(frame, target).predict(frame), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(estimator)).predict(frame), expected)
    loaded = load_model(estimator.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(frame), expected)


@pytest.mark.parametrize("name", LEARNERS)
def test_grid_search_pipeline_and_cross_validation(name: str) -> None:
    frame, target = mixed(name)
    scores = cross_val_score(make(name), frame, target, cv=2)
    assert (scores > (0.55 if name.endswith("Classifier") else 0.1)).all()
    scaler = ColumnTransformer([("scale", StandardScaler(), ["width"])], remainder="passthrough")
    pipeline = make_pipeline(scaler.set_output(transform="pandas"), make(name))
    search = GridSearchCV(pipeline, {f"{type(make(name)).__name__.lower()}__random_state": [0]}, cv=2)
    assert search.fit(frame, target).predict(frame).shape == target.shape


@pytest.mark.parametrize("loads", [False, True])
def test_columns_are_matched_by_name_and_kept_in_kind(loads: bool, tmp_path: Path) -> None:
    frame, target = mixed("LogisticClassifier")
    estimator = make("LogisticClassifier").fit(frame, target)
    expected = estimator.predict_proba(frame)
    if loads:
        estimator = load_model(estimator.save(tmp_path / "model"))
    turned = frame[frame.columns[::-1]].assign(extra="?")
    np.testing.assert_array_equal(estimator.predict_proba(turned), expected)
    numeric = frame.assign(code=frame["code"].astype(int))
    np.testing.assert_array_equal(estimator.predict_proba(numeric), expected)
    arrow = pa.Table.from_pandas(frame)
    np.testing.assert_array_equal(estimator.predict_proba(arrow), expected)
    empty = frame.head(3).assign(colour=[None] * 3, width=[None] * 3)
    assert estimator.predict_proba(empty).shape == (3, 2)
    unseen = frame.head(3).assign(colour="purple")
    assert np.isfinite(estimator.predict_proba(unseen)).all()


def test_missing_columns_are_named() -> None:
    frame, target = mixed("LinearRegressor")
    estimator = make("LinearRegressor").fit(frame, target)
    with pytest.raises(DataError, match="columns that are missing here: width, code"):
        estimator.predict(frame.drop(columns=["width", "code"]))


def test_arrays_after_arrays_go_by_place() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3))
    estimator = make("LinearRegressor").fit(X, X[:, 0])
    np.testing.assert_array_equal(estimator.predict(X[:5]), estimator.predict(X)[:5])
    np.testing.assert_array_equal(
        estimator.predict(pd.DataFrame(X, columns=["a", "b", "c"])), estimator.predict(X)
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "y is empty"),
        ([1.0, np.nan, 2.0], "row 2, column 'y': the label is"),
        (["a", None, "b"], "row 2"),
    ],
)
def test_labels_that_are_none_are_refused(labels: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make("LogisticClassifier").fit(np.zeros((len(labels), 2)), labels)


def test_every_problem_of_the_settings_is_named() -> None:
    estimator = estimator_named("SVMClassifier")(C=-1.0, gamma=0.0)
    with pytest.raises(ConfigError, match=r"C=-1.0: must be a number above 0.*gamma=0.0"):
        estimator.fit(np.zeros((4, 1)), [0, 1, 0, 1])
    with pytest.raises(ConfigError, match="kernel='poly': allowed are auto, linear, rbf"):
        estimator_named("SVMClassifier")(kernel="poly").fit(np.zeros((4, 1)), [0, 1, 0, 1])


def test_table_names_are_public() -> None:
    assert set(NAMES) <= set(class_names())


def test_an_array_for_a_model_of_named_columns_is_refused():
    frame = pd.DataFrame({"size": [1.0, 2, 3, 4] * 5, "colour": ["red", "blue"] * 10})
    model = estimator_named("LogisticClassifier")(random_state=0).fit(frame, ["a", "b"] * 10)
    with pytest.raises(DataError, match=r"fitted on named columns \(size, colour\); give a DataFrame"):
        model.predict(frame.to_numpy())
