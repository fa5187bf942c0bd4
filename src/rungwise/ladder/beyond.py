"""What is asked of a run beyond its scores that takes more of its folder than predictions: models and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rungwise.artifacts import is_model_folder, load_model
from rungwise.data import Dataset, read
from rungwise.errors import RunError, UnknownNameError
from rungwise.estimators import RungClassifier
from rungwise.evaluation import Results
from rungwise.evaluation.records import JOURNAL
from rungwise.evaluation.slicing import Grouping, built_in, group_values, groupings
from rungwise.kinds import InputKind
from rungwise.ladder.folder import Paths, locked
from rungwise.ladder.resume import read_config, source_stamps

__all__ = ["calibrate_models", "grouped_by"]


def calibrate_models(paths: Paths, results: Results, temperatures: Mapping[str, float]) -> None:
    """Gives models their temperatures, by their rungs; stored predictions stay as they are.

    Their cards tell it, and go on telling what the run knows of them.

    Raises:
        RunError: if a rung has no model, or another command is at work on the run.
        ModelError: if a model can't be read.
    """
    from rungwise.report import Content, write_cards

    missing = [rung for rung in temperatures if not is_model_folder(paths.model(rung))]
    if missing:
        raise RunError(f"{paths.run} has no model of {', '.join(missing)}; `--resume` fits it again.")
    with locked(paths.run / JOURNAL):
        for rung, temperature in temperatures.items():
            estimator = load_model(paths.model(rung))
            assert isinstance(estimator, RungClassifier)
            estimator.temperature_ = temperature
            estimator.save(paths.model(rung))
        if temperatures:
            write_cards(Content.read(results))


def grouped_by(paths: Paths, dataset: Dataset, by: Sequence[str] | None) -> list[Grouping]:
    """The test examples by columns of the run's copy of the data, or of the file that the test part was read from.

    Args:
        paths: of the run.
        dataset: of the run.
        by: names of columns; all that the run has but the target when None, as that has scores of its own.

    Raises:
        UnknownNameError: if there is no such column.
        RunError: if it was no feature, and the file is gone or changed.
    """
    known = built_in(dataset)
    if by is None:
        return groupings(dataset, [name for name in known if name != dataset.target])
    elsewhere = [name for name in by if name not in known]
    columns = _source_columns(paths, dataset, elsewhere, known) if elsewhere else {}
    return [
        group_values(name, columns[name]) if name in columns else groupings(dataset, [name])[0] for name in by
    ]


def _source_columns(
    paths: Paths, dataset: Dataset, names: Sequence[str], known: Sequence[str]
) -> dict[str, pa.ChunkedArray]:
    """Columns of the test rows that the run hasn't kept, read once more."""
    config = read_config(paths)
    stamps = config.get("sources", {})
    stamp = stamps.get("test", stamps.get("train"))
    have = f"the run itself has {', '.join(known)}"
    if stamp is None or dataset.pair[0] is InputKind.IMAGE or Path(stamp["path"]).is_dir():
        raise UnknownNameError("column", names[0], known, f"Of these data {have}.")
    path = Path(stamp["path"])
    if not path.exists() or source_stamps({"test": path})["test"] != stamp:
        state = "changed since" if path.exists() else "is no longer there"
        raise RunError(
            f"column {names[0]!r} was no feature, so it stands in {path} alone, which {state}; put the file back as it "
            f"was, or take another column: {have}."
        )
    kind = InputKind.TABLE if dataset.pair[0] in (InputKind.TABLE, InputKind.TEXT) else dataset.pair[0]
    source = read(path, encoding=config.get("reading", {}).get("encoding", "utf-8"), kind=kind)
    for name in names:
        if name not in source.table.column_names:
            raise UnknownNameError("column", name, list(dict.fromkeys([*known, *source.table.column_names])))
    rows = pa.array(dataset.row_numbers("test") - 1)
    return {name: _typed(source.table[name].take(rows)) for name in names}


def _typed(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers where all that is there are some; else strings, as a person would write them."""
    if not pa.types.is_string(values.type) and not pa.types.is_large_string(values.type):
        is_plain = pa.types.is_primitive(values.type) and not pa.types.is_boolean(values.type)
        return values if is_plain else pa.chunked_array([_strings(values)])
    bare = pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
    try:
        numbers = pc.cast(bare, pa.float64())
    except pa.ArrowInvalid:
        return bare
    return numbers if np.isfinite(numbers.drop_null().to_numpy()).all() and len(numbers.drop_null()) else bare


def _strings(values: pa.ChunkedArray) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
