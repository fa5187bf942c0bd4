"""The leaderboard with every number written for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from rungwise.evaluation.leaderboard import COST_COLUMNS
from rungwise.evaluation.wording import (
    amount_text,
    interval_text,
    seeds_text,
    signed_text,
)
from rungwise.language import Message, say, term
from rungwise.metrics import Metric
from rungwise.report.axis import without_far_baseline
from rungwise.report.bilingual import capital
from rungwise.report.charts import NO_BAR, interval_bar
from rungwise.report.content import Content
from rungwise.report.scales import Scale, linear_scale
from rungwise.report.tables import Cell, Column, Row, Table, amount

__all__ = ["section"]

_BAR_WIDTH = 90


def section(content: Content) -> Table:
    """The section, which every page has."""
    board, metric = content.table, content.metric
    near = without_far_baseline(board[board["score_test"].notna()])
    ends = near[["score_test_low", "score_test_high"]].to_numpy().ravel().tolist()
    scale = linear_scale(ends, 3, _BAR_WIDTH - 3) if ends else None
    has_seeds, is_greater = bool((board["num_seeds"] > 1).any()), metric.greater_is_better
    has_gap = bool(board["gap"].notna().any())
    extras = {"gap": has_gap, "seeds": has_seeds, "robustness": content.has_robustness}
    costs = [column for column in COST_COLUMNS if column.title]
    columns = [
        Column(say("Rung")),
        Column(say("Test"), is_descending=is_greater),
        Column(say("Validation"), is_descending=is_greater),
        *([Column(say("Train gap"))] if has_gap else []),
        *([Column(say("Over seeds"), is_descending=is_greater)] if has_seeds else []),
        *([Column(say("Robust"), is_descending=is_greater)] if content.has_robustness else []),
        *(Column(column.title) for column in costs),
    ]
    rows = []
    for _, row in board.iterrows():
        scores = _scores(row, metric, scale, extras)
        note = _note(row)
        cells = scores or [Cell(note, style="reason", span=2 + sum(extras.values()))]
        amounts = [amount(row[column.name], column.text) for column in costs]
        rows.append(
            Row(
                row["rung"],
                [*cells, *amounts],
                note if scores else "",
                is_recommended=row["rung"] == content.recommended,
            )
        )
    return Table("caption-leaderboard", _caption(metric), columns, rows, "leaderboard")


def _caption(metric: Metric) -> Message:
    """What the scores are, and in what order the rungs stand."""
    unit = (
        say("{metric:cap} in %", metric=term(metric.title))
        if metric.is_share
        else capital(term(metric.title))
    )
    if metric.greater_is_better:
        better = say("{metric}; higher is better.", metric=unit)
    else:
        better = say("{metric}; lower is better.", metric=unit)
    order = say("One row a rung, in the order of what their training was expected to cost.")
    return say("{words} {word}", words=order, word=better)


def _scores(row: Any, metric: Metric, scale: Scale | None, extras: Mapping[str, bool]) -> Sequence[Cell]:
    """The cells of a rung's scores; none where it has no score.

    Args:
        row: of the leaderboard.
        metric: of the scores.
        scale: of the bars.
        extras: whether there is a column of the gap to train, of seeds, and of robustness.
    """
    value, low, high = (row[f"score_test{end}"] for end in ("", "_low", "_high"))
    if math.isnan(value):
        return []
    is_near = scale is not None and scale.low <= low and high <= scale.high
    bar = interval_bar(value, low, high, scale) if scale is not None and is_near else NO_BAR
    further = {
        "gap": amount(row["gap"], partial(signed_text, metric)),
        "seeds": amount(row["score_test_mean"], lambda _: seeds_text(metric, row)),
        "robustness": amount(row["robustness"], partial(amount_text, metric)),
    }
    return [
        replace(_with_interval(metric, row, "test"), is_strong=True, figure=bar),
        _with_interval(metric, row, "val"),
        *(cell for name, cell in further.items() if extras[name]),
    ]


def _with_interval(metric: Metric, row: Any, part: str) -> Cell:
    value, low, high = (row[f"score_{part}{end}"] for end in ("", "_low", "_high"))
    score = amount(value, partial(amount_text, metric))
    return replace(score, quiet=interval_text(metric, low, high)) if score.shown else score


def _note(row: Any) -> str:
    """What is said of a rung that didn't simply finish."""
    status = row["status"]
    reason = row["reason"] if isinstance(row["reason"], str) else ""  # pandas has NaN beside strings
    if status == "done":
        return reason
    return say("{status}: {reason}", status=term(status), reason=reason) if reason else term(status)
