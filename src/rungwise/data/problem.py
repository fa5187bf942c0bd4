"""What is to be predicted from what: infers the target and the pair of kinds, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from rungwise.data.columns import Column
from rungwise.data.conversion import is_integral
from rungwise.data.inference import sample
from rungwise.data.source import shown_names
from rungwise.errors import DataError
from rungwise.kinds import ColumnKind, InputKind, OutputKind

__all__ = ["choose_target", "input_kind", "output_kind"]

TARGET_NAMES = ("label", "labels", "target", "class", "y", "sentiment", "outcome", "response")
"""What a target's column is called when it is called anything telling, the likeliest first."""

MAX_INTEGER_CLASSES = 20
"""Whole numbers of more distinct values are numbers, not classes."""

ROWS_PER_CLASS = 5
"""Whole numbers of fewer rows a distinct value are numbers, not classes."""

DOMINATING_WORDS = 15.0
"""Mean words from which on texts are what a row is about, whatever stands beside them."""

MAX_BESIDE_TEXT = 2
"""Other columns that dominating texts may have beside them."""


def choose_target(names: Sequence[str], target: str | None) -> tuple[str, str]:
    """The target's column and the reason; a target that was given must be one of the names.

    Raises:
        DataError: if there is no other column to predict it from.
    """
    if target is not None:
        return target, "given"
    if not names:
        raise DataError("there are no columns.")
    if len(names) < 2:
        raise DataError(
            f"there is one column ({shown_names(names)}); a target and something to predict it from are needed."
        )
    by_name = {name.lower(): name for name in reversed(names)}
    for known in TARGET_NAMES:
        if known in by_name:
            return by_name[known], "by its name; `--target` sets another"
    return names[-1], "the last column; `--target` sets another"


def output_kind(
    column: Column, values: pa.ChunkedArray, numbers: pa.ChunkedArray | None
) -> tuple[OutputKind, str]:
    """Whether a target is a class or a number, and the reason.

    Args:
        column: what the target's column holds.
        values: as they were read.
        numbers: the values as float64, if they are numbers.
    """
    if numbers is None:
        return OutputKind.LABEL, f"its values are {_noun(column, values)}"
    known = sample(numbers)
    distinct = pc.count_distinct(known).as_py()
    if not is_integral(known):
        return OutputKind.NUMBER, "its values are numbers with fractions"
    if distinct <= MAX_INTEGER_CLASSES and distinct * ROWS_PER_CLASS <= len(known):
        return OutputKind.LABEL, f"its values are {distinct} different whole numbers"
    return OutputKind.NUMBER, f"its values are numbers, {distinct} different ones"


def _noun(column: Column, values: pa.ChunkedArray) -> str:
    if pa.types.is_boolean(values.type):
        return "true and false"
    return "dates" if column.kind is ColumnKind.DATE else "strings"


def input_kind(
    columns: Sequence[Column], words: Mapping[str, float]
) -> tuple[InputKind, tuple[str, ...], str]:
    """Whether rows of columns are a table or texts, which columns make the text, and the reason.

    Args:
        columns: the features, those to ignore too.
        words: mean words a value of each column that holds strings.
    """
    used = [column for column in columns if column.kind is not ColumnKind.IGNORE]
    texts = tuple(column.name for column in used if column.kind is ColumnKind.TEXT)
    others = [column.name for column in used if column.name not in texts]
    if not texts:
        return InputKind.TABLE, (), "no column holds free text"
    shown = " and ".join(repr(name) for name in texts)
    if not others:
        return InputKind.TEXT, texts, f"free text in {shown} is all there is"
    if len(others) <= MAX_BESIDE_TEXT and sum(words[name] for name in texts) >= DOMINATING_WORDS:
        return InputKind.TEXT, texts, f"free text in {shown} dominates; {', '.join(others)} left out"
    return InputKind.TABLE, (), f"{len(others)} columns beside free text in {shown}"
