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
from rungwise.language import Message, say
from rungwise.metrics import UNSEEN
from rungwise.report.confusions import UNSEEN_NAME, pair_key
from rungwise.report.cutting import MAX_NAME, cut
from rungwise.report.pictures import png, thumbnail

__all__ = ["Example", "most_wrong", "show_examples", "worth_reading"]

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
        pairs: what was taken for what, as `pair_key` has it; none where numbers are predicted.
        text: the text, cut.
        image: a PNG as data URI.
        values: columns and their values.
    """

    row: int
    truth: str
    prediction: str
    doubt: Message
    pairs: Sequence[str] = ()
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


def worth_reading(predictions: Predictions, count: int) -> NDArray[np.int64]:
    """Wrong examples, the worst first: half of them are the worst of all, half the worst of each confused pair in turn.

    So the pair of classes that a reader asks for is among them, if it isn't rare.
    """
    ordered = most_wrong(predictions, len(predictions.target))
    if predictions.probabilities is None or len(ordered) <= count:
        return ordered[:count]
    pairs = np.stack([predictions.target, predictions.prediction], axis=1)[ordered]
    _, numbers, sizes = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    numbers = numbers.ravel()
    turn = np.empty(len(ordered), dtype=np.int64)  # how many worse ones there are of the same pair
    for number in range(len(sizes)):
        turn[numbers == number] = np.arange(sizes[number])
    in_turn = np.lexsort((-sizes[numbers], turn))
    chosen = dict.fromkeys([*range(count // 2), *in_turn.tolist()])
    return np.asarray(ordered[np.sort(list(chosen)[:count])])


def show_examples(
    dataset: Dataset, predictions: Predictions, classes: Sequence[str], count: int
) -> list[Example]:
    """The examples that a rung is most wrong about, and some of each pair of classes that it confuses."""
    index = worth_reading(predictions, count)
    targets, rows, inputs = dataset.targets("test"), dataset.row_numbers("test"), dataset.inputs("test")
    return [
        Example(
            int(rows[i]),
            *_outcome(targets[i], predictions, int(i), classes),
            **_shown(dataset.pair[0], inputs, int(i)),
        )
        for i in index
    ]


def _outcome(
    target: Any, predictions: Predictions, i: int, classes: Sequence[str]
) -> tuple[str, str, Message, Sequence[str]]:
    """Truth, prediction, how sure or how far off, and what was taken for what."""
    said = predictions.prediction[i]
    if predictions.probabilities is None:
        off = say("off by {amount}", amount=_number(abs(said - target)))
        return _number(target), _number(said), off, ()
    sure = say("{share:.1f} % sure", share=100 * float(predictions.probabilities[i, said]))
    truth, known = cut(str(target), MAX_NAME), int(predictions.target[i])
    named = UNSEEN_NAME if known == UNSEEN else classes[known]
    return truth, classes[said], sure, (pair_key(named, classes[said]),)


def _shown(kind: InputKind, inputs: Any, i: int) -> dict[str, Any]:
    match kind:
        case InputKind.TEXT:
            text = inputs[i].as_py()
            return {"text": cut(text, _MAX_CHARACTERS)}
        case InputKind.IMAGE:
            return {"image": png(thumbnail(inputs[i], _MAX_PIXELS))}
        case InputKind.TOKENS:
            return {"text": cut(" ".join(inputs[i].as_py()), _MAX_CHARACTERS)}
        case InputKind.PREDICATE:
            return {"text": cut(" ".join(inputs[i].as_py()["tokens"]), _MAX_CHARACTERS)}
        case InputKind.TABLE:
            [row] = inputs.slice(i, 1).to_pylist()
            return {
                "values": [(cut(name, MAX_NAME), _value(value)) for name, value in row.items()][:_MAX_COLUMNS]
            }


def _value(value: Any) -> str:
    if value is None:
        return "–"
    text = _number(value) if isinstance(value, float) else str(value)
    return cut(text, _MAX_CHARACTERS // 4)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
