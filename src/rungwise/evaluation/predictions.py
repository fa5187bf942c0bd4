"""What each rung said of each example: `predictions/RUNG.{valid,test}.parquet`, and `.train` of some of train."""

# N examples, K classes

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rungwise.data.sentences import lists
from rungwise.errors import RunError
from rungwise.files import replace_file
from rungwise.kinds import OutputKind
from rungwise.metrics import Metric, Needs
from rungwise.tags import Tags, concatenated

__all__ = [
    "Predictions",
    "fit_name",
    "growth_name",
    "has_predictions",
    "joined",
    "joined_outputs",
    "read_predictions",
    "write_predictions",
]

_TAGS = "rungwise.tags"
"""The key of the file's metadata under which the names of tags stand."""

_CLUSTER, _OLD_CLUSTER = "cluster", "sentence"
"""The column that says which rows are drawn together, and what runs of earlier versions call it."""


@dataclass(frozen=True)
class Predictions:
    """The targets of a part and what one rung put out for them.

    Attributes:
        target: class numbers (N,) int64, `metrics.UNSEEN` for a class not seen in training; or numbers (N,) float64.
        prediction: of the same form.
        probabilities: (N, K) of classes, None of numbers and tags.
        tags: where both are `Tags`, the names of the tags; else empty.
        clusters: (N,), rows of equal number are of one sentence, each with another predicate, or of one group of the
            user's, and are drawn together by whoever resamples; None where each row is its own.
    """

    target: Any
    prediction: Any
    probabilities: NDArray[np.floating[Any]] | None = None
    tags: tuple[str, ...] = ()
    clusters: NDArray[np.int64] | None = None

    @property
    def kind(self) -> OutputKind:
        """What is predicted."""
        if self.tags:
            return OutputKind.TAGS
        return OutputKind.NUMBER if self.probabilities is None else OutputKind.LABEL

    def output(self, metric: Metric) -> Any:
        """What the metric compares the targets with."""
        if metric.needs is Needs.PREDICTION:
            return self.prediction
        if self.probabilities is None:
            raise RunError(
                f"{metric.name} needs the probabilities of classes, and this run predicts numbers."
            )
        return self.probabilities


def joined(parts: Sequence[Predictions]) -> Predictions:
    """What was said of some examples, and of the next ones, … -> of all of them."""
    target, prediction, probabilities, clusters = (
        None if getattr(parts[0], name) is None else joined_outputs([getattr(part, name) for part in parts])
        for name in ("target", "prediction", "probabilities", "clusters")
    )
    return Predictions(target, prediction, probabilities, parts[0].tags, clusters)


def joined_outputs(chunks: Sequence[Any]) -> Any:
    """Targets or outputs of some examples, and of the next ones, … -> of all of them: arrays, or `Tags`."""
    return concatenated(chunks) if isinstance(chunks[0], Tags) else np.concatenate(chunks)


def fit_name(rung: str, repeat: int) -> str:
    """What a fit's files are called: the rung's name for the first seed, such as "lstm@1" for a further one."""
    return f"{rung}@{repeat}" if repeat else rung


def growth_name(rung: str, num_rows: int, draw: int, width: int = 0) -> str:
    """What the files of a fit on a part of train are called: "growth/lstm@500.1", "…@500.0.64" of another width."""
    return f"growth/{rung}@{num_rows}.{draw}{f'.{width}' if width else ''}"


def _file(run_folder: Path, name: str, part: str) -> Path:
    return run_folder / "predictions" / f"{name}.{part}.parquet"


def has_predictions(run_folder: Path, name: str) -> bool:
    """Whether the fit got as far as predicting the validation and the test part."""
    return all(_file(run_folder, name, part).is_file() for part in ("valid", "test"))


def write_predictions(run_folder: Path, name: str, part: str, predictions: Predictions) -> Path:
    """Stores what a fit said of a part; returns the file."""
    columns = {"target": _column(predictions.target), "prediction": _column(predictions.prediction)}
    if predictions.clusters is not None:
        columns[_CLUSTER] = pa.array(predictions.clusters)
    if predictions.probabilities is not None:
        flat = pa.array(np.asarray(predictions.probabilities, dtype=np.float32).ravel())
        fixed = pa.FixedSizeListArray.from_arrays(flat, predictions.probabilities.shape[1])
        columns["probabilities"] = fixed.cast(pa.list_(pa.float32()))
    table = pa.table(columns)
    if predictions.tags:
        table = table.replace_schema_metadata({_TAGS: json.dumps(predictions.tags)})
    file = _file(run_folder, name, part)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, lambda part: pq.write_table(table, part))
    return file


def _column(values: Any) -> pa.Array:
    """Numbers (N), or a list of numbers for each sentence (N)."""
    if isinstance(values, Tags):
        return lists(pa.array(values.values), values.offsets)
    return pa.array(values)


def read_predictions(run_folder: Path, name: str, part: str) -> Predictions:
    """What a fit said of a part.

    Raises:
        RunError: if it isn't there, or isn't what `write_predictions` writes.
    """
    file = _file(run_folder, name, part)
    try:
        with pq.ParquetFile(file, memory_map=True) as opened:
            # `pq.read_table` waits forever for threads that the system refuses
            table = opened.read(use_threads=False).combine_chunks()
        if pa.types.is_list(table.schema.field("target").type):
            return _read_tags(table)
        target, prediction = table["target"].to_numpy(), table["prediction"].to_numpy()
        clusters = _clusters(table)
        if "probabilities" not in table.column_names:
            return Predictions(target, prediction, clusters=clusters)
        flat = table["probabilities"].combine_chunks().flatten().to_numpy()
        probabilities = flat.reshape(len(target), -1 if len(target) else 0)
        return Predictions(target, prediction, probabilities, clusters=clusters)
    except MemoryError:
        raise
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise RunError(f"{file} can't be read ({error}); fit the rung {name!r} again.") from error


def _read_tags(table: pa.Table) -> Predictions:
    """Targets and predictions of every token.

    Raises:
        KeyError: if a column or the tags' names are missing.
        ValueError: if they don't go together.
    """
    names = tuple(json.loads((table.schema.metadata or {})[_TAGS.encode()]))
    target, prediction = (_tags(table[name]) for name in ("target", "prediction"))
    if not np.array_equal(target.offsets, prediction.offsets):
        raise ValueError("targets and predictions are of different tokens")
    if max(target.values.max(initial=0), prediction.values.max(initial=0)) >= len(names):
        raise ValueError("a tag has no name")
    return Predictions(target, prediction, tags=names, clusters=_clusters(table))


def _clusters(table: pa.Table) -> NDArray[np.int64] | None:
    known = [name for name in (_CLUSTER, _OLD_CLUSTER) if name in table.column_names]
    return table[known[0]].to_numpy() if known else None


def _tags(column: pa.ChunkedArray) -> Tags:
    lengths = pc.list_value_length(column).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Tags(pc.list_flatten(column).to_numpy().astype(np.int64), offsets)
