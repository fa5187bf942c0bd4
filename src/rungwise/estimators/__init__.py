"""Every rung as a scikit-learn estimator: `estimator_class("textcnn", OutputKind.LABEL)`."""

from rungwise.estimators.estimator import RungClassifier, RungEstimator, RungRegressor
from rungwise.estimators.factory import class_names, estimator_class, estimator_named
from rungwise.estimators.finding import learn_finder
from rungwise.estimators.tagger import RungTagger

__all__ = [
    "RungClassifier",
    "RungEstimator",
    "RungRegressor",
    "RungTagger",
    "class_names",
    "estimator_class",
    "estimator_named",
    "learn_finder",
]
