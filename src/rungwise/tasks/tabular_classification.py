"""Predict a class from the columns of a table: whether a customer leaves, which grade a loan has."""

from rungwise.kinds import InputKind, OutputKind
from rungwise.tasks._task import LABEL_METRICS, Task

TASK = Task(
    name="tabular-classification",
    title="A class from the columns of a table",
    pair=(InputKind.TABLE, OutputKind.LABEL),
    metrics=LABEL_METRICS,
    default_metric="accuracy",
)
