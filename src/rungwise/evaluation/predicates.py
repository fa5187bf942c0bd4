"""How well predicates are found, and roles with what is found: a record of the run's journal, in words."""

# N rows, each with a given predicate, R rows, each with one that was found

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.data.predicates import joined_predicates, with_predicates
from rungwise.data.sentences import flat_sentences
from rungwise.estimators import RungTagger
from rungwise.evaluation.predictions import Predictions
from rungwise.evaluation.wording import amount_text
from rungwise.language import Message, paragraph, say, term
from rungwise.metrics import metric
from rungwise.tags import OUTSIDE, Tags, concatenated

__all__ = ["PredicateScores", "finder_f1", "predicate_sentences", "role_f1"]

_FINDS, _ROLES = "span-f1", "argument-f1"
"""Names of metrics."""


@dataclass(frozen=True)
class PredicateScores:
    """What was measured where predicates are found.

    Attributes:
        rung: whose roles these are, the recommended one.
        valid: F1 of predicates on validation.
        test: F1 of predicates on test.
        num_sentences: of test, each of which has a predicate or more.
        given: F1 of the rung's arguments on test, of given predicates.
        found: the same, of predicates that were found; an argument is right if its predicate is, too.
        is_cut: whether the budget ended the learning of predicates.
    """

    rung: str
    valid: float
    test: float
    num_sentences: int
    given: float
    found: float
    is_cut: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As the journal has it."""
        return asdict(self)

    @property
    def sentence(self) -> Message:
        """What people read."""
        finds, roles = metric(_FINDS), metric(_ROLES)
        valid, test = (amount_text(finds, value) for value in (self.valid, self.test))
        given, found = (amount_text(roles, value) for value in (self.given, self.found))
        said = say(
            "Predicates are found with {test} % F1 on test ({valid} on validation), all of whose {count:,} sentences "
            "have one. `{rung}` has {given} % {metric} on test with given predicates, each counted once, and {found} "
            "with those that are found.",
            test=test,
            valid=valid,
            count=self.num_sentences,
            rung=self.rung,
            given=given,
            metric=term(roles.title),
            found=found,
        )
        cut = say("The budget ended the learning of predicates: a larger one may find more.")
        return paragraph([said, cut]) if self.is_cut else said


def predicate_sentences(records: Sequence[Mapping[str, Any]]) -> list[Message]:
    """What a journal's last record of predicates says, or why there is nothing; none where none were to be found."""
    asked = [record for record in records if record["type"] == "predicates"]
    if not asked:
        return []
    if asked[-1].get("scores") is None:
        return [say("Predicates aren't found by these models: {reason}.", reason=asked[-1]["reason"])]
    return [PredicateScores(**asked[-1]["scores"]).sentence]


def finder_f1(finder: RungTagger, inputs: pa.ChunkedArray) -> float:
    """F1 of the predicates that are found in the sentences of these rows (N)."""
    tokens, tags, _ = joined_predicates(inputs)
    return metric(_FINDS).score(finder.encode_tags(tags), finder.predict_tags(tokens))


def role_f1(estimator: RungTagger, inputs: pa.ChunkedArray, known: Predictions) -> tuple[float, float]:
    """F1 of arguments with given predicates, and with found ones, over the same sentences.

    Rows with an equal sentence and predicate count once, the first of them.

    Args:
        estimator: finds predicates.
        inputs: sentences with given predicates (N).
        known: the tags of each row as they should be, and as the estimator says (N).
    """
    assert estimator.finder_ is not None
    tokens, _, sentences = joined_predicates(inputs)
    predicates = flat_sentences(inputs).predicates
    assert predicates is not None
    given, first = np.unique(_keys(sentences, predicates), return_index=True)
    target, said = known.target.take(first), known.prediction.take(first)
    rows, numbers = with_predicates(tokens, estimator.finder_.predict_tags(tokens))
    places = flat_sentences(rows).predicates
    assert places is not None
    found = _keys(numbers, places)
    new = np.flatnonzero(~np.isin(found, given))
    more = estimator.predict_tags(rows.take(pa.array(new)))
    nothing = Tags(np.full_like(more.values, OUTSIDE), more.offsets)
    is_found = np.repeat(np.isin(given, found), said.lengths)
    kept = Tags(np.where(is_found, said.values, OUTSIDE), said.offsets)
    chosen = metric(_ROLES, tags=known.tags)
    with_found = chosen.score(concatenated([target, nothing]), concatenated([kept, more]))
    return chosen.score(target, said), with_found


def _keys(sentences: NDArray[np.int64], predicates: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number for a sentence and a token of it."""
    return (sentences << np.int64(32)) + predicates
