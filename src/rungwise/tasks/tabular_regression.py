"""Predict a number from the columns of a table: a price, a duration, a demand."""

from rungwise.kinds import InputKind, OutputKind
from rungwise.tasks._task import NUMBER_METRICS, Task

TASK = Task(
    name="tabular-regression",
    title="A number from the columns of a table",
    pair=(InputKind.TABLE, OutputKind.NUMBER),
    metrics=NUMBER_METRICS,
    default_metric="rmse",
)
