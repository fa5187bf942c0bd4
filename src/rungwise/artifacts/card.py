"""The model card: what a model folder's README says."""

from __future__ import annotations

from typing import Any

from rungwise import registry
from rungwise.kinds import InputKind, OutputKind

__all__ = ["RUN_MARK", "model_card"]

RUN_MARK = "<!-- What the run knows of this model. -->"
"""Where the card of a run's model goes on beyond what is known when it is saved."""


def model_card(estimator: Any) -> str:
    """The card of a fitted estimator, as Markdown."""
    card = registry.card(estimator.rung_name)
    settings = "\n".join(f"| `{name}` | `{value}` |" for name, value in estimator._settings().items())
    return f"""---
library_name: rungwise
pipeline_tag: {_pipeline_tag(*estimator.pair_)}
---

# {card.name}: {card.title}

{card.sections.get("Idea", "")}

- Parameters: {estimator.learner_.num_parameters():,}{_finder(estimator)}{_temperature(estimator)}
- Source: {card.sections.get("Source", "")}
- Deviations: {card.sections.get("Deviations", "")}
- Tends to win: {card.sections.get("Wins", "")}
- Tends to lose: {card.sections.get("Loses", "")}

## Use

```python
import rungwise as rw

model = rw.load("this-folder")
model.predict(examples)
```

## Settings

| setting | value |
|---|---|
{settings}
"""


def _finder(estimator: Any) -> str:
    """A line on what finds predicates, if anything does."""
    finder = getattr(estimator, "finder_", None)
    if finder is None:
        return ""
    count = f"{finder.learner_.num_parameters():,} parameters"
    return (
        f"\n- Finds predicates itself, with `{finder.rung_name}` of {count}, in sentences that come without"
    )


def _temperature(estimator: Any) -> str:
    """A line on the calibration, where there is one."""
    temperature = getattr(estimator, "temperature_", 1)
    if temperature == 1:
        return ""
    done = f"log-probabilities are divided by {temperature:.4g}"
    return f"\n- Probabilities are calibrated: {done}; scores are from before"


def _pipeline_tag(kind: InputKind, output: OutputKind) -> str:
    """The name of the task on the hub."""
    noun = "tabular" if kind is InputKind.TABLE else kind
    match output:
        case OutputKind.LABEL:
            return f"{noun}-classification"
        case OutputKind.NUMBER:
            return f"{noun}-regression"
        case OutputKind.TAGS:
            return "token-classification"
