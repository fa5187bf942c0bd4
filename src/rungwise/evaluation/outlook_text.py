"""The outlook in plain words."""

from __future__ import annotations

import math

from rungwise.evaluation.intervals import Score
from rungwise.evaluation.outlook import FURTHEST, Ahead, Crossing, Outlook, Until
from rungwise.evaluation.sizes import SizeOutlook
from rungwise.evaluation.wording import (
    amount_text,
    code,
    count_text,
    difference_text,
    interval_text,
    signed_text,
    unit_text,
)
from rungwise.language import Message, say, term
from rungwise.metrics import Metric

__all__ = [
    "FAMILY_TEXTS",
    "ahead_sentence",
    "band_text",
    "beyond_text",
    "ends_text",
    "gain_sentence",
    "outlook_sentences",
    "refusal_sentences",
    "rows_text",
    "times_text",
]

FAMILY_TEXTS = {
    "M0": say("flat"),
    "M1": say("power law"),
    "M2": say("power law to a limit"),
    "M3": say("power law that flattens"),
    "M4": say("from chance to a limit"),
}
"""Family → what it is called."""

_TIMES = {2.0: say("twice"), 4.0: say("four times"), 8.0: say("eight times")}


def times_text(times: float) -> Message:
    """Such as "four times"."""
    return _TIMES.get(times, say("{number} times", number=f"{times:g}"))


def ahead_sentence(by: Metric, ahead: Ahead, recommended: str | None, times: float) -> Message:
    """Which rung more data would put ahead, of the recommended one or of the next."""
    size = ahead.difference
    known = {
        "times": times_text(times),
        "best": code(ahead.rung),
        "size": difference_text(by, size.value),
        "low": signed_text(by, size.low),
        "high": signed_text(by, size.high),
    }
    other = code(ahead.other)
    if ahead.other != recommended and ahead.is_now:
        return say(
            "With {times} the data the forecast still has {best} {size} ahead of {other}, the next ({low} to {high}).",
            other=other,
            **known,
        )
    if ahead.other != recommended:
        return say(
            "With {times} the data the forecast puts {best} {size} ahead of {other}, the next ({low} to {high}).",
            other=other,
            **known,
        )
    if ahead.is_now:
        return say(
            "With {times} the data the forecast still has {best} {size} ahead of {other} ({low} to {high}).",
            other=other,
            **known,
        )
    return say("With {times} the data the forecast puts {best} {size} ahead ({low} to {high}).", **known)


def gain_sentence(by: Metric, rung: str, gain: Score, times: float) -> Message:
    """What more data would bring a rung."""
    return say(
        "With {times} the data {rung} is forecast to be better by {size} ({low} to {high}).",
        times=times_text(times),
        rung=code(rung),
        size=difference_text(by, gain.value),
        low=signed_text(by, gain.low),
        high=signed_text(by, gain.high),
    )


def outlook_sentences(by: Metric, told: Outlook) -> list[Message]:
    """What more data bring: which rung is ahead then, what crosses and reaches a score; and what sizes do."""
    gains = {each.rung: each.gain for each in told.rungs if each.gain is not None}
    own = told.recommended if told.recommended in gains else told.best
    sentences = [] if own is None else [gain_sentence(by, own, gains[own], told.times)]
    if told.ahead is not None:
        sentences.append(ahead_sentence(by, told.ahead, told.recommended, told.times))
    sentences += [_crossing(each) for each in told.crossings]
    if told.ahead is not None and not told.crossings:
        sentences.append(
            say(
                "No rung is likely to pass {rung}, the best now, within {times:g} times the data.",
                rung=code(str(told.leader)),
                times=FURTHEST,
            )
        )
    limits = {each.rung: each.limit for each in told.rungs}
    sentences += [_until(by, each, limits[each.rung]) for each in told.until]
    sentences += [_size(by, each, told.times) for each in told.sizes]
    if told.times > FURTHEST:
        sentences.append(
            say("Forecasts were never held against fits beyond {times:g} times the data.", times=FURTHEST)
        )
    if told.num_left:
        sentences.append(
            say(
                "{count} fits were left out for want of time: `rungwise forecast RUN --budget …` makes them.",
                count=told.num_left,
            )
        )
    return sentences


def refusal_sentences(told: Outlook) -> list[Message]:
    """What can't be forecast, and why."""
    return [
        say("{rung} has no forecast: {reason}.", rung=code(each.rung), reason=each.refusal)
        for each in told.rungs
        if each.refusal is not None
    ]


def _crossing(each: Crossing) -> Message:
    return say(
        "{rung} passes {other} at about {rows} ({ends}).",
        rung=code(each.rung),
        other=code(each.passed),
        rows=rows_text(each.rows.value),
        ends=ends_text(each.rows),
    )


def _until(by: Metric, each: Until, limit: float | None) -> Message:
    known = {"rung": code(each.rung), "score": unit_text(by, each.score), "metric": term(by.title)}
    if math.isfinite(each.rows.value):
        return say(
            "{rung} reaches {score} {metric} at about {rows} ({ends}).",
            rows=rows_text(each.rows.value),
            ends=ends_text(each.rows),
            **known,
        )
    if limit is not None and (limit < each.score) == by.greater_is_better:
        return say(
            "{rung} doesn't reach {score} {metric} within {times:g} times the data: its curve levels off at {limit}.",
            times=FURTHEST,
            limit=unit_text(by, limit),
            **known,
        )
    return say(
        "{rung} doesn't reach {score} {metric} within {times:g} times the data.", times=FURTHEST, **known
    )


def _size(by: Metric, each: SizeOutlook, times: float) -> Message:
    """Which size goes with so much data, or why none is named."""
    known = {"rung": code(each.rung), "count": each.num_fits}
    if each.at is None:
        return say("{rung} has too few fits of several sizes for a scaling law ({count}).", **known)
    known |= {
        "score": unit_text(by, each.at.value),
        "band": interval_text(by, each.at.low, each.at.high),
        "parameters": count_text(each.parameters),
        "times": times_text(times),
    }
    if each.balanced is None or each.at_balanced is None:
        return say(
            "By its scaling law from {count} fits {rung} gains nothing by its size, or nothing by data: with {times} "
            "the data and its {parameters} parameters it comes to {score} (95 % band {band}).",
            **known,
        )
    if each.is_beyond:
        return say(
            "By its scaling law from {count} fits {rung} comes to {score} (95 % band {band}) with {times} the data and "
            "its {parameters} parameters; the size in balance with so much data is far from those that were fitted.",
            **known,
        )
    return say(
        "By its scaling law from {count} fits {rung} comes to {score} (95 % band {band}) with {times} the data and its "
        "{parameters} parameters; {balanced} parameters ({sizes}) are in balance with so much data, for {best} "
        "({best_band}).",
        balanced=count_text(each.balanced.value),
        sizes=_sizes(each.balanced),
        best=unit_text(by, each.at_balanced.value),
        best_band=interval_text(by, each.at_balanced.low, each.at_balanced.high),
        **known,
    )


def _sizes(band: Score) -> Message:
    """Such as "40 k to 1.2 M"; open where size, or data, may bring nothing."""
    if not math.isfinite(band.high):
        return say("from {low} on", low=count_text(band.low)) if band.low else say("interval unknown")
    if not band.low:
        return say("up to {high}", high=count_text(band.high))
    return say("{low} to {high}", low=count_text(band.low), high=count_text(band.high))


def ends_text(rows: Score) -> Message:
    """Of a band whose middle is finite, and so is its lower end."""
    low = _rounded(rows.low)
    if math.isfinite(rows.high):
        return say("{low:,} to {high:,}", low=low, high=_rounded(rows.high))
    return say("from {low:,} on, or not within {times:g} times the data", low=low, times=FURTHEST)


def beyond_text() -> Message:
    """How many rows a score takes that isn't reached."""
    return say("not within {times:g} times the data", times=FURTHEST)


def rows_text(rows: float) -> Message:
    """Such as "12,000 rows"."""
    return say("{count:,} rows", count=_rounded(rows))


def _rounded(rows: float) -> int:
    """To two digits."""
    return int(round(rows, 1 - math.floor(math.log10(rows)))) if rows >= 100 else round(rows)


def band_text(by: Metric, band: Score) -> Message:
    """Such as "91.2 (90.1 to 92.4)"."""
    return say(
        "{value} ({interval})",
        value=amount_text(by, band.value),
        interval=interval_text(by, band.low, band.high),
    )
