"""Tables of the page, which its script makes sortable: headings, cells and rows for the macro `table`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

__all__ = ["Cell", "Column", "Row", "Table", "amount"]


@dataclass(frozen=True)
class Column:
    """A heading.

    Attributes:
        title: what it says.
        is_descending: whether the greatest value comes first where it is sorted by.
    """

    title: str
    is_descending: bool = False


@dataclass(frozen=True)
class Cell:
    """What stands in one place.

    Attributes:
        shown: a text, or a message.
        sort: the number that it is sorted by; None for a text, and for what isn't known, which comes last.
        style: class of the style sheet.
        span: columns that it fills.
        quiet: what is said behind it, less loudly.
        is_strong: whether it is what one looks for in the row.
        figure: a small chart before it.
    """

    shown: str = ""
    sort: float | None = None
    style: str = "number"
    span: int = 1
    quiet: str = ""
    is_strong: bool = False
    figure: Markup | None = None


@dataclass(frozen=True)
class Row:
    """A row, which begins with a heading of its own.

    Attributes:
        name: a rung, or what else the row is of.
        cells: the others.
        note: what is said beneath.
        is_rung: whether the name is a rung's.
        is_recommended: whether it is the rung to take.
        pair: what errors the row is of; empty where it isn't of any.
    """

    name: str
    cells: Sequence[Cell]
    note: str = ""
    is_rung: bool = True
    is_recommended: bool = False
    pair: str = ""

    @property
    def num_columns(self) -> int:
        """That it fills."""
        return 1 + sum(cell.span for cell in self.cells)


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        id: of its caption.
        caption: what the numbers are.
        columns: the headings, that of the rows' own first.
        rows: in the order that they have before they are sorted.
        style: class of the style sheet.
    """

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    style: str = ""


def amount(value: float | None, text: Callable[[float], str]) -> Cell:
    """A number that is sorted by, as it is written; empty where it isn't known."""
    if value is None or math.isnan(value):
        return Cell()
    return Cell(text(value), float(value))
