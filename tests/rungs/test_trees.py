"""LightGBM's trees as arrays: they predict what its own text predicts; none gets to its parser that could break it."""

import lightgbm
import numpy as np
import pytest

from rungwise.errors import ModelError
from rungwise.rungs._trees import check_trees, read_trees, tree_text

NUM_COLUMNS, NUM_SCORES = 4, 3


@pytest.fixture(scope="module")
def booster():
    """Trees of numbers with gaps and of categories."""
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(600, 2)), rng.integers(0, 40, size=(600, 2))])
    y = ((X[:, 0] > 0) + (X[:, 2] % 3 == 0)).astype(int)
    X[rng.random(X.shape) < 0.1] = np.nan
    parameters = {
        "objective": "multiclass",
        "num_class": 3,
        "verbosity": -1,
        "num_threads": 1,
        "num_leaves": 8,
        "min_data_per_group": 5,
        "cat_smooth": 1,
    }
    return lightgbm.train(parameters, lightgbm.Dataset(X, y, categorical_feature=[2, 3]), 6), X


@pytest.fixture
def trees(booster):
    return read_trees(booster[0].model_to_string())


def test_trees_predict_and_explain_as_their_text_does(booster, trees):
    ours = lightgbm.Booster(
        model_str=tree_text(
            check_trees(trees, NUM_COLUMNS, NUM_SCORES), NUM_COLUMNS, "multiclass num_class:3", NUM_SCORES
        )
    )
    theirs, X = booster
    assert trees["num_cat"].any()
    np.testing.assert_array_equal(ours.predict(X, num_threads=1), theirs.predict(X, num_threads=1))
    np.testing.assert_array_equal(ours.predict(X, pred_contrib=True), theirs.predict(X, pred_contrib=True))
    np.testing.assert_array_equal(ours.feature_importance("gain"), theirs.feature_importance("gain"))


def test_a_tree_that_is_one_leaf_predicts_its_value():
    X, y = np.zeros((10, 1)), np.full(10, 3.0)
    theirs = lightgbm.train({"verbosity": -1, "num_threads": 1}, lightgbm.Dataset(X, y), 2)
    trees = check_trees(read_trees(theirs.model_to_string()), 1, 1)
    ours = lightgbm.Booster(model_str=tree_text(trees, 1, "regression", 1))
    np.testing.assert_array_equal(ours.predict(X, num_threads=1), theirs.predict(X, num_threads=1))


@pytest.mark.parametrize(
    ("name", "place", "value", "sentence"),
    [
        ("left_child", 0, 0, "leads in circles"),
        ("left_child", 1, 0, "leads in circles"),
        ("right_child", 0, 7, "leads in circles, or to a leaf that isn't there"),
        ("right_child", 0, -9, "leads in circles, or to a leaf that isn't there"),
        ("split_feature", 0, 4, "splits none of the 4 columns"),
        ("split_feature", 0, -1, "splits none of the 4 columns"),
        ("decision_type", 0, 255, "in a way that is unknown"),
        ("num_leaves", 0, 0, "has from 1 to 131072 leaves"),
        ("num_leaves", 0, 7, "'split_feature' is an array"),
        ("num_leaves", 0, 2**31 - 1, "has from 1 to 131072 leaves"),
        ("num_cat", 0, 99, "'cat_boundaries' is an array"),
        ("cat_boundaries", 0, 1, "don't fit their bounds"),
        ("cat_boundaries", 1, 2**30, "don't fit their bounds"),
    ],
)
def test_a_tree_that_leads_nowhere_is_refused(trees, name, place, value, sentence):
    trees[name][place] = value
    with pytest.raises(ModelError, match=sentence):
        check_trees(trees, NUM_COLUMNS, NUM_SCORES)


@pytest.mark.parametrize("value", [-1.0, 0.5, 99.0])
def test_a_set_of_categories_that_is_not_there_is_refused(trees, value):
    trees["threshold"][np.flatnonzero(trees["decision_type"] & 1)[0]] = value
    with pytest.raises(ModelError, match="a set of categories that isn't there"):
        check_trees(trees, NUM_COLUMNS, NUM_SCORES)


def test_rounds_that_are_not_whole_are_refused(trees):
    with pytest.raises(ModelError, match="18 trees can't make 4 scores"):
        check_trees(trees, NUM_COLUMNS, 4)
