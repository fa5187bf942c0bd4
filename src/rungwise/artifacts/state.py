"""A learner's state as two files: its arrays, each named by its path in the state, and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.errors import ModelError
from rungwise.fitting import State

__all__ = ["join_state", "split_state"]

_ARRAY = "$array"
_SEPARATOR = "/"


def split_state(state: State, bare: str | None = None) -> tuple[State, dict[str, NDArray[Any]]]:
    """The state with a reference in place of each array, and the arrays by their paths.

    Args:
        state: of a learner.
        bare: the entry whose arrays are named by what comes behind it in their paths alone.
    """
    arrays: dict[str, NDArray[Any]] = {}
    rest = {name: _split(item, "" if name == bare else name, arrays) for name, item in state.items()}
    return rest, arrays


def _split(value: Any, path: str, arrays: dict[str, NDArray[Any]]) -> Any:
    if isinstance(value, np.ndarray):
        arrays[path] = np.asarray(value, order="C")
        return {_ARRAY: path}
    if isinstance(value, Mapping):
        return {
            key: _split(item, f"{path}{_SEPARATOR}{key}" if path else key, arrays)
            for key, item in value.items()
        }
    if isinstance(value, np.generic):
        return value.item()
    return value


def join_state(rest: State, arrays: Mapping[str, NDArray[Any] | None]) -> State:
    """The state that `split_state` took apart, with each array in one place, so that it is no larger than they are.

    Raises:
        ModelError: if an array is missing, or one is left over.
    """
    left = dict(arrays)
    joined: State = _join(rest, left)
    if left:
        raise ModelError(f"nothing says what {next(iter(left))[:80]!r} in model.safetensors is for.")
    return joined


def _join(value: Any, left: dict[str, NDArray[Any] | None]) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) == {_ARRAY}:
        name = value[_ARRAY]
        if not isinstance(name, str) or name not in left:
            raise ModelError(f"array {str(name)[:80]!r} is not in model.safetensors, or taken twice.")
        return left.pop(name)
    return {key: _join(item, left) for key, item in value.items()}
