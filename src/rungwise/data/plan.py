"""What the columns are and what is predicted from which of them, each with its reason."""

# N examples

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from rungwise.data.columns import Column, field
from rungwise.data.conversion import is_integral
from rungwise.data.images import FILE
from rungwise.data.inference import infer, sample
from rungwise.data.pool import Pool, converted, relocated
from rungwise.data.problem import choose_target, output_kind
from rungwise.data.source import Level, Note, shown
from rungwise.errors import ConfigError, DataError, UnknownNameError
from rungwise.kinds import ColumnKind, InputKind, OutputKind
from rungwise.rung import Pair

__all__ = ["GIVEN", "TARGET_HINT", "Plan", "make_plan"]

GIVEN = "given"
"""The reason of what the user said."""

TARGET_HINT = " Correct it, or choose a classification with `--task`."


_TARGET_KINDS = {pa.float64(): ColumnKind.NUMBER, pa.int64(): ColumnKind.NUMBER}


@dataclass(frozen=True)
class Plan:
    """What the columns are and what is predicted.

    Attributes:
        pair: what goes in and what comes out.
        columns: every column but the target.
        target: its name, its kind and the reason.
        target_type: the Arrow type of the targets.
        group: the column whose values stay together.
        time: the column that orders the rows.
        text_columns: what makes the text, for TEXT.
        notes: on what was inferred.
    """

    pair: Pair
    columns: tuple[Column, ...]
    target: Column
    target_type: pa.DataType
    group: Column | None
    time: Column | None
    text_columns: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def features(self) -> list[Column]:
        """The columns that aren't ignored."""
        return [column for column in self.columns if column.kind is not ColumnKind.IGNORE]

    def texts(self) -> set[str]:
        """The names of the columns that hold text."""
        return {column.name for column in self.columns if column.kind is ColumnKind.TEXT}


def make_plan(
    rows: Pool,
    target: str | None,
    pair: Pair | None,
    kinds: Mapping[str, ColumnKind],
    group: str | None,
    time: str | None,
) -> Plan:
    """What can be said before the values are converted: whether the rows are a table or texts is open still.

    Raises:
        UnknownNameError: if there is no column of a name that was given.
        DataError: if there is nothing to predict, or nothing to predict it from.
        ConfigError: if the target is to be something else too.
    """
    source = rows.sources[0]
    names = [name for name in rows.table.column_names if source.images is None or name != FILE]
    if source.images is not None and not names:
        raise DataError(
            "the images have no labels; put those of each class into a sub-folder.", file=source.name
        )
    for given in (*kinds, target, group, time):
        if given is not None and given not in names:
            raise UnknownNameError(f"{source.name}: column", given, names)
    if source.images is not None and target is None and len(names) == 1:
        name, why = names[0], "the only column beside the images"
    else:
        name, why = relocated(choose_target, names, target, file=source.name)
    if name in (*kinds, group, time):
        raise ConfigError(f"column {name!r} is the target, so it can't be anything else too.")
    train = rows.table.slice(0, rows.num_train)
    is_text_file = rows.is_text_file
    numbers = _numeric_target(rows, name, pair)
    inferred = relocated(_infer, name, train.column(name), is_text_file, file=source.name)
    train_numbers = None if numbers is None else numbers.slice(0, rows.num_train)
    output, reason = output_kind(inferred, train.column(name), train_numbers)
    notes = [Note(Level.INFO, f"The target is {name!r}: {why}.")]
    if pair is not None and pair[1] is not output:
        output, reason = pair[1], GIVEN
    notes.append(Note(Level.INFO, f"It is a {output}: {reason}."))
    target_type = _target_type(rows.table.schema.field(name).type, output, numbers)
    columns = []
    if source.images is None:
        columns = [
            _column(other, train.column(other), kinds, group, is_text_file, source.name)
            for other in names
            if other != name
        ]
    return Plan(
        pair=(InputKind.TABLE if source.images is None else InputKind.IMAGE, output),
        columns=tuple(columns),
        target=Column(name, _TARGET_KINDS.get(target_type, ColumnKind.CATEGORY), reason),
        target_type=target_type,
        group=None if group is None else Column(group, ColumnKind.CATEGORY, "the group"),
        time=None if time is None else _time_column(time, train.column(time), is_text_file, source.name),
        notes=tuple(notes),
    )


def _column(
    name: str,
    values: pa.ChunkedArray,
    kinds: Mapping[str, ColumnKind],
    group: str | None,
    is_text_file: bool,
    file: str,
) -> Column:
    if name in kinds:
        is_date = kinds[name] is ColumnKind.DATE
        inferred = relocated(_infer, name, values, True, file=file) if is_date else None
        return Column(name, kinds[name], GIVEN, inferred.format if inferred else None)
    if name == group:
        return Column(name, ColumnKind.IGNORE, "its values say what stays together in the split")
    try:
        return infer(name, values, parse=is_text_file)
    except DataError as error:
        raise DataError(
            f"{error.problem} Leave it out: `--column {name}=ignore`.", file=file, column=name
        ) from None


def _infer(name: str, values: pa.ChunkedArray, parse: bool) -> Column:
    return infer(name, values, parse=parse)


def _time_column(name: str, values: pa.ChunkedArray, is_text_file: bool, file: str) -> Column:
    column = relocated(_infer, name, values, is_text_file, file=file)
    if column.kind not in (ColumnKind.NUMBER, ColumnKind.DATE):
        value = sample(values)[0].as_py() if values.null_count < len(values) else None
        raise DataError(f"a time is a date or a number, {shown(value)} is neither.", file=file, column=name)
    return column


def _numeric_target(rows: Pool, name: str, pair: Pair | None) -> pa.ChunkedArray | None:
    """The target as float64 (N) if it holds numbers, None if it doesn't.

    Raises:
        DataError: if a few values aren't numbers, and nobody said that they are classes.
    """
    values = rows.table.column(name).slice(0, rows.num_train)
    if (
        relocated(_infer, name, values, rows.is_text_file, file=rows.sources[0].name).kind
        is not ColumnKind.NUMBER
    ):
        return None
    number = Column(name, ColumnKind.NUMBER, "")
    schema = pa.schema([field(name, ColumnKind.NUMBER)])
    try:
        batches = list(converted(rows, [number], [TARGET_HINT], schema))
    except DataError:
        if pair is not None and pair[1] is OutputKind.LABEL:
            return None
        raise
    return pa.Table.from_batches(batches, schema).column(0)


def _target_type(type_: pa.DataType, output: OutputKind, numbers: pa.ChunkedArray | None) -> pa.DataType:
    """How targets are held: labels as whole numbers and booleans if they are, else as strings."""
    if output is OutputKind.NUMBER:
        return pa.float64()
    if (
        numbers is not None
        and is_integral(numbers)
        and not pc.any(pc.greater(pc.abs(numbers), 2.0**53)).as_py()
    ):
        return pa.int64()
    return pa.bool_() if pa.types.is_boolean(type_) else pa.string()
