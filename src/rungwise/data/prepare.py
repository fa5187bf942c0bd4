"""`prepare`: reads, infers, checks, splits, and writes a dataset's folder."""

# N examples

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rungwise.data.assign import assign
from rungwise.data.checks import check_classes, find_classes, findings
from rungwise.data.dataset import MANIFEST, Dataset, write_manifest
from rungwise.data.limits import check_image_size
from rungwise.data.plan import make_plan
from rungwise.data.pool import pool
from rungwise.data.reading import read
from rungwise.data.settle import settle
from rungwise.data.source import PARTS, Source, workspace
from rungwise.data.staging import fingerprint, input_hashes, stage
from rungwise.data.tagging import prepare_sentences
from rungwise.data.writing import write_images, write_parts
from rungwise.errors import ConfigError, DataError
from rungwise.kinds import ColumnKind, InputKind, OutputKind
from rungwise.rung import Pair

__all__ = ["prepare"]

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
    split_duplicates: bool = False,
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
        split_duplicates: whether equal texts or images may stand in several parts, so that a model is judged
            by what it learned from.

    Raises:
        DataError: if the data can't be used; the message names file, row and column.
        UnknownNameError: if there is no column of a name that was given.
        ConfigError: if a setting can't be used.
        OSError: if the disk is full, or can't be written; nothing half-made is left then, nor by any error.
    """
    _check_settings(group, time, valid_size, test_size, seed)
    check_image_size(image_size)
    kinds = _given_kinds(columns or {})
    pair = _given_pair(pair)
    given = {"train": train, "valid": valid, "test": test}
    if train is None:
        raise DataError("there are no data to learn from: `train` is None.")
    space, keeps = workspace(folder)
    if any((space / name).exists() for name in (MANIFEST, *PARTS)):
        raise DataError("the folder holds a dataset already; choose another.", file=space)
    try:
        sources = _read_all(given, encoding, space / RAW, image_size, pair, target)
        shares = (valid_size, test_size)
        if sources["train"].has_sentences:
            _refuse_columns(kinds, time)
            made = prepare_sentences(
                space, sources, pair, group, shares, seed, split_duplicates=split_duplicates
            )
        else:
            asked = _Asked(
                target, pair, kinds, group, time, shares, seed, drop_missing_target, split_duplicates
            )
            made = _prepare_rows(space, sources, asked)
        names = {part: sources[part if part in sources else "train"].name for part in PARTS}
        write_manifest(space, sources=names, **made)
    except BaseException:
        for part in PARTS:
            shutil.rmtree(space / part, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(space / RAW, ignore_errors=True)
    return Dataset._open(space, keeps)


@dataclass(frozen=True)
class _Asked:
    """What the user said of rows; see `prepare`."""

    target: str | None
    pair: Pair | None
    kinds: Mapping[str, ColumnKind]
    group: str | None
    time: str | None
    shares: tuple[float, float]
    seed: int
    drop_missing_target: bool
    split_duplicates: bool


def _prepare_rows(space: Path, sources: dict[str, Source], asked: _Asked) -> dict[str, Any]:
    """Writes the parts of a table, of texts or of images; what the dataset's description says of them."""
    optional = [name for name, kind in asked.kinds.items() if kind is ColumnKind.IGNORE]
    rows = pool(sources, [*optional, *([] if asked.group is None else [asked.group])])
    draft = make_plan(rows, asked.target, asked.pair, asked.kinds, asked.group, asked.time)
    staged = stage(rows, draft, space / RAW / "draft.arrow")
    plan = settle(rows, draft, staged, asked.pair)
    if plan.texts() - draft.texts():  # texts aren't trimmed as categories are
        staged = stage(rows, plan, space / RAW / "staged.arrow")
    check_classes(rows, plan, staged.target.slice(0, rows.num_train))
    hashes = input_hashes(rows, plan, staged)
    twins = None if asked.split_duplicates else hashes
    parts, notes = assign(rows, plan, staged, twins, asked.shares, asked.seed, asked.drop_missing_target)
    classes, more = find_classes(rows, plan, staged.target, parts)
    notes = [*rows.notes, *plan.notes, *notes, *more, *findings(rows, plan, staged, hashes, parts)]
    files = write_parts(space, rows, plan, staged, parts)
    if plan.pair[0] is InputKind.IMAGE:
        files |= write_images(space, rows, parts)
    digest = fingerprint(plan, staged, hashes)
    image_shape = rows.sources[0].images.shape[1:] if rows.sources[0].images is not None else None
    return {
        "pair": plan.pair,
        "columns": plan.columns,
        "text_columns": plan.text_columns,
        "target": plan.target.name,
        "group": None if plan.group is None else plan.group.name,
        "has_own_valid": rows.has("valid"),
        "classes": classes,
        "image_shape": image_shape,
        "fingerprint": digest,
        "files": files,
        "split_hash": hashlib.sha256(digest.encode() + parts.tobytes()).hexdigest()[:12],
        "notes": notes,
    }


def _refuse_columns(kinds: Mapping[str, ColumnKind], time: str | None) -> None:
    """Sentences have no columns whose kinds could be told, and no times.

    Raises:
        ConfigError: if some are given.
    """
    given = [
        *(f"{name}={kind}" for name, kind in kinds.items()),
        *([] if time is None else [f"time={time!r}"]),
    ]
    if given:
        raise ConfigError(f"{', '.join(given)}: sentences of tokens have neither kinds of columns nor times.")


def _check_settings(
    group: str | None, time: str | None, valid_size: float, test_size: float, seed: int
) -> None:
    problems = []
    if group is not None and time is not None:
        problems.append("group and time can't both say how to split; give one")
    problems += [
        f"{name}={size!r} must be a share between 0 and 0.5"
        for name, size in (("valid_size", valid_size), ("test_size", test_size))
        if not (isinstance(size, int | float) and 0 < size <= 0.5)
    ]
    if not (isinstance(seed, int) and seed >= 0):
        problems.append(f"seed={seed!r} must be a whole number from 0 on")
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
    given: Mapping[str, Any],
    encoding: str,
    space: Path,
    image_size: int | None,
    pair: Pair | None,
    target: str | None,
) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for part, data in given.items():
        if data is None:
            continue
        shape = sources["train"].images.shape if sources and sources["train"].images is not None else None
        size = shape[1] if shape is not None and shape[1] == shape[2] else image_size
        kind = None if pair is None else pair[0]
        if sources and sources["train"].has_sentences:
            has_predicates = "predicate" in sources["train"].table.column_names
            kind = InputKind.PREDICATE if has_predicates else InputKind.TOKENS
        sources[part] = read(
            data, encoding=encoding, folder=space / part, image_size=size, kind=kind, target=target
        )
    return sources
