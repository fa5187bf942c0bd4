"""What a stored state must hold: `restore` takes it through these, so that a damaged one is a `ModelError`.

A state may come from a folder that a stranger wrote: nothing in it is what its name says until it was looked at.
"""

from __future__ import annotations

import json
import math
import reprlib
import sys
from typing import TYPE_CHECKING, Any

from rungwise.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from rungwise.fitting import State

__all__ = [
    "MOST_PIXELS",
    "array",
    "entry",
    "finite",
    "image_size",
    "parse_json",
    "section",
    "strings",
    "truth",
    "whole",
]

_MOST_CONTAINERS, _DEEPEST = 1_000_000, 32
"""Objects and lists that a JSON text may have, and how far within one another: ours have some ten, three deep."""

_LARGEST = sys.float_info.max
MOST_PIXELS = 2**24
"""Of an image, counted for each channel."""


def entry(state: Any, name: str) -> Any:
    """What stands under a name.

    Raises:
        ModelError: if there is nothing.
    """
    if not isinstance(state, dict) or name not in state:
        raise ModelError(f"{name!r} is missing from what is stored.")
    return state[name]


def section(state: Any, name: str) -> State:
    """The dict under a name.

    Raises:
        ModelError: if there is none.
    """
    value = entry(state, name)
    if not isinstance(value, dict):
        raise _wrong(name, value, "an object")
    return value


def array(state: Any, name: str, dtype: DTypeLike, *shape: int | None) -> NDArray[Any]:
    """The array under a name; None among the sides of the shape stands for any length.

    Raises:
        ModelError: if there is none of this type and shape.
    """
    import numpy as np

    value, dtype = entry(state, name), np.dtype(dtype)
    wanted = f"an array of {dtype} of shape ({', '.join('any' if n is None else str(n) for n in shape)})"
    if not isinstance(value, np.ndarray):
        raise _wrong(name, value, wanted)
    fits = len(shape) == value.ndim and all(
        wide in (None, side) for wide, side in zip(shape, value.shape, strict=True)
    )
    if not fits or value.dtype != dtype:
        raise ModelError(
            f"{name!r} is an array of {value.dtype} of shape {value.shape}; it must be {wanted}."
        )
    return value


def finite(state: Any, name: str, low: float = -math.inf, high: float = math.inf) -> float:
    """The finite number under a name.

    Raises:
        ModelError: if there is none from low to high.
    """
    value = entry(state, name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= _LARGEST or not low <= value <= high:
        raise _wrong(name, value, f"a number from {low:g} to {high:g}")
    return float(value)


def whole(state: Any, name: str, low: int, high: int) -> int:
    """The whole number under a name.

    Raises:
        ModelError: if there is none from low to high.
    """
    value = entry(state, name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _wrong(name, value, f"a whole number from {low} to {high}")
    return value


def strings(state: Any, name: str) -> list[str]:
    """The list of distinct strings under a name.

    Raises:
        ModelError: if there is none.
    """
    value = entry(state, name)
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if not is_list or len(set(value)) != len(value):
        raise _wrong(name, value, "a list of distinct strings")
    strings: list[str] = value
    return strings


def truth(state: Any, name: str) -> bool:
    """The truth value under a name.

    Raises:
        ModelError: if there is none.
    """
    value = entry(state, name)
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def image_size(state: Any, name: str) -> tuple[int, int, int]:
    """Height, width and channels under a name.

    Raises:
        ModelError: if there are none that an image can have.
    """
    value = entry(state, name)
    if not isinstance(value, list) or not all(type(side) is int and side > 0 for side in value):
        raise _wrong(name, value, "a list of whole numbers above 0")
    if len(value) != 3 or value[2] not in (1, 3) or math.prod(value) > MOST_PIXELS:
        raise _wrong(name, value, f"height, width and 1 or 3 channels, {MOST_PIXELS} values at most")
    return value[0], value[1], value[2]


def parse_json(text: Any) -> State:
    """The object that a JSON text holds, which takes some twenty times the memory of the text at most.

    Raises:
        ModelError: if it isn't an object, names something twice, is nested deeply, or has a number that isn't finite.
    """
    if not isinstance(text, str):
        raise ModelError("a JSON text must be a string.")
    if text.count("{") + text.count("[") > _MOST_CONTAINERS:
        raise ModelError(f"a JSON text has more than {_MOST_CONTAINERS} objects and lists.")
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"it isn't the JSON that rungwise writes: {error}") from error
    if not isinstance(value, dict):
        raise ModelError("the JSON text must be an object.")
    _check_depth(value, _DEEPEST)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has the same name twice")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


def _check_depth(value: Any, left: int) -> None:
    if not left:
        raise ModelError(f"objects and lists are more than {_DEEPEST} deep.")
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            _check_depth(item, left - 1)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite)


def _wrong(name: str, value: Any, wanted: str) -> ModelError:
    return ModelError(f"{name!r} is {reprlib.repr(value)}; it must be {wanted}.")
