"""How scores, differences and costs are written for people, in the terminal and on the page alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from rungwise.evaluation.intervals import Difference, Score
from rungwise.language import Message, comma_list, say, term
from rungwise.metrics import Metric

__all__ = [
    "amount_text",
    "bounds_text",
    "bytes_text",
    "code",
    "count_text",
    "difference_text",
    "interval_text",
    "joules_text",
    "listed",
    "number_text",
    "p_text",
    "rate_text",
    "ratio_text",
    "score_text",
    "seconds_text",
    "seeds_text",
    "signed_text",
    "titled",
    "unit_text",
]


def code(name: str) -> str:
    """A name as it is typed, in backticks, which pages and terminals show in their way."""
    return f"`{name}`"


def listed(words: Iterable[str]) -> Message:
    """Such as "a, b and c"."""
    return comma_list(words)


def amount_text(metric: Metric, value: float) -> str:
    """A score without its unit: a percentage of a share, else three significant digits."""
    if metric.is_share:
        return f"{100 * value:.1f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def titled(metric: Metric) -> Message:
    """The metric's title and unit, for tables and axes: such as "accuracy, %"."""
    title = term(metric.title)
    return say("{metric}, %", metric=title) if metric.is_share else title


def unit_text(metric: Metric, value: float) -> str:
    """A score with its unit: such as "90.4 %"."""
    return f"{amount_text(metric, value)} %" if metric.is_share else amount_text(metric, value)


def score_text(metric: Metric, score: Score) -> Message:
    """Such as "90.4 % accuracy on test (88.0 to 92.6)", or "RMSE 0.445 on test (0.430 to 0.461)"."""
    value, title = amount_text(metric, score.value), term(metric.title)
    interval = interval_text(metric, score.low, score.high)
    if metric.is_share:
        return say("{value} % {metric} on test ({interval})", value=value, metric=title, interval=interval)
    return say("{metric} {value} on test ({interval})", value=value, metric=title, interval=interval)


def interval_text(metric: Metric, low: float, high: float) -> Message:
    """Such as "88.0 to 92.6"."""
    if not math.isfinite(high - low):
        return say("interval unknown")
    return say("{low} to {high}", low=amount_text(metric, low), high=amount_text(metric, high))


def seeds_text(metric: Metric, row: Mapping[str, Any]) -> Message:
    """A leaderboard's row over its seeds, such as "90.1 ± 0.4 of 3": mean and standard deviation; "" for one seed."""
    if not row["num_seeds"] > 1:
        return Message("")
    mean, deviation = row["score_test_mean"], row["score_test_std"]
    spread = f"{100 * deviation:.1f}" if metric.is_share else f"{deviation:.2g}"
    return say(
        "{mean} ± {spread} of {count:.0f}",
        mean=amount_text(metric, mean),
        spread=spread,
        count=row["num_seeds"],
    )


def difference_text(metric: Metric, value: float) -> Message:
    """Such as "1.1 points" of a percentage, "0.012" of another score; without its sign."""
    size = _size_text(metric, value)
    if not metric.is_share:
        return Message(size)
    return say("{size} point", size=size) if size == "1.0" else say("{size} points", size=size)


def _size_text(metric: Metric, value: float) -> str:
    """A difference without its sign and unit."""
    size = abs(value)
    if not metric.is_share:
        return f"{size:,.0f}" if size >= 100 else f"{size:.2g}"
    return f"{100 * size:.1f}" if size >= 0.0005 or size == 0 else f"{100 * size:.1g}"


def p_text(p_value: float) -> str:
    """Such as "p = 0.03"."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def ratio_text(ratio: float) -> Message:
    """Such as "90×", "1.3×" and "1/90"."""
    if 0 < ratio < 0.95:
        return Message(f"1/{_times(1 / ratio)}")
    return say("{times}×", times=_times(ratio))


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 9.5 else f"{ratio:.2g}"


def bounds_text(metric: Metric, difference: Difference) -> Message:
    """Such as "95 % interval 0.2 to 2.0"; negative ends are where the first is worse."""
    if not math.isfinite(difference.high - difference.low):
        return say("95 % interval unknown")
    low, high = (signed_text(metric, end) for end in (difference.low, difference.high))
    return say("95 % interval {low} to {high}", low=low, high=high)


def signed_text(metric: Metric, value: float) -> str:
    """Such as "1.1" and "−0.4": a difference without its unit."""
    text = _size_text(metric, value)
    return f"−{text}" if value < 0 and text.strip("0.") else text


def seconds_text(seconds: float) -> str:
    """Such as "2.1 ms", "14 s" and "3.5 min"."""
    for unit, size in (("h", 3600), ("min", 60), ("s", 1), ("ms", 1e-3)):
        if seconds >= size * (1.5 if size > 1 else 1):
            return f"{_short(seconds / size)} {unit}"
    return f"{_short(seconds * 1e6)} µs" if seconds else "0 s"


def bytes_text(size: float) -> str:
    """Such as "4.8 MB"."""
    return f"{_scaled(size)}B"


def joules_text(joules: float) -> str:
    """Such as "3.4 kJ" and "0.012 J"."""
    return f"{_scaled(joules)}J" if joules >= 9.95 else f"{number_text(joules)} J"


def rate_text(per_second: float) -> str:
    """Such as "12 k/s" and "0.4/s"."""
    return f"{count_text(per_second) if per_second >= 10 else _short(per_second)}/s"


def number_text(number: float) -> str:
    """Such as "0.4", "0.0021" and "1,250": a number of any size, to two digits, but for whole ones above."""
    if number >= 10:
        return f"{number:,.0f}"
    digits = max(0, 1 - math.floor(math.log10(number))) if number > 0 else 0
    return f"{number:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{number:.0f}"


def count_text(count: float) -> str:
    """Such as "1.2 M"."""
    return _scaled(count).rstrip()


def _scaled(number: float) -> str:
    for prefix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{_short(number / size)} {prefix}"
    return f"{number:.0f} "


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 9.95 else f"{number:.1f}".removesuffix(".0")
