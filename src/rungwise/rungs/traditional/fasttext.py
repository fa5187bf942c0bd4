"""fastText: vectors of words and n-grams, averaged, and a linear classifier over the average.

Idea:
    A linear model over n-grams has a weight for each n-gram and class, and learns each alone. Here an n-gram has a
    short vector, and the classes share what the vectors' directions mean, so that rare n-grams have less to learn.
Formula:
    p = softmax(Wᵀ (1/T) Σ_t e_t + b), with e_t the vectors of the text's T words and n-grams.
Source:
    Joulin, Grave, Bojanowski & Mikolov (2017), Bag of Tricks for Efficient Text Classification, EACL,
    https://arxiv.org/abs/1607.01759; n-grams of characters: Bojanowski et al. (2017), Enriching Word Vectors with
    Subword Information, TACL, https://arxiv.org/abs/1607.04606.
Deviations:
    n-grams are known by 64-bit hashes, of which each of the most frequent has a vector of its own; the paper's share
    buckets. The mean is of n-grams of words and of characters by themselves, and the softmax is over all
    classes, not a tree of them. Steps are Adagrad's (Duchi, Hazan & Singer 2011) and of a batch; the number of passes
    is the best of a few by validation loss, and a temperature corrects how sure it is. The product of vectors and W is
    all that predictions need: what is stored is a weight for each n-gram and class.
Cost:
    Some embedding_dim operations for each n-gram of a text and pass.
Wins:
    On many texts and classes, where training must take seconds.
Loses:
    On small data to linear models whose weights have a penalty; where order over more than a few words matters.
"""

# N texts, B texts of a batch, F n-grams, U of them in a batch, E embedding_dim, C classes

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax

from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.balance import class_weights
from rungwise.preprocessing.ngrams import NGrams, Unit, Weighting
from rungwise.rung import Cost, Pair, TextShape, TraditionalRung
from rungwise.rungs._linear import LinearScores
from rungwise.rungs._memory import FLOAT
from rungwise.rungs._text import Solve, TextLinear, check_settings, text_cost
from rungwise.settings import ClassWeight

__all__ = ["RUNG", "FastTextConfig"]

_EPOCHS = (5, 10, 20)
"""Passes that validation chooses from."""

_LEAST_SQUARES = 1e-8
"""Of the gradients that Adagrad's steps are divided by the root of."""


@dataclass(frozen=True, kw_only=True)
class FastTextConfig:
    """The rung's settings.

    Attributes:
        word_ngrams: words of the longest n-gram.
        char_ngrams: characters of the longest n-gram within a word, 0 for none.
        min_df: training texts that an n-gram must occur in; one is enough while texts are few.
        max_features: n-grams of words, and of characters, at most.
        embedding_dim: size of a vector.
        epochs: passes over the training texts; None to choose them on validation, a middling number without.
        batch_size: texts of a step.
        learning_rate: of the first step; it falls to zero.
        class_weight: what examples count, which validation leaves aside.
    """

    word_ngrams: int = 2
    char_ngrams: int = 0
    min_df: int = 2
    max_features: int = 300_000
    embedding_dim: int = 32
    epochs: int | None = None
    batch_size: int = 16
    learning_rate: float = 0.2
    class_weight: ClassWeight = ClassWeight.NONE

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            ConfigError: if one is out of its range.
        """
        check_settings(
            word_ngrams=self.word_ngrams,
            char_ngrams=self.char_ngrams,
            min_df=self.min_df,
            max_features=self.max_features,
            above_zero={"epochs": self.epochs, "learning_rate": self.learning_rate},
        )
        for name in ("embedding_dim", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)!r}: must be at least 1.")

    def spans(self) -> list[tuple[Unit, int]]:
        """The kinds of n-grams that there are to be, and how long the longest is."""
        longest = {Unit.WORD: self.word_ngrams, Unit.CHAR: self.char_ngrams}
        return [(unit, length) for unit, length in longest.items() if length]

    def settings(self) -> tuple[int, ...]:
        """Numbers of passes that are tried."""
        return _EPOCHS if self.epochs is None else (self.epochs,)


def learner(config: FastTextConfig, pair: Pair) -> TextLinear:
    """An unfitted learner."""
    del pair
    blocks = [
        NGrams(
            unit,
            1,
            longest,
            min_df=config.min_df,
            max_features=config.max_features,
            weighting=Weighting.MEAN,
        )
        for unit, longest in config.spans()
    ]

    def start(features: sparse.csr_array, targets: NDArray[np.int64], num_outputs: int, seed: int) -> Solve:
        weights = class_weights(config.class_weight, targets, num_outputs)
        counts = np.ones(len(targets), np.float32) if weights is None else weights[targets]

        def solve(epochs: int) -> LinearScores:
            model = _Factors(features.shape[1], num_outputs, config.embedding_dim, seed)
            model.fit(features, targets, counts.astype(np.float32), config, epochs)
            return model.product()

        return solve

    return TextLinear(blocks, config.settings(), start)


class _Factors:
    """Features (N, F) -> class scores (N, C), by vectors of E numbers.

    Args:
        num_features: F.
        num_outputs: C.
        embedding_dim: E.
        seed: of the weights that training begins from, and of its order.
    """

    def __init__(self, num_features: int, num_outputs: int, embedding_dim: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        spread = embedding_dim**-0.5
        self.vectors = self._random(num_features, embedding_dim) / embedding_dim
        self.weights = self._random(embedding_dim, num_outputs) * spread
        self.bias = np.zeros(num_outputs, np.float32)
        self.vector_squares = np.full((num_features, 1), _LEAST_SQUARES, np.float32)  # of a vector as a whole
        self.weight_squares = np.full_like(self.weights, _LEAST_SQUARES)
        self.bias_squares = np.full_like(self.bias, _LEAST_SQUARES)

    def _random(self, *shape: int) -> NDArray[np.float32]:
        return self.rng.uniform(-1, 1, shape).astype(np.float32)

    def fit(
        self,
        features: sparse.csr_array,
        targets: NDArray[np.int64],
        counts: NDArray[np.float32],
        config: FastTextConfig,
        epochs: int,
    ) -> None:
        """Trains on features (N, F) and targets (N,), each of which counts so much (N,)."""
        num_texts, size = len(targets), config.batch_size
        num_steps = epochs * -(-num_texts // size)
        wanted = np.eye(len(self.bias), dtype=np.float32)
        step = 0
        for _ in range(epochs):
            order = self.rng.permutation(num_texts)
            shuffled = features[order]
            for first in range(0, num_texts, size):
                some = order[first : first + size]
                rate = config.learning_rate * (1 - step / num_steps)
                self._step(shuffled[first : first + size], wanted[targets[some]], counts[some, None], rate)
                step += 1

    def _step(
        self,
        features: sparse.csr_array,
        wanted: NDArray[np.float32],
        counts: NDArray[np.float32],
        rate: float,
    ) -> None:
        """One step on a batch: features (B, F), probabilities that are wanted (B, C), what texts count (B, 1)."""
        used, places = np.unique(features.indices, return_inverse=True)
        dense = sparse.csr_array((features.data, places, features.indptr), (len(wanted), len(used)))  # (B, U)
        vectors = self.vectors[used]
        means = dense @ vectors  # (B, E)
        slopes = (softmax(means @ self.weights + self.bias, axis=1) - wanted) * counts
        gradient = dense.T @ (slopes @ self.weights.T)  # (U, E)
        self.vector_squares[used] += np.square(gradient).mean(axis=1, keepdims=True)
        self.vectors[used] = vectors - rate * gradient / np.sqrt(self.vector_squares[used])
        for values, squares, slope in (
            (self.weights, self.weight_squares, means.T @ slopes),
            (self.bias, self.bias_squares, slopes.sum(axis=0)),
        ):
            squares += np.square(slope)
            values -= rate * slope / np.sqrt(squares)

    def product(self) -> LinearScores:
        """A weight for each n-gram and class; of two classes the first has the score 0."""
        weights, bias = self.vectors @ self.weights, self.bias
        if len(bias) == 2:
            return LinearScores(weights[:, 1:] - weights[:, :1], bias[1:] - bias[:1])
        return LinearScores(weights, bias)


def cost(config: FastTextConfig, shape: TextShape) -> Cost:
    """A pass looks each n-gram's vector up, and steps it."""
    spans = dict(config.spans())
    linear = text_cost(
        shape,
        num_blocks=len(spans),
        word_orders=spans.get(Unit.WORD, 0),
        char_orders=spans.get(Unit.CHAR, 0),
        max_features=config.max_features,
        num_settings=1,
        passes=sum(config.settings()),
        vectors=1,
    )
    num_scores = 1 if shape.num_outputs == 2 else shape.num_outputs
    return Cost(
        linear.parameters,
        linear.predict_flops,
        linear.fit_flops * config.embedding_dim / num_scores,
        linear.fit_bytes + FLOAT * linear.parameters / num_scores * (config.embedding_dim + 1),
    )


RUNG = TraditionalRung(
    class_name="FastText",
    accepts=frozenset({(InputKind.TEXT, OutputKind.LABEL)}),
    config=FastTextConfig,
    cost=cost,
    learner=learner,
)
