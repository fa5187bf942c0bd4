"""How scores, differences and costs are written for people, in the terminal and on the page alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from rungwise.evaluation.intervals import Difference, Score
from rungwise.metrics import Metric

__all__ = [
    "amount_text",
    "bounds_text",
    "bytes_text",
    "code",
    "count_text",
    "difference_text",
    "interval_text",
    "listed",
    "p_text",
    "ratio_text",
    "score_text",
    "seconds_text",
    "seeds_text",
    "signed_text",
]


def code(name: str) -> str:
    """A name as it is typed, in backticks, which pages and terminals show in their way."""
    return f"`{name}`"


def listed(words: Iterable[str]) -> str:
    """Such as "a, b and c"."""
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def amount_text(metric: Metric, value: float) -> str:
    """A score without its unit: a percentage of a share, else three significant digits."""
    if metric.is_share:
        return f"{100 * value:.1f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def score_text(metric: Metric, score: Score) -> str:
    """Such as "90.4 % accuracy on test (88.0 to 92.6)", or "RMSE 0.445 on test (0.430 to 0.461)"."""
    value = amount_text(metric, score.value)
    named = f"{value} % {metric.title}" if metric.is_share else f"{metric.title} {value}"
    return f"{named} on test ({interval_text(metric, score.low, score.high)})"


def interval_text(metric: Metric, low: float, high: float) -> str:
    """Such as "88.0 to 92.6"."""
    if not math.isfinite(high - low):
        return "interval unknown"
    return f"{amount_text(metric, low)} to {amount_text(metric, high)}"


def seeds_text(metric: Metric, row: Mapping[str, Any]) -> str:
    """A leaderboard's row over its seeds, such as "90.1 ± 0.4 of 3": mean and standard deviation; "" for one seed."""
    if not row["num_seeds"] > 1:
        return ""
    mean, deviation = row["score_test_mean"], row["score_test_std"]
    spread = f"{100 * deviation:.1f}" if metric.is_share else f"{deviation:.2g}"
    return f"{amount_text(metric, mean)} ± {spread} of {row['num_seeds']:.0f}"


def difference_text(metric: Metric, value: float) -> str:
    """Such as "1.1 points" of a percentage, "0.012" of another score; without its sign."""
    size = abs(value)
    if not metric.is_share:
        return f"{size:,.0f}" if size >= 100 else f"{size:.2g}"
    text = f"{100 * size:.1f}" if size >= 0.0005 or size == 0 else f"{100 * size:.1g}"
    return f"{text} point{'' if text == '1.0' else 's'}"


def p_text(p_value: float) -> str:
    """Such as "p = 0.03"."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def ratio_text(ratio: float) -> str:
    """Such as "90×", "1.3×" and "1/90"."""
    if 0 < ratio < 0.95:
        return f"1/{_times(1 / ratio)}"
    return f"{_times(ratio)}×"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 9.5 else f"{ratio:.2g}"


def bounds_text(metric: Metric, difference: Difference) -> str:
    """Such as "95 % interval 0.2 to 2.0"; negative ends are where the first is worse."""
    if not math.isfinite(difference.high - difference.low):
        return "95 % interval unknown"
    low, high = (signed_text(metric, end) for end in (difference.low, difference.high))
    return f"95 % interval {low} to {high}"


def signed_text(metric: Metric, value: float) -> str:
    """Such as "1.1" and "−0.4": a difference without its unit."""
    text = difference_text(metric, value).split(" ")[0]
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
