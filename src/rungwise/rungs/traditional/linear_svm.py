"""A linear SVM over words and pieces of words.

Idea:
    The widest margin between each class and the others, over the TF-IDF of words and of characters in a row. Pieces of
    words carry inflections, misspellings and compounds, and in Chinese or Japanese the words themselves.
Formula:
    Minimised for each class, y = ±1: ‖w‖² / 2 + C · Σ max(0, 1 − y (w · x + b))²; p = softmax(scores / temperature).
Source:
    Joachims (1998), Text categorization with support vector machines, https://doi.org/10.1007/BFb0026683;
    Fan et al. (2008), LIBLINEAR, https://www.jmlr.org/papers/v9/fan08a.html.
Deviations:
    The hinge is squared. C is the best of a few by validation loss, and a temperature fitted there turns margins into
    probabilities.
Cost:
    Linear in the number of n-grams and in classes; several times the n-grams of words alone.
Wins:
    On short, noisy or unspaced texts, with little data; hard to beat below some ten thousand texts.
Loses:
    When word order or meaning matter more than the words; then networks that were trained on other text pay.
"""

# N texts, F n-grams, C classes

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.svm import LinearSVC

from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.balance import SKLEARN_CLASS_WEIGHT
from rungwise.rung import Cost, Pair, TextShape, TraditionalRung
from rungwise.rungs._linear import LinearScores
from rungwise.rungs._text import NGramConfig, Solve, TextLinear, fit_quietly

__all__ = ["RUNG", "LinearSvmConfig"]

_STRENGTHS = (0.1, 0.3, 1.0)
"""Values of C that validation chooses from."""

_TOLERANCE = 0.01
"""Of the solver; with a hundredth of it losses are the same to four digits and fits take half as long again."""

_PASSES = 20
"""Over the data, until the solver stops; measured on texts of a sentence to a page."""


@dataclass(frozen=True, kw_only=True)
class LinearSvmConfig(NGramConfig):
    """The rung's settings: those of n-grams."""


def learner(config: LinearSvmConfig, pair: Pair) -> TextLinear:
    """An unfitted learner."""
    del pair
    class_weight = SKLEARN_CLASS_WEIGHT[config.class_weight]

    def start(features: sparse.csr_array, targets: NDArray[np.int64], num_outputs: int, seed: int) -> Solve:
        del num_outputs
        wide = features.astype(np.float64)  # what LIBLINEAR computes in

        def solve(C: float) -> LinearScores:
            model = LinearSVC(C=C, tol=_TOLERANCE, random_state=seed % 2**32, class_weight=class_weight)
            return LinearScores.of(fit_quietly(model, wide, targets))

        return solve

    return TextLinear(config.blocks(), _settings(config), start)


def _settings(config: LinearSvmConfig) -> tuple[float, ...]:
    return _STRENGTHS if config.C is None else (config.C,)


def cost(config: LinearSvmConfig, shape: TextShape) -> Cost:
    """A pass of LIBLINEAR reads each n-gram twice, for each class and each C."""
    return config.cost(shape, num_settings=len(_settings(config)), passes=_PASSES)


RUNG = TraditionalRung(
    class_name="LinearSVM",
    accepts=frozenset({(InputKind.TEXT, OutputKind.LABEL)}),
    config=LinearSvmConfig,
    cost=cost,
    learner=learner,
)
