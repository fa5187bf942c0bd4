"""What the converted values say of the plan: which columns tell nothing, and whether rows are a table or texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from rungwise.data.columns import Column
from rungwise.data.inference import NUMBERS_ROWS, ignore_reason, mean_words, sample
from rungwise.data.plan import GIVEN, Plan
from rungwise.data.pool import Pool, relocated
from rungwise.data.problem import input_kind
from rungwise.data.source import SHOWN, Level, Note, shown
from rungwise.data.staging import Staged, num_missing
from rungwise.errors import DataError
from rungwise.kinds import ColumnKind, InputKind
from rungwise.rung import Pair

__all__ = ["settle"]

LONE_TEXT_REPEATS = 4
"""Strings that are all there is are texts if a value occurs less often than this on average."""


def settle(rows: Pool, plan: Plan, staged: Staged, pair: Pair | None) -> Plan:
    """The plan with columns that tell nothing ignored, and with the input's kind."""
    wanted = None if pair is None else pair[0]
    is_image = plan.pair[0] is InputKind.IMAGE
    if wanted is not None and (wanted is InputKind.IMAGE) != is_image:
        raise DataError(
            f"it holds {'images' if is_image else 'a table'}, not {wanted}s.", file=rows.sources[0].name
        )
    if is_image:
        note = Note(Level.INFO, f"The input is images: that is what {rows.sources[0].name} holds.")
        return replace(plan, notes=(*plan.notes, note))
    train = staged.features.slice(0, rows.num_train)
    columns = _without_useless(plan.columns, train, rows.sources[0].name)
    words = {
        name: mean_words(sample(values))
        for name, values in zip(train.column_names, train.columns, strict=True)
        if pa.types.is_string(values.type)
    }
    columns = _with_text(columns, train, words, wanted)
    if all(column.kind is ColumnKind.IGNORE for column in columns):
        pairs = zip(plan.columns, columns, strict=True)
        columns = [old if new.reason == NUMBERS_ROWS else new for old, new in pairs]
    kind, texts, reason = relocated(_input, columns, words, wanted, file=rows.sources[0].name)
    if kind is InputKind.TEXT:
        columns = [_beside_text(column, texts) for column in columns]
    if all(column.kind is ColumnKind.IGNORE for column in columns):
        reasons = "; ".join(f"{shown(column.name)}: {column.reason}" for column in columns[:SHOWN])
        reasons += "; …" if len(columns) > SHOWN else ""
        raise DataError(f"no column is left to predict from ({reasons}).", file=rows.sources[0].name)
    note = Note(Level.INFO, f"The input is {'texts' if kind is InputKind.TEXT else 'a table'}: {reason}.")
    return replace(
        plan,
        pair=(kind, plan.pair[1]),
        columns=tuple(columns),
        text_columns=texts,
        notes=(*plan.notes, note),
    )


def _input(
    columns: Sequence[Column], words: Mapping[str, float], wanted: InputKind | None
) -> tuple[InputKind, tuple[str, ...], str]:
    """The input's kind, the columns that make the text if it is text, and the reason."""
    kind, texts, reason = input_kind(columns, words)
    if wanted is None or wanted is kind:
        return kind, texts, reason
    if wanted is InputKind.TABLE:
        return wanted, (), GIVEN
    texts = tuple(column.name for column in columns if column.kind is ColumnKind.TEXT)
    if not texts:
        raise DataError("no column holds text.")
    return wanted, texts, GIVEN


def _beside_text(column: Column, texts: Sequence[str]) -> Column:
    """The column, ignored if it isn't one of the texts."""
    if column.name in texts or column.kind is ColumnKind.IGNORE:
        return column
    reason = "left out beside the text; `--task` with `tabular` uses it"
    return replace(column, kind=ColumnKind.IGNORE, reason=reason)


def _without_useless(columns: Sequence[Column], train: pa.Table, file: str) -> list[Column]:
    """Columns, those ignored that can't tell anything.

    Raises:
        DataError: if every value of one is missing.
    """
    out = []
    for column in columns:
        if column.kind is not ColumnKind.IGNORE:
            values = train.column(column.name)
            if num_missing(values, column.kind) == len(values):
                raise DataError(
                    f"every value is missing; fill it, or leave it out: `--column {column.name}=ignore`.",
                    file=file,
                    column=column.name,
                )
            reason = None if column.reason == GIVEN else ignore_reason(column, values)
            column = replace(column, kind=ColumnKind.IGNORE, reason=reason) if reason else column
        out.append(column)
    return out


def _with_text(
    columns: list[Column], train: pa.Table, words: Mapping[str, float], wanted: InputKind | None
) -> list[Column]:
    """Columns, one of strings being text where there is nothing else to learn from, or where texts are wanted."""
    used = [column for column in columns if column.kind is not ColumnKind.IGNORE]
    if wanted is InputKind.TABLE or any(column.kind is ColumnKind.TEXT for column in used):
        return columns
    strings = [column for column in columns if column.name in words and column.reason != GIVEN]
    if not strings:
        return columns
    longest = max(strings, key=lambda column: words[column.name])
    if wanted is not InputKind.TEXT:
        known = sample(train.column(longest.name))
        is_lone = not [column for column in used if column.name != longest.name]
        if not is_lone or pc.count_distinct(known).as_py() * LONE_TEXT_REPEATS < len(known):
            return columns
    alone = "strings that hardly repeat, and nothing beside them"
    reason = "texts are wanted, and its strings are the longest" if wanted is InputKind.TEXT else alone
    text = replace(longest, kind=ColumnKind.TEXT, reason=reason)
    return [text if column.name == longest.name else column for column in columns]
