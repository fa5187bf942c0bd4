"""Every rung as a scikit-learn estimator: `estimator_class("textcnn", OutputKind.LABEL)`."""

from rungwise.estimators.estimator import RungClassifier, RungEstimator, RungRegressor
from rungwise.estimators.factory import class_names, estimator_class, estimator_named

__all__ = [
    "RungClassifier",
    "RungEstimator",
    "RungRegressor",
    "class_names",
    "estimator_class",
    "estimator_named",
]
