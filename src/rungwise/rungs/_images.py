"""What the image networks share: a stem that goes by the size of the images, and costs counted layer by layer."""

# H height, W width, C channels

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache, partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.preprocessing.pixels import ImageNetworkConfig
from rungwise.rung import Cost, ImageShape
from rungwise.rungs._memory import network_bytes, network_cost

__all__ = ["Stem", "check_between", "check_one_of", "chosen_stem", "counted_cost", "init_he"]

Config = TypeVar("Config", bound=ImageNetworkConfig)
Build = Callable[[Config, ImageShape], nn.Module]

_SMALL_SIDE, _MEDIUM_SIDE = 48, 96
"""Pixels of the shorter side up to which a network's first layers keep the size, and up to which they halve it; the
published ones, for photographs, leave a quarter."""

_MAP_COPIES = 2
"""Of what a layer makes: as it is, and after the ReLU or beside others; gradients take the place of what was used."""


class Stem(StrEnum):
    """A network's first layers: the published ones for photographs, or such as shrink small images less."""

    AUTO = "auto"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


def chosen_stem(stem: Stem, shape: ImageShape, *, least: int = 1) -> Stem:
    """The stem that is meant by `Stem.AUTO`, or another one as it is.

    Args:
        stem: as configured.
        shape: of the images.
        least: pixels a side that the published network needs.

    Raises:
        ConfigError: if the published network is asked for, and the images are too small for it.
    """
    side = min(shape.height, shape.width)
    if stem is Stem.LARGE and side < least:
        raise ConfigError(
            f"images of {side} pixels a side are too small for stem='large', which needs {least}; use 'auto'."
        )
    if stem is not Stem.AUTO:
        return stem
    return Stem.SMALL if side <= _SMALL_SIDE else Stem.MEDIUM if side <= _MEDIUM_SIDE else Stem.LARGE


def check_between(name: str, value: int, least: int, most: int) -> None:
    """Raises a ConfigError if a setting isn't within its bounds."""
    if not least <= value <= most:
        raise ConfigError(f"{name}={value}: must be from {least} to {most}.")


def check_one_of(name: str, value: int, allowed: list[int]) -> None:
    """Raises a ConfigError if a setting isn't one of those that there are."""
    if value not in allowed:
        raise ConfigError(f"{name}={value}: must be one of {', '.join(map(str, allowed))}.")


def init_he(network: nn.Module) -> None:
    """Draws convolutions' weights so that ReLUs keep the size of what flows backwards.

    Source: He, Zhang, Ren & Sun (2015), Delving Deep into Rectifiers, https://arxiv.org/abs/1502.01852.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


class _Count(NamedTuple):
    """Of one example: parameters, operations, and numbers that layers make."""

    parameters: int
    flops: float
    floats: float


def counted_cost(build: Build[Config], config: Config, narrow: Config, shape: ImageShape) -> Cost:
    """The cost of a network of convolutions, norms and linear layers; activations and poolings are left out.

    Args:
        build: makes the network.
        config: its settings.
        narrow: the same settings with one channel or so a layer, which change no height or width of what layers make.
        shape: of the problem.
    """
    one = replace(shape, num_examples=1)
    count = _count(build, config, narrow, one)
    memory = network_bytes(
        config, shape, parameters=count.parameters, floats=_MAP_COPIES * count.floats, example_bytes=0
    )
    return network_cost(config, shape, count.parameters, count.flops, memory)


@lru_cache(maxsize=64)
def _count(build: Build[Config], config: Config, narrow: Config, shape: ImageShape) -> _Count:
    """Reads layers off a network without memory, and how often each is applied off its narrow twin."""
    with torch.device("meta"):
        network = build(config, shape)
    places = _places(build, narrow, shape)
    flops = floats = 0.0
    for name, layer in network.named_modules():
        match layer:
            case nn.Conv2d() | nn.Linear():
                flops += 2.0 * places.get(name, 0) * layer.weight.numel()
                floats += places.get(name, 0) * len(layer.weight)
            case nn.BatchNorm2d():
                floats += places.get(name, 0) * layer.num_features
    return _Count(sum(p.numel() for p in network.parameters()), flops, floats)


def _places(build: Build[Config], config: Config, shape: ImageShape) -> dict[str, int]:
    """The layers that a prediction passes through, and the places H·W that each is applied at."""
    with torch.device("meta"):
        network = build(config, shape)
    places: dict[str, int] = {}

    def note(name: str, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        del layer, inputs
        places[name] = output[0, 0].numel()

    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            layer.register_forward_hook(partial(note, name))
    with torch.inference_mode():
        network.to_empty(device="cpu").eval()(torch.zeros(1, shape.channels, shape.height, shape.width))
    return places
