"""What a run was begun with, and whether it is still so when it goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rungwise.artifacts import is_model_folder
from rungwise.data import Dataset, prepare
from rungwise.errors import DataError, RunError
from rungwise.evaluation.outcomes import PARTS
from rungwise.evaluation.predictions import fit_name, read_predictions
from rungwise.evaluation.records import JOURNAL, append_record, read_records, write_json
from rungwise.files import sync_path
from rungwise.kinds import ColumnKind, InputKind, OutputKind
from rungwise.ladder.folder import Paths, circumstances
from rungwise.ladder.jobs import read_json
from rungwise.ladder.states import Status

__all__ = [
    "SCHEMA_VERSION",
    "begin",
    "check_unchanged",
    "elapsed",
    "is_there",
    "last_budget",
    "left_to_do",
    "read_config",
    "renew_budget",
    "source_stamps",
]

SCHEMA_VERSION = 1
"""Of the run folder's layout."""

_MANY = 20
"""Characters of a value from which on a difference is shown without it."""


def begin(paths: Paths, config: Mapping[str, Any]) -> None:
    """Writes the config down, and once more into the journal, which can't be changed unnoticed."""
    append_record(paths.run, {"type": "run", "config": config})
    write_json(paths.config, config)
    if os.name == "posix":
        sync_path(paths.run.absolute().parent)  # the folder is new


def read_config(paths: Paths) -> dict[str, Any]:
    """What `begin` wrote.

    Raises:
        RunError: if it is no run's folder, or of another version.
    """
    if paths.run.is_file():
        raise RunError(
            f"{paths.run} is a file, and a run's folder is expected; `rungwise fit {paths.run}` makes one from data."
        )
    if is_model_folder(paths.run):
        raise RunError(
            f"{paths.run} is one model's folder and no run's; from Python, rungwise.load reads it."
        )
    config = read_json(paths.config)
    if config is None and (paths.run / JOURNAL).exists():  # the command was killed between the two
        config = next((r["config"] for r in read_records(paths.run) if r["type"] == "run"), None)
        if config is not None:
            write_json(paths.config, config)
    if config is None or not (paths.run / JOURNAL).exists():
        raise RunError(
            f"{paths.run} is no run's folder: it lacks config.json or {JOURNAL}; `rungwise fit` makes one."
        )
    if config.get("schema_version") != SCHEMA_VERSION:
        raise RunError(
            f"{paths.run}: schema_version is {config.get('schema_version')!r}; "
            f"this version of rungwise reads {SCHEMA_VERSION}."
        )
    return config


def last_budget(paths: Paths) -> float:
    """Seconds: what the run was begun with, or what it was given last when it went on."""
    given = [record["budget"] for record in read_records(paths.run) if record["type"] == "budget"]
    return float(given[-1] if given else read_config(paths)["budget"])


def renew_budget(paths: Paths, budget: float) -> None:
    """Gives a run that goes on another budget, which is there as a whole."""
    append_record(paths.run, {"type": "budget", "budget": budget})
    paths.clock.unlink(missing_ok=True)


def elapsed(paths: Paths, records: Sequence[Mapping[str, Any]]) -> float:
    """Seconds that earlier climbs used up of the budget that was given last."""
    clock: dict[str, Any] = {}
    with suppress(RunError):  # it is written without syncing, and may be empty after a reboot
        clock = read_json(paths.clock) or {}
    given = max((number for number, record in enumerate(records) if record["type"] == "budget"), default=0)
    used: list[float] = [
        float(clock.get("elapsed", 0.0)),
        *(record.get("elapsed", 0.0) for record in records[given:]),
    ]
    return max(used)


def left_to_do(
    paths: Paths, records: Sequence[Mapping[str, Any]], rungs: Sequence[str], seeds: int, folds: int
) -> tuple[list[tuple[str, int]], list[str], list[str]]:
    """Fits without a result, as rung and repeat; rungs with one but no latency; those with one but no robustness."""
    finished = {
        (record["rung"], record["repeat"])
        for record in records
        if record["type"] in ("rung", "repeat")
        and Status(record["status"]).has_result
        and not (folds and record["repeat"] and record["status"] == Status.DEADLINE)  # it can't count
        and is_there(paths, record["rung"], record["repeat"])
    }
    measured = {record["rung"] for record in records if record["type"] == "latency"}
    corrupted = {r["rung"] for r in records if r["type"] == "robustness" and r.get("scores")}
    fits = [(rung, repeat) for repeat in range(seeds + folds) for rung in rungs]
    models = [rung for rung in rungs if (rung, 0) in finished]
    return (
        [fit for fit in fits if fit not in finished],
        [rung for rung in models if rung not in measured],
        [rung for rung in models if rung not in corrupted],
    )


def is_there(paths: Paths, rung: str, repeat: int) -> bool:
    """Whether the files of a fit are as its record says, and no failing disk has lost them."""
    try:
        for part in PARTS:
            read_predictions(paths.run, fit_name(rung, repeat), part)
    except RunError:
        return False
    return repeat > 0 or is_model_folder(paths.model(rung))


def source_stamps(sources: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Part → path, bytes and time of change of the file or folder that it was read from; none for data in memory."""
    return {
        part: {"path": str(Path(data).resolve()), **_stamp(Path(data))}
        for part, data in sources.items()
        if isinstance(data, str | Path)
    }


def _stamp(path: Path) -> dict[str, int]:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    stats = [file.stat() for file in files]
    return {
        "files": len(files),
        "bytes": sum(stat.st_size for stat in stats),
        "modified_ns": max((stat.st_mtime_ns for stat in stats), default=0),
    }


def check_unchanged(paths: Paths, dataset: Dataset) -> list[str]:
    """Sees that a run goes on as it was begun; returns what the user should know all the same.

    Raises:
        RunError: with what differs, if the configuration, the run's copy of the data, or the data themselves do.
    """
    config = read_json(paths.config)
    begun = next((r["config"] for r in read_records(paths.run) if r["type"] == "run"), None)
    if config is None or begun is None:
        raise RunError(
            f"{paths.run} doesn't say how it was begun; its journal is of another version. Start a new run."
        )
    _refuse(paths, _differences(begun, config), "config.json was changed since the run began", "Undo that")
    dataset_facts = {name: getattr(dataset, name) for name in ("fingerprint", "split_hash")}
    differences = _differences({name: begun[name] for name in dataset_facts}, dataset_facts)
    _refuse(paths, differences, "its copy of the data was changed since the run began", "Undo that")
    try:
        dataset.check()
    except DataError as error:
        raise RunError(
            f"{paths.run} can't go on, its copy of the data was changed since the run began: {error}"
        ) from error
    return _check_sources(paths, begun, dataset) + _other_environment(begun["environment"])


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} was {_short(before.get(name))} and is {_short(now.get(name))}"
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    ]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MANY or not isinstance(value, dict | list) else "another"


def _refuse(paths: Paths, differences: list[str], what: str, remedy: str) -> None:
    if differences:
        raise RunError(
            f"{paths.run} can't go on, {what}: {'; '.join(differences)}. {remedy}, or start a new run."
        )


def _check_sources(paths: Paths, begun: Mapping[str, Any], dataset: Dataset) -> list[str]:
    """Reads data that look changed once more, to see whether they are; those that are gone aren't missed."""
    there = {part: stamp for part, stamp in begun["sources"].items() if Path(stamp["path"]).exists()}
    now = source_stamps({part: stamp["path"] for part, stamp in there.items()})
    changed = [stamp["path"] for part, stamp in there.items() if now[part] != stamp]
    if not changed:
        return []
    if len(there) < len(begun["sources"]):  # all of them are needed to read them again
        return [
            f"{' and '.join(changed)} may have changed since the run began, which goes on with its own copy."
        ]
    folder = paths.run / ".again"
    shutil.rmtree(folder, ignore_errors=True)
    options = dict(begun["reading"])
    pair = (InputKind(begun["pair"][0]), OutputKind(begun["pair"][1]))
    columns = {name: ColumnKind(kind) for name, kind in options.pop("columns").items()}
    try:
        again = prepare(
            **{part: stamp["path"] for part, stamp in there.items()},
            pair=pair,
            columns=columns,
            seed=begun["seed"],
            folder=folder,
            **options,
        )
        differences = _differences(_facts(dataset), _facts(again))
    except DataError as error:
        differences = [f"they can't be read any more ({error})"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _refuse(paths, differences, f"{' and '.join(changed)} changed since the run began", "Put the data back")
    return []


def _facts(dataset: Dataset) -> dict[str, Any]:
    counts = {f"the number of {part} rows": dataset.num(part) for part in ("train", "valid", "test")}
    hashes = {"the fingerprint": dataset.fingerprint[:12], "the split": dataset.split_hash}
    return {**counts, "the target": dataset.target, **hashes}


def _other_environment(before: Mapping[str, Any]) -> list[str]:
    """Other versions may round otherwise: the run goes on, but not to the bit."""
    now = circumstances()["environment"]
    differences = _differences(
        {**before, **before.get("packages", {}), "packages": None},
        {**now, **now["packages"], "packages": None},
    )
    if not differences:
        return []
    return [
        f"The environment is another one than the run began in, so numbers may differ: {'; '.join(differences)}."
    ]
