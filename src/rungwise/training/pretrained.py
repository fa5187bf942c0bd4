"""A network that begins from pretrained weights: puts them in, and fits its new head before the rest learns."""

# N examples, F features of the head, C outputs

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.fitting import FitContext, Pretrained
from rungwise.rung import Examples, NetworkRung, Shape, Weights, WordExamples
from rungwise.settings import NetworkConfig
from rungwise.training.asking import Labelled, Targets, predict_outputs, targets_of
from rungwise.training.losses import Criterion

__all__ = ["check_fit", "fit_head", "load_pretrained"]

_COUNTS = "num_batches_tracked"
_SHOWN = 3

_PENALTIES = (1.0, 0.1, 0.01, 1e-3, 1e-4)
"""Of the head's weights, from the strongest on, where validation chooses."""

_PENALTY = 0.01
"""Where there is no validation."""

_ITERATIONS = 60

_FEW, _SHARE = 32, 0.25
"""Examples that the pace is measured by, and how much of the time left their features may take."""


_MOST_ROWS = 100_000
"""Features that the head is fitted to: more of them hardly change it, and fill the memory."""


class _Some:
    """Of some examples those with these numbers, each an input of its own."""

    owners = None

    def __init__(self, examples: Examples, index: NDArray[np.int64]) -> None:
        self.examples, self.index = examples, index
        self.lengths = None if examples.lengths is None else examples.lengths[index]

    def __len__(self) -> int:
        return len(self.index)

    def batch(self, index: NDArray[np.int64]) -> tuple[Any, ...]:
        """Numbers (B,) among these -> the tensors of the network."""
        return self.examples.batch(self.index[index])


class _SomeWords(_Some):
    """Of some sentences those with these numbers."""

    def __init__(self, examples: WordExamples, index: NDArray[np.int64]) -> None:
        super().__init__(examples, index)
        self.num_words = examples.num_words[index]
        groups = examples.groups
        self.groups = None if groups is None else np.unique(groups[index], return_inverse=True)[1]


def _chosen(examples: Examples, index: NDArray[np.int64]) -> Examples:
    return _SomeWords(examples, index) if isinstance(examples, WordExamples) else _Some(examples, index)


# ------------------------------------------------------------------------------------------------- weights


def load_pretrained(network: nn.Module, rung: NetworkRung, pretrained: Pretrained) -> frozenset[str]:
    """Puts weights into a network, all but its heads, from whichever library's layout they are in.

    Returns:
        If parts before the head are new (`NetworkRung.late`), the names of their weights and of the head's; else none.

    Raises:
        ConfigError: if they are those of another network.
    """
    given = _fitting(network, rung, pretrained)
    network.load_state_dict(given, strict=False)
    rest = [name for name, _ in network.named_parameters() if name not in given]
    if not any(is_of(name, rung.late) for name in rest):
        return frozenset()
    return frozenset(name for name in rest if is_of(name, (*rung.late, rung.head)))


def check_fit(rung: NetworkRung, config: NetworkConfig, shape: Shape, pretrained: Pretrained) -> None:
    """Sees that weights are those of a rung's network, which is built without memory.

    Raises:
        ConfigError: if they aren't, or there can be no such network.
    """
    with torch.device("meta"):
        _fitting(rung.build(config, shape), rung, pretrained)


def _fitting(network: nn.Module, rung: NetworkRung, pretrained: Pretrained) -> Weights:
    """The weights by the network's names, but for its heads."""
    given = {name: torch.from_numpy(array) for name, array in pretrained.weights.items()}
    wanted = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not is_of(name, (rung.head, rung.auxiliary)) and not name.endswith(_COUNTS)
    }
    tries = {library: _converted(layout, given) for library, layout in _layouts(rung).items()}
    needed = {name: tensor for name, tensor in wanted.items() if not is_of(name, rung.optional)}
    problems = {library: _problems(needed, weights) for library, weights in tries.items()}
    best = min(problems, key=lambda library: len(problems[library]))
    if problems[best]:
        some = "; ".join(problems[best][:_SHOWN])
        raise ConfigError(
            f"pretrained={pretrained.name!r} doesn't fit this network: of its {len(needed)} weights "
            f"{len(problems[best])} differ ({some}). Choose the rung and the settings (such as its depth, or "
            "input_size) of the network that the weights were learned by."
        )
    given = tries[best]
    taken = [name for name in wanted if name in needed or not _problems({name: wanted[name]}, given)]
    return {name: given[name] for name in taken}


def is_of(name: str, parts: Iterable[str | None]) -> bool:
    """Whether a weight is one of these parts of the network, or in one."""
    return any(part is not None and (name == part or name.startswith(f"{part}.")) for part in parts)


def _layouts(rung: NetworkRung) -> dict[str, Callable[[Weights], Weights]]:
    return {"": lambda weights: weights, **rung.layouts}


def _converted(layout: Callable[[Weights], Weights], given: Weights) -> Weights:
    """The weights by our names; none if they aren't in that layout at all."""
    try:
        return layout(given)
    except (LookupError, ValueError, RuntimeError):
        return {}


def _problems(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """What is missing, or of another shape."""
    problems = []
    for name, tensor in wanted.items():
        if name not in given:
            problems.append(f"{name} is missing")
        elif given[name].shape != tensor.shape:
            problems.append(f"{name} is {tuple(given[name].shape)}, not {tuple(tensor.shape)}")
    return problems


# ---------------------------------------------------------------------------------------------------- head


def fit_head(
    network: nn.Module,
    rung: NetworkRung,
    train: Labelled,
    validation: Labelled | None,
    config: NetworkConfig,
    context: FitContext,
    objective: Criterion,
) -> None:
    """Fits a network's last layer to the features that the rest of it has of the unaltered examples: a linear probe.

    The penalty on its weights is chosen on validation. Beginning from such a head, what is trained next distorts the
    features less than from a random one. Where time is short, it is fitted to the features of some examples.

    Source: Kumar et al. (2022), Fine-Tuning can Distort Pretrained Features, https://arxiv.org/abs/2202.10054.
    """

    def features_of(examples: Examples) -> Tensor:
        return predict_outputs(network, examples, config, context, forward=body)

    body: Any = network.features  # which `NetworkRung.head` promises
    few = min(_FEW, len(train[0]))
    some = _chosen(train[0], np.arange(few))
    features_of(some)  # a network's first answers are slower
    start = time.monotonic()
    features_of(some)
    pace = (time.monotonic() - start) / few
    given = [train] if validation is None else [train, validation]
    affordable = _SHARE * context.seconds_left() / pace
    share = min(1.0, affordable / sum(len(part[0]) for part in given))
    if share < 1:
        context.cut()
    parts = [_some(part, min(share, _MOST_ROWS / _num_rows(part)), context.seed) for part in given]
    features = [features_of(part[0]) for part in parts]
    mean, std = features[0].mean(0), features[0].std(0, correction=0).clamp(min=1e-6)
    inputs = [(part - mean) / std for part in features]
    layer = network.get_submodule(rung.head or "")
    assert isinstance(layer, nn.Linear)
    weight, bias = torch.zeros_like(layer.weight, device="cpu"), torch.zeros(len(layer.weight))
    best: tuple[float, Tensor, Tensor] | None = None
    for penalty in _PENALTIES if validation is not None else (_PENALTY,):
        start = time.monotonic()
        weight, bias = _solve(inputs[0], parts[0][1], weight, bias, penalty, objective)
        loss = 0.0
        if validation is not None:
            loss = float(objective.loss(inputs[1] @ weight.T + bias, parts[1][1]))
        if best is None or loss < best[0]:
            best = (loss, weight, bias)
        if context.seconds_left() < 2 * (time.monotonic() - start):
            context.cut()
            break
    assert best is not None
    with torch.no_grad():
        layer.weight.copy_(best[1] / std)
        layer.bias.copy_(best[2] - best[1] @ (mean / std))


def _some(part: Labelled, share: float, seed: int) -> Labelled:
    """A share of labelled examples, `_FEW` at least, chosen by the seed."""
    examples = part[0]
    count = len(examples) if share >= 1 else min(len(examples), max(_FEW, int(share * len(examples))))
    index = np.sort(np.random.default_rng(seed).permutation(len(examples))[:count])
    return _chosen(examples, index), targets_of(part, index)


def _num_rows(part: Labelled) -> int:
    """Features that labelled examples have: one each, or one a word."""
    examples = part[0]
    return int(examples.num_words.sum()) if isinstance(examples, WordExamples) else len(examples)


def _solve(
    inputs: Tensor, targets: Targets, weight: Tensor, bias: Tensor, penalty: float, objective: Criterion
) -> tuple[Tensor, Tensor]:
    """Inputs (N, F), targets (N,) -> weight (C, F), bias (C,) of the least loss + penalty · ‖weight‖² / 2."""
    weight, bias = (tensor.clone().requires_grad_() for tensor in (weight, bias))
    solver = torch.optim.LBFGS([weight, bias], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        loss = objective.train_loss(inputs @ weight.T + bias, targets) + penalty / 2 * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    is_sound = math.isfinite(float(weight.detach().square().sum()))
    return (
        (weight.detach(), bias.detach()) if is_sound else (torch.zeros_like(weight), torch.zeros_like(bias))
    )
