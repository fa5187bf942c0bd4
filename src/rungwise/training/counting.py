"""Floating-point operations, counted: what a network really does for an example, whatever its formula says."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from rungwise.rung import Examples
from rungwise.training.asking import groups_of
from rungwise.training.batches import sorted_batches
from rungwise.training.learner import NetworkLearner

__all__ = ["count_flops"]

_BATCH = 4


def count_flops(learner: NetworkLearner, inputs: object, num_inputs: int) -> dict[str, float]:
    """Operations for one of the inputs, on average; a multiply and an add are two.

    Products of matrices and convolutions are counted, as they are in formulas, padding included; what is done to each
    number by itself isn't. The network is of no use afterwards: it has been in training.

    Args:
        learner: on the CPU.
        inputs: (N) of the learner's kind.
        num_inputs: N.

    Returns:
        `predict`, of a prediction with all its views; `step`, of the forward and backward pass of one in training.
    """
    network = learner.network.eval()
    with torch.no_grad():
        predict = sum(_counted(network, examples) for examples in learner.preprocessor.views(inputs))
    step = _counted(network.train(), learner.preprocessor.examples(inputs), has_backward=True)
    return {"predict": predict / num_inputs, "step": step / num_inputs}


def _counted(network: nn.Module, examples: Examples, *, has_backward: bool = False) -> float:
    """Of all examples, in small batches of those that are about as long, so that there is little padding."""
    batches = sorted_batches(len(examples), examples.lengths, _BATCH, groups=groups_of(examples))
    # the counter knows neither oneDNN's recurrent layers nor all kernels of fused attention
    with (
        torch.backends.mkldnn.flags(enabled=False),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        for index in batches:
            outputs = network(*examples.batch(index))
            if has_backward:
                each = outputs if isinstance(outputs, tuple) else (outputs,)
                torch.autograd.backward([output.float().sum() for output in each])
    return float(counter.get_total_flops())
