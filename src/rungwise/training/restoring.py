"""A network with stored weights, which may be anybody's: nothing is built that they aren't the weights of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from rungwise.errors import ModelError
from rungwise.fitting import State

__all__ = ["network_with"]

_NEWER = 3
"""Parameters of a part that may be newer than the weights, at most."""


def network_with(build: Callable[[], nn.Module], weights: State, *, newer: tuple[str, ...] = ()) -> nn.Module:
    """The network that `build` makes, with these weights, ready to predict.

    Parts that are `newer` than the weights are as they are built.

    It is first built without memory, on torch's meta device, so that settings that would take more than the weights do
    are found out.

    Raises:
        ModelError: if the weights aren't the network's, in name, shape and type.
    """
    if not all(isinstance(array, np.ndarray) for array in weights.values()):
        raise ModelError("the weights of a network must all be arrays.")
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
    try:
        with torch.device("meta"), _parameters_at_most(len(tensors) + _NEWER * len(newer)):
            wanted = build().state_dict()
    except (RuntimeError, ArithmeticError, TypeError) as error:  # sizes below 0, or beyond all memory
        raise ModelError(f"the network can't be built: {error}") from error
    for name in wanted.keys() | tensors.keys():
        if name in wanted and name not in tensors and name.partition(".")[0] in newer:
            continue
        if name not in wanted or name not in tensors:
            raise ModelError(f"the weights don't fit the network: {name!r} is in one of the two alone.")
        stored, made = tensors[name], wanted[name]
        if stored.shape != made.shape or stored.dtype != made.dtype:
            raise ModelError(
                f"the weights don't fit the network: {name!r} is {stored.dtype} of shape {tuple(stored.shape)}, "
                f"not {made.dtype} of shape {tuple(made.shape)}."
            )
    network = build()
    network.load_state_dict(tensors, strict=False)
    return network.eval()


@contextmanager
def _parameters_at_most(count: int) -> Iterator[None]:
    """Within, a network that this thread builds may have so many parameters, and no more modules are made in vain."""
    left, thread = count, threading.get_ident()

    def count_down(*registered: object) -> None:
        del registered  # module, name and parameter
        nonlocal left
        left -= threading.get_ident() == thread
        if left < 0:
            raise ModelError(f"the network has more than the {count} weights that are stored.")

    hook = register_module_parameter_registration_hook(count_down)
    try:
        yield
    finally:
        hook.remove()
