"""Puts a run on one page that needs no network: everything it shows stands in the file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from rungwise.data import Dataset
from rungwise.errors import RunError
from rungwise.evaluation import Outcome, Predictions, Results, Terms, Verdict, leaderboard, verdict
from rungwise.evaluation.beside import RATIOS, rows_beside
from rungwise.evaluation.outcomes import BASELINE
from rungwise.evaluation.wording import (
    amount_text,
    bytes_text,
    count_text,
    interval_text,
    seconds_text,
    seeds_text,
)
from rungwise.files import replace_text
from rungwise.kinds import InputKind, OutputKind
from rungwise.metrics import ClassScores, Metric, class_scores, type_scores
from rungwise.report.charts import (
    Line,
    Point,
    interval_bar,
    line_chart,
    residual_chart,
    score_chart,
    series_chart,
)
from rungwise.report.confusions import (
    MAX_CLASSES,
    ConfusedPair,
    ConfusionRow,
    confused_pairs,
    confusion_rows,
)
from rungwise.report.examples import Example, show_examples
from rungwise.report.robustness import robustness_section, why_unmeasured
from rungwise.report.scales import linear_scale
from rungwise.report.sheets import NUM_ALTERATIONS, contact_sheets, is_tiny
from rungwise.report.spans import SpanExample, confused_types, span_examples
from rungwise.tasks import task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_report"]

_WIDE, _NARROW = (920, 420), (350, 380)
_BAR_WIDTH = 90
_MAX_EXAMPLES = 8
_ALL_EXAMPLES = 64
"""Of all rungs together, so that the page stays small."""

_FAR = 3
"""Where the baseline would make an axis so many times longer, it is left out."""


def _seconds_tick(seconds: float) -> str:
    """Such as "100 s": an axis of powers of ten has no minutes."""
    return seconds_text(seconds) if seconds < 90 else f"{seconds:,.0f} s"


_COSTS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("fit_cpu_time", "CPU time of training", _seconds_tick),
    ("latency", "latency of one prediction", _seconds_tick),
    ("model_bytes", "size of the model", bytes_text),
)
"""Column of the leaderboard, what its axis is called, how its values are written."""


def write_report(results: Results) -> Path:
    """Writes `report.html` into the run's folder and returns it.

    Raises:
        RunError: if the run folder can't be read.
        DataError: if its dataset can't be read.
    """
    run_folder, outcomes = results.run_folder, results.outcomes
    config = _read_config(run_folder)
    dataset = Dataset.open(run_folder / "data")
    metric = results.metric(config["metric"])
    table, found = (
        leaderboard(results, config["metric"]),
        verdict(results, config["metric"], Terms.parse(**config.get("terms", {}))),
    )
    robustness = robustness_section(dataset, outcomes, metric, found.recommended)
    has_seeds = bool((table["num_seeds"] > 1).any())
    headline, stop, evidence = found.sentence.partition(". ")
    file = run_folder / "report.html"
    page = _template().render(
        name=run_folder.resolve().name,
        task=task(config["task"]).title,
        target=dataset.target,
        metric=metric,
        verdict=found,
        headline=headline + stop,
        evidence=evidence,
        recommended=found.recommended,
        charts=_score_charts(table, metric, found),
        rows=_table_rows(table, metric),
        has_seeds=has_seeds,
        folds=found.num_folds,
        comparisons=rows_beside(found, outcomes, metric),
        ratio_names=RATIOS,
        num_score_columns=3 + has_seeds + (robustness is not None),
        robustness=robustness,
        predicates=results.predicates,
        unmeasured=why_unmeasured(outcomes, dataset.pair[0]),
        sheets=contact_sheets(dataset, outcomes, config.get("settings", {})),
        num_alterations=NUM_ALTERATIONS,
        has_tiny_images=is_tiny(dataset),
        curves=_learning_curves(outcomes),
        series=_series(outcomes),
        errors=_errors(dataset, outcomes),
        class_names=_class_names(dataset),
        parts={part: dataset.num(part) for part in ("train", "valid", "test")},
        sources=sorted(set(dataset.sources.values())),
        dataset=dataset,
        facts=_facts(config),
    )
    replace_text(file, page)
    return file


def _read_config(run_folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((run_folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{run_folder} has no readable config.json ({error}); `rungwise fit` makes one."
        ) from None
    return config


def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _with_code
    environment.filters["capital"] = lambda text: text[:1].upper() + text[1:]
    folder = Path(__file__).parent
    environment.globals["style"] = Markup((folder / "page.css").read_text(encoding="utf-8"))
    environment.globals["script"] = Markup((folder / "page.js").read_text(encoding="utf-8"))
    return environment.get_template("page.html.jinja")


def _with_code(text: str) -> Markup:
    """A sentence with what stands in backticks as code, and no line end before a percent sign."""
    parts = [escape(part) for part in text.replace(" %", "\u00a0%").split("`")]
    parts[1::2] = [Markup(f"<code>{part}</code>") for part in parts[1::2]]
    return Markup("").join(parts)


def _class_names(dataset: Dataset) -> list[str]:
    if dataset.classes is None or dataset.pair[1] is OutputKind.TAGS:
        return []
    return [str(name) for name in dataset.classes]


# -------------------------------------------------------------------------------------------------- sections


@dataclass(frozen=True)
class _ScoreChart:
    """Score against one cost: the cost's title, the chart for wide and for narrow screens, and what it leaves out."""

    title: str
    wide: Markup
    narrow: Markup
    note: str


def _score_charts(table: pd.DataFrame, metric: Metric, found: Verdict) -> list[_ScoreChart]:
    direction = "higher" if metric.greater_is_better else "lower"
    unit = ", %" if metric.is_share else ""
    shown = _without_far_baseline(table)
    has_all = len(shown) == len(table)
    note = "" if has_all else f"`{BASELINE}` is far off, see the table."
    charts = []
    for column, title, text in _COSTS:
        rows = shown[shown[["score_test", column]].notna().all(axis=1)]
        points = [
            Point(
                row["rung"],
                row[column],
                row["score_test"],
                row["score_test_low"],
                row["score_test_high"],
                row["rung"] == found.recommended,
            )
            for _, row in rows.iterrows()
        ]
        if points:
            axes = (title, f"{metric.title} on test{unit} ({direction} is better)")
            texts = (text, lambda value: _tick(metric, value))
            wide, narrow = (
                score_chart(points, size=size, axes=axes, texts=texts) for size in (_WIDE, _NARROW)
            )
            charts.append(_ScoreChart(title, wide, narrow, note))
    return charts


def _without_far_baseline(table: pd.DataFrame) -> pd.DataFrame:
    """The rungs that fit on one axis: all, but for a baseline that would press the others into a line."""
    ends = ["score_test_low", "score_test_high"]
    others = table[table["rung"] != BASELINE]
    if others["score_test"].count() < 2:
        return table
    spans = [float(np.nanmax(part[ends]) - np.nanmin(part[ends])) for part in (table, others)]
    return others if spans[0] > _FAR * spans[1] else table


def _tick(metric: Metric, value: float) -> str:
    return f"{100 * value:.4g}" if metric.is_share else f"{value:.4g}"


def _table_rows(table: pd.DataFrame, metric: Metric) -> list[dict[str, Any]]:
    """The leaderboard with every number written for people."""
    texts = {
        "fit_cpu_time": seconds_text,
        "fit_time": seconds_text,
        "pred_time": seconds_text,
        "latency": seconds_text,
        "parameters": count_text,
        "model_bytes": bytes_text,
        "peak_memory_bytes": bytes_text,
    }
    near = _without_far_baseline(table[table["score_test"].notna()])
    ends = near[["score_test_low", "score_test_high"]].to_numpy().ravel().tolist()
    scale = linear_scale(ends, 3, _BAR_WIDTH - 3) if ends else None
    rows = []
    for _, row in table.iterrows():
        shown: dict[str, Any] = {column: _text(row[column], text) for column, text in texts.items()}
        for part in ("test", "val"):
            value, low, high = (row[f"score_{part}{end}"] for end in ("", "_low", "_high"))
            is_known = not math.isnan(value)
            shown[part] = amount_text(metric, value) if is_known else ""
            shown[f"{part}_interval"] = interval_text(metric, low, high) if is_known else ""
            if part == "test":
                is_near = scale and scale.low <= low and high <= scale.high
                shown["bar"] = interval_bar(value, low, high, scale) if scale and is_near else ""
        shown["seeds"] = seeds_text(metric, row)
        shown["robustness"] = _text(row["robustness"], lambda value: amount_text(metric, value))
        reason = row["reason"] if isinstance(row["reason"], str) else ""  # pandas has NaN beside strings
        rows.append({"rung": row["rung"], "status": row["status"], "reason": reason, **shown})
    return rows


def _text(value: float, text: Callable[[float], str]) -> str:
    return "" if math.isnan(value) else text(value)


def _learning_curves(outcomes: Sequence[Outcome]) -> list[tuple[str, Markup]]:
    """The rungs that have a history of more than a point, with their chart."""
    curves = []
    for outcome in outcomes:
        history = outcome.record.get("history") or []
        lines = [
            Line(style, [epoch["epoch"] for epoch in known], [epoch[style] for epoch in known])
            for style in ("train_loss", "valid_loss")
            if len(known := [epoch for epoch in history if epoch.get(style) is not None]) > 1
        ]
        if lines:
            curves.append((outcome.rung, line_chart(lines, name=outcome.rung)))
    return curves


@dataclass(frozen=True)
class _Errors:
    """Where a rung errs: for classes a matrix or pairs, and the scores of each; for numbers a chart; for tags spans."""

    rung: str
    examples: Sequence[Example]
    residuals: Markup | None = None
    matrix: Sequence[ConfusionRow] = ()
    pairs: Sequence[ConfusedPair] = ()
    classes: Sequence[tuple[str, ClassScores]] = ()
    spans: Sequence[SpanExample] | None = None


def _errors(dataset: Dataset, outcomes: Sequence[Outcome]) -> list[_Errors]:
    finished = [outcome for outcome in outcomes if outcome.is_finished]
    count = max(2, min(_MAX_EXAMPLES, _ALL_EXAMPLES // max(len(finished), 1)))
    return [_errors_of(dataset, outcome, count) for outcome in finished]


def _errors_of(dataset: Dataset, outcome: Outcome, count: int) -> _Errors:
    assert outcome.test is not None
    test, names = outcome.test, _class_names(dataset)
    if dataset.pair[1] is OutputKind.TAGS:
        return _tag_errors(dataset, outcome.rung, test, count)
    examples = show_examples(dataset, test, names, count)
    if dataset.pair[1] is OutputKind.NUMBER:
        return _Errors(
            outcome.rung, examples, residual_chart(test.target, test.prediction, name=outcome.rung)
        )
    scores = list(zip(names, class_scores(test.target, test.prediction, len(names)), strict=True))
    if len(names) <= MAX_CLASSES:
        return _Errors(outcome.rung, examples, matrix=confusion_rows(test, names), classes=scores)
    return _Errors(outcome.rung, examples, pairs=confused_pairs(test, names), classes=scores)


def _tag_errors(dataset: Dataset, rung: str, test: Predictions, count: int) -> _Errors:
    has_roles = dataset.pair[0] is InputKind.PREDICATE
    return _Errors(
        rung,
        (),
        pairs=confused_types(test, is_roles=has_roles),
        classes=type_scores(test.target, test.prediction, test.tags, is_roles=has_roles),
        spans=span_examples(dataset, test, count, is_roles=has_roles),
    )


_SHOWN_ELSEWHERE = (
    "schema_version",
    "plan",
    "fingerprint",
    "split_hash",
    "data",
    "task",
    "target",
    "environment",
    "terms",
)


def _facts(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked and where it ran, one line each; what the page shows elsewhere is left out."""
    asked = {name: value for name, value in config.items() if name not in _SHOWN_ELSEWHERE}
    if isinstance(config.get("budget"), float | int):
        asked["budget"] = seconds_text(config["budget"])
    facts = asked | config.get("environment", {})
    return [
        (name.replace("_", " "), _compact(value))
        for name, value in facts.items()
        if value not in (None, {}, [])
    ]


def _compact(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_compact(item)}" for name, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_compact(item) for item in value)
    return f"{value:g}" if isinstance(value, float) and np.isfinite(value) else str(value)


def _series(outcomes: Sequence[Outcome]) -> list[tuple[str, str, Markup]]:
    """What networks recorded in training: rung, title, chart."""
    return [
        (outcome.rung, each["title"], series_chart(known, name=each["title"], x_title=each["x_title"]))
        for outcome in outcomes
        for each in outcome.record.get("series") or []
        if len(known := [value for value in each["values"] if value and value > 0]) > 1
    ]
