"""Warnings on the parts of train that rungs are chosen by: where some are missing, or there was no time for any."""

from __future__ import annotations

from collections.abc import Sequence

from rungwise.evaluation.outcomes import Judged, Outcome
from rungwise.evaluation.wording import code, listed
from rungwise.language import Message, say

__all__ = ["fold_warnings"]

_ENOUGH_ROWS = 500
"""Of a validation part, from which on folds would tell little more."""


def fold_warnings(finished: Sequence[Outcome], valid: Judged) -> list[Message]:
    """What is said of finished rungs, and of what they were chosen by."""
    return [*_on_missing(finished, len(valid.folds)), *_on_forgone(finished, len(valid.target))]


def _on_missing(finished: Sequence[Outcome], count: int) -> list[Message]:
    """Where rungs have fits on other folds, and not all have all of them."""
    short = [code(outcome.rung) for outcome in finished if len(outcome.repeats) < outcome.num_folds]
    if not short:
        return []
    parts = say("{count} parts of train", count=count) if count > 1 else say("1 part of train")
    known = {"parts": parts if count else say("the validation part"), "rungs": listed(short)}
    if len(short) == 1:
        return [say("Rungs are chosen by {parts}: on more {rungs} has no result.", **known)]
    return [say("Rungs are chosen by {parts}: on more {rungs} have no result.", **known)]


def _on_forgone(finished: Sequence[Outcome], num_valid: int) -> list[Message]:
    """Where the budget was too short for folds, and the validation part is small."""
    if not finished[0].folds_forgone or num_valid >= _ENOUGH_ROWS:
        return []
    return [
        say(
            "Rungs are chosen by one validation part of {count:,} rows, as the budget was too short for folds; "
            "`--folds {folds}` has them.",
            count=num_valid,
            folds=finished[0].folds_forgone,
        )
    ]
