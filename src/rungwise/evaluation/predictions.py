"""What each rung said of each example: `predictions/RUNG.{valid,test}.parquet`."""

# N examples, K classes

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rungwise.errors import RunError
from rungwise.files import replace_file
from rungwise.metrics import Metric, Needs

__all__ = ["Predictions", "fit_name", "has_predictions", "read_predictions", "write_predictions"]


@dataclass(frozen=True)
class Predictions:
    """The targets of a part and what one rung put out for them.

    Attributes:
        target: class numbers (N,) int64, `metrics.UNSEEN` for a class not seen in training; or numbers (N,) float64.
        prediction: of the same form.
        probabilities: (N, K) of classes, None of numbers.
    """

    target: NDArray[Any]
    prediction: NDArray[Any]
    probabilities: NDArray[np.floating[Any]] | None = None

    def output(self, metric: Metric) -> NDArray[Any]:
        """What the metric compares the targets with."""
        if metric.needs is Needs.PREDICTION:
            return self.prediction
        if self.probabilities is None:
            raise RunError(
                f"{metric.name} needs the probabilities of classes, and this run predicts numbers."
            )
        return self.probabilities


def fit_name(rung: str, repeat: int) -> str:
    """What a fit's files are called: the rung's name for the first seed, such as "lstm@1" for a further one."""
    return f"{rung}@{repeat}" if repeat else rung


def _file(run_folder: Path, name: str, part: str) -> Path:
    return run_folder / "predictions" / f"{name}.{part}.parquet"


def has_predictions(run_folder: Path, name: str) -> bool:
    """Whether the fit got as far as predicting the validation and the test part."""
    return all(_file(run_folder, name, part).is_file() for part in ("valid", "test"))


def write_predictions(run_folder: Path, name: str, part: str, predictions: Predictions) -> Path:
    """Stores what a fit said of a part; returns the file."""
    columns = {"target": pa.array(predictions.target), "prediction": pa.array(predictions.prediction)}
    if predictions.probabilities is not None:
        flat = pa.array(np.asarray(predictions.probabilities, dtype=np.float32).ravel())
        fixed = pa.FixedSizeListArray.from_arrays(flat, predictions.probabilities.shape[1])
        columns["probabilities"] = fixed.cast(pa.list_(pa.float32()))
    file = _file(run_folder, name, part)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, lambda part: pq.write_table(pa.table(columns), part))
    return file


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
        target, prediction = table["target"].to_numpy(), table["prediction"].to_numpy()
        if "probabilities" not in table.column_names:
            return Predictions(target, prediction)
        flat = table["probabilities"].combine_chunks().flatten().to_numpy()
        return Predictions(target, prediction, flat.reshape(len(target), -1 if len(target) else 0))
    except MemoryError:
        raise
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise RunError(f"{file} can't be read ({error}); fit the rung {name!r} again.") from error
