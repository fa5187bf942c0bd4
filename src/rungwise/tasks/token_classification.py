"""Find spans in sentences and say what they are: named entities, and whatever else a tag a token can say."""

from rungwise.kinds import InputKind, OutputKind
from rungwise.tasks._task import SPAN_METRICS, Task

TASK = Task(
    name="token-classification",
    title="Spans in sentences: names, terms, chunks",
    pair=(InputKind.TOKENS, OutputKind.TAGS),
    metrics=SPAN_METRICS,
    default_metric="span-f1",
)
