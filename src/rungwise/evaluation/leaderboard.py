"""A run's table: one row a rung."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np

from rungwise.evaluation.costs import QUANTITIES, costs_of
from rungwise.evaluation.outcomes import Outcome, Results
from rungwise.evaluation.wording import bytes_text, seconds_text
from rungwise.language import Message, say
from rungwise.metrics import Metric

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "COST_COLUMNS", "CostColumn", "leaderboard"]

_FIELDS = {"pred_time": "predict_seconds", "expected_memory_bytes": "expected_memory_bytes"}
"""Column → field of the journal's record: seconds for the validation and test parts, and what the rung's formula gave
beforehand."""


@dataclass(frozen=True)
class CostColumn:
    """A cost that people are shown on the leaderboard.

    Attributes:
        name: of the column.
        heading: in the terminal, where there is little room.
        text: how a value is written.
        title: on the page; "" where the page leaves it out.
    """

    name: str
    heading: Message
    text: Callable[[float], str]
    title: Message


_TEXTS = {quantity.name: quantity.text for quantity in QUANTITIES} | {
    "pred_time": seconds_text,
    "expected_memory_bytes": bytes_text,
}

COST_COLUMNS = tuple(
    CostColumn(name, heading, _TEXTS[name], title)
    for name, heading, title in (
        ("fit_time", say("fit"), say("Training")),
        ("fit_cpu_time", say("CPU"), say("Training, CPU")),
        ("pred_time", say("pred"), Message("")),
        ("latency", say("latency"), say("Latency")),
        ("parameters", say("params"), say("Parameters")),
        ("model_bytes", say("model"), say("Size")),
        ("peak_memory_bytes", say("memory"), say("Memory")),
        ("expected_memory_bytes", say("(expected)"), Message("")),
    )
)
"""In their order."""

_COSTS = (
    *(column.name for column in COST_COLUMNS),
    "latency_p95",
    "latency_p99",
    "throughput",
    "start_time",
    "fit_energy",
    "million_energy",
)
"""Columns: those that aren't fields are names of `costs.QUANTITIES`."""

_SEEDS = ("num_seeds", "score_test_mean", "score_test_std")
"""Over the seeds that a rung was fitted with; the other scores and the costs are those of the first."""

_ROBUSTNESS = tuple(
    f"{name}{end}" for name in ("robustness", "robustness_clean") for end in ("", "_low", "_high")
)
"""The mean score over all corruptions and strengths, and the score of the same examples as they are."""

_GENERALISATION = ("score_train", "gap")
"""The score on some of the rows that were learned from, and by how much that is better than the one on test."""

COLUMNS = (
    "rung",
    *(f"score_{part}{end}" for part in ("test", "val") for end in ("", "_low", "_high")),
    *_GENERALISATION,
    *_SEEDS,
    *_ROBUSTNESS,
    *_COSTS,
    "status",
    "reason",
)


def leaderboard(results: Results, metric: str) -> pd.DataFrame:
    """The rungs of a run, cheapest first, with scores and 95 % intervals; a failed rung has NaN and its reason.

    Raises:
        UnknownNameError: if there is no such metric.
        ConfigError: if the metric doesn't fit what the run predicts.
    """
    import pandas as pd

    chosen = results.metric(metric)
    [valid], [test] = results.judge("valid", [chosen]), results.judge("test", [chosen])
    rows = []
    for outcome in results.outcomes:
        row = {
            "rung": outcome.rung,
            "status": outcome.record["status"],
            "reason": _reason(outcome),
        }
        for name, judged in (("test", test), ("val", valid)):
            score = judged.score(outcome.rung)
            row |= {
                f"score_{name}": score.value,
                f"score_{name}_low": score.low,
                f"score_{name}_high": score.high,
            }
        rows.append(
            row
            | _generalisation(outcome, chosen, row["score_test"])
            | _over_seeds(outcome, chosen)
            | _robustness(outcome, chosen)
            | {column: outcome.record.get(field) for column, field in _FIELDS.items()}
            | {name: amount.value for name, amount in costs_of(outcome).items() if name in _COSTS}
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys((*_GENERALISATION, *_SEEDS, *_ROBUSTNESS, *_COSTS), "float64"))


def _reason(outcome: Outcome) -> str | None:
    """Why it failed or was cut, and what happened on the way."""
    sentences = [outcome.record.get("reason"), *outcome.record.get("notes", ())]
    return "; ".join(sentence for sentence in sentences if sentence) or None


def _generalisation(outcome: Outcome, metric: Metric, test: float) -> dict[str, float]:
    """Where it was asked about some of train."""
    if outcome.train is None:
        return {}
    train = metric.score(outcome.train.target, outcome.train.output(metric))
    gap = train - test if metric.greater_is_better else test - train
    return dict(zip(_GENERALISATION, (train, gap), strict=True))


def _over_seeds(outcome: Outcome, metric: Metric) -> dict[str, float | None]:
    """How many, mean and standard deviation of the test score; of one seed there is no deviation."""
    tests = outcome.fits("test", ()) if outcome.is_finished else ()
    scores = [metric.score(test.target, test.output(metric)) for test in tests]
    mean = float(np.mean(scores)) if scores else None
    deviation = float(np.std(scores, ddof=1)) if len(scores) > 1 else None
    return dict(zip(_SEEDS, (len(scores) or None, mean, deviation), strict=True))


def _robustness(outcome: Outcome, metric: Metric) -> dict[str, float]:
    """Where it was measured, by this metric."""
    found = outcome.robustness
    if found is None or found.metric != metric.name:
        return {}
    return dict(zip(_ROBUSTNESS, (*astuple(found.mean), *astuple(found.clean)), strict=True))
