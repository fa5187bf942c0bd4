"""Smaller and larger models of a rung, to see what its size brings beside what more data do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rungwise.data import Dataset
from rungwise.errors import ConfigError
from rungwise.ladder.choices import make_config
from rungwise.ladder.growth import START_SECONDS, growth_sizes, is_known
from rungwise.ladder.jobs import Job

__all__ = ["plan_widths", "widths_of"]

_FACTORS = (0.25, 0.5, 2.0)
"""Widths beside the rung's own, against it."""

_SETTING = "hidden_size"


def widths_of(rung: str, settings: Mapping[str, Any]) -> list[int]:
    """Hidden sizes that the rung could have beside its own; none where it has no such setting, or can't change it."""
    own = getattr(make_config(rung, settings), _SETTING, None)
    if not isinstance(own, int) or settings.get("pretrained") is not None:
        return []
    return [width for factor in _FACTORS if _is_allowed(rung, settings, width := round(own * factor))]


def _is_allowed(rung: str, settings: Mapping[str, Any], width: int) -> bool:
    try:
        make_config(rung, {**settings, _SETTING: width})
    except ConfigError:
        return False
    return width > 0


def plan_widths(records: Sequence[Mapping[str, Any]], jobs: Sequence[Job], dataset: Dataset) -> list[Job]:
    """Fits of other widths on parts of train that have no result yet, cheapest first; `seconds` is what each will take.

    Args: as of `plan_growth`.
    """
    took = {r["rung"]: r["total_seconds"] for r in records if r["type"] == "rung" and r.get("total_seconds")}
    num_classes = 0 if dataset.classes is None else len(dataset.classes)
    planned = []
    for job in jobs:
        widths = widths_of(job.rung, job.settings)
        own = getattr(make_config(job.rung, job.settings), _SETTING, 1)
        for num_rows in growth_sizes(dataset.num("train"), num_classes)[::2]:
            for width in widths:
                share = num_rows / dataset.num("train") * max(1.0, (width / own) ** 2)
                part = replace(
                    job,
                    num_rows=num_rows,
                    width=width,
                    settings={**job.settings, _SETTING: width},
                    seconds=START_SECONDS + took.get(job.rung, 0.0) * share,
                )
                if not is_known(records, part):
                    planned.append(part)
    return sorted(planned, key=lambda part: part.seconds)
