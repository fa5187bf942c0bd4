"""The test examples that a rung is most wrong about, ready to be shown."""

# N examples, K classes

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.data import Dataset
from rungwise.evaluation import Predictions
from rungwise.kinds import InputKind
from rungwise.report.pictures import png, thumbnail

__all__ = ["Example", "most_wrong", "show_examples"]

_MAX_CHARACTERS = 600
_MAX_COLUMNS = 16
_MAX_PIXELS = 64
"""Of an image's longer side."""


@dataclass(frozen=True)
class Example:
    """One example and what was made of it; the input stands in one of `text`, `image` and `values`.

    Attributes:
        row: its number in its source, 1 for the first.
        truth: the target.
        prediction: what the rung said.
        doubt: how sure the rung was, or how far off it is.
        text: the text, cut.
        image: a PNG as data URI.
        values: columns and their values.
    """

    row: int
    truth: str
    prediction: str
    doubt: str
    text: str | None = None
    image: str | None = None
    values: Sequence[tuple[str, str]] = ()


def most_wrong(predictions: Predictions, count: int) -> NDArray[np.int64]:
    """The examples of the largest residuals, or the wrong ones that the rung was surest of; the worst first."""
    if predictions.probabilities is None:
        return np.argsort(-np.abs(predictions.target - predictions.prediction), kind="stable")[:count]
    wrong = np.flatnonzero(predictions.target != predictions.prediction)
    sure = predictions.probabilities[wrong, predictions.prediction[wrong]]
    return np.asarray(wrong[np.argsort(-sure, kind="stable")[:count]])


def show_examples(
    dataset: Dataset, predictions: Predictions, classes: Sequence[str], count: int
) -> list[Example]:
    """The examples that a rung is most wrong about."""
    index = most_wrong(predictions, count)
    targets, rows, inputs = dataset.targets("test"), dataset.row_numbers("test"), dataset.inputs("test")
    return [
        Example(
            int(rows[i]),
            *_outcome(targets[i], predictions, int(i), classes),
            **_shown(dataset.pair[0], inputs, int(i)),
        )
        for i in index
    ]


def _outcome(target: Any, predictions: Predictions, i: int, classes: Sequence[str]) -> tuple[str, str, str]:
    """Truth, prediction, and how sure or how far off."""
    said = predictions.prediction[i]
    if predictions.probabilities is None:
        return _number(target), _number(said), f"off by {_number(abs(said - target))}"
    return str(target), classes[said], f"{100 * predictions.probabilities[i, said]:.1f} % sure"


def _shown(kind: InputKind, inputs: Any, i: int) -> dict[str, Any]:
    match kind:
        case InputKind.TEXT:
            text = inputs[i].as_py()
            return {"text": text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}…"}
        case InputKind.IMAGE:
            return {"image": png(thumbnail(inputs[i], _MAX_PIXELS))}
        case InputKind.TOKENS:
            return {"text": " ".join(inputs[i].as_py())}
        case InputKind.PREDICATE:
            return {"text": " ".join(inputs[i].as_py()["tokens"])}
        case InputKind.TABLE:
            [row] = inputs.slice(i, 1).to_pylist()
            return {"values": [(name, _value(value)) for name, value in row.items()][:_MAX_COLUMNS]}


def _value(value: Any) -> str:
    if value is None:
        return "–"
    text = _number(value) if isinstance(value, float) else str(value)
    return text if len(text) <= _MAX_CHARACTERS // 4 else f"{text[: _MAX_CHARACTERS // 4]}…"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
