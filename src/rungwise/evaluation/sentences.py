"""The verdict in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rungwise.evaluation.choice import Choice, best_of, cost_ratios, rank
from rungwise.evaluation.intervals import Difference
from rungwise.evaluation.outcomes import BASELINE, Judged, Outcome
from rungwise.evaluation.significance import Comparison
from rungwise.evaluation.terms import Cost, Terms
from rungwise.evaluation.wording import (
    bounds_text,
    code,
    difference_text,
    listed,
    p_text,
    ratio_text,
    score_text,
)

__all__ = ["Findings", "nothing_to_take", "sentence_of", "unfinished", "warnings_of"]

_NOUNS = {Cost.TRAIN: "training", Cost.SIZE: "size", Cost.LATENCY: "latency"}

_FEW_CLUSTERS = 10

_ALIKE = 1.06
"""Costs whose ratio is under this aren't worth a word."""


@dataclass(frozen=True)
class Findings:
    """What the sentences are made from, where there is a rung to take; see `Verdict`."""

    valid: Judged
    test: Judged
    finished: Sequence[Outcome]
    terms: Terms
    choice: Choice
    best: Outcome
    recommended: Outcome
    difference: Difference | None
    over_baseline: Difference | None
    comparisons: Sequence[Comparison]

    @property
    def chosen_on(self) -> str:
        """What the choice was made on, in a word."""
        return "the folds" if self.valid.is_folded else "validation"

    @property
    def is_baseline(self) -> bool:
        """Whether the trivial rung is the one to take."""
        return self.recommended.rung == BASELINE


# ----------------------------------------------------------------------------------------------- the sentence


def sentence_of(found: Findings) -> str:
    """Which rung to take, how good it is, how far the best or the next one is, and at what cost."""
    score, rung = (
        score_text(found.test.metric, found.test.score(found.recommended.rung)),
        found.recommended.rung,
    )
    if len(found.finished) == 1:
        return f"Take {code(rung)}, the only rung that finished: {score}."
    if found.is_baseline and not found.choice.beyond and found.terms.margin is None:
        start = f"Nothing beats the trivial baseline clearly: {code(rung)} has {score}."
    else:
        start = f"Take {code(rung)}: {score}."
    parts = [start, _why(found), _beside(found), _without_limits(found)]
    return " ".join(part for part in parts if part)


def _why(found: Findings) -> str:
    """By what rule it was chosen, where it isn't the best."""
    if found.difference is None:
        return ""
    metric = found.valid.metric
    behind = difference_text(metric, found.choice.differences[found.recommended.rung].mean)
    size = difference_text(metric, found.choice.margin)
    margin = f"the margin of {size}" if found.terms.margin is not None else f"one standard error ({size})"
    least = f" with the least {_NOUNS[found.terms.cost]}" if found.terms.cost is not None else ""
    which = f"the rung{least}" if least else "the cheapest rung"
    return (
        f"It is {which} within {margin} of {code(found.best.rung)}, the best on {found.chosen_on}, "
        f"being {behind} behind there."
    )


def _beside(found: Findings) -> str:
    """How far the best is ahead on test, or what is said of the best where it is the one to take."""
    if found.difference is None:
        return _lead(found)
    metric, best = found.test.metric, code(found.best.rung)
    size, bounds = difference_text(metric, found.difference.mean), bounds_text(metric, found.difference)
    if found.difference.mean > 0:
        gain = f"On test {best} is {size} better"
    elif found.difference.mean == 0:
        gain = f"On test {best} is no better"
    else:
        gain = f"On test {best} is {size} worse"
    text = f"{gain} ({bounds}){_price(found.best, found.recommended)}."
    return f"{text}{_among(found, found.best.rung)} {_limit(found, found.difference)}"


def _lead(found: Findings) -> str:
    """What is said where the best rung is the one to take: how far the best cheaper one is behind on test."""
    allowed = [outcome for outcome in found.finished if outcome.rung not in found.choice.beyond]
    best, cost = found.best, found.terms.cost
    if len(allowed) == 1:
        return "No other rung is within the limits."
    if found.is_baseline:
        return f"No other rung is better on {found.chosen_on}."
    cheaper = [outcome for outcome in allowed if rank(outcome, cost) < rank(best, cost)]
    if not cheaper:
        least = "the cheapest rung" if cost is None else f"the rung with the least {_NOUNS[cost]}"
        return f"It is {least}, and the best on {found.chosen_on}."
    metric, runner_up = found.test.metric, best_of(found.valid, cheaper)
    lead = found.test.difference(best.rung, runner_up.rung)
    size, bounds = difference_text(metric, lead.mean), bounds_text(metric, lead)
    how = "better" if lead.mean >= 0 else "worse"
    equals = [o.rung for o in allowed if o is not best and found.choice.differences[o.rung].mean == 0]
    if equals:
        start = f"On {found.chosen_on} {listed(map(code, equals))} did as well, at a higher cost;"
    elif lead.low > 0:
        start = f"It is the best on {found.chosen_on}, and no cheaper rung is close:"
    else:
        start = f"It was the best on {found.chosen_on};"
    price = "" if runner_up.rung == BASELINE else _price(best, runner_up)
    text = f"{start} on test it is {size} {how} than {code(runner_up.rung)} ({bounds}){price}."
    return f"{text}{_among(found, runner_up.rung)} {_limit(found, lead)}"


def _without_limits(found: Findings) -> str:
    """How much the best rung of all is better, where it is beyond the limits."""
    best = best_of(found.valid, found.finished)
    if best.rung not in found.choice.beyond:
        return ""
    metric, lead = found.test.metric, found.test.difference(best.rung, found.recommended.rung)
    how = "better" if lead.mean >= 0 else "worse"
    return (
        f"{code(best.rung)}, the best of all on {found.chosen_on}, is beyond the limits "
        f"({found.choice.beyond[best.rung]}); on test it is {difference_text(metric, lead.mean)} {how} "
        f"({bounds_text(metric, lead)})."
    )


def _price(dear: Outcome, cheap: Outcome) -> str:
    """Such as ", at 90× the training and 60× the size, but 1/3 of the latency"."""
    costs = {_NOUNS[cost]: ratio for cost, ratio in cost_ratios(dear, cheap).items()}
    dearer = [f"{ratio_text(ratio)} the {noun}" for noun, ratio in costs.items() if ratio > _ALIKE]
    smaller = [f"{ratio_text(ratio)} of the {noun}" for noun, ratio in costs.items() if ratio < 1 / _ALIKE]
    text = f", at {listed(dearer)}" if dearer else ""
    return f"{text}, {'but' if dearer else 'at'} {listed(smaller)}" if smaller else text


def _among(found: Findings, rung: str) -> str:
    """What remains of a difference whose interval leaves out 0, where it is one of many and isn't clear then."""
    comparison = next((each for each in found.comparisons if each.rung == rung), None)
    if (
        comparison is None
        or comparison.is_clear
        or comparison.difference.low <= 0 <= comparison.difference.high
    ):
        return ""
    count = len(found.comparisons)
    return f" Among {count} comparisons that isn't clear ({p_text(comparison.adjusted)} by Holm)."


def _limit(found: Findings, difference: Difference) -> str:
    if not math.isfinite(difference.smallest):
        return "This test set can't show any difference: all its examples are drawn together."
    smallest = difference_text(found.test.metric, difference.smallest)
    return f"A difference under {smallest} could not have been shown by this test set."


def nothing_to_take(beyond: Mapping[str, str]) -> str:
    """What is said where no rung finished, or none is within the limits."""
    if not beyond:
        return "No rung finished, so there is nothing to recommend."
    each = listed(f"{code(rung)} ({said})" for rung, said in beyond.items())
    return f"No rung is within the limits, so there is nothing to recommend: {each}."


# ------------------------------------------------------------------------------------------------ the warnings


def warnings_of(found: Findings, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """What else one should know before trusting the verdict."""
    warnings = [*_on_baseline(found), *_on_folds(found)]
    if found.test.clusters is not None and found.test.num_drawn < _FEW_CLUSTERS:
        count = found.test.num_drawn
        warnings.append(
            f"The test part has {count} group{'' if count == 1 else 's'}: over so few, intervals are rough."
        )
    cut = [code(outcome.rung) for outcome in outcomes if outcome.record["status"] == "deadline"]
    if cut:
        verb = "was" if len(cut) == 1 else "were"
        warnings.append(
            f"{listed(cut)} {verb} stopped by the budget; a new run with a larger one may change the verdict."
        )
    return (*warnings, *unfinished(outcomes))


def _on_baseline(found: Findings) -> list[str]:
    """What the trivial rung is compared with."""
    metric, over = found.test.metric, found.over_baseline
    if over is None:
        return []
    rival = code(found.best.rung if found.is_baseline else found.recommended.rung)
    amount, bounds = difference_text(metric, over.mean), bounds_text(metric, over)
    if over.low <= 0:
        how = "better" if over.mean >= 0 else "worse"
        text = f"{rival} is not clearly better than the trivial baseline: it is {amount} {how} on test ({bounds})."
        return [text]
    if found.is_baseline and found.terms.margin is not None:
        return [
            f"The margin lets the trivial baseline through: on test {rival} is {amount} better ({bounds})."
        ]
    if found.is_baseline:
        count = f"{len(found.valid.target):,} examples"
        return [
            f"On test {rival} is {amount} better than the trivial baseline ({bounds}), which validation doesn't show: "
            f"its {count} are too few to choose by. Give more data."
        ]
    return []


def _on_folds(found: Findings) -> list[str]:
    """Where rungs have fits on other folds, and not all have all of them."""
    short = [code(outcome.rung) for outcome in found.finished if len(outcome.repeats) < outcome.num_folds]
    if not short:
        return []
    count = len(found.valid.folds)
    parts = f"{count} part{'s' if count > 1 else ''} of train" if count else "the validation part"
    return [
        f"Rungs are chosen by {parts}: on more {listed(short)} {'has' if len(short) == 1 else 'have'} no result."
    ]


def unfinished(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """A sentence on the rungs without a score."""
    missing = [outcome for outcome in outcomes if not outcome.is_finished]
    if not missing:
        return ()
    each = (f"{code(o.rung)} ({o.record.get('reason') or o.record['status']})" for o in missing)
    return (f"Without a score: {listed(each)}.",)
