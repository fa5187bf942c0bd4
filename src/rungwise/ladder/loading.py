"""`load`: a fitted model of a run's folder, or of a model's."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from rungwise.artifacts import load_model
from rungwise.errors import RunError, RungwiseError
from rungwise.estimators import RungEstimator
from rungwise.evaluation.records import JOURNAL
from rungwise.ladder.run import Ladder

__all__ = ["load"]

_DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    pa.ArrowException,
)
"""What files that aren't what they should be can raise."""


def load(folder: str | Path, rung: str | None = None) -> RungEstimator:
    """A fitted model: of a run's folder the recommended one or the named rung's, or of a model folder.

    Raises:
        ModelError: if it is a model folder that can't be read.
        RunError: if it is neither, a run that is damaged, or one without such a model.
        UnknownNameError: if there is no such rung.
    """
    folder = Path(folder)
    try:
        is_model = folder.is_file() or (folder / "model.safetensors").exists()
        is_run = (folder / JOURNAL).is_file()
    except OSError as error:
        raise RunError(f"{folder} can't be read: {error}.") from error
    if is_model:
        if rung is not None:
            raise RunError(f"{folder} is the folder of one model; give no rung.")
        return load_model(folder)
    if not is_run:
        raise RunError(f"{folder} is neither a run's folder nor a model's.")
    try:
        return Ladder.open(folder).model(rung)
    except RungwiseError:
        raise
    except _DAMAGE as error:
        raise RunError(f"{folder} is damaged ({type(error).__name__}: {error}).") from error
