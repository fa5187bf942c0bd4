"""The chart of the forecast: scores by rows to learn from, what was measured and what is expected, with its band."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from markupsafe import Markup, escape

from rungwise.evaluation.intervals import Score
from rungwise.evaluation.outlook import FURTHEST, Outlook, RungOutlook
from rungwise.evaluation.wording import count_text
from rungwise.language import say
from rungwise.report.bilingual import svg_text
from rungwise.report.charts import Line, curves, frame, svg
from rungwise.report.scales import Scale, linear_scale

__all__ = ["forecast_chart"]

_EARLY = 1 / 16
"""Share of the rows under which a score may be off the chart: what comes of a handful says little."""

_WIDE, _STEP, _NARROW_STEP = 500, 2.0, 4.0
"""Pixels from which on a chart has room for more ticks, and by how much these grow from one to the next."""

_DOT = "h0"
"""A line of no length, which round ends make a dot."""


def forecast_chart(
    told: Outlook,
    styles: Mapping[str, str],
    *,
    size: tuple[int, int],
    title: str,
    text: Callable[[float], str],
) -> Markup:
    """Every rung's curve; those with a style have their points, the others are grey.

    Bands are those of the rung that will be best and of the one that it is held against: of more nothing is seen.

    Args:
        told: the forecasts.
        styles: rung → its line's style.
        size: width and height in pixels.
        title: of the scores.
        text: how a score is written.
    """
    width, height = size
    banded = {told.best} if told.ahead is None else {told.ahead.rung, told.ahead.other}
    step = _STEP if width >= _WIDE else _NARROW_STEP
    x = _rows_scale(told, 56, width - 16, step)
    y = linear_scale(_values(told, styles, banded), height - 52, 30)
    clip = f"forecast-{width}"
    inside = f'<rect x="{x.start:g}" y="{y.end:g}" width="{x.end - x.start:g}" height="{y.start - y.end:g}"/>'
    drawn = sorted(told.rungs, key=lambda each: _depth(styles.get(each.rung)))
    now = f"{x(told.num_train):.1f}"
    parts = [
        frame(x, y, height=height, axes=(say("rows to learn from"), title), texts=(_rows, text)),
        f'<clipPath id="{clip}">{inside}</clipPath>',
        f'<path class="front" d="M{now} {y.start:g}V{y.end:g}"/>',
        f'<g clip-path="url(#{clip})">',
        *(_band(told, each, styles[each.rung], x, y) for each in drawn if each.rung in banded),
        *(_trace(each, styles.get(each.rung), x, y) for each in drawn),
        f'</g><text class="tick x" x="{now}" y="{y.end - 6:g}">{svg_text(say("now"))}</text>',
    ]
    label = say(
        "{score} by rows to learn from, a curve a rung, with forecasts; the table has the numbers",
        score=title,
    )
    return svg(parts, width, height, label)


def _depth(style: str | None) -> int:
    """What is drawn later is on top: the recommended rung."""
    return 0 if style is None else 1 + (style == "chosen")


def _rows(rows: float) -> str:
    return count_text(rows) if rows >= 10_000 else f"{rows:,.0f}"


def _rows_scale(told: Outlook, start: float, end: float, step: float) -> Scale:
    """From the smallest part of train to the furthest forecast, with ticks at multiples of all of train."""
    least = min(each.sizes[0] for each in told.rungs)
    is_told = any(each.at is not None for each in told.rungs)
    most = told.num_train * max(FURTHEST, told.times) if is_told else told.num_train
    ticks, tick = [], float(told.num_train)
    while tick >= least:
        ticks.append(tick)
        tick /= step
    tick = told.num_train * step
    while tick <= most:
        ticks.append(tick)
        tick *= step
    return Scale(least / 1.1, most * 1.1, start, end, tuple(sorted(ticks)), is_log=True)


def _values(told: Outlook, styles: Mapping[str, str], banded: Collection[str | None]) -> Sequence[float]:
    """Scores that have to be on the chart; grey curves may leave it, as far ones would press the others together."""
    found: list[float] = []
    for each in told.rungs:
        sizes = zip(each.sizes, each.scores, strict=True)
        if each.rung == told.recommended or (each.curve and each.rung in styles):
            found += [score for size, score in sizes if size >= told.num_train * _EARLY]
        elif each.rung in styles:
            found.append(each.now)
        bands = _bands(told, each) if each.rung in styles else []
        found += [band.value for _, band in bands]
        if each.rung in banded:
            found += [end for _, band in bands for end in (band.low, band.high)]
    return found


def _bands(told: Outlook, each: RungOutlook) -> list[tuple[float, Score]]:
    """Rows and scores from now on, or from the last ones of the grid before."""
    step = each.grid[1] / each.grid[0] if each.grid else 1.0
    grid = zip(each.grid, each.curve, strict=True)
    return [(rows, band) for rows, band in grid if rows * step >= told.num_train]


def _trace(each: RungOutlook, style: str | None, x: Scale, y: Scale) -> str:
    """A rung's curve and points; for one without a style a grey line. What is refused goes through its points."""
    at = each.grid or each.sizes
    scores = [band.value for band in each.curve] or each.scores
    look = "rest" if style is None else style if each.curve else f"{style} dashed"
    [line] = curves([Line(look, at, scores, each.rung)], x, y)
    if style is not None:
        dots = "".join(f"M{x(a):.1f} {y(b):.1f}{_DOT}" for a, b in zip(each.sizes, each.scores, strict=True))
        line = f'{line}<path class="spots {style}" d="{dots}"/>'
    return f'<g class="trace" data-rung="{escape(each.rung)}">{line}</g>'


def _band(told: Outlook, each: RungOutlook, style: str, x: Scale, y: Scale) -> str:
    """From now on."""
    bands = _bands(told, each)
    ends = [(at, band.high) for at, band in bands] + [(at, band.low) for at, band in reversed(bands)]
    return f'<path class="band {style}" d="M{"L".join(f"{x(at):.1f} {y(end):.1f}" for at, end in ends)}Z"/>'
