"""Predict a class from a text: its sentiment, its topic, whether it is spam."""

from rungwise.kinds import InputKind, OutputKind
from rungwise.tasks._task import LABEL_METRICS, Task

TASK = Task(
    name="text-classification",
    title="A class from a text",
    pair=(InputKind.TEXT, OutputKind.LABEL),
    metrics=LABEL_METRICS,
    default_metric="accuracy",
)
