"""What one should know of the costs that a verdict went by."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rungwise.evaluation.choice import amount_of
from rungwise.evaluation.costs import is_disturbed
from rungwise.evaluation.outcomes import Outcome
from rungwise.evaluation.terms import COST_NOUNS, Cost, Terms
from rungwise.evaluation.wording import code, listed
from rungwise.language import Message, say

__all__ = ["cost_warnings"]

_OF_ANSWERS = (Cost.LATENCY, Cost.ENERGY, Cost.PRICE)
"""What is measured while a model answers."""


def cost_warnings(finished: Sequence[Outcome], recommended: Outcome, terms: Terms) -> list[Message]:
    """Where what decides wasn't measured, or others worked on the machine while it was."""
    said = []
    if terms.cost is not None and math.isinf(amount_of(recommended, terms.cost)):
        said.append(
            say(
                "The {cost} of {rung} wasn't measured: the order of the ladder decided.",
                cost=COST_NOUNS[terms.cost],
                rung=code(recommended.rung),
            )
        )
    disturbed = [code(outcome.rung) for outcome in finished if is_disturbed(outcome.record)]
    if disturbed and (terms.cost in _OF_ANSWERS or terms.max_latency is not None):
        said.append(
            say(
                "Others worked on the machine while answers of {rungs} were timed, which decided here: alone on it, "
                "the verdict may be another.",
                rungs=listed(disturbed),
            )
        )
    return said
