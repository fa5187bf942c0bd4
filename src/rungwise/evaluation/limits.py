"""The user's limits on latency and size: which rungs are within them, and how far the others are from that."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rungwise.evaluation.costs import spent
from rungwise.evaluation.outcomes import Outcome
from rungwise.evaluation.terms import BYTES, COST_NOUNS, SECONDS, Cost, Terms
from rungwise.evaluation.wording import bytes_text, code, listed, seconds_text
from rungwise.language import Message, clauses, say

__all__ = ["Nearest", "beyond_limits", "flags_for_nearest", "nearest", "nearest_sentence"]

_LIMITED = (Cost.LATENCY, Cost.SIZE)
_TEXTS: Mapping[Cost, Callable[[float], str]] = {Cost.LATENCY: seconds_text, Cost.SIZE: bytes_text}
_TYPED = {Cost.LATENCY: SECONDS, Cost.SIZE: BYTES}

_UNITS = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6}
_UNITS |= {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}

_MOST_DIGITS = 15
"""Of a number, as far as `float` has them."""

_TYPED_DIGITS = 3


@dataclass(frozen=True)
class Nearest:
    """The rung that comes nearest to a limit, where no rung is within all of them.

    Attributes:
        cost: what is limited, `Cost.LATENCY` or `Cost.SIZE`.
        limit: seconds or bytes.
        rung: the one that has least of it; None where it wasn't measured of any.
        amount: what that one has.
        within: the rungs that are within this limit, and beyond the other one.
    """

    cost: Cost
    limit: float
    rung: str | None
    amount: float | None
    within: tuple[str, ...]


def beyond_limits(outcome: Outcome, terms: Terms) -> Message:
    """The limits that a rung isn't within, in words; none for one that is."""
    return clauses(
        _excess(cost, spent(outcome, cost), limit)
        for cost, limit in _limits(terms).items()
        if not _is_within(outcome, cost, limit)
    )


def _limits(terms: Terms) -> dict[Cost, float]:
    """Those that are set."""
    limits = zip(_LIMITED, (terms.max_latency, terms.max_size), strict=True)
    return {cost: limit for cost, limit in limits if limit is not None}


def _is_within(outcome: Outcome, cost: Cost, limit: float) -> bool:
    amount = spent(outcome, cost)
    return amount is not None and amount <= limit


def _excess(cost: Cost, amount: float | None, limit: float) -> Message:
    if amount is None:
        return say("its {cost} wasn't measured", cost=COST_NOUNS[cost])
    shown, allowed = _apart(_TEXTS[cost], amount, limit)
    return say("its {cost} is {amount}, over {limit}", cost=COST_NOUNS[cost], amount=shown, limit=allowed)


def _apart(text: Callable[[float], str], amount: float, limit: float) -> tuple[str, str]:
    """An amount and the limit that it is over, with as many digits as it takes to tell them apart."""
    texts = text(amount), text(limit)
    unit, digits = texts[0].split()[-1], 2
    while texts[0] == texts[1] and digits < _MOST_DIGITS:
        digits += 1
        texts = f"{amount / _UNITS[unit]:.{digits}g} {unit}", f"{limit / _UNITS[unit]:.{digits}g} {unit}"
    return texts


def nearest(finished: Sequence[Outcome], terms: Terms) -> tuple[Nearest, ...]:
    """Of each limit the rung that comes nearest to it."""
    found = []
    for cost, limit in _limits(terms).items():
        known = [
            (amount, outcome.rung) for outcome in finished if (amount := spent(outcome, cost)) is not None
        ]
        amount, rung = min(known) if known else (None, None)
        within = tuple(name for each, name in known if each <= limit)
        found.append(Nearest(cost, limit, rung, amount, within))
    return tuple(found)


def nearest_sentence(found: Nearest) -> Message:
    """By how much the nearest rung misses a limit, or which are within it."""
    noun, text = COST_NOUNS[found.cost], _TEXTS[found.cost]
    if found.rung is None or found.amount is None:
        return say("No rung's {cost} was measured.", cost=noun)
    if found.within:
        names = listed(map(code, found.within))
        return say("Within {limit} of {cost}: {rungs}.", limit=text(found.limit), cost=noun, rungs=names)
    amount, limit = _apart(text, found.amount, found.limit)
    return say(
        "Nearest to {limit} of {cost} is {rung} with {amount}, {over} too much.",
        limit=limit,
        cost=noun,
        rung=code(found.rung),
        amount=amount,
        over=text(found.amount - found.limit),
    )


def flags_for_nearest(finished: Sequence[Outcome], terms: Terms) -> tuple[str, str] | None:
    """The rung that needs the limits widened least, the furthest of them counting, and what to type for it.

    None where there is no limit, or no rung has all amounts.
    """
    limits = _limits(terms)
    if not limits:
        return None
    known = []
    for outcome in finished:
        amounts = {cost: amount for cost in limits if (amount := spent(outcome, cost)) is not None}
        if len(amounts) == len(limits):
            known.append(
                (max(amounts[cost] / limit for cost, limit in limits.items()), outcome.rung, amounts)
            )
    if not known:
        return None
    _, rung, amounts = min(known, key=lambda each: each[0])
    flags = (
        f"--max-{cost} {_typed(max(amounts[cost], limit), _TYPED[cost])}" for cost, limit in limits.items()
    )
    return rung, " ".join(flags)


def _typed(amount: float, units: Mapping[str, float]) -> str:
    """An amount as it is typed, rounded up."""
    unit = max((name for name, size in units.items() if size <= amount), key=units.__getitem__, default="")
    unit = unit or min(units, key=units.__getitem__)
    number = amount / units[unit]
    step = 10.0 ** (math.floor(math.log10(number)) + 1 - _TYPED_DIGITS)
    return f"{math.ceil(number / step) * step:g}{unit}"
