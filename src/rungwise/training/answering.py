"""What of a network is asked, once it has learned: twins that answer faster, and what these must have seen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from rungwise.errors import ConfigError, ModelError
from rungwise.fitting import FitContext, Precision, State
from rungwise.layers.int8 import in_int8
from rungwise.layers.static_int8 import input_ranges, num_ranges
from rungwise.layers.twins import in_bf16
from rungwise.rung import Examples
from rungwise.stored import array
from rungwise.training.asking import ask_batches, groups_of, to_device
from rungwise.training.batches import sorted_batches

__all__ = ["ranges_of", "ready", "stored_ranges"]

_SEEN_BATCHES, _SEEN_EXAMPLES, _SEEN_TOKENS = 16, 16, 512
"""Training examples whose way through a network is seen: batches, evenly chosen from short to long, and of each at most
so many examples, or tokens unless one has more."""


def ready(network: nn.Module, precision: Precision, context: FitContext, ranges: Tensor | None) -> nn.Module:
    """The network that is asked in a network's place.

    Args:
        network: stays as it is, but on the context's device and not in training.
        precision: that is asked for.
        context: device, and the precision of what isn't in int8.
        ranges: by `ranges_of`.

    Raises:
        ConfigError: if it can't answer in int8.
    """
    if precision is Precision.INT8 and context.device != "cpu":
        raise ConfigError(f"precision 'int8' is for the CPU; the model is on {context.device}.")
    is_rounded = context.device == "cpu" and context.precision is Precision.BF16
    if precision is Precision.INT8:
        return in_int8(network, has_bf16=is_rounded, ranges=ranges)
    to_device(network, context.device)
    network.eval()
    return in_bf16(network) if is_rounded else network


def ranges_of(network: nn.Module, examples: Examples, context: FitContext) -> Tensor | None:
    """What goes into the layers of a network's Transformer blocks, by some training examples (`input_ranges`).

    None where it has no blocks, there is no time left, or its numbers overflow.
    """
    if not num_ranges(network) or context.seconds_left() <= 0:
        return None
    batches = sorted_batches(
        len(examples), examples.lengths, _SEEN_EXAMPLES, most_tokens=_SEEN_TOKENS, groups=groups_of(examples)
    )
    chosen = np.linspace(0, len(batches) - 1, min(_SEEN_BATCHES, len(batches))).astype(np.int64)
    to_device(network, context.device)
    ranges = input_ranges(
        network, lambda: ask_batches(network, examples, [batches[i] for i in chosen], context)
    )
    network.to("cpu")
    return ranges if bool(ranges.isfinite().all()) else None


def stored_ranges(state: State, network: nn.Module) -> Tensor | None:
    """The ranges that a state has, if it has any.

    Raises:
        ModelError: if they aren't this network's.
    """
    if "ranges" not in state:
        return None
    ranges = array(state, "ranges", np.float32, 2, num_ranges(network))
    if not (np.isfinite(ranges).all() and (ranges[0] <= ranges[1]).all()):
        raise ModelError("'ranges' must go from a finite number to one that isn't smaller.")
    return torch.from_numpy(ranges)
