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
from rungwise.rung import Cost, Pair, TextShape, TraditionalRung
from rungwise.rungs._linear import LinearScores
from rungwise.rungs._text import Solve, TextLinear, check_settings, fit_quietly, ngram_blocks, text_cost

__all__ = ["RUNG", "LinearSvmConfig"]

_STRENGTHS = (0.1, 0.3, 1.0)
"""Values of C that validation chooses from."""

_TOLERANCE = 0.01
"""Of the solver; with a hundredth of it losses are the same to four digits and fits take half as long again."""

_PASSES = 20
"""Over the data, until the solver stops; measured on texts of a sentence to a page."""


@dataclass(frozen=True, kw_only=True)
class LinearSvmConfig:
    """How texts are counted and weights are held small.

    Attributes:
        word_ngrams: words of the longest n-gram.
        word_pairs: words at most from the first to the second of a pair of words; 0 for no pairs.
        char_ngrams: characters of the longest n-gram within a word, 0 for none.
        min_df: training texts that an n-gram must occur in; one is enough while texts are few.
        max_features: n-grams of words, and of characters, at most.
        C: weight of the texts against the penalty; None to choose it on validation, a middling one without.
    """

    word_ngrams: int = 3
    word_pairs: int = 4
    char_ngrams: int = 6
    min_df: int = 2
    max_features: int = 300_000
    C: float | None = None

    def __post_init__(self) -> None:
        check_settings(
            word_ngrams=self.word_ngrams,
            char_ngrams=self.char_ngrams,
            word_pairs=self.word_pairs,
            min_df=self.min_df,
            max_features=self.max_features,
            above_zero={"C": self.C},
        )


def learner(config: LinearSvmConfig, pair: Pair) -> TextLinear:
    """An unfitted learner."""
    del pair
    blocks = ngram_blocks(
        word_ngrams=config.word_ngrams,
        word_pairs=config.word_pairs,
        char_ngrams=config.char_ngrams,
        min_df=config.min_df,
        max_features=config.max_features,
    )
    return TextLinear(blocks, _settings(config), _start)


def _start(features: sparse.csr_array, targets: NDArray[np.int64], num_outputs: int, seed: int) -> Solve:
    del num_outputs
    wide = features.astype(np.float64)  # what LIBLINEAR computes in

    def solve(C: float) -> LinearScores:
        model = LinearSVC(C=C, tol=_TOLERANCE, random_state=seed % 2**32)
        return LinearScores.of(fit_quietly(model, wide, targets))

    return solve


def _settings(config: LinearSvmConfig) -> tuple[float, ...]:
    return _STRENGTHS if config.C is None else (config.C,)


def cost(config: LinearSvmConfig, shape: TextShape) -> Cost:
    """A pass of LIBLINEAR reads each n-gram twice, for each class and each C."""
    return text_cost(
        shape,
        word_orders=config.word_ngrams + max(0, config.word_pairs - 1),
        char_orders=config.char_ngrams,
        max_features=config.max_features,
        num_settings=len(_settings(config)),
        passes=_PASSES,
    )


RUNG = TraditionalRung(
    class_name="LinearSvm",
    accepts=frozenset({(InputKind.TEXT, OutputKind.LABEL)}),
    config=LinearSvmConfig,
    cost=cost,
    learner=learner,
)
