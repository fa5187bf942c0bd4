"""A run's table: one row a rung."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.evaluation.outcomes import judge, read_outcomes, run_metric

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "leaderboard"]

_COSTS = {
    "fit_time": "fit_seconds",
    "fit_cpu_time": "fit_cpu_seconds",
    "pred_time": "predict_seconds",
    "latency": "latency_seconds",
    "parameters": "parameters",
    "model_bytes": "model_bytes",
    "peak_memory_bytes": "peak_memory_bytes",
}
"""Column → field of the journal's record. Times are in seconds; latency is for one example alone."""

COLUMNS = (
    "rung",
    *(f"score_{part}{end}" for part in ("test", "val") for end in ("", "_low", "_high")),
    *_COSTS,
    "status",
    "reason",
)


def leaderboard(run_folder: Path, metric: str) -> pd.DataFrame:
    """The rungs of a run, cheapest first, with scores and 95 % intervals; a failed rung has NaN and its reason.

    Raises:
        RunError: if the run folder can't be read.
        UnknownNameError: if there is no such metric.
        ConfigError: if the metric doesn't fit what the run predicts.
    """
    import pandas as pd

    outcomes = read_outcomes(run_folder)
    chosen = run_metric(metric, outcomes)
    [valid], [test] = judge(outcomes, "valid", [chosen]), judge(outcomes, "test", [chosen])
    rows = []
    for outcome in outcomes:
        row = {
            "rung": outcome.rung,
            "status": outcome.record["status"],
            "reason": outcome.record.get("reason"),
        }
        for name, judged in (("test", test), ("val", valid)):
            score = judged.score(outcome.rung)
            row |= {
                f"score_{name}": score.value,
                f"score_{name}_low": score.low,
                f"score_{name}_high": score.high,
            }
        rows.append(row | {column: outcome.record.get(field) for column, field in _COSTS.items()})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(_COSTS, "float64"))
