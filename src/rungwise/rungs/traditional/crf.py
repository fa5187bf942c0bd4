"""A linear-chain conditional random field over attributes of words.

Idea:
    A token's tag hangs on what is seen of it and around it (words, their shapes, ends and habits, in combination) and
    on the tag before. Every such attribute has a weight for each tag, every pair of neighbouring tags one as well; the
    best tags of the sentence as a whole are looked for. With a predicate, attributes also say where the token stands
    from it and what stands between.
Formula:
    p(y | x) ∝ exp Σ_t (Σ_{a ∈ A(x, t)} w[a, y_t] + v[y_{t−1}, y_t]); minimised: −Σ ln p(y | x) + c1 ‖w‖₁ + c2 ‖w‖².
Source:
    Lafferty, McCallum & Pereira (2001), Conditional random fields, ICML,
    https://repository.upenn.edu/handle/20.500.14332/6188; Collins (2002), Discriminative training methods for hidden
    Markov models, EMNLP, https://aclanthology.org/W02-1001 (the averaged perceptron, for many tags and tokens).
Deviations:
    CRFsuite trains; tags that can't follow one another are forbidden when tagging. The score of "outside" is lowered
    or raised by what gives the best F1 on validation, and so is c2 chosen. The rarest types, of which next to nothing
    can be learned, are never predicted (`rare_types=0.0` keeps them).
Cost:
    An iteration costs the tokens times the attributes of a token, and times the square of the tags: dear with many
    types, where the perceptron needs the fewest iterations. Tagging costs a look-up an attribute.
Wins:
    When spans are told by their words and what stands around them, and sentences are some thousands at most.
Loses:
    To networks when words are new at every turn, when spans hang on what is far away, or on meaning.
"""

# N sentences, S tokens of all of them, T templates, A attributes, K tags that are predicted

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.data.sentences import Sentences, flat_sentences
from rungwise.errors import TrainingError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.attributes import PART_TOKENS, Attributes
from rungwise.preprocessing.wordviews import parts
from rungwise.rung import Cost, Pair, SentenceShape, TraditionalRung
from rungwise.rungs._chain import Chain, numbers_among, predicted_tags
from rungwise.rungs._crfsuite import ChainTrainer, OutOfTimeError
from rungwise.rungs._outside import best_outside
from rungwise.rungs._templates import OF_ROLES, OF_WORDS
from rungwise.settings import check_ranges
from rungwise.stored import section
from rungwise.tags import Tags

__all__ = ["RUNG", "Algorithm", "Crf", "CrfConfig"]

_Fit = tuple[str, dict[str, Any]]
"""The name of an algorithm of CRFsuite, and its settings."""

_TOKENS_PER_COUNT = 5000
"""Training tokens for each that an attribute must occur at, until `min_count` are asked."""

_PACE_TOKENS, _PACE_ITERATIONS = 4000, 5
"""Of the sentences that a deadline's pace is measured on."""

_LEAST_SHARE = 0.3
"""Of a trial's seconds, what its iterations take at least: what comes before them varies on a busy machine."""

_TRAINING_SHARE = 0.8
"""Of the time left once sentences are handed over, what training may take; the rest is for choosing."""

_AS_LONG = 1.2
"""Times what one choice of settings took, what the next may."""

_DEAR = 3e8
"""Tokens times pairs of tags from which the likelihood takes too long."""

_PENALTIES = (1.0, 0.1)
"""Values of c2 that validation chooses from; the last without, where no choice of "outside" mends a cautious model."""


_WEIGHTS = 0.12
"""Of a token's attribute, weights that it adds: most attributes are found at many tokens, each with a few tags."""

_ATTRIBUTE_FLOPS, _PAIR_FLOPS = 8, 10
"""Of an attribute at a token, with the tags that it was seen with, and of a pair of tags there, in an iteration."""

_HELD_BYTES, _FITTED_BYTES, _PART_BYTES = 16, 12, 12
"""Of a token's attribute: as CRFsuite holds it; of the weights that it adds, where rare attributes are left out, with
their slopes and steps of the past; and while it is looked for, in a part of the sentences."""


class Algorithm(StrEnum):
    """What finds the weights: the likelihood's maximum, the averaged perceptron, or by the problem's size."""

    AUTO = "auto"
    LBFGS = "lbfgs"
    PERCEPTRON = "perceptron"


@dataclass(frozen=True, kw_only=True)
class CrfConfig:
    """What is looked at, and how weights are found.

    Attributes:
        algorithm: of training.
        c1: penalty on the weights' size, which makes most of them zero; of the likelihood.
        c2: penalty on the weights' squares; None to choose it on validation; of the likelihood.
        max_iterations: of the likelihood, passes over the sentences at most.
        passes: of the perceptron.
        min_count: training tokens that an attribute must occur at.
        rare_types: the share of all spans that the rarest types may make up together to be left out.
    """

    algorithm: Algorithm = Algorithm.AUTO
    c1: float = 0.0
    c2: float | None = None
    max_iterations: int = 100
    passes: int = 12
    min_count: int = 2
    rare_types: float = 0.005

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            ConfigError: with every setting that is out of its range.
        """
        allowed = {
            "c1": (0 <= self.c1 < math.inf, "a number from 0 on"),
            "c2": (self.c2 is None or 0 <= self.c2 < math.inf, "a number from 0 on, or None to choose it"),
            "max_iterations": (self.max_iterations >= 1, "at least 1"),
            "passes": (self.passes >= 1, "at least 1"),
            "min_count": (self.min_count >= 1, "at least 1"),
            "rare_types": (0 <= self.rare_types < 1, "from 0 to below 1"),
        }
        check_ranges(self, allowed)


class Crf:
    """The best tags of sentences by weights of their attributes and of neighbouring tags."""

    def __init__(self, config: CrfConfig, pair: Pair) -> None:
        has_predicates = pair[0] is InputKind.PREDICATE
        self.config = config
        self.attributes = Attributes(OF_ROLES if has_predicates else OF_WORDS, has_predicates=has_predicates)
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
        """Finds the attributes, and the weights with each setting while time is left.

        Raises:
            TrainingError: if no time was left for any.
        """
        del num_outputs  # tags that training had not are never predicted
        sentences, config = flat_sentences(inputs), self.config
        min_count = max(1, min(config.min_count, len(targets.values) // _TOKENS_PER_COUNT))
        self.attributes.fit(sentences, min_count=min_count)
        tags = predicted_tags(targets, config.rare_types)
        values = numbers_among(targets.values, tags)
        has_choice = validation is not None and len(validation[1]) > 0
        fits = _fits(config, len(values), len(tags), has_choice=has_choice)
        best_score = -1.0
        try:
            if context.deadline is not None:
                fits = self._affordable(fits, sentences, values, len(tags), context)
            trainer = self._trainer(sentences, values, len(tags), context.deadline)
            for number, (algorithm, settings) in enumerate(fits, 1):
                started = time.monotonic()
                chain = Chain(tags, trainer.fit(algorithm, settings, seed=context.seed))
                score = 0.0
                if validation is not None and has_choice:
                    score = self._choose_outside(chain, *validation, context.unscored)
                if score > best_score:
                    self.chain, best_score = chain, score
                context.report(number / len(fits), score if has_choice else None)
                if context.checkpoint.is_due():
                    context.checkpoint.save({}, self.state(), self.history)
                if number < len(fits) and context.seconds_left() < _AS_LONG * (time.monotonic() - started):
                    context.cut()
                    break
        except OutOfTimeError:
            context.cut()
        if best_score < 0:
            raise TrainingError("there was no time left for one fit of the CRF; allow more time.")
        self.chain, is_kept = self.chain.without_silent()
        self.attributes.keep(is_kept)

    def predict(self, inputs: pa.ChunkedArray) -> Tags:
        """Sentences (N) -> the tags of their tokens."""
        sentences = flat_sentences(inputs)
        found = [
            self.chain.paths(self.chain.scores(self.attributes.rows(part)), part.offsets)
            for part in parts(sentences, PART_TOKENS)
        ]
        return Tags(np.concatenate([np.zeros(0, np.int64), *found]), sentences.offsets)

    def num_parameters(self) -> int:
        """Weights of attributes and tags."""
        return self.chain.num_parameters()

    def state(self) -> State:
        """The attributes, and the weights."""
        return {"attributes": self.attributes.state(), "chain": self.chain.state()}

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes attributes and weights.

        Raises:
            ModelError: if they don't fit one another or the outputs.
        """
        self.attributes.restore(section(state, "attributes"))
        self.chain = Chain.from_state(
            section(state, "chain"), num_attributes=len(self.attributes), num_outputs=num_outputs
        )

    def _trainer(
        self, sentences: Sentences, values: NDArray[np.int64], num_tags: int, deadline: float | None
    ) -> ChainTrainer:
        """A trainer that was given the sentences and their tags (S,), as numbers of those that are predicted."""
        trainer, first = ChainTrainer(len(self.attributes), num_tags, deadline), 0
        for part in parts(sentences, _PACE_TOKENS):
            last = first + int(part.offsets[-1])
            trainer.add(self.attributes.rows(part, is_training=True), part.offsets, values[first:last])
            first = last
        return trainer

    def _affordable(
        self,
        fits: list[_Fit],
        sentences: Sentences,
        values: NDArray[np.int64],
        num_tags: int,
        context: FitContext,
    ) -> list[_Fit]:
        """The fits, or where time is short the first, in as many iterations as the pace of some sentences allows.

        Raises:
            OutOfTimeError: if there isn't time for one.
        """
        some = next(parts(sentences, _PACE_TOKENS))
        num_tokens = int(some.offsets[-1])
        algorithm, settings = fits[0]
        times = [time.monotonic()]
        trainer = self._trainer(some, values[:num_tokens], num_tags, context.deadline)
        times.append(time.monotonic())
        for iterations in (1, 1 + _PACE_ITERATIONS):  # what comes before the first is no part of the pace
            trainer.fit(algorithm, {**settings, "max_iterations": iterations}, seed=context.seed)
            times.append(time.monotonic())
        handing_over, before, whole = np.diff(times) * len(values) / num_tokens
        seconds = max(whole - before, _LEAST_SHARE * whole) / _PACE_ITERATIONS
        left = context.seconds_left() - handing_over - before
        if left <= seconds:
            raise OutOfTimeError
        affordable = int(_TRAINING_SHARE * left / seconds)
        if affordable >= settings["max_iterations"]:
            return fits
        context.cut()
        return [(algorithm, {**settings, "max_iterations": max(1, affordable)})]

    def _choose_outside(
        self, chain: Chain, inputs: pa.ChunkedArray, targets: Tags, unscored: Collection[int]
    ) -> float:
        """Sets what the chain takes from the score of being outside; the F1 on validation with it."""
        seen = [
            (chain.scores(self.attributes.rows(part)), part.offsets)
            for part in parts(flat_sentences(inputs), PART_TOKENS)
        ]

        def tags_with(outside: float) -> Tags:
            chain.outside = outside
            paths = [chain.paths(scores, offsets) for scores, offsets in seen]
            return Tags(np.concatenate(paths), targets.offsets)

        chain.outside, f1 = best_outside(tags_with, targets, unscored)
        return f1


def _fits(config: CrfConfig, num_tokens: float, num_tags: int, *, has_choice: bool) -> list[_Fit]:
    """What is tried: CRFsuite's algorithms with their settings."""
    is_dear = num_tokens * num_tags**2 > _DEAR
    if config.algorithm is Algorithm.PERCEPTRON or (config.algorithm is Algorithm.AUTO and is_dear):
        return [("ap", {"max_iterations": config.passes})]
    penalties = _PENALTIES if config.c2 is None else (config.c2,)
    shared = {"c1": config.c1, "max_iterations": config.max_iterations}
    return [("lbfgs", {**shared, "c2": c2}) for c2 in (penalties if has_choice else penalties[-1:])]


def cost(config: CrfConfig, shape: SentenceShape) -> Cost:
    """Attributes and pairs of tags of each token, in each iteration of each fit."""
    templates = len(OF_ROLES if shape.has_predicates else OF_WORDS)
    num_tokens, num_tags = shape.num_examples * shape.mean_tokens, shape.num_outputs
    weights = _WEIGHTS * templates * num_tokens
    fits = _fits(config, num_tokens, num_tags, has_choice=True)
    iterations = sum(settings["max_iterations"] for _, settings in fits)
    token_flops = _ATTRIBUTE_FLOPS * templates + _PAIR_FLOPS * num_tags**2
    part = min(num_tokens, PART_TOKENS) * templates * _PART_BYTES
    return Cost(
        parameters=weights + num_tags**2 + 1,
        predict_flops=shape.mean_tokens * (_ATTRIBUTE_FLOPS * templates + 2 * num_tags**2),
        fit_flops=iterations * num_tokens * token_flops,
        fit_bytes=num_tokens * templates * (_HELD_BYTES + _FITTED_BYTES) + part,
    )


RUNG = TraditionalRung(
    class_name="Crf",
    accepts=frozenset({(InputKind.TOKENS, OutputKind.TAGS), (InputKind.PREDICATE, OutputKind.TAGS)}),
    config=CrfConfig,
    cost=cost,
    learner=Crf,
)
