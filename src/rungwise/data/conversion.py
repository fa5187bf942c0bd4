"""Values of any type → the one form of their kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rungwise.data.columns import Column, check_type, is_string, shown_type, typed_kind
from rungwise.data.source import shown
from rungwise.errors import DataError
from rungwise.kinds import ColumnKind

__all__ = [
    "MISSING",
    "NUMBER",
    "as_strings",
    "convert",
    "date_format",
    "dates",
    "is_integral",
    "missing_as_null",
]

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "?")
"""What stands for a missing value in text files; in free text only the empty string does."""

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
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


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
    check_type(column.name, values.type)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    try:
        return _CONVERTERS[column.kind](values, column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"its values of type {shown_type(values.type)} can't be {column.kind} ({str(error)[:200]}).",
            column=column.name,
        ) from None


def _to_number(values: pa.Array, column: Column) -> pa.Array:
    if is_string(values.type):
        values = missing_as_null(values)
        numbers = _numbers(values)
        _check(values, numbers, column, "isn't a number")
    elif typed_kind(values.type) is ColumnKind.DATE:
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
        is_number = pc.match_substring_regex(values, NUMBER)
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
    format_ = column.format or date_format(values)
    found = dates(values, format_)
    _check(values, found, column, f"isn't a date like the others ({format_})")
    return found


def date_format(values: pa.Array) -> str:
    """The format that the most values are written in."""
    head = values.slice(0, 100)
    likely = sorted((*DATE_FORMATS, ISO), key=lambda format_: dates(head, format_).null_count)[:3]
    return min(likely, key=lambda format_: dates(values, format_).null_count)


def dates(values: pa.Array, format_: str) -> pa.Array:
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
    if typed_kind(values.type) is ColumnKind.DATE:
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


def is_integral(values: pa.Array | pa.ChunkedArray) -> bool:
    """Whether all numbers are whole."""
    if not pa.types.is_floating(values.type):
        return bool(pa.types.is_integer(values.type))
    return bool(pc.all(pc.equal(values, pc.floor(values))).as_py() is not False)
