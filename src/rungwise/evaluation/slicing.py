"""Test examples in groups: by the values of a column, by a range of numbers, or by how long a text is."""

# N examples, G groups

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data import Dataset
from rungwise.kinds import SENTENCE_KINDS, ColumnKind, InputKind, OutputKind

__all__ = ["Grouping", "built_in", "group_values", "groupings"]

_FEW = 10
"""Distinct numbers up to which each is a group of its own; of more there are quarters."""

_QUARTERS = (0.25, 0.5, 0.75)
_MISSING = "missing"
_LONGEST_NAME = 60

_LENGTH, _BRIGHTNESS = "length", "brightness"
"""What texts and sentences, and images, are grouped by, as they have no columns."""


@dataclass(frozen=True)
class Grouping:
    """The examples by one column.

    Attributes:
        column: its name.
        names: of the groups (G).
        codes: the group of each example (N,).
    """

    column: str
    names: tuple[str, ...]
    codes: NDArray[np.int64]


def built_in(dataset: Dataset) -> list[str]:
    """The columns that a run's own copy of the data has, the target last."""
    match dataset.pair[0]:
        case InputKind.TABLE:
            names = list(dataset.inputs("test").column_names)
        case InputKind.IMAGE:
            names = [_BRIGHTNESS]
        case _:
            names = [_LENGTH]
    return names if dataset.pair[1] is OutputKind.TAGS else [*names, dataset.target]


def groupings(dataset: Dataset, names: Sequence[str]) -> list[Grouping]:
    """The test examples by columns of `built_in`."""
    return [_grouping(dataset, name) for name in names]


def _grouping(dataset: Dataset, name: str) -> Grouping:
    if name == dataset.target and dataset.pair[1] is not OutputKind.TAGS:
        return group_values(name, pa.chunked_array([pa.array(dataset.targets("test"))]))
    inputs = dataset.inputs("test")
    match dataset.pair[0]:
        case InputKind.TABLE:
            kind = ColumnKind((inputs.schema.field(name).metadata or {})[b"kind"].decode())
            return group_values(name, inputs[name], is_text=kind is ColumnKind.TEXT)
        case InputKind.IMAGE:
            means = np.array([image.mean() for image in inputs])
            return Grouping(name, *_numbers(means, "{:.0f}".format))
        case InputKind.TEXT:
            return group_values(name, inputs, is_text=True)
        case kind:
            assert kind in SENTENCE_KINDS
            tokens = inputs if kind is InputKind.TOKENS else pc.struct_field(inputs, "tokens")
            lengths = pc.list_value_length(tokens).to_numpy().astype(np.float64)
            return Grouping(name, *_numbers(lengths, "{:.0f}".format, " tokens"))


def group_values(name: str, values: pa.ChunkedArray, *, is_text: bool = False) -> Grouping:
    """Examples by their values of a column (N): numbers and dates by ranges, texts by their length, else by value."""
    if is_text:
        lengths = pc.utf8_length(values).to_numpy().astype(np.float64)  # NaN where it is missing
        return Grouping(name, *_numbers(lengths, "{:.0f}".format, " characters"))
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        days = pc.cast(pc.cast(values, pa.timestamp("s"), safe=False), pa.int64())  # to whole seconds
        return Grouping(name, *_numbers(pc.cast(days, pa.float64()).to_numpy(), _day))
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return Grouping(name, *_numbers(pc.cast(values, pa.float64(), safe=False).to_numpy(), _number))
    return Grouping(name, *_categories(values))


def _categories(values: pa.ChunkedArray) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The most frequent value first."""
    strings = pc.fill_null(pc.cast(values, pa.string()), _MISSING)
    known, codes, counts = np.unique(
        strings.to_numpy().astype(object), return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return tuple(_cut(str(known[place])) for place in order), rank[codes]


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1] + "…"


def _numbers(
    values: NDArray[np.float64], written: Callable[[Any], str], unit: str = ""
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Numbers (N,), NaN where one is missing -> names and codes: each of few by itself, else by quarters."""
    known = np.isfinite(values)
    distinct = np.unique(values[known])
    if len(distinct) <= _FEW:
        names = [written(value) + unit for value in distinct]
        codes = np.searchsorted(distinct, values)
    else:
        ends = np.unique(np.quantile(values[known], _QUARTERS))
        ends = ends[ends < distinct[-1]]  # the last group is of those above
        middle = [f"{written(low)} to {written(high)}" for low, high in pairwise(ends)]
        names = [f"≤ {written(ends[0])}", *middle, f"> {written(ends[-1])}"] if len(ends) else ["all"]
        names = [name + unit for name in names]
        codes = np.searchsorted(ends, values)
    codes = np.where(known, codes, len(names)).astype(np.int64)
    return tuple(names if known.all() else [*names, _MISSING]), codes


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _day(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))
