"""Predictions of new data: any format in, any format out, a batch at a time."""

# N examples of one batch, C classes

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from rungwise.data import NewInputs, inputs_for
from rungwise.errors import ConfigError
from rungwise.estimators import RungClassifier, RungEstimator, RungTagger
from rungwise.kinds import InputKind
from rungwise.ladder.run import Ladder
from rungwise.ladder.tagged import ConllWriter, TaggedLinesWriter, found_table, span_tables, tagged_table

__all__ = ["check_out", "predict_batches", "predict_data", "write_tables"]


def predict_data(
    run: str | Path,
    data: Any,
    *,
    rung: str | None = None,
    encoding: str = "utf-8",
    precision: str | None = None,
) -> tuple[NewInputs, Iterator[pa.Table]]:
    """New data as they were read, and their predictions in batches.

    Args:
        run: a run's folder.
        data: anything that `fit` takes; it needs no target.
        rung: whose model is asked; the recommended one's when None.
        encoding: of text files.
        precision: of a network's answers (`RungEstimator.answer_in`); as it learned when None.

    Raises:
        ConfigError: if the model can't answer in that precision.
        RunError: if the run has no such model.
        DataError: if the data don't fit the model.
    """
    ladder = Ladder.open(run)
    estimator = ladder.model(rung)
    if precision is not None:
        estimator.answer_in(precision)
    finds = isinstance(estimator, RungTagger) and estimator.finder_ is not None
    inputs = inputs_for(ladder.dataset, data, encoding=encoding, finds_predicates=finds)
    return inputs, predict_batches(estimator, inputs)


def predict_batches(estimator: RungEstimator, inputs: NewInputs) -> Iterator[pa.Table]:
    """Tables of `file` for images, `prediction`, and a `probability CLASS` for each class; else see `tagged`."""
    names = None if inputs.source.images is None else inputs.source.table.column("file")
    start = 0
    for batch in inputs:
        if isinstance(estimator, RungTagger):
            rows = inputs.source.table.slice(start, len(batch))
            is_bare = estimator.pair_[0] is InputKind.PREDICATE and not pa.types.is_struct(batch.type)
            yield (
                found_table(estimator, batch, rows, start)
                if is_bare
                else tagged_table(estimator, batch, rows)
            )
            start += len(batch)
            continue
        columns = _outputs(estimator, batch)
        count = len(columns["prediction"])
        if names is not None:
            columns = {"file": names.slice(start, count), **columns}
        start += count
        yield pa.table(columns)


def _outputs(estimator: RungEstimator, batch: Any) -> dict[str, Any]:
    if not isinstance(estimator, RungClassifier):
        return {"prediction": estimator.predict(batch)}
    probabilities = estimator.predict_proba(batch)  # (N, C)
    labels = estimator.classes_[probabilities.argmax(1)]
    shares = {f"probability {name}": probabilities[:, i] for i, name in enumerate(estimator.classes_)}
    return {"prediction": labels, **shares}


# -------------------------------------------------------------------------------------------------- writing


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


class _JsonLinesWriter:
    def __init__(self, sink: Any, schema: pa.Schema) -> None:
        del schema
        self._sink = sink

    def write_table(self, table: pa.Table) -> None:
        text = table.to_pandas().to_json(orient="records", lines=True, force_ascii=False)
        self._sink.write(text.encode())

    def close(self) -> None:
        """The sink is closed by whoever opened it."""


def _tsv(sink: Any, schema: pa.Schema) -> _Writer:
    writer: _Writer = pc.CSVWriter(sink, schema, write_options=pc.WriteOptions(delimiter="\t"))
    return writer


_WRITERS: dict[str, Callable[[Any, pa.Schema], _Writer]] = {
    ".csv": pc.CSVWriter,
    ".tsv": _tsv,
    ".tab": _tsv,
    ".jsonl": _JsonLinesWriter,
    ".ndjson": _JsonLinesWriter,
    ".parquet": pq.ParquetWriter,
    ".pq": pq.ParquetWriter,
}


_TAG_WRITERS: dict[str, Callable[[Any, pa.Schema], _Writer]] = {
    **_WRITERS,
    ".jsonl": TaggedLinesWriter,
    ".ndjson": TaggedLinesWriter,
    ".conll": ConllWriter,
}
"""Of tags; tables of text have a row a span."""

_SPAN_TABLES = (".csv", ".tsv", ".tab")


def check_out(out: str) -> None:
    """Sees that predictions can go into a new file of that name.

    Raises:
        ConfigError: if its ending is none that can be written, it exists, or its folder doesn't.
    """
    if _ending(out) not in _TAG_WRITERS:
        raise ConfigError(
            f"{out}: a file of predictions ends with one of {', '.join(_TAG_WRITERS)}, or that and .gz."
        )
    if Path(out).exists():
        raise ConfigError(f"{out} exists; choose another name, or remove it first.")
    if not Path(out).parent.is_dir():
        raise ConfigError(f"{out}: there is no folder {str(Path(out).parent)!r}; make it first.")


def _ending(out: str) -> str:
    return Path(out.removesuffix(".gz")).suffix


def write_tables(tables: Iterator[pa.Table], out: str | None) -> int:
    """Writes tables to a new file by its ending, else as CSV, or CoNLL columns of tags.

    Returns:
        The number of predictions: of tags that of sentences and their predicates, whatever rows these become.

    Raises:
        ConfigError: if the ending is for tags, and there are none.
    """
    first = next(tables, None)
    if first is None:
        return 0
    count = 0
    of_tags = "tags" in first.column_names and "tokens" in first.column_names
    ending = (".conll" if of_tags else ".csv") if out is None else _ending(out)
    writers = _TAG_WRITERS if of_tags else _WRITERS
    if ending not in writers:
        raise ConfigError(f"{out}: {ending} is for tags of tokens; choose one of {', '.join(writers)}.")

    def counted() -> Iterator[pa.Table]:
        nonlocal count
        for table in chain([first], tables):
            count += len(table)
            yield table

    written = span_tables(counted()) if of_tags and ending in _SPAN_TABLES else counted()
    first_written = next(written)
    with (
        pa.PythonFile(sys.stdout.buffer, "w") if out is None else pa.output_stream(out) as sink,
        closing(writers[ending](sink, first_written.schema)) as writer,
    ):
        for table in chain([first_written], written):
            writer.write_table(table)
    return count
