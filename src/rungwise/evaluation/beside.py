"""Every other rung beside the recommended one, written for people: for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.evaluation.choice import cost_ratios, costs_shown
from rungwise.evaluation.outcomes import Outcome
from rungwise.evaluation.terms import COST_NOUNS
from rungwise.evaluation.verdict import Verdict
from rungwise.evaluation.wording import p_text, ratio_text, signed_text
from rungwise.language import Message, clauses, say
from rungwise.metrics import Metric

__all__ = ["Beside", "ratio_names", "rows_beside"]


@dataclass(frozen=True)
class Beside:
    """A rung beside the recommended one.

    Attributes:
        rung: its name.
        gain: how much better it is on test, in points of a share.
        interval: of that.
        p_value: of chance, by itself.
        adjusted: the same among all comparisons.
        ratios: what it takes of the recommended one's, of each of `ratio_names`; empty where that isn't known.
        ratio_values: the same as numbers; None where it isn't known.
        remarks: what else is to be said.
        is_clear: whether it differs among all comparisons.
    """

    rung: str
    gain: str
    interval: str
    p_value: str
    adjusted: str
    ratios: tuple[str, ...]
    ratio_values: tuple[float | None, ...]
    remarks: str
    is_clear: bool


def ratio_names(found: Verdict) -> tuple[Message, ...]:
    """What a rung's ratios are of: training, size, latency, and what is to be saved."""
    return tuple(COST_NOUNS[cost] for cost in costs_shown(found.terms.cost))


def rows_beside(found: Verdict, outcomes: Sequence[Outcome], by: Metric) -> list[Beside]:
    """The rungs that a verdict compares, cheapest first; none where no rung is recommended."""
    by_name, shown = {outcome.rung: outcome for outcome in outcomes}, costs_shown(found.terms.cost)
    rows = []
    for each in found.comparisons:
        gain = each.difference
        known = cost_ratios(by_name[each.rung], by_name[str(found.recommended)], found.terms.cost)
        ratios = tuple(known.get(cost) for cost in shown)
        rows.append(
            Beside(
                each.rung,
                signed_text(by, gain.mean),
                say("{low} to {high}", low=signed_text(by, gain.low), high=signed_text(by, gain.high)),
                _bare(each.p_value),
                _bare(each.adjusted),
                tuple("" if ratio is None else ratio_text(ratio) for ratio in ratios),
                ratios,
                _remarks(found, each.rung),
                each.is_clear,
            )
        )
    return rows


def _bare(p_value: float) -> str:
    return p_text(p_value).removeprefix("p ").removeprefix("= ")


def _remarks(found: Verdict, rung: str) -> Message:
    best = say("the best on {part}", part=found.chosen_on)
    said = [
        *([best] if rung == found.best else []),
        *([say("on the front of score and cost")] if rung in found.front else []),
        *([found.beyond[rung]] if rung in found.beyond else []),
    ]
    return clauses(said)
