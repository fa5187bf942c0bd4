"""What more data would bring: the rungs' learning curves, carried on, and what each would score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from rungwise.evaluation import Outlook
from rungwise.evaluation.outlook import RungOutlook, Until
from rungwise.evaluation.outlook_text import (
    FAMILY_TEXTS,
    beyond_text,
    ends_text,
    outlook_sentences,
    rows_text,
)
from rungwise.evaluation.wording import amount_text, interval_text, signed_text, titled, unit_text
from rungwise.language import Message, say
from rungwise.metrics import Metric
from rungwise.report.charts import line_key
from rungwise.report.content import Content
from rungwise.report.forecast_chart import forecast_chart
from rungwise.report.tables import Cell, Column, Row, Table

__all__ = ["ForecastSection", "section"]

_HUES = tuple(f"hue{number}" for number in range(1, 5))
"""Of the curves that aren't the recommended rung's: with more bands nothing could be told apart."""

_MEASURED = say("Points are fits on parts of train, the last one on all of it.")
_CARRIED_ON = say(
    "{points} Curves go on to eight times the data, with 95 % bands: forecasts were held against real fits up to "
    "there.",
    points=_MEASURED,
)

_WIDE, _NARROW = (920, 420), (350, 360)


@dataclass(frozen=True)
class ForecastSection:
    """What the section shows.

    Attributes:
        keys: the legend: rung, and how its line looks.
        has_rest: whether there are curves beside those, in grey.
        wide: the chart for wide screens.
        narrow: the same for narrow ones.
        sentences: what follows.
        note: what the chart has.
        table: what each rung has now and is forecast to have.
    """

    keys: Sequence[tuple[str, Markup]]
    has_rest: bool
    wide: Markup
    narrow: Markup
    sentences: Sequence[Message]
    note: Message
    table: Table


def section(content: Content) -> ForecastSection | None:
    """The section; None where no rung was fitted on parts of train."""
    told, metric = content.outlook, content.metric
    if told is None or not told.rungs:
        return None
    styles = _styles(told, metric)
    title = titled(metric)
    if metric.greater_is_better:
        title = say("{scores} (higher is better)", scores=title)
    else:
        title = say("{scores} (lower is better)", scores=title)
    wide, narrow = (
        forecast_chart(told, styles, size=size, title=title, text=lambda score: _tick(metric, score))
        for size in (_WIDE, _NARROW)
    )
    return ForecastSection(
        [(rung, line_key(style)) for rung, style in styles.items()],
        len(styles) < len(told.rungs),
        wide,
        narrow,
        outlook_sentences(metric, replace(told, until=())),  # the table has those
        _CARRIED_ON if any(each.at is not None for each in told.rungs) else _MEASURED,
        _table(told, metric),
    )


def _tick(metric: Metric, score: float) -> str:
    return f"{100 * score:.4g}" if metric.is_share else f"{score:,.0f}" if score >= 1000 else f"{score:.4g}"


def _styles(told: Outlook, metric: Metric) -> dict[str, str]:
    """Rung → its line's style: the recommended, the best, those that cross, others if few, better refused ones."""
    crossings = sorted(told.crossings, key=lambda each: -each.chance)
    other = None if told.ahead is None else told.ahead.other
    wanted = [told.best, other, *(each.passed for each in crossings), *(each.rung for each in crossings)]
    known = [each.rung for each in told.rungs if each.at is not None]
    if len(known) <= len(_HUES) + 1:
        wanted += known
    own = next((each.now for each in told.rungs if each.rung == told.recommended), None)
    refused = [each for each in told.rungs if each.at is None]
    wanted += [each.rung for each in refused if own is None or (each.now > own) == metric.greater_is_better]
    others = [rung for rung in dict.fromkeys(wanted) if rung is not None and rung != told.recommended]
    hues = dict(zip(others, _HUES, strict=False))
    return {
        each.rung: "chosen" if each.rung == told.recommended else hues[each.rung]
        for each in told.rungs
        if each.rung == told.recommended or each.rung in hues
    }


def _table(told: Outlook, metric: Metric) -> Table:
    scores = metric.greater_is_better
    columns = [
        Column(say("Rung")),
        Column(say("Now"), is_descending=scores),
        Column(say("At {times:g}×", times=told.times), is_descending=scores),
        Column(say("Gain"), is_descending=True),
        Column(say("Levels off at"), is_descending=scores),
        *(Column(say("Data until {score}", score=unit_text(metric, u.score))) for u in told.until[:1]),
        Column(say("Curve")),
    ]
    until = {each.rung: each for each in told.until}
    caption = say(
        "{metric:cap}, with 95 % bands; now is with {count:,} rows to learn from. Scores are read off the curves, "
        "which are judged on test and on what parts of train leave aside, so that they differ from the leaderboard's. "
        "The gain is surer than they are, as the same rows judge both.",
        metric=titled(metric),
        count=told.num_train,
    )
    rows = [
        Row(
            each.rung,
            _cells(each, until.get(each.rung), metric, told, len(columns)),
            is_recommended=each.rung == told.recommended,
        )
        for each in told.rungs
    ]
    return Table("caption-forecast", caption, columns, rows, "forecast")


def _cells(
    each: RungOutlook, until: Until | None, metric: Metric, told: Outlook, num_columns: int
) -> list[Cell]:
    now = Cell(amount_text(metric, each.now), each.now)
    if each.at is None or each.gain is None or each.family is None:
        return [
            now,
            Cell(say("no forecast: {reason}", reason=each.refusal), style="quiet", span=num_columns - 2),
        ]
    gain = say(
        "{low} to {high}", low=signed_text(metric, each.gain.low), high=signed_text(metric, each.gain.high)
    )
    return [
        now,
        Cell(
            amount_text(metric, each.at.value),
            each.at.value,
            quiet=interval_text(metric, each.at.low, each.at.high),
            is_strong=each.rung == told.best,
        ),
        Cell(signed_text(metric, each.gain.value), each.gain.value, quiet=gain),
        Cell("–") if each.limit is None else Cell(amount_text(metric, each.limit), each.limit),
        *([_until_cell(until)] if until is not None else []),
        Cell(FAMILY_TEXTS[each.family], quiet=each.family),
    ]


def _until_cell(until: Until) -> Cell:
    rows = until.rows
    if not math.isfinite(rows.value):
        return Cell(beyond_text(), style="quiet")
    return Cell(rows_text(rows.value), rows.value, style="remark", quiet=ends_text(rows))
