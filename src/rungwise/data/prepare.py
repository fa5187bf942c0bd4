"""`prepare`: reads, infers, checks, splits, and writes a dataset's folder."""

# N examples

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from rungwise.data.columns import (
    NUMBERS_ROWS,
    Column,
    column_type,
    field,
    ignore_reason,
    infer,
    is_integral,
    mean_words,
    sample,
)
from rungwise.data.dataset import IMAGES, MANIFEST, TABLE, Dataset, write_manifest
from rungwise.data.images import FILE
from rungwise.data.pool import BATCH_ROWS, FREE, Pool, converted, pool
from rungwise.data.problem import choose_target, input_kind, output_kind
from rungwise.data.reading import read
from rungwise.data.rowhash import hash_images, hash_table
from rungwise.data.source import PARTS, BatchWriter, Level, Note, Source, mapped_table, workspace
from rungwise.data.split import (
    DROPPED,
    MAX_TEST_ROWS,
    MAX_VALID_ROWS,
    MIN_CLASS_ROWS,
    by_group,
    by_time,
    part_sizes,
    stratified,
)
from rungwise.errors import ConfigError, DataError, UnknownNameError
from rungwise.kinds import ColumnKind, InputKind, OutputKind
from rungwise.rung import Pair

__all__ = ["joined", "prepare"]

Result = TypeVar("Result")

SHOWN = 10
"""Names listed in one note."""

TARGET_HINT = " Correct it, or choose a classification with `--task`."

GIVEN = "given"
"""The reason of what the user said."""

LONE_TEXT_REPEATS = 4
"""Strings that are all there is are texts if a value occurs less often than this on average."""

MIN_ROWS_TO_DOUBT = 20
"""Rows from which on hardly a row a class is a mistake."""

IMAGE_ROWS = 1024

_TARGET_KINDS = {pa.float64(): ColumnKind.NUMBER, pa.int64(): ColumnKind.NUMBER}

RAW = "raw"
"""The sub-folder for what is read, removed at the end."""


def prepare(
    train: Any,
    *,
    valid: Any = None,
    test: Any = None,
    target: str | None = None,
    pair: Pair | None = None,
    columns: Mapping[str, ColumnKind] | None = None,
    group: str | None = None,
    time: str | None = None,
    seed: int = 0,
    encoding: str = "utf-8",
    folder: Path | None = None,
    valid_size: float = 0.1,
    test_size: float = 0.2,
    image_size: int | None = None,
    drop_missing_target: bool = False,
) -> Dataset:
    """A dataset from anything that `read` reads.

    Args:
        train: what to learn from, and to cut the other parts from where they aren't given.
        valid: what to choose settings by.
        test: what to judge by.
        target: the column to predict; None infers it.
        pair: what goes in and what comes out; None infers it.
        columns: kinds of columns that aren't as inferred.
        group: a column whose equal values stay in one part.
        time: a column by which train is the oldest and test the newest.
        seed: of the split.
        encoding: of text files.
        folder: where the dataset goes; None for a temporary one, which goes when the dataset does.
        valid_size: share of train's rows that valid gets where it isn't given.
        test_size: share of train's rows that test gets where it isn't given.
        image_size: height and width that images are resized to.
        drop_missing_target: whether rows without a target are dropped and counted, or an error.

    Raises:
        DataError: if the data can't be used; the message names file, row and column.
        UnknownNameError: if there is no column of a name that was given.
        ConfigError: if a setting can't be used.
    """
    _check_settings(group, time, valid_size, test_size)
    space, keeps = workspace(folder)
    if (space / MANIFEST).exists():
        raise DataError("the folder holds a dataset already; choose another.", file=space)
    kinds = _given_kinds(columns or {})
    pair = _given_pair(pair)
    given = {"train": train, "valid": valid, "test": test}
    try:
        sources = _read_all(given, encoding, space / RAW, image_size)
        optional = [name for name, kind in kinds.items() if kind is ColumnKind.IGNORE]
        rows = pool(sources, [*optional, *(name for name in (group, time) if name is not None)])
        draft = _plan(rows, target, pair, kinds, group, time)
        staged = _stage(rows, draft, space / RAW / "draft.arrow")
        plan = _settle(rows, draft, staged, pair)
        if any(
            new.kind is ColumnKind.TEXT and old != new
            for old, new in zip(draft.columns, plan.columns, strict=True)
        ):
            staged = _stage(
                rows, plan, space / RAW / "staged.arrow"
            )  # texts aren't trimmed as categories are
        _check_classes(rows, plan, staged.target.slice(0, rows.num_train))
        hashes = _hashes(rows, plan, staged)
        parts, notes = _split(rows, plan, staged, hashes, (valid_size, test_size), seed, drop_missing_target)
        classes, more = _classes(rows, plan, staged.target, parts)
        notes = [*rows.notes, *plan.notes, *notes, *more, *_findings(rows, plan, staged, hashes, parts)]
        _write_parts(space, rows, plan, staged, parts)
        if plan.pair[0] is InputKind.IMAGE:
            _write_images(space, rows, parts)
        fingerprint = _fingerprint(plan, staged, hashes)
        image_shape = rows.sources[0].images.shape[1:] if rows.sources[0].images is not None else None
        write_manifest(
            space,
            pair=plan.pair,
            columns=plan.columns,
            text_columns=plan.text_columns,
            target=plan.target.name,
            classes=classes,
            image_shape=image_shape,
            sources={part: sources[part if part in sources else "train"].name for part in PARTS},
            fingerprint=fingerprint,
            split_hash=hashlib.sha256(fingerprint.encode() + parts.tobytes()).hexdigest()[:12],
            notes=notes,
        )
    finally:
        shutil.rmtree(space / RAW, ignore_errors=True)
    return Dataset._open(space, keeps)


def _check_settings(group: str | None, time: str | None, valid_size: float, test_size: float) -> None:
    problems = []
    if group is not None and time is not None:
        problems.append("group and time can't both say how to split; give one")
    problems += [
        f"{name}={size!r} must be a share between 0 and 0.5"
        for name, size in (("valid_size", valid_size), ("test_size", test_size))
        if not 0 < size <= 0.5
    ]
    if problems:
        raise ConfigError("; ".join(problems) + ".")


def _given_kinds(columns: Mapping[str, ColumnKind]) -> dict[str, ColumnKind]:
    allowed = [kind.value for kind in ColumnKind if kind is not ColumnKind.IMAGE]
    problems = [f"{name}={kind}" for name, kind in columns.items() if kind not in allowed]
    if problems:
        raise ConfigError(f"{', '.join(problems)}: a column's kind is one of {', '.join(allowed)}.")
    return {name: ColumnKind(kind) for name, kind in columns.items()}


def _given_pair(pair: Pair | None) -> Pair | None:
    try:
        return None if pair is None else (InputKind(pair[0]), OutputKind(pair[1]))
    except ValueError as error:
        known = f"{', '.join(InputKind)} and of {', '.join(OutputKind)}"
        raise ConfigError(f"{error}: a pair is one of {known}.") from None


def _read_all(
    given: Mapping[str, Any], encoding: str, space: Path, image_size: int | None
) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for part, data in given.items():
        if data is None:
            continue
        shape = sources["train"].images.shape if sources and sources["train"].images is not None else None
        size = shape[1] if shape is not None and shape[1] == shape[2] else image_size
        sources[part] = read(data, encoding=encoding, folder=space / part, image_size=size)
    return sources


# ---------------------------------------------------------------------------------------- what is in there


@dataclass(frozen=True)
class _Plan:
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


def _plan(
    rows: Pool,
    target: str | None,
    pair: Pair | None,
    kinds: Mapping[str, ColumnKind],
    group: str | None,
    time: str | None,
) -> _Plan:
    """What can be said before the values are converted: whether the rows are a table or texts is open still."""
    source = rows.sources[0]
    names = [name for name in rows.table.column_names if source.images is None or name != FILE]
    if source.images is not None and not names:
        raise DataError(
            "the images have no labels; put those of each class into a sub-folder.", file=source.name
        )
    for name in (*kinds, *(name for name in (group, time) if name is not None)):
        if name not in names:
            raise UnknownNameError("column", name, names)
    if source.images is not None and target is None and len(names) == 1:
        name, why = names[0], "the only column beside the images"
    else:
        name, why = _relocated(choose_target, names, target, file=source.name)
    if name in (*kinds, group, time):
        raise ConfigError(f"column {name!r} is the target, so it can't be anything else too.")
    train = rows.table.slice(0, rows.num_train)
    is_text_file = rows.is_text_file
    numbers = _numeric_target(rows, name, pair)
    inferred = infer(name, train.column(name), parse=is_text_file)
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
    return _Plan(
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
        inferred = infer(name, values, parse=True) if kinds[name] is ColumnKind.DATE else None
        return Column(name, kinds[name], GIVEN, inferred.format if inferred else None)
    if name == group:
        return Column(name, ColumnKind.IGNORE, "its values say what stays together in the split")
    try:
        return infer(name, values, parse=is_text_file)
    except DataError as error:
        raise DataError(
            f"{error.problem} Leave it out: `--column {name}=ignore`.", file=file, column=name
        ) from None


def _time_column(name: str, values: pa.ChunkedArray, is_text_file: bool, file: str) -> Column:
    column = infer(name, values, parse=is_text_file)
    if column.kind not in (ColumnKind.NUMBER, ColumnKind.DATE):
        shown = sample(values)[0].as_py() if values.null_count < len(values) else None
        raise DataError(f"a time is a date or a number, {shown!r} is neither.", file=file, column=name)
    return column


def _numeric_target(rows: Pool, name: str, pair: Pair | None) -> pa.ChunkedArray | None:
    """The target as float64 (N) if it holds numbers, None if it doesn't.

    Raises:
        DataError: if a few values aren't numbers, and nobody said that they are classes.
    """
    values = rows.table.column(name).slice(0, rows.num_train)
    if infer(name, values, parse=rows.is_text_file).kind is not ColumnKind.NUMBER:
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
    if numbers is not None and is_integral(numbers):
        return pa.int64()
    return pa.bool_() if pa.types.is_boolean(type_) else pa.string()


# ------------------------------------------------------------------------------------------------- staging


@dataclass(frozen=True)
class _Staged:
    """Converted values of all rows (N)."""

    features: pa.Table
    target: pa.ChunkedArray
    group: pa.ChunkedArray | None
    time: pa.ChunkedArray | None


def _stage(rows: Pool, plan: _Plan, file: Path) -> _Staged:
    """Convert the features, the target, and the group and the time if there are any."""
    extras = [column for column in (plan.group, plan.time) if column is not None]
    hints = [
        f" Correct it, or say what the column holds: `--column {column.name}=category`,"
        f" or leave it out: `--column {column.name}=ignore`."
        for column in plan.features
    ]
    hints += [TARGET_HINT, *([""] * len(extras))]
    fields = [field(column.name, column.kind) for column in plan.features]
    fields.append(pa.field(plan.target.name, plan.target_type))
    fields += [pa.field(column.name, column_type(column.kind)) for column in extras]
    schema = pa.schema(fields)
    file.parent.mkdir(parents=True, exist_ok=True)
    with BatchWriter(file, schema) as writer:
        writer.write(converted(rows, [*plan.features, plan.target, *extras], hints, schema))
    table = mapped_table(file)
    num = len(plan.features)
    return _Staged(
        features=table.select(list(range(num))),
        target=table.column(num),
        group=table.column(num + 1) if plan.group else None,
        time=table.column(num + 1) if plan.time else None,
    )


# ----------------------------------------------------------------------------------------- table or texts


def _settle(rows: Pool, plan: _Plan, staged: _Staged, pair: Pair | None) -> _Plan:
    """The plan with columns that tell nothing ignored, and with the input's kind."""
    wanted = None if pair is None else pair[0]
    is_image = plan.pair[0] is InputKind.IMAGE
    if wanted is not None and (wanted is InputKind.IMAGE) != is_image:
        raise DataError(
            f"it holds {'images' if is_image else 'a table'}, not {wanted}s.", file=rows.sources[0].name
        )
    if is_image:
        return plan
    train = staged.features.slice(0, rows.num_train)
    columns = _without_useless(plan.columns, train, rows.sources[0].name)
    words = {
        name: mean_words(sample(values))
        for name, values in zip(train.column_names, train.columns, strict=True)
        if pa.types.is_string(values.type)
    }
    columns = _with_text(columns, train, words, wanted)
    kind, texts, reason = input_kind(columns, words)
    if wanted is not None and wanted is not kind:
        kind, reason = wanted, GIVEN
        texts = tuple(column.name for column in columns if column.kind is ColumnKind.TEXT)
        if wanted is InputKind.TEXT and not texts:
            raise DataError("no column holds text.", file=rows.sources[0].name)
    if kind is InputKind.TEXT:
        beside = "left out beside the text; `--task` with `tabular` uses it"
        columns = [
            column
            if column.name in texts or column.kind is ColumnKind.IGNORE
            else replace(column, kind=ColumnKind.IGNORE, reason=beside)
            for column in columns
        ]
    if all(column.kind is ColumnKind.IGNORE for column in columns):
        reasons = "; ".join(f"{column.name!r}: {column.reason}" for column in columns)
        raise DataError(f"no column is left to predict from ({reasons}).", file=rows.sources[0].name)
    note = Note(Level.INFO, f"The input is {'texts' if kind is InputKind.TEXT else 'a table'}: {reason}.")
    return replace(
        plan,
        pair=(kind, plan.pair[1]),
        columns=tuple(columns),
        text_columns=texts if kind is InputKind.TEXT else (),
        notes=(*plan.notes, note),
    )


def _texts(plan: _Plan) -> set[str]:
    return {column.name for column in plan.columns if column.kind is ColumnKind.TEXT}


def _without_useless(columns: Sequence[Column], train: pa.Table, file: str) -> list[Column]:
    """Columns, those ignored that can't tell anything.

    Raises:
        DataError: if every value of one is missing.
    """
    out = []
    for column in columns:
        if column.kind is not ColumnKind.IGNORE:
            values = train.column(column.name)
            if _num_missing(values, column.kind) == len(values):
                raise DataError(
                    f"every value is missing; fill it, or leave it out: `--column {column.name}=ignore`.",
                    file=file,
                    column=column.name,
                )
            reason = None if column.reason == GIVEN else ignore_reason(column, values)
            column = replace(column, kind=ColumnKind.IGNORE, reason=reason) if reason else column
        out.append(column)
    if any(column.kind is not ColumnKind.IGNORE for column in out):
        return out
    return [old if new.reason == NUMBERS_ROWS else new for old, new in zip(columns, out, strict=True)]


def _num_missing(values: pa.ChunkedArray, kind: ColumnKind) -> int:
    if kind is ColumnKind.TEXT:
        return int(pc.sum(pc.equal(values, "")).as_py() or 0)
    return int(values.null_count)


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
    text = replace(
        longest, kind=ColumnKind.TEXT, reason="strings that hardly repeat, and nothing beside them"
    )
    return [text if column.name == longest.name else column for column in columns]


# --------------------------------------------------------------------------------------------------- split


def _split(
    rows: Pool,
    plan: _Plan,
    staged: _Staged,
    hashes: NDArray[np.uint64],
    shares: tuple[float, float],
    seed: int,
    drop_missing_target: bool,
) -> tuple[NDArray[np.int8], list[Note]]:
    """The part of each row (N), and what is to be said of it."""
    parts = rows.parts()
    notes = _drop_missing(rows, plan, staged.target, parts, drop_missing_target)
    free = np.flatnonzero(parts == FREE)
    valid_share, test_share = (
        0.0 if rows.has(part) else share for part, share in zip(PARTS[1:], shares, strict=True)
    )
    if valid_share or test_share:
        with_file = partial(_relocated, file=rows.sources[0].name)
        sizes = with_file(part_sizes, len(free), valid_share, test_share)
        rng = np.random.default_rng(seed)
        if plan.group is not None and staged.group is not None:
            parts[free] = with_file(
                by_group, _codes(_known(rows, plan.group, staged.group, free)), sizes, rng
            )
            how = f"whole groups of {plan.group.name!r}"
        elif plan.time is not None and staged.time is not None:
            times = _known(rows, plan.time, staged.time, free)
            parts[free] = by_time(times.to_numpy(), sizes)
            how = f"by {plan.time.name!r}, the oldest for train, the newest for test"
        else:
            strata, more = _strata(plan, staged.target, free)
            units = np.arange(len(free))
            if plan.pair[0] is not InputKind.TABLE:
                units, twins = _units(hashes[free])
                more += twins
            parts[free] = stratified(strata, units, sizes, rng)
            notes += more
            how = "stratified by class" if plan.pair[1] is OutputKind.LABEL else "at random"
        cut = " and ".join(part for part in PARTS[1:] if not rows.has(part))
        for part, size, cap in (("valid", sizes.valid, MAX_VALID_ROWS), ("test", sizes.test, MAX_TEST_ROWS)):
            if size == cap:
                notes.append(
                    Note(Level.INFO, f"{part} has {cap:,} rows: more would cost time and judge no better.")
                )
        notes.append(Note(Level.INFO, f"{cut} cut from {rows.sources[0].name}: {how}, seed {seed}."))
    parts[parts == FREE] = 0
    for number, part in enumerate(PARTS):
        if not (parts == number).any():
            raise DataError(
                f"no rows are left for {part}: there are too few, or their classes are too rare.",
                file=rows.sources[0].name,
            )
    return parts, notes


def _relocated(function: Callable[..., Result], *args: Any, file: str) -> Result:
    """Call a function whose errors don't know the file."""
    try:
        return function(*args)
    except DataError as error:
        raise DataError(error.problem, file=file, row=error.row, column=error.column) from None


def _drop_missing(
    rows: Pool, plan: _Plan, target: pa.ChunkedArray, parts: NDArray[np.int8], drop: bool
) -> list[Note]:
    """Marks rows without a target, in place."""
    if not target.null_count:
        return []
    missing = pc.is_null(target).to_numpy()
    if not drop:
        file, row = rows.where(int(missing.argmax()))
        more = f" here, the first of {target.null_count} such rows" if target.null_count > 1 else ""
        raise DataError(
            f"the target is missing{more}; fill it, or leave such rows out: `--drop-missing-target`.",
            file=file,
            row=row,
            column=plan.target.name,
        )
    parts[missing] = DROPPED
    return [Note(Level.WARNING, f"{target.null_count} of {rows.num_rows} rows dropped: they have no target.")]


def _known(rows: Pool, column: Column, values: pa.ChunkedArray, free: NDArray[np.int64]) -> pa.ChunkedArray:
    """The values of the free rows, none of them missing."""
    some = values.take(pa.array(free))
    if some.null_count:
        file, row = rows.where(int(free[pc.is_null(some).to_numpy().argmax()]))
        raise DataError(
            f"the value is missing, so it isn't clear which part the row belongs to; fill it (missing in"
            f" {some.null_count} rows).",
            file=file,
            row=row,
            column=column.name,
        )
    return some


def _codes(values: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """Values (N) numbered in the order in which they first occur."""
    return np.asarray(pc.index_in(values, value_set=pc.unique(values)).to_numpy()).astype(np.int64)


def _strata(
    plan: _Plan, target: pa.ChunkedArray, free: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[Note]]:
    """The class of each free row, or zero, and which classes are too rare to split."""
    if plan.pair[1] is OutputKind.NUMBER:
        return np.zeros(len(free), np.int64), []
    labels = target.take(pa.array(free))
    codes = _codes(labels)
    counts = np.bincount(codes)
    rare = np.flatnonzero(counts < MIN_CLASS_ROWS)
    if not len(rare):
        return codes, []
    shown = _shown([repr(label) for label in pc.unique(labels).take(pa.array(rare)).to_pylist()])
    return codes, [
        Note(
            Level.WARNING,
            f"{len(rare)} classes of fewer than {MIN_CLASS_ROWS} rows are in train alone: {shown}.",
        )
    ]


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def _units(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], list[Note]]:
    """Equal inputs numbered as one."""
    units = _codes(pa.array(hashes))
    num_twins = len(hashes) - int(units.max()) - 1
    if not num_twins:
        return units, []
    message = f"{num_twins} of {len(hashes)} inputs repeat another one exactly; each stands in the part of its twin."
    return units, [Note(Level.INFO, message)]


# --------------------------------------------------------------------------------------------- what to say


def _findings(
    rows: Pool, plan: _Plan, staged: _Staged, hashes: NDArray[np.uint64], parts: NDArray[np.int8]
) -> list[Note]:
    """Duplicates across parts, missing values, empty texts, labels that train lacks."""
    notes = []
    in_train = pa.array(hashes[parts == 0])
    for number, part in enumerate(PARTS[1:], 1):
        some = hashes[parts == number]
        num_twins = pc.sum(pc.is_in(pa.array(some), value_set=in_train)).as_py()
        if num_twins:
            message = f"{num_twins} of {len(some)} {part} rows have the same input as a row of train."
            notes.append(Note(Level.WARNING, message))
    target = plan.target
    if (
        plan.pair == (InputKind.TABLE, OutputKind.LABEL)
        and plan.target_type == pa.int64()
        and target.reason != GIVEN
    ):
        message = (
            f"If distances between the numbers in {target.name!r} matter, use `--task tabular-regression`."
        )
        notes.append(Note(Level.INFO, message))
    missing = {
        column.name: _num_missing(staged.features.column(column.name), column.kind)
        for column in plan.features
    }
    if plan.pair[0] is InputKind.TEXT:
        num_empty = int(_empty_texts(staged.features.select(list(plan.text_columns))))
        if num_empty:
            notes.append(
                Note(Level.WARNING, f"{num_empty} of {rows.num_rows} texts are empty; they are kept.")
            )
    elif any(missing.values()):
        shown = _shown([f"{name} {count}" for name, count in missing.items() if count])
        notes.append(Note(Level.INFO, f"Missing values of {rows.num_rows}: {shown}."))
    return notes


def _empty_texts(texts: pa.Table) -> int:
    empty = np.ones(texts.num_rows, bool)
    for values in texts.columns:
        empty &= pc.equal(pc.utf8_trim_whitespace(values), "").to_numpy()
    return int(empty.sum())


def _check_classes(rows: Pool, plan: _Plan, target: pa.ChunkedArray) -> None:
    """Classes must be at least two and not hardly a row each.

    Raises:
        DataError: if they aren't.
    """
    if plan.pair[1] is OutputKind.NUMBER:
        return
    classes = pc.unique(target.drop_null())
    num_rows = len(target) - target.null_count
    file, name = rows.sources[0].name, plan.target.name
    if len(classes) < 2:
        shown = f"the target {classes[0].as_py()!r}" if len(classes) else "no target"
        raise DataError(f"every row has {shown}; at least two classes are needed.", file=file, column=name)
    if len(classes) > num_rows / 2 and num_rows >= MIN_ROWS_TO_DOUBT:
        raise DataError(
            f"{len(classes)} classes in {num_rows} rows are too many to learn; choose another `--target`, or a"
            " regression with `--task`.",
            file=file,
            column=name,
        )


def _classes(
    rows: Pool, plan: _Plan, target: pa.ChunkedArray, parts: NDArray[np.int8]
) -> tuple[list[Any] | None, list[Note]]:
    """The classes of train in order, and a note on those that only the other parts have."""
    if plan.pair[1] is OutputKind.NUMBER:
        return None, []
    by_part = [
        pc.unique(target.filter(pa.array(parts == number))).to_pylist() for number in range(len(PARTS))
    ]
    classes = sorted(by_part[0])
    if len(classes) < 2:
        raise DataError(
            f"every row of train has the target {classes[0]!r} after the split; choose another split.",
            file=rows.sources[0].name,
            column=plan.target.name,
        )
    notes = []
    for part, labels in zip(PARTS[1:], by_part[1:], strict=True):
        unseen = sorted(set(labels) - set(classes))
        if unseen:
            shown = _shown([repr(label) for label in unseen])
            message = f"{part} has classes that train lacks, so their rows count as wrong: {shown}."
            notes.append(Note(Level.WARNING, message))
    return classes, notes


# ----------------------------------------------------------------------------------------------- writing


def _hashes(rows: Pool, plan: _Plan, staged: _Staged) -> NDArray[np.uint64]:
    """A number for each row (N) that is equal for equal inputs."""
    if plan.pair[0] is InputKind.IMAGE:
        return np.concatenate(
            [hash_images(source.images) for source in rows.sources if source.images is not None]
        )
    return hash_table(staged.features.select([column.name for column in plan.features]))


def _fingerprint(plan: _Plan, staged: _Staged, hashes: NDArray[np.uint64]) -> str:
    names = [[column.name, column.kind] for column in plan.features]
    digest = hashlib.sha256(json.dumps([*plan.pair, plan.target.name, names]).encode())
    digest.update(hashes.astype("<u8").tobytes())
    digest.update(hash_table(pa.table([staged.target], names=["target"])).astype("<u8").tobytes())
    return digest.hexdigest()


def _write_parts(folder: Path, rows: Pool, plan: _Plan, staged: _Staged, parts: NDArray[np.int8]) -> None:
    """Scatter the rows, batch by batch, in their order."""
    fields = [field(column.name, column.kind) for column in plan.features]
    table = staged.features.select([column.name for column in plan.features])
    if plan.text_columns:
        fields = [field(" + ".join(plan.text_columns), ColumnKind.TEXT)]
        table = pa.table([joined(table)], names=[fields[0].name])
    fields += [pa.field(plan.target.name, plan.target_type), pa.field("row", pa.int64())]
    columns = [*table.columns, staged.target, pa.chunked_array([rows.row_numbers()])]
    whole = pa.Table.from_arrays(columns, schema=pa.schema(fields))
    with ExitStack() as stack:
        writers = []
        for part in PARTS:
            (folder / part).mkdir(exist_ok=True)
            writers.append(stack.enter_context(BatchWriter(folder / part / TABLE, whole.schema)))
        start = 0
        for batch in whole.to_batches(BATCH_ROWS):
            some = parts[start : start + batch.num_rows]
            for number, writer in enumerate(writers):
                writer.write([batch.take(pa.array(np.flatnonzero(some == number)))])
            start += batch.num_rows


def joined(texts: pa.Table) -> pa.ChunkedArray:
    """Texts in several columns as one, a line each."""
    return texts.column(0) if texts.num_columns == 1 else pc.binary_join_element_wise(*texts.columns, "\n")


def _write_images(folder: Path, rows: Pool, parts: NDArray[np.int8]) -> None:
    """Scatter the pixels, batch by batch, in their order."""
    images = [source.images for source in rows.sources if source.images is not None]
    starts = np.cumsum([0, *map(len, images)])
    for number, part in enumerate(PARTS):
        shape = (int((parts == number).sum()), *images[0].shape[1:])
        out = open_memmap(folder / part / IMAGES, mode="w+", dtype=np.uint8, shape=shape)
        end = 0
        for array, start in zip(images, starts, strict=False):
            index = np.flatnonzero(parts[start : start + len(array)] == number)
            for some in np.array_split(index, max(1, len(index) // IMAGE_ROWS)):
                out[end : end + len(some)] = array[some]
                end += len(some)
        out.flush()
