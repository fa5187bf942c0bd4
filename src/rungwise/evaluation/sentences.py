"""The verdict in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rungwise.evaluation.choice import ALIKE, LITTLE, Choice, amount_of, best_of, cost_ratios, is_cheaper
from rungwise.evaluation.cost_warnings import cost_warnings
from rungwise.evaluation.costs import costs_of
from rungwise.evaluation.fold_warnings import fold_warnings
from rungwise.evaluation.intervals import Difference
from rungwise.evaluation.outcomes import BASELINE, Judged, Outcome
from rungwise.evaluation.significance import Comparison
from rungwise.evaluation.terms import COST_NOUNS, Cost, Terms
from rungwise.evaluation.wording import (
    amount_text,
    bounds_text,
    bytes_text,
    code,
    difference_text,
    listed,
    number_text,
    p_text,
    ratio_text,
    score_text,
    seconds_text,
)
from rungwise.language import Message, paragraph, say, term

__all__ = ["VALIDATION", "Findings", "nothing_to_take", "sentences_of", "unfinished", "warnings_of"]

VALIDATION, _FOLDS = say("validation"), say("the folds")
"""What a choice is made on."""

_FEW_CLUSTERS = 10

_WIDE_GAP = 0.1
"""Of a share, between train and test, from which on it is worth a word."""


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
    def chosen_on(self) -> Message:
        """What the choice was made on, in a word."""
        return _FOLDS if self.valid.is_folded else VALIDATION

    @property
    def is_baseline(self) -> bool:
        """Whether the trivial rung is the one to take."""
        return self.recommended.rung == BASELINE


# ----------------------------------------------------------------------------------------------- the sentence


def sentences_of(found: Findings) -> tuple[Message, ...]:
    """Which rung to take, how good it is, how far the best or the next one is, and at what cost."""
    rung = found.recommended.rung
    known = {"rung": code(rung), "score": score_text(found.test.metric, found.test.score(rung))}
    if len(found.finished) == 1:
        return (say("Take {rung}, the only rung that finished: {score}.", **known),)
    if found.is_baseline and not found.choice.beyond and found.terms.margin is None:
        start = say("Nothing beats the trivial baseline clearly: {rung} has {score}.", **known)
    else:
        start = say("Take {rung}: {score}.", **known)
    parts = (start, _why(found), _beside(found), _without_limits(found), _bill(found))
    return tuple(part for part in parts if part)


def _why(found: Findings) -> Message:
    """By what rule it was chosen, where it isn't the best."""
    if found.difference is None:
        return Message("")
    metric = found.valid.metric
    size = difference_text(metric, found.choice.margin)
    margin = say("the margin of {size}", size=size)
    if found.terms.margin is None:
        margin = say("one standard error ({size})", size=size)
    known = {
        "which": _cheapest(found),
        "margin": margin,
        "best": code(found.best.rung),
        "part": found.chosen_on,
        "behind": difference_text(metric, found.choice.differences[found.recommended.rung].mean),
    }
    if found.choice.finer is None:
        return say(
            "It is {which} within {margin} of {best}, the best on {part}, being {behind} behind there.",
            **known,
        )
    return say(
        "It is {which} within {margin} of {best}, the best on {part}, being {behind} behind there, and no worse in "
        "{finer}.",
        finer=term(found.choice.finer.title),
        **known,
    )


def _cheapest(found: Findings) -> Message:
    """The cheapest, by what is to be saved."""
    cost = found.terms.cost
    if cost is None or math.isinf(amount_of(found.recommended, cost)):
        return say("the cheapest rung")
    if cost is Cost.PRICE:
        least, about = say("the rung with the lowest price"), say("the rung with about the lowest price")
    else:
        noun = COST_NOUNS[cost]
        least = say("the rung with the least {cost}", cost=noun)
        about = say("the rung with about the least {cost}", cost=noun)
    return least if found.choice.is_least else about


def _beside(found: Findings) -> Message:
    """How far the best is ahead on test, or what is said of the best where it is the one to take."""
    if found.difference is None:
        return _lead(found)
    metric, best, mean = found.test.metric, code(found.best.rung), found.difference.mean
    known = {
        "best": best,
        "size": difference_text(metric, mean),
        "bounds": bounds_text(metric, found.difference),
        "price": _price(found, found.best, found.recommended),
    }
    if mean > 0:
        gain = say("On test {best} is {size} better ({bounds}){price}.", **known)
    elif mean == 0:
        gain = say("On test {best} is no better ({bounds}){price}.", **known)
    else:
        gain = say("On test {best} is {size} worse ({bounds}){price}.", **known)
    return paragraph([gain, _among(found, found.best.rung), _limit(found, found.difference)])


def _lead(found: Findings) -> Message:
    """What is said where the best rung is the one to take: how far the best cheaper one is behind on test."""
    allowed = [outcome for outcome in found.finished if outcome.rung not in found.choice.beyond]
    best, cost = found.best, found.terms.cost
    if len(allowed) == 1:
        return say("No other rung is within the limits.")
    if found.is_baseline:
        return say("No other rung is better on {part}.", part=found.chosen_on)
    cheaper = [outcome for outcome in allowed if is_cheaper(outcome, best, cost)]
    if not cheaper:
        return say("It is {which}, and the best on {part}.", which=_cheapest(found), part=found.chosen_on)
    metric, runner_up = found.test.metric, best_of(found.valid, cheaper)
    lead = found.test.difference(best.rung, runner_up.rung)
    known = {
        "start": _start(found, allowed, lead),
        "size": difference_text(metric, lead.mean),
        "other": code(runner_up.rung),
        "bounds": bounds_text(metric, lead),
        "price": Message("") if runner_up.rung == BASELINE else _price(found, best, runner_up),
    }
    if lead.mean >= 0:
        text = say("{start} on test it is {size} better than {other} ({bounds}){price}.", **known)
    else:
        text = say("{start} on test it is {size} worse than {other} ({bounds}){price}.", **known)
    return paragraph([text, _among(found, runner_up.rung), _limit(found, lead)])


def _start(found: Findings, allowed: Sequence[Outcome], lead: Difference) -> Message:
    """How the lead of the best over the best cheaper one is introduced."""
    part = found.chosen_on
    equals = [o.rung for o in allowed if o is not found.best and found.choice.differences[o.rung].mean == 0]
    if equals:
        names = listed(map(code, equals))
        return say("On {part} {names} did as well, at a higher cost;", part=part, names=names)
    if lead.low > 0:
        return say("It is the best on {part}, and no cheaper rung is close:", part=part)
    if found.choice.finer is not None and found.choice.worse:
        return say(
            "It was the best on {part}; {names}, within one standard error there, would save little (under {seconds} "
            "of training, {bytes} and {latency}), and did worse in {finer};",
            part=part,
            names=listed(map(code, found.choice.worse)),
            seconds=seconds_text(LITTLE[Cost.TRAIN]),
            bytes=bytes_text(LITTLE[Cost.SIZE]),
            latency=seconds_text(LITTLE[Cost.LATENCY]),
            finer=term(found.choice.finer.title),
        )
    return say("It was the best on {part};", part=part)


def _without_limits(found: Findings) -> Message:
    """How much the best rung of all is better, where it is beyond the limits."""
    best = best_of(found.valid, found.finished)
    if best.rung not in found.choice.beyond:
        return Message("")
    metric, lead = found.test.metric, found.test.difference(best.rung, found.recommended.rung)
    known = {
        "best": code(best.rung),
        "part": found.chosen_on,
        "limits": found.choice.beyond[best.rung],
        "size": difference_text(metric, lead.mean),
        "bounds": bounds_text(metric, lead),
    }
    is_better = lead.mean >= 0
    how = say("{size} better ({bounds})", **known) if is_better else say("{size} worse ({bounds})", **known)
    return say(
        "{best}, the best of all on {part}, is beyond the limits ({limits}); on test it is {how}.",
        how=how,
        **known,
    )


def _price(found: Findings, dear: Outcome, cheap: Outcome) -> Message:
    """Such as ", at 90× the training and 60× the size, but 1/3 of the latency"."""
    costs = {COST_NOUNS[cost]: ratio for cost, ratio in cost_ratios(dear, cheap, found.terms.cost).items()}
    dearer = [
        say("{ratio} the {cost}", ratio=ratio_text(ratio), cost=noun)
        for noun, ratio in costs.items()
        if ratio > ALIKE
    ]
    smaller = [
        say("{ratio} of the {cost}", ratio=ratio_text(ratio), cost=noun)
        for noun, ratio in costs.items()
        if ratio < 1 / ALIKE
    ]
    if dearer and smaller:
        return say(", at {dearer}, but {smaller}", dearer=listed(dearer), smaller=listed(smaller))
    if dearer:
        return say(", at {dearer}", dearer=listed(dearer))
    return say(", at {smaller}", smaller=listed(smaller)) if smaller else Message("")


def _bill(found: Findings) -> Message:
    """What predictions come to, where the user says what the machine costs."""
    per_hour = found.terms.price_per_hour
    if per_hour is None:
        return Message("")
    rungs = [found.recommended] if found.best is found.recommended else [found.recommended, found.best]
    prices = {code(rung.rung): costs_of(rung, per_hour)["million_price"].value for rung in rungs}
    bills = [
        say("about {price} by {rung}", price=number_text(price), rung=name)
        for name, price in prices.items()
        if price is not None
    ]
    if not bills:
        return Message("")
    return say(
        "At {price} an hour, a million predictions in batches cost {bills}.",
        price=number_text(per_hour),
        bills=listed(bills),
    )


def _among(found: Findings, rung: str) -> Message:
    """What remains of a difference whose interval leaves out 0, where it is one of many and isn't clear then."""
    comparison = next((each for each in found.comparisons if each.rung == rung), None)
    if (
        comparison is None
        or comparison.is_clear
        or comparison.difference.low <= 0 <= comparison.difference.high
    ):
        return Message("")
    return say(
        "Among {count} comparisons that isn't clear ({p_value} by Holm).",
        count=len(found.comparisons),
        p_value=p_text(comparison.adjusted),
    )


def _limit(found: Findings, difference: Difference) -> Message:
    if not math.isfinite(difference.smallest):
        return say("This test set can't show any difference: all its examples are drawn together.")
    smallest = difference_text(found.test.metric, difference.smallest)
    return say("A difference under {smallest} could not have been shown by this test set.", smallest=smallest)


def nothing_to_take(beyond: Mapping[str, str]) -> Message:
    """What is said where no rung finished, or none is within the limits."""
    if not beyond:
        return say("No rung finished, so there is nothing to recommend.")
    each = [say("{rung} ({reason})", rung=code(rung), reason=said) for rung, said in beyond.items()]
    return say("No rung is within the limits, so there is nothing to recommend: {each}.", each=listed(each))


# ------------------------------------------------------------------------------------------------ the warnings


def warnings_of(found: Findings, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """What else one should know before trusting the verdict."""
    warnings = [*_on_baseline(found), *fold_warnings(found.finished, found.valid), *_on_gap(found)]
    warnings += cost_warnings(found.finished, found.recommended, found.terms)
    count = found.test.num_drawn
    if found.test.clusters is not None and count == 1:
        warnings.append(say("The test part has 1 group: over so few, intervals are rough."))
    elif found.test.clusters is not None and count < _FEW_CLUSTERS:
        warnings.append(
            say("The test part has {count} groups: over so few, intervals are rough.", count=count)
        )
    cut = [code(outcome.rung) for outcome in outcomes if outcome.record["status"] == "deadline"]
    if len(cut) == 1:
        [rung] = cut
        warnings.append(
            say(
                "{rung} was stopped by the budget; a new run with a larger one may change the verdict.",
                rung=rung,
            )
        )
    elif cut:
        warnings.append(
            say(
                "{rungs} were stopped by the budget; a new run with a larger one may change the verdict.",
                rungs=listed(cut),
            )
        )
    return (*warnings, *unfinished(outcomes))


def _on_baseline(found: Findings) -> list[Message]:
    """What the trivial rung is compared with."""
    metric, over = found.test.metric, found.over_baseline
    if over is None:
        return []
    known = {
        "rival": code(found.best.rung if found.is_baseline else found.recommended.rung),
        "size": difference_text(metric, over.mean),
        "bounds": bounds_text(metric, over),
    }
    if over.low <= 0:
        return [_unclear(over, known)]
    if found.is_baseline and found.terms.margin is not None:
        return [
            say(
                "The margin lets the trivial baseline through: on test {rival} is {size} better ({bounds}).",
                **known,
            )
        ]
    if found.is_baseline:
        return [
            say(
                "On test {rival} is {size} better than the trivial baseline ({bounds}), which validation doesn't show: "
                "its {count:,} examples are too few to choose by. Give more data.",
                **known,
                count=len(found.valid.target),
            )
        ]
    return []


def _unclear(over: Difference, known: Mapping[str, str]) -> Message:
    if over.mean >= 0:
        return say(
            "{rival} is not clearly better than the trivial baseline: it is {size} better on test ({bounds}).",
            **known,
        )
    return say(
        "{rival} is not clearly better than the trivial baseline: it is {size} worse on test ({bounds}).",
        **known,
    )


def _on_gap(found: Findings) -> list[str]:
    """Where the recommended rung errs less than half as often on what it learned from, by points that are many."""
    metric, train = found.test.metric, found.recommended.train
    if train is None or not metric.is_share or found.is_baseline:
        return []
    known, score = metric.score(train.target, train.output(metric)), found.test.score(found.recommended.rung)
    gap = known - score.value if metric.greater_is_better else score.value - known
    errors = [1 - each if metric.greater_is_better else each for each in (known, score.value)]
    if not (gap > _WIDE_GAP and errors[0] < errors[1] / 2 and not score.low <= known <= score.high):
        return []
    return [
        say(
            "{rung} has {known} % {metric} on examples that it learned from, {gap} better than on test: more data is "
            "likely to help, or more regularisation.",
            rung=code(found.recommended.rung),
            known=amount_text(metric, known),
            metric=term(metric.title),
            gap=difference_text(metric, gap),
        )
    ]


def unfinished(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """A sentence on the rungs without a score."""
    missing = [outcome for outcome in outcomes if not outcome.is_finished]
    if not missing:
        return ()
    each = [
        say("{rung} ({reason})", rung=code(o.rung), reason=o.record.get("reason") or term(o.record["status"]))
        for o in missing
    ]
    return (say("Without a score: {each}.", each=listed(each)),)
