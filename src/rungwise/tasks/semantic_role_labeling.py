"""Say of a predicate in a sentence who does what to whom, when and where: its arguments and their roles."""

from rungwise.kinds import InputKind, OutputKind
from rungwise.tasks._task import ROLE_METRICS, Task

TASK = Task(
    name="semantic-role-labeling",
    title="The arguments of a predicate and their roles",
    pair=(InputKind.PREDICATE, OutputKind.TAGS),
    metrics=ROLE_METRICS,
    default_metric="argument-f1",
)
