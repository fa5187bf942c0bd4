"""Learns which words are predicates, so that a model of semantic roles takes sentences without any."""

# N rows, each with a predicate

from __future__ import annotations

import pyarrow as pa

from rungwise.data.predicates import joined_predicates
from rungwise.estimators.factory import estimator_class
from rungwise.estimators.tagger import FINDER, RungTagger
from rungwise.kinds import OutputKind

__all__ = ["learn_finder"]


def learn_finder(
    train: pa.ChunkedArray, valid: pa.ChunkedArray, *, seed: int, time_limit: float | None
) -> RungTagger:
    """A tagger of predicates, of sentences with a predicate (N) of which all rows of a sentence together are joined.

    Raises:
        TrainingError: if there was no time for a fit.
    """
    finder = estimator_class(FINDER, OutputKind.TAGS)(random_state=seed, time_limit=time_limit)
    assert isinstance(finder, RungTagger)
    *known, _ = joined_predicates(train)
    *seen, _ = joined_predicates(valid)
    finder.fit(*known, validation=(seen[0], seen[1]))
    finder.set_params(time_limit=None)  # it was this fit's alone
    return finder
