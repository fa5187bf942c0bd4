"""NB-SVM: n-grams scaled by naive Bayes, and a linear classifier over them.

Idea:
    Naive Bayes says how much more often an n-gram occurs in a class than elsewhere. Scaled by that, n-grams that tell
    the classes apart are cheap for a regularised classifier to use, and the others dear.
Formula:
    For each class: r = ln((p / ‖p‖₁) / (q / ‖q‖₁)), with p = α + Σ x over the class and q = α + Σ x over the rest;
    w fitted to x ∘ r; score = (r ∘ ((1 − β) mean|w| + β w)) · x + b.
Source:
    Wang & Manning (2012), Baselines and Bigrams: Simple, Good Sentiment and Topic Classification,
    https://aclanthology.org/P12-2018.
Deviations:
    x is TF-IDF of word and character n-grams and of pairs of words near each other (the paper: presence of words and
    word pairs, which is `weighting="binary", word_ngrams=2, word_pairs=0, char_ngrams=0`). C and β are the best by
    validation loss (the paper fixes them), several classes are one against the rest, and a temperature turns scores
    into probabilities.
Cost:
    Linear in the number of n-grams and in classes; one fit for each C and class, and β costs nothing more.
Wins:
    On sentiment and other short texts, where few words decide and data are few.
Loses:
    When classes are many and rare, whose counts are noise; when word order matters.
"""

# N texts, F n-grams, C classes

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.balance import SKLEARN_CLASS_WEIGHT
from rungwise.preprocessing.ngrams import Weighting
from rungwise.rung import Cost, Pair, TextShape, TraditionalRung
from rungwise.rungs._linear import LinearScores
from rungwise.rungs._text import NGramConfig, Solve, TextLinear, fit_quietly

__all__ = ["RUNG", "NbSvmConfig", "Solver", "log_count_ratio"]

_STRENGTHS = (0.3, 1.0, 3.0)
"""Values of C that validation chooses from."""

_BETAS = (0.25, 0.5, 1.0)
"""Values of β that validation chooses from."""

_TOLERANCE = 0.01
"""Of LIBLINEAR."""

_PASSES = 20
"""Over the data, until the solver stops; measured on texts of a sentence to a page."""

_MAX_ITER = 1000


class Solver(StrEnum):
    """The classifier over the scaled n-grams: an SVM with squared hinge, or logistic regression."""

    SVM = "svm"
    LOGISTIC = "logistic"


@dataclass(frozen=True, kw_only=True)
class NbSvmConfig(NGramConfig):
    """The rung's settings.

    Attributes:
        weighting: of an n-gram in a text.
        solver: the classifier.
        alpha: what each n-gram has been seen in each class beforehand.
        beta: share of the classifier against naive Bayes; None as with `C`.
    """

    weighting: Weighting = Weighting.TFIDF
    solver: Solver = Solver.SVM
    alpha: float = 1.0
    beta: float | None = None

    def _above_zero(self) -> dict[str, float | None]:
        return {"C": self.C, "alpha": self.alpha, "beta": self.beta}


def log_count_ratio(
    features: sparse.csr_array, in_class: NDArray[np.bool_], alpha: float
) -> NDArray[np.float64]:
    """Features (N, F), whether each text is of the class (N,) -> the paper's r (F,)."""
    p = alpha + features[in_class].sum(axis=0)
    q = alpha + features[~in_class].sum(axis=0)
    ratio: NDArray[np.float64] = np.log((p / p.sum()) / (q / q.sum()))
    return ratio


def learner(config: NbSvmConfig, pair: Pair) -> TextLinear:
    """An unfitted learner."""
    del pair

    def start(features: sparse.csr_array, targets: NDArray[np.int64], num_outputs: int, seed: int) -> Solve:
        wide = features.astype(np.float64)  # what LIBLINEAR computes in
        classes = range(num_outputs) if num_outputs > 2 else [1]
        members = [targets == number for number in classes]
        ratios = [log_count_ratio(wide, member, config.alpha) for member in members]

        @cache
        def weights(C: float) -> list[tuple[NDArray[np.float64], float]]:
            return [
                _weights(_model(config, C, seed), wide, member, ratio)
                for member, ratio in zip(members, ratios, strict=True)
            ]

        def solve(setting: tuple[float, float]) -> LinearScores:
            C, beta = setting
            columns = [
                ratio * ((1 - beta) * np.abs(weight).mean() + beta * weight)
                for ratio, (weight, _) in zip(ratios, weights(C), strict=True)
            ]
            return LinearScores(np.stack(columns, axis=1), np.array([bias for _, bias in weights(C)]))

        return solve

    return TextLinear(config.blocks(config.weighting), _settings(config), start)


def _model(config: NbSvmConfig, C: float, seed: int) -> Any:
    class_weight = SKLEARN_CLASS_WEIGHT[config.class_weight]
    if config.solver is Solver.LOGISTIC:
        return LogisticRegression(C=C, max_iter=_MAX_ITER, class_weight=class_weight)
    return LinearSVC(
        C=C, tol=_TOLERANCE, random_state=seed % 2**32, max_iter=_MAX_ITER, class_weight=class_weight
    )


def _weights(
    model: Any, features: sparse.csr_array, in_class: NDArray[np.bool_], ratio: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Fits the class (N,) to the features (N, F) times the ratio (F,) -> weights (F,) and bias."""
    scaled = sparse.csr_array(
        (features.data * ratio[features.indices], features.indices, features.indptr), features.shape
    )
    fit_quietly(model, scaled, in_class)
    return model.coef_[0], float(model.intercept_[0])


def _settings(config: NbSvmConfig) -> list[tuple[float, float]]:
    """Pairs of C and β."""
    strengths = _STRENGTHS if config.C is None else (config.C,)
    return list(product(strengths, _BETAS if config.beta is None else (config.beta,)))


def cost(config: NbSvmConfig, shape: TextShape) -> Cost:
    """A pass of LIBLINEAR reads each n-gram twice, for each class and each C."""
    return config.cost(shape, num_settings=len({C for C, _ in _settings(config)}), passes=_PASSES)


RUNG = TraditionalRung(
    class_name="NBSVM",
    accepts=frozenset({(InputKind.TEXT, OutputKind.LABEL)}),
    config=NbSvmConfig,
    cost=cost,
    learner=learner,
)
