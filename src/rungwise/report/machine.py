"""A run's facts for programs: what the page tells, as JSON; docs/report.md has its fields."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rungwise.evaluation.costs import costs_as_dicts, costs_of
from rungwise.evaluation.next_steps import next_steps
from rungwise.evaluation.scores import scores
from rungwise.language import Language, spoken
from rungwise.report.content import Content
from rungwise.tasks import task

__all__ = ["SCHEMA_VERSION", "run_as_dict"]

SCHEMA_VERSION = 1


def run_as_dict(content: Content, language: Language = Language.ENGLISH) -> dict[str, Any]:
    """All of it, ready for `json_text`; sentences are in the language, names never."""
    dataset, metric, config = content.dataset, content.metric, content.config
    price = content.verdict.terms.price_per_hour
    steps = next_steps(content.verdict, content.results)
    whole: dict[str, Any] = spoken(
        {
            "schema_version": SCHEMA_VERSION,
            "run": content.name,
            "task": config["task"],
            "target": dataset.target,
            "metric": {
                "name": metric.name,
                "title": content.metric_title,
                "is_share": metric.is_share,
                "greater_is_better": metric.greater_is_better,
            },
            "verdict": content.verdict.to_dict(),
            "next_steps": [asdict(step) for step in steps],
            "leaderboard": json.loads(content.table.to_json(orient="records")),
            "costs": {o.rung: costs_as_dicts(costs_of(o, price)) for o in content.finished},
            "metrics": scores(content.results, task(config["task"]).metrics, content.class_names),
            "forecast": None if content.outlook is None else asdict(content.outlook),
            "predicates": content.results.predicates,
            "calibration": [each.to_dict() for each in content.calibrations],
            "slices": None if content.slices is None else content.slices.to_dict(),
            "label_errors": None if content.label_errors is None else asdict(content.label_errors),
            "robustness": {o.rung: asdict(o.robustness) for o in content.outcomes if o.robustness},
            "history": {o.rung: o.record["history"] for o in content.outcomes if o.record.get("history")},
            "data": {
                "parts": {part: dataset.num(part) for part in ("train", "valid", "test")},
                "sources": dataset.sources,
                "fingerprint": dataset.fingerprint,
                "split_hash": dataset.split_hash,
                "classes": None if dataset.classes is None else dataset.classes.tolist(),
                "columns": [
                    {"name": column.name, "kind": column.kind, "reason": column.reason}
                    for column in dataset.schema
                ],
                "notes": [note.message for note in dataset.notes],
            },
            "config": config,
        },
        language,
    )
    return whole
