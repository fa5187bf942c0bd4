"""The choice of a rung: the cheapest that isn't behind the best on validation by more than a margin.

The margin is the user's, or one standard error of the difference, by the paired bootstrap (the rule of Breiman et al.
1984 for trees). Rungs beyond the user's limits don't take part.
A rung that measures dearer than the best in every way is no saving, whatever its formula said, and isn't taken. Nothing
is chosen by the set that judges it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rungwise.evaluation.intervals import Difference
from rungwise.evaluation.outcomes import Judged, Outcome
from rungwise.evaluation.terms import Cost, Terms
from rungwise.evaluation.wording import bytes_text, seconds_text
from rungwise.language import Message, clauses, say

__all__ = ["COSTS", "Choice", "best_of", "choose", "cost_ratios", "front_of", "rank"]

COSTS = {Cost.TRAIN: "fit_cpu_seconds", Cost.SIZE: "model_bytes", Cost.LATENCY: "latency_seconds"}
"""Cost → field of the journal's record."""


@dataclass(frozen=True)
class Choice:
    """What is chosen on validation.

    Attributes:
        best: the rung with the best score, of those within the limits; None if none is.
        recommended: the rung to take; None if there is none.
        margin: by how much it might be behind.
        differences: rung → by how much the best is better.
        beyond: rung → the limits that it isn't within, in words.
    """

    best: Outcome | None
    recommended: Outcome | None
    margin: float
    differences: dict[str, Difference]
    beyond: dict[str, str]


def choose(valid: Judged, finished: Sequence[Outcome], terms: Terms) -> Choice:
    """Chooses among the finished rungs of a run, the cheapest by its formula being the first."""
    beyond: dict[str, str] = {outcome.rung: said for outcome in finished if (said := _beyond(outcome, terms))}
    allowed = [outcome for outcome in finished if outcome.rung not in beyond]
    if not allowed:
        return Choice(None, None, 0.0, {}, beyond)
    best = best_of(valid, allowed)
    differences = {outcome.rung: valid.difference(best.rung, outcome.rung) for outcome in finished}
    margins = {
        rung: difference.sample_error if terms.margin is None else terms.margin
        for rung, difference in differences.items()
    }
    candidates = [
        outcome
        for outcome in allowed
        if outcome is best
        or (differences[outcome.rung].mean <= margins[outcome.rung] and _saves(outcome, best, terms.cost))
    ]
    recommended = min(candidates, key=lambda outcome: rank(outcome, terms.cost))
    return Choice(best, recommended, margins[recommended.rung], differences, beyond)


def best_of(judged: Judged, outcomes: Sequence[Outcome]) -> Outcome:
    """The rung with the best score, the first of equals."""
    sign = 1 if judged.metric.greater_is_better else -1
    values = [sign * judged.mean(outcome.rung) for outcome in outcomes]
    values = [-math.inf if math.isnan(value) else value for value in values]
    return outcomes[values.index(max(values))]


def _beyond(outcome: Outcome, terms: Terms) -> Message:
    """The limits that a rung isn't within, in words; none for one that is."""
    said = []
    latency: Any = outcome.record.get("latency_seconds")
    size: Any = outcome.record.get("model_bytes")
    if terms.max_latency is not None and latency is None:
        said.append(say("its latency wasn't measured"))
    elif terms.max_latency is not None and latency > terms.max_latency:
        over = seconds_text(terms.max_latency)
        said.append(say("its latency is {amount}, over {limit}", amount=seconds_text(latency), limit=over))
    if terms.max_size is not None and size is None:
        said.append(say("its size wasn't measured"))
    elif terms.max_size is not None and size > terms.max_size:
        over = bytes_text(terms.max_size)
        said.append(say("its size is {amount}, over {limit}", amount=bytes_text(size), limit=over))
    return clauses(said)


def _saves(outcome: Outcome, best: Outcome, cost: Cost | None) -> bool:
    """Whether it costs less than the best: in any way that was measured, or in what is to be saved."""
    ratios = cost_ratios(best, outcome)
    if cost is not None:
        return ratios.get(cost, 0.0) > 1
    return not ratios or max(ratios.values()) > 1


def rank(outcome: Outcome, cost: Cost | None) -> tuple[float, int]:
    """What the cheapest rung has least of: its place on the ladder, or what is to be saved."""
    spent = None if cost is None else outcome.record.get(COSTS[cost])
    order = int(outcome.record["order"])
    return (order if cost is None else math.inf if spent is None else spent), order


def cost_ratios(dear: Outcome, cheap: Outcome) -> dict[Cost, float]:
    """What one rung costs of another's training, size and latency, as far as known."""
    ratios = {}
    for cost, field in COSTS.items():
        above, below = dear.record.get(field), cheap.record.get(field)
        if above and below and dear is not cheap:
            ratios[cost] = above / below
    return ratios


def front_of(judged: Judged, outcomes: Sequence[Outcome], cost: Cost) -> list[str]:
    """The rungs that no other one beats in score without costing more (Pareto), the cheapest first."""
    sign = 1 if judged.metric.greater_is_better else -1
    known = [
        (float(spent), -sign * judged.mean(outcome.rung), outcome.rung)
        for outcome in outcomes
        if (spent := outcome.record.get(COSTS[cost])) is not None
    ]
    front: list[str] = []
    least = math.inf
    for _, loss, rung in sorted(known):
        if loss < least:
            front.append(rung)
            least = loss
    return front
