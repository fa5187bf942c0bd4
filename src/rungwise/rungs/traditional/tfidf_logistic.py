"""Words and word pairs by TF-IDF, and logistic regression over them.

Idea:
    A text is the bag of its words and word pairs. A word counts more when it is frequent in the text and rare in
    others; each has a weight for each class, the weights are summed, and a softmax makes them probabilities.
Formula:
    x_w = (1 + ln n_w)(1 + ln((1 + N) / (1 + N_w))), scaled to length 1; p(c) ∝ exp(w_c · x + b_c);
    minimised: C · Σ −ln p(y) + ‖w‖² / 2.
Source:
    Salton & Buckley (1988), Term-weighting approaches in automatic text retrieval, Information Processing &
    Management 24, https://doi.org/10.1016/0306-4573(88)90021-0; Cox (1958), The regression analysis of binary
    sequences, https://doi.org/10.1111/j.2517-6161.1958.tb00292.x.
Deviations:
    C is the best of a few by validation loss, where the probabilities' temperature is fitted too. Each Chinese,
    Japanese, Thai, Lao, Burmese or Khmer character is a word, as is each mark, the begin and the end of a text.
Cost:
    Linear in the number of n-grams and in classes, both to fit and to predict; a table look-up a word at prediction.
Wins:
    When single words tell the class (topics, spam) and data are few; the weights can be read.
Loses:
    When word order, negation or words unseen in training matter; when meaning hangs on what is not said.
"""

# N texts, F n-grams, C classes

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.balance import SKLEARN_CLASS_WEIGHT
from rungwise.preprocessing.ngrams import NGrams, Unit
from rungwise.rung import Cost, Pair, TextShape, TraditionalRung
from rungwise.rungs._linear import LinearScores
from rungwise.rungs._memory import LBFGS_VECTORS
from rungwise.rungs._text import Solve, TextLinear, check_settings, fit_quietly, text_cost
from rungwise.settings import ClassWeight

__all__ = ["RUNG", "TfidfLogisticConfig"]

_STRENGTHS = (3.0, 10.0, 30.0, 100.0)
"""Values of C that validation chooses from."""

_PASSES = 50
"""Over the data, until the solver stops; measured on texts of a sentence to a page."""


@dataclass(frozen=True, kw_only=True)
class TfidfLogisticConfig:
    """How texts are counted and weights are held small.

    Attributes:
        word_ngrams: words of the longest n-gram.
        min_df: training texts that an n-gram must occur in; one is enough while texts are few.
        max_features: n-grams at most.
        C: weight of the texts against the penalty; None to choose it on validation, a middling one without.
        max_iter: steps of the solver for each C at most.
        class_weight: what examples count, which validation leaves aside.
    """

    word_ngrams: int = 2
    min_df: int = 2
    max_features: int = 300_000
    C: float | None = None
    max_iter: int = 300
    class_weight: ClassWeight = ClassWeight.NONE

    def __post_init__(self) -> None:
        check_settings(
            word_ngrams=self.word_ngrams,
            char_ngrams=0,
            min_df=self.min_df,
            max_features=self.max_features,
            above_zero={"C": self.C, "max_iter": self.max_iter},
        )


def learner(config: TfidfLogisticConfig, pair: Pair) -> TextLinear:
    """An unfitted learner."""
    del pair
    words = NGrams(Unit.WORD, 1, config.word_ngrams, min_df=config.min_df, max_features=config.max_features)

    def start(features: sparse.csr_array, targets: NDArray[np.int64], num_outputs: int, seed: int) -> Solve:
        del num_outputs, seed  # lbfgs draws nothing at random
        model = LogisticRegression(
            warm_start=True,
            max_iter=config.max_iter,
            class_weight=SKLEARN_CLASS_WEIGHT[config.class_weight],
        )

        def solve(C: float) -> LinearScores:
            model.set_params(C=C)
            return LinearScores.of(fit_quietly(model, features, targets))

        return solve

    return TextLinear([words], _settings(config), start)


def _settings(config: TfidfLogisticConfig) -> tuple[float, ...]:
    return _STRENGTHS if config.C is None else (config.C,)


def cost(config: TfidfLogisticConfig, shape: TextShape) -> Cost:
    """Two passes a step, forward and back, for each C."""
    return text_cost(
        shape,
        num_blocks=1,
        word_orders=config.word_ngrams,
        char_orders=0,
        max_features=config.max_features,
        num_settings=len(_settings(config)),
        passes=_PASSES,
        vectors=LBFGS_VECTORS,
    )


RUNG = TraditionalRung(
    class_name="TfidfLogistic",
    accepts=frozenset({(InputKind.TEXT, OutputKind.LABEL)}),
    config=TfidfLogisticConfig,
    cost=cost,
    learner=learner,
)
