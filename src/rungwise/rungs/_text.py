"""What the traditional text rungs share: n-grams, and the best of a few linear fits over them by validation."""

# N texts, F n-grams, C classes

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning

from rungwise.errors import ConfigError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.preprocessing.ngrams import BATCH_BYTES, NGrams, Unit, Weighting, batches
from rungwise.rung import Cost, TextShape
from rungwise.rungs._linear import LinearScores, best_temperature
from rungwise.rungs._memory import DOUBLE
from rungwise.settings import ClassWeight
from rungwise.stored import section

__all__ = ["NGramConfig", "Solve", "Start", "TextLinear", "check_settings", "fit_quietly", "text_cost"]

Solve = Callable[[Any], LinearScores]
"""A setting -> the fit with it."""

Start = Callable[[sparse.csr_array, NDArray[np.int64], int, int], Solve]
"""Features (N, F), targets (N,), number of classes, seed -> `Solve`."""

_CHARACTERS_PER_TOKEN = 5

_CHARACTER_BYTES, _FOUND_BYTES = 80, 55
"""Of a character in the batch that is counted, and of an n-gram that begins with it: place, row, hash, sorted hash."""

_KEPT, _ENTRY_BYTES = 0.5, 50
"""Share of a text's n-grams that are in the vocabulary, each once; and bytes of one: in its block, beside the other
blocks, in 64 bits, and as the solver copies it."""

_NAME_BYTES = 100
"""Of an n-gram's text in the vocabulary, of which a token gives about one."""
_LONGEST = 100
"""Words or characters of an n-gram: each length is counted by itself."""


@dataclass(frozen=True, kw_only=True)
class NGramConfig:
    """How texts are counted and weights are held small.

    Attributes:
        word_ngrams: words of the longest n-gram.
        word_pairs: words at most from the first to the second of a pair of words; 0 for no pairs.
        char_ngrams: characters of the longest n-gram within a word, 0 for none.
        min_df: training texts that an n-gram must occur in; one is enough while texts are few.
        max_features: n-grams of words, and of characters, at most.
        C: weight of the texts against the penalty; None to choose it on validation, a middling one without.
        class_weight: what examples count, which validation leaves aside.
    """

    word_ngrams: int = 3
    word_pairs: int = 4
    char_ngrams: int = 6
    min_df: int = 2
    max_features: int = 300_000
    C: float | None = None
    class_weight: ClassWeight = ClassWeight.NONE

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            ConfigError: if one is out of its range.
        """
        check_settings(
            word_ngrams=self.word_ngrams,
            char_ngrams=self.char_ngrams,
            word_pairs=self.word_pairs,
            min_df=self.min_df,
            max_features=self.max_features,
            above_zero=self._above_zero(),
        )

    def _above_zero(self) -> dict[str, float | None]:
        """Settings that must be above 0, or None."""
        return {"C": self.C}

    def blocks(self, weighting: Weighting = Weighting.TFIDF) -> list[NGrams]:
        """N-grams of words, pairs of words, and n-grams of characters, as far as there are to be any."""
        spans = (
            (Unit.WORD, 1, self.word_ngrams),
            (Unit.PAIR, 2, self.word_pairs),
            (Unit.CHAR, 1, self.char_ngrams),
        )
        return [
            NGrams(
                unit,
                shortest,
                longest,
                min_df=self.min_df,
                max_features=self.max_features,
                weighting=weighting,
            )
            for unit, shortest, longest in spans
            if longest >= shortest
        ]

    def cost(self, shape: TextShape, *, num_settings: int, passes: int) -> Cost:
        """Of so many fits, each of so many passes."""
        return text_cost(
            shape,
            num_blocks=len(self.blocks()),
            word_orders=self.word_ngrams + max(0, self.word_pairs - 1),
            char_orders=self.char_ngrams,
            max_features=self.max_features,
            num_settings=num_settings,
            passes=passes,
            vectors=1,
        )


class TextLinear:
    """Class scores that are linear in n-grams, with the setting of the least validation loss.

    Args:
        blocks: the n-grams that stand side by side.
        settings: what is tried, the cheapest first; without validation data, the middle one alone.
        start: prepares the fits.
    """

    def __init__(self, blocks: Sequence[NGrams], settings: Sequence[Any], start: Start) -> None:
        self.blocks, self.settings, self.start = blocks, settings, start
        self.history: list[Epoch] = []

    def fit(
        self,
        inputs: pa.ChunkedArray,
        targets: NDArray[np.int64],
        *,
        num_outputs: int,
        validation: tuple[pa.ChunkedArray, NDArray[np.int64]] | None,
        context: FitContext,
    ) -> None:
        """Counts n-grams, and fits each setting while time is left."""
        features = _side_by_side([block.fit_transform(inputs) for block in self.blocks])
        solve = self.start(features, targets, num_outputs, context.seed)
        if validation is None or not len(validation[1]):
            self.linear = solve(self.settings[(len(self.settings) - 1) // 2])
        else:
            self.linear = self._best(solve, self._features(validation[0]), validation[1], context)

    def predict(self, inputs: pa.ChunkedArray) -> NDArray[np.float32]:
        """Texts (N,) -> class probabilities (N, C)."""
        parts = [
            self.linear.probabilities(self._features(pa.chunked_array([batch]))) for batch in batches(inputs)
        ]
        num_outputs = max(2, len(self.linear.bias))
        return np.concatenate([np.zeros((0, num_outputs), np.float32), *parts])

    def num_parameters(self) -> int:
        """Weights and biases."""
        return self.linear.num_parameters()

    def state(self) -> State:
        """Vocabularies and weights."""
        blocks = {str(number): block.state() for number, block in enumerate(self.blocks)}
        return {"ngrams": blocks, "linear": self.linear.state()}

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes vocabularies and weights.

        Raises:
            ModelError: if a vocabulary doesn't fit its weights, or these the outputs.
        """
        for number, block in enumerate(self.blocks):
            block.restore(section(section(state, "ngrams"), str(number)))
        num_features = sum(len(block.names) for block in self.blocks)
        self.linear = LinearScores.from_state(
            section(state, "linear"), num_features=num_features, num_outputs=num_outputs
        )

    def _features(self, texts: pa.ChunkedArray) -> sparse.csr_array:
        return _side_by_side([block.transform(texts) for block in self.blocks])

    def _best(
        self, solve: Solve, features: sparse.csr_array, targets: NDArray[np.int64], context: FitContext
    ) -> LinearScores:
        """The fit of the least loss on validation features (N, F) and targets (N,), scaled to probabilities there."""
        best: LinearScores | None = None
        best_loss, best_accuracy, rows = np.inf, 0.0, np.arange(len(targets))
        for number, setting in enumerate(self.settings, 1):
            started = time.monotonic()
            linear = solve(setting)
            scores = linear.class_scores(features)
            linear.temperature = best_temperature(scores, targets)
            loss = -float(log_softmax(scores / linear.temperature, axis=1)[rows, targets].mean())
            if best is None or loss < best_loss:
                best, best_loss = linear, loss
                best_accuracy = float((scores.argmax(1) == targets).mean())
            context.report(number / len(self.settings), best_accuracy)
            if context.checkpoint.is_due():
                self.linear = best
                context.checkpoint.save({}, self.state(), self.history)
            is_last = number == len(self.settings)
            if not is_last and context.seconds_left() < 2 * (time.monotonic() - started):
                context.cut()
                break
        assert best is not None
        return best


def fit_quietly(model: Any, features: sparse.csr_array, targets: NDArray[Any]) -> Any:
    """Fits a scikit-learn model; weights that have not converged are judged by validation like any others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, targets)


def check_settings(
    *,
    word_ngrams: int,
    char_ngrams: int,
    word_pairs: int = 0,
    min_df: int,
    max_features: int,
    above_zero: dict[str, float | None],
) -> None:
    """Checks what the rungs' configs share; None among `above_zero` stands for a choice by validation.

    Raises:
        ConfigError: if a setting is out of its range.
    """
    problems = [
        f"{name}={value!r}: must be from 0 to {_LONGEST}"
        for name, value in {
            "word_ngrams": word_ngrams,
            "char_ngrams": char_ngrams,
            "word_pairs": word_pairs,
        }.items()
        if not 0 <= value <= _LONGEST
    ]
    if word_ngrams == char_ngrams == 0 and word_pairs < 2:
        problems.append("word_ngrams and char_ngrams are both 0: one must be above it")
    counts = {"min_df": min_df, "max_features": max_features}
    problems += [f"{name}={value!r}: must be at least 1" for name, value in counts.items() if value < 1]
    problems += [
        f"{name}={value!r}: must be above 0, or None to choose it on validation"
        for name, value in above_zero.items()
        if value is not None and not value > 0
    ]
    if problems:
        raise ConfigError("; ".join(problems) + ".")


def _side_by_side(blocks: Sequence[sparse.csr_array]) -> sparse.csr_array:
    return sparse.hstack(blocks, format="csr")


def text_cost(
    shape: TextShape,
    *,
    num_blocks: int,
    word_orders: int,
    char_orders: int,
    max_features: int,
    num_settings: int,
    passes: int,
    vectors: int,
) -> Cost:
    """A rung's cost over so many lengths of n-grams.

    Args:
        shape: of the problem.
        num_blocks: vocabularies, each of `max_features` at most.
        word_orders: n-grams that begin with a word.
        char_orders: n-grams that begin with a character.
        max_features: of a vocabulary.
        num_settings: fits.
        passes: over all n-grams of the training texts in a fit.
        vectors: of weights that the solver holds.
    """
    ngrams = shape.mean_tokens * (word_orders + _CHARACTERS_PER_TOKEN * char_orders)
    num_scores = 1 if shape.num_outputs == 2 else shape.num_outputs
    features = min(num_blocks * max_features, shape.num_examples * ngrams)
    kept = min(num_blocks * max_features, shape.num_examples * shape.mean_tokens)
    longest = max(char_orders, word_orders / _CHARACTERS_PER_TOKEN)
    batch = min(BATCH_BYTES, shape.num_examples * shape.mean_tokens * _CHARACTERS_PER_TOKEN)
    counting = batch * (_CHARACTER_BYTES + _FOUND_BYTES * longest)
    entries = _KEPT * shape.num_examples * ngrams
    fitting = _ENTRY_BYTES * entries + DOUBLE * (vectors + 1) * kept * num_scores
    predict_flops = 2 * ngrams * num_scores
    return Cost(
        parameters=(features + 1) * num_scores,
        predict_flops=predict_flops,
        fit_flops=2 * num_settings * passes * shape.num_examples * predict_flops,
        fit_bytes=max(counting, fitting) + _NAME_BYTES * kept,
    )
