"""What a column holds: infers its kind with a reason, and converts its values to the one form of that kind.

Number is float64, date timestamp[us], category and text are strings; a missing value is null, a missing text "".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rungwise.data.source import shown
from rungwise.errors import DataError
from rungwise.kinds import ColumnKind

__all__ = [
    "MISSING",
    "NUMBERS_ROWS",
    "SIGNED_NUMBERS",
    "Column",
    "as_strings",
    "column_type",
    "convert",
    "field",
    "ignore_reason",
    "infer",
    "is_integral",
    "is_string",
    "is_usable",
    "mean_words",
    "missing_as_null",
    "sample",
]

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "?")
"""What stands for a missing value in text files; in free text only the empty string does."""

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

DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%d.%m.%Y %H:%M",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%Y年%m月%d日",
)
ISO = "iso"
"""The format of dates that Arrow parses by itself: ISO 8601 with fractions of a second or a zone."""

_ISO = (
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"([T ]([01]\d|2[0-3])(:?[0-5]\d(:?[0-5]\d(\.\d{1,6})?)?)?([Zz]|[+-]\d\d(:?\d\d)?)?)?$"
)
_SIGNS = r"[,'\s$€£¥%]"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"
_WORD = rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+"
_ID_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|index|idx)$|^unnamed: \d+$|[a-z]I[Dd]$", re.ASCII)

_TYPES = {
    ColumnKind.NUMBER: pa.float64(),
    ColumnKind.CATEGORY: pa.string(),
    ColumnKind.DATE: pa.timestamp("us"),
    ColumnKind.TEXT: pa.string(),
}


@dataclass(frozen=True)
class Column:
    """A column of the user's data.

    Attributes:
        name: as in the source.
        kind: what it holds.
        reason: why it is taken for that.
        format: how its dates are written, for `strptime`, or `ISO`.
    """

    name: str
    kind: ColumnKind
    reason: str
    format: str | None = None


def column_type(kind: ColumnKind) -> pa.DataType:
    """The Arrow type that a kind of column is held in."""
    return _TYPES[kind]


def field(name: str, kind: ColumnKind) -> pa.Field:
    """The field of a column, whose metadata says its kind."""
    return pa.field(name, column_type(kind), metadata={b"kind": kind.value.encode()})


# ---------------------------------------------------------------------------------------------- inference


def infer(name: str, values: pa.ChunkedArray, *, parse: bool) -> Column:
    """The kind of a column and the reason.

    Args:
        name: the column's name.
        values: all its values.
        parse: whether strings may hold numbers and dates, as they do in text files.
    """
    _check_type(name, values.type)
    kind = _typed_kind(values.type)
    if kind is not None:
        return Column(name, kind, f"its type is {values.type}")
    known = sample(missing_as_null(values))
    if len(known) == 0:
        return Column(name, ColumnKind.NUMBER, "every value is missing")
    return (_parsed(name, known) if parse else None) or _strings(name, known)


def _check_type(name: str, type_: pa.DataType) -> None:
    if not is_usable(type_):
        raise DataError(
            f"its type {_shown_type(type_)} can't be used; numbers, strings, booleans and dates can.",
            column=name,
        )


def _shown_type(type_: pa.DataType) -> str:
    """A type in short: those of nested values can be long."""
    return str(type_)[:100]


def _typed_kind(type_: pa.DataType) -> ColumnKind | None:
    types = pa.types
    if types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_) or types.is_null(type_):
        return ColumnKind.NUMBER
    if types.is_boolean(type_) or types.is_dictionary(type_):
        return ColumnKind.CATEGORY
    if types.is_timestamp(type_) or types.is_date(type_):
        return ColumnKind.DATE
    return None


def is_string(type_: pa.DataType) -> bool:
    """Whether values of an Arrow type are strings."""
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or type_ == pa.string_view())


def is_usable(type_: pa.DataType) -> bool:
    """Whether a column of an Arrow type can be anything but ignored."""
    plain = type_.value_type if pa.types.is_dictionary(type_) else type_
    return is_string(plain) or _typed_kind(plain) is not None


def _parsed(name: str, known: pa.Array) -> Column | None:
    """Number or date, if that is what the strings hold."""
    share = pc.mean(pc.match_substring_regex(known, _NUMBER)).as_py()
    if pc.any(pc.match_substring_regex(known, r"^0\d+$")).as_py() and share == 1:
        return Column(name, ColumnKind.CATEGORY, "its digits have leading zeros, so they are codes")
    if share > 1 - MIXED_SHARE:
        return Column(name, ColumnKind.NUMBER, "its values are numbers")
    if share > 0 or pc.mean(pc.match_substring_regex(known, r"\d")).as_py() <= 1 - MIXED_SHARE:
        return None
    format_ = _date_format(known)
    if _dates(known, format_).null_count >= MIXED_SHARE * len(known):
        return None
    swapped = format_.replace("%m/%d", "%d/%m")
    is_open = swapped != format_ and _dates(known, swapped).null_count == _dates(known, format_).null_count
    hint = ", though the day might come first" if is_open else ""
    return Column(name, ColumnKind.DATE, f"its values are dates ({format_}{hint})", format_)


def _strings(name: str, known: pa.Array) -> Column:
    """Category or text."""
    if not pc.all(pc.match_substring_regex(known, _NUMBER)).as_py():
        plain = pc.replace_substring_regex(known, _SIGNS, "")
        if pc.mean(pc.match_substring_regex(plain, _NUMBER)).as_py() > 1 - MIXED_SHARE:
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


def is_integral(values: pa.Array | pa.ChunkedArray) -> bool:
    """Whether all numbers are whole."""
    if not pa.types.is_floating(values.type):
        return bool(pa.types.is_integer(values.type))
    return bool(pc.all(pc.equal(values, pc.floor(values))).as_py() is not False)


# --------------------------------------------------------------------------------------------- conversion


def missing_as_null(values: Any) -> Any:
    """Trimmed strings, with null for what stands for a missing value."""
    trimmed = pc.utf8_trim_whitespace(_plain(values))
    missing = pc.is_in(trimmed, value_set=pa.array(MISSING, trimmed.type))
    return pc.if_else(missing, pa.scalar(None, trimmed.type), trimmed)


def _plain(values: Any) -> Any:
    return values if pa.types.is_string(values.type) else values.cast(pa.string())


def convert(values: pa.Array, column: Column) -> pa.Array:
    """Values in the form of the column's kind.

    Raises:
        DataError: at the first value that isn't of this kind, with its row counted from 1.
    """
    _check_type(column.name, values.type)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    try:
        return _CONVERTERS[column.kind](values, column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"its values of type {_shown_type(values.type)} can't be {column.kind} ({str(error)[:200]}).",
            column=column.name,
        ) from None


def _to_number(values: pa.Array, column: Column) -> pa.Array:
    if is_string(values.type):
        values = missing_as_null(values)
        numbers = _numbers(values)
        _check(values, numbers, column, "isn't a number")
    elif _typed_kind(values.type) is ColumnKind.DATE:
        raise DataError("dates can't be numbers.", column=column.name)
    else:
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        values = numbers = values.cast(pa.float64(), safe=False)
    numbers = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    finite = pc.if_else(pc.is_inf(numbers), pa.scalar(None, pa.float64()), numbers)
    if finite.null_count > numbers.null_count:
        known = pc.if_else(pc.is_valid(numbers), values, pa.scalar(None, values.type))
        _check(known, finite, column, "isn't finite")
    return numbers


def _numbers(values: pa.Array) -> pa.Array:
    try:
        numbers = values.cast(pa.float64())
    except pa.ArrowInvalid:
        is_number = pc.match_substring_regex(values, _NUMBER)
        values = pc.if_else(is_number, values, pa.scalar(None, values.type))
        numbers = pc.utf8_ltrim(values, "+").cast(pa.float64())
    return numbers


def _to_category(values: pa.Array, _column: Column) -> pa.Array:
    return missing_as_null(as_strings(values))


def as_strings(values: pa.Array) -> pa.Array:
    """Values of any simple type as strings; whole floats lose their ".0", so that 1 and 1.0 are one category."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        return _floats_as_strings(values.cast(pa.float64()))
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us", values.type.tz), safe=False)
    return _plain(values)


def _floats_as_strings(values: pa.Array) -> pa.Array:
    values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    is_whole = pc.and_(pc.equal(values, pc.floor(values)), pc.less_equal(pc.abs(values), 2.0**53))
    whole = pc.if_else(is_whole, values, pa.scalar(None, values.type)).cast(pa.int64()).cast(pa.string())
    return whole if whole.null_count == values.null_count else pc.coalesce(whole, values.cast(pa.string()))


def _to_date(values: pa.Array, column: Column) -> pa.Array:
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return values.cast(pa.timestamp("us", getattr(values.type, "tz", None)), safe=False).cast(
            pa.timestamp("us")
        )
    if pa.types.is_null(values.type):
        return values.cast(pa.timestamp("us"))
    if not is_string(values.type):
        raise DataError(f"values of type {values.type} aren't dates.", column=column.name)
    values = missing_as_null(values)
    format_ = column.format or _date_format(values)
    dates = _dates(values, format_)
    _check(values, dates, column, f"isn't a date like the others ({format_})")
    return dates


def _date_format(values: pa.Array) -> str:
    """The format that the most values are written in."""
    head = values.slice(0, 100)
    likely = sorted((*DATE_FORMATS, ISO), key=lambda format_: _dates(head, format_).null_count)[:3]
    return min(likely, key=lambda format_: _dates(values, format_).null_count)


def _dates(values: pa.Array, format_: str) -> pa.Array:
    """Dates, null where a string isn't one."""
    if format_ != ISO:
        return pc.strptime(values, format=format_, unit="us", error_is_null=True)
    some = pc.if_else(pc.match_substring_regex(values, _ISO), values, pa.scalar(None, values.type))
    for type_ in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return some.cast(type_).cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            continue
    return pa.nulls(len(values), pa.timestamp("us"))


def _to_text(values: pa.Array, column: Column) -> pa.Array:
    if _typed_kind(values.type) is ColumnKind.DATE:
        raise DataError("dates can't be text.", column=column.name)
    return pc.fill_null(as_strings(values), "")


_CONVERTERS: Mapping[ColumnKind, Callable[[pa.Array, Column], pa.Array]] = {
    ColumnKind.NUMBER: _to_number,
    ColumnKind.CATEGORY: _to_category,
    ColumnKind.DATE: _to_date,
    ColumnKind.TEXT: _to_text,
}


def _check(before: pa.Array, after: pa.Array, column: Column, problem: str) -> None:
    if after.null_count == before.null_count:
        return
    bad = pc.and_(pc.is_null(after), pc.is_valid(before))
    row = pc.index(bad, True).as_py()
    raise DataError(f"{shown(str(before[row].as_py()))} {problem}.", row=row + 1, column=column.name)
