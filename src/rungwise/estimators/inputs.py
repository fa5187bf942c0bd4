"""What users hand to an estimator, in the one form that learners take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, check_consistent_length, column_or_1d, validate_data

from rungwise.data import as_images, as_predicates, as_table, as_texts, as_tokens
from rungwise.data.arrays import arrow_table
from rungwise.errors import DataError
from rungwise.kinds import ColumnKind, InputKind
from rungwise.stored import MOST_PIXELS

__all__ = ["check_labels", "check_numbers", "coerce_inputs", "kind_of", "rows", "set_columns", "take"]


def kind_of(X: Any, kinds: set[InputKind]) -> InputKind:
    """The one of these kinds that X is; only its form is looked at.

    Raises:
        DataError: if X is of none of them.
    """
    if len(kinds) == 1 and InputKind.TABLE not in kinds:
        return next(iter(kinds))  # texts and images have many forms, and say what is wrong themselves
    if kinds == {InputKind.TOKENS, InputKind.PREDICATE}:
        return InputKind.PREDICATE if _has_predicates(X) else InputKind.TOKENS
    found = _form(X)
    if found not in kinds:
        raise DataError(f"X looks like {found} input, but this model takes {' or '.join(sorted(kinds))}.")
    return found


def _has_predicates(X: Any) -> bool:
    if isinstance(X, pa.ChunkedArray | pa.Array):
        return bool(pa.types.is_struct(X.type))
    if isinstance(X, pa.Table) or hasattr(X, "columns"):
        return "predicate" in (X.column_names if isinstance(X, pa.Table) else X.columns)
    first = next(iter(X), None) if isinstance(X, Iterable) else None
    is_pair = isinstance(first, tuple) and len(first) == 2 and isinstance(first[1], Integral)
    return is_pair or isinstance(first, Mapping)


def _form(X: Any) -> InputKind:
    if isinstance(X, pa.ChunkedArray | pa.Array):
        if pa.types.is_struct(X.type):
            return InputKind.PREDICATE
        return InputKind.TOKENS if pa.types.is_list(X.type) else InputKind.TEXT
    if isinstance(X, pa.Table) or hasattr(X, "columns") or sparse.issparse(X):
        return InputKind.TABLE
    first = X[0] if isinstance(X, list | tuple) and X else None
    if isinstance(first, str):
        return InputKind.TEXT
    array = np.asarray(X)
    if array.ndim >= 3:
        return InputKind.IMAGE
    if array.ndim == 1 and array.dtype.kind in "OUST":
        return InputKind.TEXT
    return InputKind.TABLE


def coerce_inputs(estimator: Any, X: Any, kind: InputKind, *, reset: bool) -> Any:
    """X -> the form of its kind that learners take; `reset` at fit, when columns are learned, not checked.

    Raises:
        DataError: if X can't be used.
    """
    match kind:
        case InputKind.TEXT:
            return as_texts(X)
        case InputKind.TOKENS:
            return as_tokens(X)
        case InputKind.PREDICATE:
            return as_predicates(X)
        case InputKind.IMAGE:
            return _coerce_images(estimator, X, reset=reset)
        case InputKind.TABLE:
            return _coerce_table(estimator, X, reset=reset)


def _coerce_images(estimator: Any, X: Any, *, reset: bool) -> NDArray[np.uint8]:
    """Images of the size that they had at fit."""
    images = as_images(X)
    size = images.shape[1:]
    if reset:
        if math.prod(size) > MOST_PIXELS:
            raise DataError(
                f"images have {math.prod(size)} values each, more than {MOST_PIXELS}; resize them."
            )
        estimator.image_size_ = size
    elif size != estimator.image_size_:
        got, known = ("×".join(map(str, sides)) for sides in (size, estimator.image_size_))
        raise DataError(
            f"images are {got} (height × width × channels), but the model was fitted on {known}; "
            "resize them or convert their colours."
        )
    return images


def _coerce_table(estimator: Any, X: Any, *, reset: bool) -> pa.Table:
    """A table whose columns have the kinds that they had at fit; arrays are checked as scikit-learn checks them."""
    is_named = isinstance(X, pa.Table) or hasattr(X, "columns")
    if not is_named:
        if not reset and set(estimator.column_kinds_.values()) != {ColumnKind.NUMBER}:
            names = ", ".join(estimator.column_kinds_)
            raise DataError(
                f"X is an array, but the model was fitted on named columns ({names}); give a DataFrame."
            )
        X = validate_data(
            estimator, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=1
        )
    if not reset:
        return as_table(
            _fitted_columns(estimator, arrow_table(X), is_named=is_named), estimator.column_kinds_
        )
    if isinstance(X, pa.Table):
        set_columns(estimator, X.column_names)
    elif is_named:
        validate_data(estimator, X, skip_check_array=True)
    table = as_table(X)
    estimator.column_kinds_ = {field.name: field.metadata[b"kind"].decode() for field in table.schema}
    return table


def _fitted_columns(estimator: Any, table: pa.Table, *, is_named: bool) -> pa.Table:
    """The columns that the estimator was fitted with, in that order; by place where X or the fit had no names.

    Raises:
        DataError: if one is missing.
    """
    names = list(estimator.column_kinds_)
    missing = [name for name in names if name not in table.column_names]
    has_names = is_named and hasattr(estimator, "feature_names_in_")
    if missing and not has_names and table.num_columns == len(names):
        return table.rename_columns(names)
    if missing:
        raise DataError(f"the model was fitted with columns that are missing here: {', '.join(missing)}.")
    return table.select(names)


def set_columns(estimator: Any, names: list[str]) -> None:
    """Notes the names of the columns that the estimator was fitted with, as scikit-learn does for frames."""
    estimator.feature_names_in_ = np.array(names, dtype=object)
    estimator.n_features_in_ = len(names)


def check_labels(estimator: Any, X: Any, y: ArrayLike) -> NDArray[Any]:
    """Labels (N,), as many as X."""
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    _check_known(np.asarray(y))
    check_classification_targets(y)
    labels: NDArray[Any] = column_or_1d(y, warn=True)
    check_consistent_length(X, labels)
    return labels


def _check_known(y: NDArray[Any]) -> None:
    """Labels: some, and none of them missing or infinite.

    Raises:
        DataError: if there are none, or one is.
    """
    if not y.size:
        raise DataError("y is empty; a classifier needs examples of at least two classes.")
    is_bad = ~np.isfinite(y) if y.dtype.kind == "f" else pd.isna(y)
    if is_bad.any():
        row = int(np.argmax(is_bad.reshape(len(y), -1).any(axis=1)))
        raise DataError(f"the label is {y[row]!r}; leave such rows out.", row=row + 1, column="y")


def check_numbers(estimator: Any, X: Any, y: ArrayLike) -> NDArray[np.float64]:
    """Finite numbers (N,), as many as X."""
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    numbers: NDArray[np.float64] = _check_y(y, y_numeric=True, estimator=estimator).astype(np.float64)
    check_consistent_length(X, numbers)
    return numbers


def take(X: Any, index: NDArray[np.int64]) -> Any:
    """The rows of X at index (M,), in X's own form."""
    if isinstance(X, pa.Table | pa.ChunkedArray | pa.Array):
        return X.take(pa.array(index))
    if hasattr(X, "iloc"):
        return X.iloc[index]
    if isinstance(X, np.ndarray) or sparse.issparse(X):
        return X[index]
    return [X[i] for i in index]


def rows(X: Any, start: int, stop: int) -> Any:
    """The rows of X from start to stop, without copying them."""
    if isinstance(X, pa.Table | pa.ChunkedArray | pa.Array):
        return X.slice(start, max(0, stop - start))
    return X[start:stop]
