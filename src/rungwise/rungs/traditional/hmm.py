"""A hidden Markov model of tags, two tags back, with words guessed by their ends.

Idea:
    Tags follow one another by the two before, words are drawn by their tags; both are counted. Of a word that training
    had seldom or never, its tags are guessed from words that end alike and have the same signs (capitals, digits). The
    best tags of the whole sentence are looked for. With a predicate, words and their ends count on each side of it by
    themselves, and so does the distance from it.
Formula:
    argmax_y Π_t P(y_t | y_{t−2}, y_{t−1}) · P(y_t | x_t) / P(y_t), where P(y | y″, y′) = λ₁ P̂(y) + λ₂ P̂(y | y′) +
    λ₃ P̂(y | y″, y′), and P(y | x) = (n(x, y) + κ P(y | less of x)) / (n(x) + κ), from no end to the whole word.
Source:
    Brants (2000), TnT: a statistical part-of-speech tagger, ANLP, https://aclanthology.org/A00-1031 (deleted
    interpolation, ends of words); Rabiner (1989), A tutorial on hidden Markov models,
    https://doi.org/10.1109/5.18626.
Deviations:
    Words that training had are smoothed by their ends too; κ is chosen on validation, and so is what the score of
    "outside" is lowered by. The search keeps the best few tags two back for each tag. Sentences' ends say nothing. The
    rarest types of spans are never predicted (`rare_types=0.0` keeps them).
Cost:
    One pass of counting; tagging costs a few look-ups a token, and the square of the tags for each of those kept.
Wins:
    When a model is needed at once, or spans are told by their words and the order of tags.
Loses:
    To the CRF, which may look at the words around and needn't take clues to be independent.
"""

# N sentences, S tokens of all of them, A attributes, K tags that are predicted, T templates

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from rungwise.data.sentences import Sentences, flat_sentences
from rungwise.errors import ModelError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.attributes import PART_TOKENS, Attributes, Template
from rungwise.preprocessing.views import NONE
from rungwise.preprocessing.wordviews import parts
from rungwise.rung import Cost, Pair, SentenceShape, TraditionalRung
from rungwise.rungs._chain import checked_rows, checked_tags, numbers_among, predicted_tags, rows_state
from rungwise.rungs._memory import DOUBLE
from rungwise.rungs._outside import best_outside
from rungwise.rungs._trigrams import MOST_COUNTED, MOST_TAGS, Trigrams
from rungwise.settings import check_ranges
from rungwise.stored import finite, section
from rungwise.tags import OUTSIDE, Tags

__all__ = ["RUNG", "Hmm", "HmmConfig"]

_SMOOTHINGS = (0.5, 2.0, 8.0)
"""Values of κ that validation chooses from; the middle one without."""

_ENDS: list[Template] = [
    (("signs", 0),),
    *[(("signs", 0), (end, 0)) for end in ("s1", "s2", "s3", "s4")],
]
_WORDS: list[Template] = [(("lower", 0),), (("word", 0),)]
"""What is seen of a word, the least first."""

_LEAST, _MOST_OUTSIDE = 1e-6, 1e6
"""Of a stored smoothing, and of what is taken from the score of being outside."""

_COUNTS = 0.5
"""Of a token's attribute, counts that it adds."""

_TAGGED = 1.0
"""Of the training tokens, those of validation, times the settings that are tried on them."""

_CHOICE_TOKENS = 30_000
"""Of validation, on which settings are chosen: of more sentences, every so many."""

_RARE = 10
"""Tokens of a word at most that ends are counted by: frequent words say little of new ones."""


@dataclass(frozen=True, kw_only=True)
class HmmConfig:
    """How counts become probabilities.

    Attributes:
        smoothing: tokens that what is seen of less of a word counts for, κ; None to choose it on validation.
        rare_types: the share of all spans that the rarest types may make up together to be left out.
        beam: tags two back that the search keeps for each tag.
    """

    smoothing: float | None = None
    rare_types: float = 0.005
    beam: int = 4

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            ConfigError: with every setting that is out of its range.
        """
        allowed = {
            "smoothing": (
                self.smoothing is None or 0 < self.smoothing < math.inf,
                "a number above 0, or None to choose it on validation",
            ),
            "rare_types": (0 <= self.rare_types < 1, "from 0 to below 1"),
            "beam": (self.beam >= 1, "at least 1"),
        }
        check_ranges(self, allowed)


def _ladders(has_predicates: bool) -> list[list[Template]]:
    """Ladders of what is seen of a token, the least first; each is taken to be independent of the others."""
    if not has_predicates:
        return [[*_ENDS, *_WORDS]]
    on_sides: list[Template] = [(*template, ("side", 0)) for template in (*_ENDS, *_WORDS[:1])]
    return [
        on_sides,
        [(("side", 0),), (("distance", 0),)],
        [(("side", 0),), (("predicate lower 0", 0), ("side", 0))],
    ]


class Hmm:
    """The best tags of sentences by counts of three tags in a row and of what is seen of each token."""

    def __init__(self, config: HmmConfig, pair: Pair) -> None:
        has_predicates = pair[0] is InputKind.PREDICATE
        self.config, self.ladders = config, _ladders(has_predicates)
        templates = [template for ladder in self.ladders for template in ladder]
        self.attributes = Attributes(templates, has_predicates=has_predicates)
        self.smoothing, self.outside = config.smoothing or _SMOOTHINGS[len(_SMOOTHINGS) // 2], 0.0
        self.history: list[Epoch] = []

    def fit(
        self,
        inputs: pa.ChunkedArray,
        targets: Tags,
        *,
        num_outputs: int,
        validation: tuple[pa.ChunkedArray, Tags] | None,
        context: FitContext,
    ) -> None:
        """Counts, and chooses how counts are smoothed while time is left."""
        del num_outputs  # tags that training had not are never predicted
        sentences = flat_sentences(inputs)
        self.attributes.fit(sentences, min_count=1)
        tags = predicted_tags(targets, self.config.rare_types, MOST_TAGS)
        values = numbers_among(targets.values, tags)
        self.trigrams = Trigrams.of(tags, values, targets.offsets)
        self._count(sentences, values)
        if validation is not None and len(validation[1]):
            self._choose(*validation, context)

    def predict(self, inputs: pa.ChunkedArray) -> Tags:
        """Sentences (N) -> the tags of their tokens."""
        sentences = flat_sentences(inputs)
        found = [
            self._paths(self._scores(part), part.offsets, self.outside)
            for part in parts(sentences, PART_TOKENS)
        ]
        return Tags(np.concatenate([np.zeros(0, np.int64), *found]), sentences.offsets)

    def num_parameters(self) -> int:
        """Counts that aren't zero."""
        return int(self.counts.nnz) + int(np.count_nonzero(self.trigrams.counts)) + 2

    def state(self) -> State:
        """What is looked at, and the counts."""
        return {
            "attributes": self.attributes.state(),
            "tags": self.trigrams.tags,
            "trigrams": self.trigrams.state(),
            **rows_state("counts", self.counts),
            "smoothing": self.smoothing,
            "outside": self.outside,
        }

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes what is looked at, and the counts.

        Raises:
            ModelError: if they don't fit one another or the outputs.
        """
        self.attributes.restore(section(state, "attributes"))
        tags = checked_tags(state, num_outputs)
        if len(tags) > MOST_TAGS:
            raise ModelError(f"there are {len(tags)} tags; an HMM has {MOST_TAGS} at most.")
        self.trigrams = Trigrams.from_state(section(state, "trigrams"), tags=tags)
        self.counts = checked_rows(state, "counts", len(self.attributes), len(tags))
        if not ((self.counts.data > 0) & (self.counts.data <= MOST_COUNTED)).all():
            raise ModelError(f"counts must be above 0, and {MOST_COUNTED} at most.")
        self.smoothing = finite(state, "smoothing", _LEAST, 1 / _LEAST)
        self.outside = finite(state, "outside", -_MOST_OUTSIDE, _MOST_OUTSIDE)

    def _count(self, sentences: Sentences, values: NDArray[np.int64]) -> None:
        """Counts the tags (S,) with each attribute."""
        shape = len(self.attributes), len(self.trigrams.tags)
        total, first, is_frequent = (
            sparse.csr_array(shape, dtype=np.float32),
            0,
            _is_frequent(sentences.tokens),
        )
        for part in parts(sentences, PART_TOKENS):
            rows = self.attributes.rows(part)
            last = first + len(rows)
            rows[is_frequent[first:last], : len(_ENDS)] = NONE
            is_seen = rows >= 0
            tags = np.broadcast_to(values[first:last, None], rows.shape)[is_seen]
            ones = np.ones(len(tags), np.float32)
            total = total + sparse.coo_array((ones, (rows[is_seen], tags)), shape=shape).tocsr()
            first = last
        self.counts = total

    def _scores(self, sentences: Sentences) -> NDArray[np.float32]:
        """Some sentences -> for each token and tag, ln P(tag | what is seen) − ln P(tag), over all ladders (S, K)."""
        rows = self.attributes.rows(sentences)
        tags = self.trigrams.counts.sum(axis=(0, 1))
        share = ((tags + 1) / (tags + 1).sum()).astype(np.float32)
        scores, column = np.zeros((len(rows), len(tags)), np.float32), 0
        for ladder in self.ladders:
            guess = np.tile(share, (len(rows), 1))
            for _ in ladder:
                self._climb(guess, rows[:, column])
                column += 1
            scores += np.log(guess) - np.log(share)
        return scores

    def _climb(self, guess: NDArray[np.float32], rows: NDArray[np.int32]) -> None:
        """P(tag | less) (S, K) becomes P(tag | more), where the row of more (S,) was seen in training."""
        known = np.flatnonzero(rows >= 0)
        counts = self.counts[rows[known]].toarray()
        total = counts.sum(axis=1, keepdims=True)
        smoothing = np.float32(self.smoothing)
        guess[known] = (counts + smoothing * guess[known]) / (total + smoothing)

    def _paths(
        self, scores: NDArray[np.float32], offsets: NDArray[np.int64], outside: float
    ) -> NDArray[np.int64]:
        scores = scores.copy()
        scores[:, OUTSIDE] -= np.float32(outside)
        return self.trigrams.paths(scores, offsets, self.config.beam)

    def _tags(
        self,
        seen: list[tuple[NDArray[np.float32], NDArray[np.int64]]],
        offsets: NDArray[np.int64],
        outside: float,
    ) -> Tags:
        """Scores and offsets of parts, and the offsets of all -> the tags, with so much taken from being outside."""
        paths = [self._paths(scores, some, outside) for scores, some in seen]
        return Tags(np.concatenate(paths), offsets)

    def _choose(self, inputs: pa.ChunkedArray, targets: Tags, context: FitContext) -> None:
        """Takes how counts are smoothed, and how much outside counts, from validation."""
        chosen = np.arange(0, len(targets), max(1, math.ceil(len(targets.values) / _CHOICE_TOKENS)))
        inputs, targets = inputs.take(pa.array(chosen)), targets.take(chosen)
        cut = list(parts(flat_sentences(inputs), PART_TOKENS))
        smoothings = _SMOOTHINGS if self.config.smoothing is None else (self.config.smoothing,)
        best = (-1.0, self.smoothing, 0.0)
        for number, smoothing in enumerate(smoothings, 1):
            started = time.monotonic()
            self.smoothing = smoothing
            tags_with = partial(
                self._tags, [(self._scores(part), part.offsets) for part in cut], targets.offsets
            )
            outside, f1 = best_outside(tags_with, targets, context.unscored)
            best = max(best, (f1, smoothing, outside), key=lambda choice: choice[0])
            context.report(number / len(smoothings), best[0])
            if number < len(smoothings) and context.seconds_left() < 2 * (time.monotonic() - started):
                context.cut()
                break
        _, self.smoothing, self.outside = best


def _is_frequent(tokens: pa.Array) -> NDArray[np.bool_]:
    """Whether a token's word (S,) is too frequent for its ends to say something of new words."""
    numbers = tokens.dictionary_encode().indices.to_numpy()
    frequent: NDArray[np.bool_] = (np.bincount(numbers) > _RARE)[numbers]
    return frequent


def cost(config: HmmConfig, shape: SentenceShape) -> Cost:
    """A pass of counting, and the tagging of validation sentences."""
    num_templates = sum(map(len, _ladders(shape.has_predicates)))
    num_tokens, num_tags = shape.num_examples * shape.mean_tokens, shape.num_outputs
    seen = num_templates * num_tokens
    token_flops = 4 * num_templates * num_tags + 2 * min(config.beam, num_tags) * num_tags**2
    part = min(num_tokens, PART_TOKENS)
    return Cost(
        parameters=_COUNTS * seen + num_tokens + 2,
        predict_flops=shape.mean_tokens * token_flops,
        fit_flops=seen + _TAGGED * num_tokens * token_flops,
        fit_bytes=DOUBLE * (num_tags + 1) ** 3 * 6 + seen * 8 + part * (num_templates * 40 + num_tags * 12),
    )


RUNG = TraditionalRung(
    class_name="Hmm",
    accepts=frozenset({(InputKind.TOKENS, OutputKind.TAGS), (InputKind.PREDICATE, OutputKind.TAGS)}),
    config=HmmConfig,
    cost=cost,
    learner=Hmm,
)
