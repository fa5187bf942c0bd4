"""What is wrong or odd with converted data."""

# N examples

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.inference import SIGNED_NUMBERS
from rungwise.data.limits import MAX_LABEL_CHARACTERS
from rungwise.data.plan import GIVEN, Plan
from rungwise.data.pool import Pool
from rungwise.data.source import PARTS, Level, Note, shown, shown_names
from rungwise.data.split import TRAIN
from rungwise.data.staging import Staged, num_missing
from rungwise.errors import DataError
from rungwise.kinds import InputKind, OutputKind

__all__ = ["check_classes", "find_classes", "findings", "told_twins", "twins"]

_TWINS = "{} of {} {} rows have the same input as a row of train."

MIN_ROWS_TO_DOUBT = 20
"""Rows from which on hardly a row a class is a mistake."""

UNEQUAL = 10
"""Times the rows of the rarest class that the most frequent one may have unmentioned."""


def check_classes(rows: Pool, plan: Plan, target: pa.ChunkedArray) -> None:
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
        what = f"the target {shown(classes[0].as_py())}" if len(classes) else "no target"
        raise DataError(f"every row has {what}; at least two classes are needed.", file=file, column=name)
    if len(classes) > num_rows / 2 and num_rows >= MIN_ROWS_TO_DOUBT:
        raise DataError(
            f"{len(classes)} classes in {num_rows} rows are too many to learn; choose another `--target`, or a"
            " regression with `--task`.",
            file=file,
            column=name,
        )


def _check_labels(rows: Pool, name: str, target: pa.ChunkedArray) -> None:
    """The names of classes are held at one length each, without zeros at their end."""
    long = pc.greater(pc.utf8_length(target), MAX_LABEL_CHARACTERS)
    problems = {
        f"has a name of more than {MAX_LABEL_CHARACTERS:,} characters; choose another `--target`, or shorten it": long,
        "ends with a zero character; remove it": pc.ends_with(target, "\0"),
    }
    for problem, is_bad in problems.items():
        number = pc.index(is_bad, True).as_py()
        if number >= 0:
            file, row = rows.where(number)
            label = shown(target[number].as_py())
            raise DataError(f"the class {label} {problem}.", file=file, row=row, column=name)


def find_classes(
    rows: Pool, plan: Plan, target: pa.ChunkedArray, parts: NDArray[np.int8]
) -> tuple[list[Any] | None, list[Note]]:
    """The classes of train in order, and a note on those that only the other parts have.

    Raises:
        DataError: if the split left train with one class, another part has none of its classes, or a name can't be
            held.
    """
    if plan.pair[1] is OutputKind.NUMBER:
        return None, []
    if pa.types.is_string(target.type):
        _check_labels(rows, plan.target.name, target)
    labels = pc.unique(target)
    codes = np.asarray(pc.index_in(target, value_set=labels).to_numpy())
    by_part = [
        labels.take(pa.array(np.unique(codes[parts == number]))).to_pylist() for number in range(len(PARTS))
    ]
    classes = sorted(by_part[TRAIN])
    if len(classes) < 2:
        raise DataError(
            f"every row of train has the target {shown(classes[0])} after the split; choose another split.",
            file=rows.sources[0].name,
            column=plan.target.name,
        )
    notes = _unequal(codes[parts == TRAIN], labels)
    for part, some in zip(PARTS[1:], by_part[1:], strict=True):
        unseen = sorted(set(some) - set(classes))
        if unseen and len(unseen) == len(some):
            theirs, known = (shown_names([repr(label) for label in names]) for names in (unseen, classes))
            raise DataError(
                f"{part} has none of train's classes: it has {theirs}, and train {known}; give data with the same "
                "labels.",
                column=plan.target.name,
            )
        if unseen:
            some_shown = shown_names([repr(label) for label in unseen])
            message = f"{part} has classes that train lacks, so their rows count as wrong: {some_shown}."
            notes.append(Note(Level.WARNING, message))
    return classes, notes


def _unequal(codes: NDArray[np.int64], labels: pa.Array) -> list[Note]:
    """A note if some class of train is many times another; codes (N,) are those of labels."""
    counts = np.bincount(codes, minlength=len(labels))
    present = np.flatnonzero(counts)
    most, least = present[counts[present].argmax()], present[counts[present].argmin()]
    if counts[most] < UNEQUAL * counts[least]:
        return []
    (common, rare) = (
        f"{shown(labels[int(code)].as_py())} has {counts[code]:,} rows" for code in (most, least)
    )
    message = (
        f"The classes are unequal: in train {common}, {rare}. Accuracy says little of rare classes; `--metric macro-f1`"
        " compares by all alike, and `--class-weight balanced` lets all count alike in training."
    )
    return [Note(Level.WARNING, message)]


def findings(
    rows: Pool, plan: Plan, staged: Staged, hashes: NDArray[np.uint64], parts: NDArray[np.int8]
) -> list[Note]:
    """Duplicates across parts, ordered classes, missing values, empty texts."""
    notes = twins(hashes, parts)
    is_label_table = plan.pair == (InputKind.TABLE, OutputKind.LABEL)
    if is_label_table and plan.target_type == pa.int64() and plan.target.reason != GIVEN:
        name = plan.target.name
        message = f"If distances between the numbers in {name!r} matter, use `--task tabular-regression`."
        notes.append(Note(Level.INFO, message))
    for column in plan.features:
        if column.reason.startswith(SIGNED_NUMBERS):
            message = f"{column.name!r} is taken for a category: {column.reason}; write them plainly, such as 1234.5."
            notes.append(Note(Level.WARNING, message))
    if plan.pair[0] is InputKind.TEXT:
        num_empty = _num_empty(staged.features.select(list(plan.text_columns)))
        if num_empty:
            message = f"{num_empty} of {rows.num_rows} texts are empty; they are kept."
            notes.append(Note(Level.WARNING, message))
        return notes
    missing = {
        column.name: num_missing(staged.features.column(column.name), column.kind) for column in plan.features
    }
    if any(missing.values()):
        some = shown_names([f"{name} {count}" for name, count in missing.items() if count])
        notes.append(Note(Level.INFO, f"Missing values of {rows.num_rows}: {some}."))
    return notes


def twins(hashes: NDArray[np.uint64], parts: NDArray[np.int8]) -> list[Note]:
    """How many inputs of the other parts are in train too; the smaller sets are the ones looked up in."""
    notes = []
    train = hashes[parts == TRAIN]
    for number, part in enumerate(PARTS[1:], 1):
        some = pa.array(hashes[parts == number])
        twins = pa.array(train[pc.is_in(pa.array(train), value_set=some).to_numpy(zero_copy_only=False)])
        num_twins = pc.sum(pc.is_in(some, value_set=twins)).as_py()
        if num_twins:
            notes.append(Note(Level.WARNING, _TWINS.format(num_twins, len(some), part)))
    return notes


def told_twins(notes: Iterable[Note], part: str) -> tuple[int, int]:
    """What `twins` told of a part: how many of its inputs are in train too, and how many it has; zeros for nothing."""
    pattern = re.compile(_TWINS.format(r"(\d+)", r"(\d+)", part))
    for note in notes:
        if match := pattern.fullmatch(note.message):
            return int(match[1]), int(match[2])
    return 0, 0


def _num_empty(texts: pa.Table) -> int:
    empty = np.ones(texts.num_rows, bool)
    for values in texts.columns:
        empty &= pc.equal(pc.utf8_trim_whitespace(values), "").to_numpy()
    return int(empty.sum())
