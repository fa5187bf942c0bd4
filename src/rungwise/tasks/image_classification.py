"""Predict a class from an image: what it shows."""

from rungwise.kinds import InputKind, OutputKind
from rungwise.tasks._task import LABEL_METRICS, Task

TASK = Task(
    name="image-classification",
    title="A class from an image",
    pair=(InputKind.IMAGE, OutputKind.LABEL),
    metrics=LABEL_METRICS,
    default_metric="accuracy",
)
