"""The outlook in plain words."""

from __future__ import annotations

import math

from rungwise.evaluation.outlook import FURTHEST, Band, Crossing, Forecasts, Outlook, Until
from rungwise.evaluation.sizes import size_sentence
from rungwise.evaluation.wording import amount_text, code, difference_text, signed_text
from rungwise.language import Message, say
from rungwise.metrics import Metric

__all__ = ["FAMILY_TEXTS", "ahead_sentence", "band_text", "outlook_sentences", "rows_text", "times_text"]

FAMILY_TEXTS = {
    "M0": "flat",
    "M1": "power law",
    "M2": "power law to a limit",
    "M3": "power law from a later start",
    "M4": "from chance to a limit",
}
"""Family → what it is called."""

_TIMES = {2.0: say("twice"), 4.0: say("four times"), 8.0: say("eight times")}


def times_text(times: float) -> Message:
    """Such as "four times"."""
    return _TIMES.get(times, say("{number} times", number=f"{times:g}"))


def ahead_sentence(found: Forecasts, recommended: str, times: float = 4.0) -> Message:
    """Which rung more data would put ahead, of the recommended one or of the next; "" where nothing can be said."""
    told = list(found.told)
    if len(told) < 2 or recommended not in told:
        return Message("")
    sizes = [times * found.num_train]
    ranked = sorted(told, key=lambda rung: found.told[rung].at(sizes)[0])
    best = ranked[0]
    other = recommended if best != recommended else ranked[1]
    ahead = found.ahead(best, other, times)
    known = {
        "times": times_text(times),
        "best": code(best),
        "size": difference_text(found.by, ahead.value),
        "low": signed_text(found.by, ahead.low),
        "high": signed_text(found.by, ahead.high),
    }
    if best == recommended:
        return say(
            "With {times} the data the forecast still has {best} {size} ahead of {other}, the next ({low} to {high}).",
            other=code(other),
            **known,
        )
    return say("With {times} the data the forecast puts {best} {size} ahead ({low} to {high}).", **known)


def outlook_sentences(found: Forecasts, told: Outlook, recommended: str | None) -> list[str]:
    """Which rung is ahead then, what crosses, what reaches the score that was asked for, and what can't be forecast."""
    rival = recommended if recommended in found.told else told.best
    ahead = ahead_sentence(found, rival, told.times) if rival is not None else ""
    sentences = [ahead] if ahead else []
    sentences += [_crossing(each) for each in told.crossings]
    if len(found.told) > 1 and not told.crossings:
        sentences.append(
            f"No rung is likely to pass another that is ahead now within {FURTHEST:g} times the data."
        )
    limits = {each.rung: each.limit for each in told.rungs}
    sentences += [_until(found.by, each, limits[each.rung]) for each in told.until]
    sentences += [size_sentence(found.by, each) for each in told.sizes]
    refused = [each for each in told.rungs if each.refusal is not None]
    sentences += [f"{code(each.rung)} has no forecast: {each.refusal}." for each in refused]
    if told.times > FURTHEST:
        sentences.append(f"Forecasts were never held against fits beyond {FURTHEST:g} times the data.")
    return sentences


def _crossing(each: Crossing) -> str:
    text = f"{code(each.rung)} passes {code(each.passed)} at about {rows_text(each.rows.value)}"
    return f"{text} ({_ends(each.rows)})."


def _until(by: Metric, each: Until, limit: float | None) -> str:
    score = f"{amount_text(by, each.score)}{' %' if by.is_share else ''} {by.title}"
    if math.isfinite(each.rows.value):
        return (
            f"{code(each.rung)} reaches {score} at about {rows_text(each.rows.value)} ({_ends(each.rows)})."
        )
    text = f"{code(each.rung)} doesn't reach {score} within {FURTHEST:g} times the data"
    if limit is not None and (limit < each.score) == by.greater_is_better:
        return f"{text}: its curve levels off at {amount_text(by, limit)}{' %' if by.is_share else ''}."
    return f"{text}."


def _ends(rows: Band) -> str:
    low, high = rows.low, rows.high
    if math.isfinite(high):
        return f"{_rounded(low):,} to {_rounded(high):,}"
    if math.isfinite(low):
        return f"from {_rounded(low):,} on, or not within {FURTHEST:g} times the data"
    return f"not within {FURTHEST:g} times the data"


def rows_text(rows: float) -> str:
    """Such as "12,000 rows"."""
    return f"{_rounded(rows):,} rows"


def _rounded(rows: float) -> int:
    """To two digits."""
    return int(round(rows, 1 - math.floor(math.log10(rows)))) if rows >= 100 else round(rows)


def band_text(by: Metric, band: Band) -> str:
    """Such as "91.2 (90.1 to 92.4)"."""
    return f"{amount_text(by, band.value)} ({amount_text(by, band.low)} to {amount_text(by, band.high)})"
