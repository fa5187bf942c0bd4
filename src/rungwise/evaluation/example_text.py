"""One example in a line of text, for tables."""

from __future__ import annotations

from typing import Any

from rungwise.data import Dataset
from rungwise.kinds import InputKind

__all__ = ["example_text", "number_text"]

_MOST_CHARACTERS = 160


def example_text(dataset: Dataset, part: str, number: int) -> str:
    """The text, the words of the sentence or the values of the row, cut; of an image its size."""
    inputs = dataset.inputs(part)
    match dataset.pair[0]:
        case InputKind.TEXT:
            text = inputs[number].as_py()
        case InputKind.TOKENS:
            text = " ".join(inputs[number].as_py())
        case InputKind.PREDICATE:
            text = " ".join(inputs[number].as_py()["tokens"])
        case InputKind.IMAGE:
            height, width = inputs.shape[1:3]
            text = f"image of {height} × {width} pixels"
        case InputKind.TABLE:
            [row] = inputs.slice(number, 1).to_pylist()
            text = ", ".join(f"{name}={_value(value)}" for name, value in row.items() if value is not None)
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[: _MOST_CHARACTERS - 1]}…"


def _value(value: Any) -> str:
    return number_text(value) if isinstance(value, float) else str(value)


def number_text(value: float) -> str:
    """Such as "0.1235", "42" and "12,346"."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
