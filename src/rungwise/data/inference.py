"""What a column holds, with a reason, and whether it can tell anything."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rungwise.data.columns import Column, check_type, typed_kind
from rungwise.data.conversion import NUMBER, date_format, dates, is_integral, missing_as_null
from rungwise.data.source import shown
from rungwise.kinds import ColumnKind
from rungwise.scripts import UNSPACED

__all__ = ["NUMBERS_ROWS", "SIGNED_NUMBERS", "ignore_reason", "infer", "mean_words", "sample"]

SAMPLE_ROWS = 20_000
"""Rows that a kind is inferred from; every value is checked again when it is converted."""

MIXED_SHARE = 0.05
"""A column with a smaller share of values that aren't numbers is a mistake, not a category."""

TEXT_WORDS = 3.0
"""Words a value from which on strings that hardly repeat are free text."""

NUMBERS_ROWS = "it numbers the rows"
"""Why a column of row numbers is ignored."""

SIGNED_NUMBERS = "its numbers have commas or signs"
"""Why a column that holds numbers is a category."""

ID_SHARE = 0.95
"""Share of distinct values from which on short strings name the rows."""
_SIGNS = r"[,'\s$€£¥%]"
_WORD = rf"[{UNSPACED}]\p{{M}}*|[^\s{UNSPACED}]+"
_ID_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|index|idx)$|^unnamed: \d+$|[a-z]I[Dd]$", re.ASCII)


def infer(name: str, values: pa.ChunkedArray, *, parse: bool) -> Column:
    """The kind of a column and the reason.

    Args:
        name: the column's name.
        values: all its values.
        parse: whether strings may hold numbers and dates, as they do in text files.
    """
    check_type(name, values.type)
    kind = typed_kind(values.type)
    if kind is not None:
        return Column(name, kind, f"its type is {values.type}")
    known = sample(missing_as_null(values))
    if len(known) == 0:
        return Column(name, ColumnKind.NUMBER, "every value is missing")
    return (_parsed(name, known) if parse else None) or _strings(name, known)


def _parsed(name: str, known: pa.Array) -> Column | None:
    """Number or date, if that is what the strings hold."""
    share = pc.mean(pc.match_substring_regex(known, NUMBER)).as_py()
    if pc.any(pc.match_substring_regex(known, r"^0\d+$")).as_py() and share == 1:
        return Column(name, ColumnKind.CATEGORY, "its digits have leading zeros, so they are codes")
    if share > 1 - MIXED_SHARE:
        return Column(name, ColumnKind.NUMBER, "its values are numbers")
    if share > 0 or pc.mean(pc.match_substring_regex(known, r"\d")).as_py() <= 1 - MIXED_SHARE:
        return None
    format_ = date_format(known)
    if dates(known, format_).null_count >= MIXED_SHARE * len(known):
        return None
    swapped = format_.replace("%m/%d", "%d/%m")
    is_open = swapped != format_ and dates(known, swapped).null_count == dates(known, format_).null_count
    hint = ", though the day might come first" if is_open else ""
    return Column(name, ColumnKind.DATE, f"its values are dates ({format_}{hint})", format_)


def _strings(name: str, known: pa.Array) -> Column:
    """Category or text."""
    if not pc.all(pc.match_substring_regex(known, NUMBER)).as_py():
        plain = pc.replace_substring_regex(known, _SIGNS, "")
        if pc.mean(pc.match_substring_regex(plain, NUMBER)).as_py() > 1 - MIXED_SHARE:
            return Column(name, ColumnKind.CATEGORY, f"{SIGNED_NUMBERS}, such as {shown(known[0].as_py())}")
    distinct, words = pc.count_distinct(known).as_py(), mean_words(known)
    if words >= TEXT_WORDS and distinct > len(known) / 2:
        return Column(
            name, ColumnKind.TEXT, f"{words:.0f} words a value, {distinct / len(known):.0%} distinct"
        )
    return Column(name, ColumnKind.CATEGORY, f"strings, {distinct} distinct in {len(known)}")


def mean_words(values: pa.Array) -> float:
    """Words a value; in scripts without spaces each character is one."""
    return float(pc.mean(pc.count_substring_regex(values, _WORD)).as_py() or 0.0)


def sample(values: pa.ChunkedArray) -> pa.Array:
    """At most `SAMPLE_ROWS` values that aren't missing, evenly spaced."""
    some = _spaced(values)
    if some.null_count == len(some) > 0:
        some = pa.chunked_array((chunk.drop_null() for chunk in values.chunks), values.type).slice(
            0, SAMPLE_ROWS
        )
    return _one_array(some.drop_null())


def _spaced(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """At most `SAMPLE_ROWS` values; `ChunkedArray.take` would copy all of them first."""
    if len(values) <= SAMPLE_ROWS:
        return values
    places = np.linspace(0, len(values) - 1, SAMPLE_ROWS).astype(np.int64)
    starts = np.cumsum([0, *map(len, values.chunks)])
    cuts = np.searchsorted(places, starts)
    return pa.chunked_array(
        [
            chunk.take(pa.array(places[cuts[number] : cuts[number + 1]] - starts[number]))
            for number, chunk in enumerate(values.chunks)
        ],
        values.type,
    )


def _one_array(values: pa.ChunkedArray) -> pa.Array:
    whole = values.combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def ignore_reason(column: Column, values: pa.ChunkedArray) -> str | None:
    """Why a converted column can't tell anything about the target, or None."""
    if column.kind is ColumnKind.TEXT or values.null_count == len(values):
        return None
    if column.reason.startswith(SIGNED_NUMBERS):
        return None
    known = sample(values)
    distinct = pc.count_distinct(known).as_py()
    if distinct == 1 and values.null_count == 0 and pc.all(pc.equal(values, known[0])).as_py():
        return f"every value is {shown(known[0].as_py())}"
    if distinct < ID_SHARE * len(known) or len(known) < 20:
        return None
    if column.kind is ColumnKind.CATEGORY and mean_words(known) < TEXT_WORDS:
        return "its values name the rows: almost every one is distinct"
    if column.kind is ColumnKind.NUMBER and distinct == len(known) and is_integral(known):
        steps = np.diff(known.to_numpy())
        if (steps > 0).all() and (
            _ID_NAME.search(column.name) or (steps.max() - steps.min() <= 1 and _counts(values))
        ):
            return NUMBERS_ROWS
    return None


def _counts(values: pa.ChunkedArray) -> bool:
    """Whether the values are consecutive whole numbers."""
    ends = pc.min_max(values)
    return bool(ends["max"].as_py() - ends["min"].as_py() + 1 == len(values))
