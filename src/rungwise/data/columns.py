"""What a column is: its kind and the Arrow types that go with it.

Number is float64, date timestamp[us], category and text are strings; a missing value is null, a missing text "".
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from rungwise.errors import DataError
from rungwise.kinds import ColumnKind

__all__ = [
    "Column",
    "check_type",
    "column_type",
    "field",
    "is_string",
    "is_usable",
    "shown_type",
    "typed_kind",
]

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


def typed_kind(type_: pa.DataType) -> ColumnKind | None:
    """The kind that an Arrow type stands for, None where the values decide."""
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
    return is_string(plain) or typed_kind(plain) is not None


def check_type(name: str, type_: pa.DataType) -> None:
    """Sees that the type of a column can be used.

    Raises:
        DataError: if it can't.
    """
    if not is_usable(type_):
        raise DataError(
            f"its type {shown_type(type_)} can't be used; numbers, strings, booleans and dates can.",
            column=name,
        )


def shown_type(type_: pa.DataType) -> str:
    """A type in short: those of nested values can be long."""
    return str(type_)[:100]
