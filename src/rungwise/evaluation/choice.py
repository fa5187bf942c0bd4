"""The choice of a rung: the cheapest that isn't behind the best on validation by more than a margin.

The margin is the user's, or one standard error of the difference, by the paired bootstrap (the rule of Breiman et al.
1984 for trees). Rungs beyond the user's limits don't take part.
Where the user says what is to be saved, costs that are alike count as equal, since a measurement repeats no better, and
the order of the ladder decides. Else a rung is a saving where it takes no more than the best of training, size and
latency, and less of one: what is lost in one for another is no saving, but to who says which of them matters. Within
one standard error the metric can't tell rungs apart; so where little is saved, a finer one has a say: such a rung may
be no worse by log-loss, which sees how sure each answer was, or by MAE, which doesn't hang on a few rows. Nothing is
chosen by the set that judges it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.evaluation.costs import spent
from rungwise.evaluation.intervals import Difference
from rungwise.evaluation.limits import beyond_limits
from rungwise.evaluation.outcomes import Judged, Outcome
from rungwise.evaluation.terms import Cost, Terms
from rungwise.kinds import OutputKind
from rungwise.metrics import Metric

__all__ = [
    "ALIKE",
    "FINER",
    "LITTLE",
    "Choice",
    "amount_of",
    "best_of",
    "choose",
    "cost_ratios",
    "costs_shown",
    "front_of",
    "is_cheaper",
]

_USUAL = (Cost.TRAIN, Cost.SIZE, Cost.LATENCY)

FINER = {OutputKind.LABEL: "log-loss", OutputKind.NUMBER: "mae"}
"""By what rungs are told apart that another metric can't tell apart."""

LITTLE = {Cost.TRAIN: 10.0, Cost.SIZE: 1e7, Cost.LATENCY: 1e-3}
"""Savings that hardly anybody would notice: seconds of training, bytes, seconds for an example."""

ALIKE = 1.06
"""Costs whose ratio is under this count as equal."""


@dataclass(frozen=True)
class Choice:
    """What is chosen on validation.

    Attributes:
        best: the rung with the best score, of those within the limits; None if none is.
        recommended: the rung to take; None if there is none.
        margin: by how much it might be behind.
        differences: rung → by how much the best is better.
        beyond: rung → the limits that it isn't within, in words.
        finer: by what the recommended rung is no worse either, as it saves little; None where that wasn't asked.
        worse: rungs within one standard error that save little, and are worse by the finer metric.
        is_least: whether none of those that could have been taken has less of what is to be saved.
    """

    best: Outcome | None
    recommended: Outcome | None
    margin: float
    differences: dict[str, Difference]
    beyond: dict[str, str]
    finer: Metric | None = None
    worse: tuple[str, ...] = ()
    is_least: bool = True


def choose(valid: Judged, finished: Sequence[Outcome], terms: Terms, finer: Judged | None = None) -> Choice:
    """Chooses among the finished rungs of a run, the cheapest by its formula being the first.

    Args:
        valid: what they are chosen by.
        finished: the rungs.
        terms: of the user, whose margin, or cost to save, leaves a finer metric no say.
        finer: the same by a metric of `FINER`, where there is one.
    """
    beyond: dict[str, str] = {
        outcome.rung: said for outcome in finished if (said := beyond_limits(outcome, terms))
    }
    allowed = [outcome for outcome in finished if outcome.rung not in beyond]
    if not allowed:
        return Choice(None, None, 0.0, {}, beyond)
    best = best_of(valid, allowed)
    differences = {outcome.rung: valid.difference(best.rung, outcome.rung) for outcome in finished}
    margins = {
        rung: difference.sample_error if terms.margin is None else terms.margin
        for rung, difference in differences.items()
    }
    saving = [
        outcome
        for outcome in allowed
        if outcome is not best
        and differences[outcome.rung].mean <= margins[outcome.rung]
        and _saves(outcome, best, terms.cost)
    ]
    asked: list[Outcome] = []
    worse: list[Outcome] = []
    if finer is not None and terms.margin is None and terms.cost is None:
        asked = [outcome for outcome in saving if _saves_little(outcome, best)]
        worse = [outcome for outcome in asked if finer.difference(best.rung, outcome.rung).mean > 0]
    recommended, is_least = _cheapest(
        [best, *(outcome for outcome in saving if outcome not in worse)], terms.cost
    )
    return Choice(
        best,
        recommended,
        margins[recommended.rung],
        differences,
        beyond,
        finer.metric
        if finer is not None and (recommended in asked or (recommended is best and worse))
        else None,
        tuple(outcome.rung for outcome in worse),
        is_least,
    )


def best_of(judged: Judged, outcomes: Sequence[Outcome]) -> Outcome:
    """The rung with the best score, the first of equals."""
    sign = 1 if judged.metric.greater_is_better else -1
    values = [sign * judged.mean(outcome.rung) for outcome in outcomes]
    values = [-math.inf if math.isnan(value) else value for value in values]
    return outcomes[values.index(max(values))]


def _saves(outcome: Outcome, best: Outcome, cost: Cost | None) -> bool:
    """Whether it has less than the best of what is to be saved, or of all that was measured."""
    if cost is not None:
        return is_cheaper(outcome, best, cost)
    ratios = cost_ratios(best, outcome).values()
    return not ratios or (max(ratios) > ALIKE and min(ratios) >= 1 / ALIKE)


def _saves_little(outcome: Outcome, best: Outcome) -> bool:
    """Whether hardly anybody would notice what it saves."""
    amounts = [(spent(best, cost), spent(outcome, cost), little) for cost, little in LITTLE.items()]
    return all(above is None or below is None or above - below < little for above, below, little in amounts)


def _cheapest(outcomes: Sequence[Outcome], cost: Cost | None) -> tuple[Outcome, bool]:
    """The first on the ladder of those that have about the least of what is to be saved; whether none has less."""
    amounts = [amount_of(outcome, cost) for outcome in outcomes]
    least = min(amounts)
    alike = [pair for pair in zip(outcomes, amounts, strict=True) if pair[1] <= ALIKE * least]
    chosen, amount = min(alike, key=lambda pair: _place(pair[0]))
    return chosen, amount == least


def is_cheaper(outcome: Outcome, other: Outcome, cost: Cost | None) -> bool:
    """Whether a rung has less of what is to be saved than another one, or as much and comes before it on the ladder."""
    own, others = amount_of(outcome, cost), amount_of(other, cost)
    if own > ALIKE * others or others > ALIKE * own:
        return own < others
    return _place(outcome) < _place(other)


def amount_of(outcome: Outcome, cost: Cost | None) -> float:
    """What a rung takes of what is to be saved: infinitely much where that isn't known, and nothing of nothing."""
    if cost is None:
        return 0.0
    known = spent(outcome, cost)
    return math.inf if known is None else known


def _place(outcome: Outcome) -> int:
    return int(outcome.record["order"])


def costs_shown(cost: Cost | None) -> tuple[Cost, ...]:
    """What rungs are compared in, beside the score: training, size and latency, and what is to be saved."""
    return _USUAL if cost is None or cost in _USUAL else (*_USUAL, cost)


def cost_ratios(dear: Outcome, cheap: Outcome, cost: Cost | None = None) -> dict[Cost, float]:
    """What one rung takes of another's `costs_shown`, as far as known."""
    ratios = {}
    for each in costs_shown(cost):
        above, below = spent(dear, each), spent(cheap, each)
        if above and below and dear is not cheap:
            ratios[each] = above / below
    return ratios


def front_of(judged: Judged, outcomes: Sequence[Outcome], cost: Cost) -> list[str]:
    """The rungs that no other one beats in score without costing more (Pareto), the cheapest first.

    One that costs about as much doesn't cost more.
    """
    sign = 1 if judged.metric.greater_is_better else -1
    known = [
        (float(amount), sign * judged.mean(outcome.rung), outcome)
        for outcome in outcomes
        if (amount := spent(outcome, cost)) is not None and not math.isnan(judged.mean(outcome.rung))
    ]

    def is_beaten(amount: float, score: float, outcome: Outcome) -> bool:
        return any(
            other <= ALIKE * amount
            if better > score
            else better == score and (other, _place(rival)) < (amount, _place(outcome))
            for other, better, rival in known
        )

    front = [
        (amount, _place(outcome), outcome.rung)
        for amount, score, outcome in known
        if not is_beaten(amount, score, outcome)
    ]
    return [rung for *_, rung in sorted(front)]
