"""EfficientNet-Lite: convolutions that look at one channel at a time, scaled in depth and width together.

Idea:
    Widen the channels, filter each by itself, and squeeze them again: far fewer operations than full convolutions for
    the same reach. Depth, width and image size grow together from one small network. Its weights from a million
    photographs carry over: with some hundred images of one's own, the last layer alone is learned first, then all.
Formula:
    stem → blocks of x ← x + project(ReLU6(depthwise(ReLU6(expand(x))))) → 1 280 channels → mean → dense.
Source:
    Tan & Le (2019), EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML,
    https://arxiv.org/abs/1905.11946; blocks of Sandler et al. (2018), MobileNetV2, https://arxiv.org/abs/1801.04381.
Deviations:
    The Lite form of its authors, without squeeze-and-excitation and with ReLU6 for swish. Small images aren't halved
    at the first steps: `stem="large"` is the published one. It climbs where it is named, or
    given weights, `efficientnet.pretrained=…`: from random weights it learns slowly.
Cost:
    385 million multiplications for an image of 224 pixels a side, an eleventh of ResNet-50's.
Wins:
    Pretrained, on few photographs, where nothing learned from scratch comes near.
Loses:
    From scratch on small data; on a CPU its depthwise filters are slower than their count of operations says.
"""

# B images, C channels, H height, W width, F features

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.pixels import PretrainedConfig
from rungwise.rung import Cost, ImageShape, NetworkRung, Weights
from rungwise.rungs._images import Stem, chosen_stem
from rungwise.rungs._memory import network_bytes, network_cost
from rungwise.settings import Optimizer

__all__ = ["RUNG", "EfficientNet", "EfficientNetConfig", "Variant"]


class Variant(StrEnum):
    """The published sizes."""

    LITE0 = "lite0"
    LITE1 = "lite1"
    LITE2 = "lite2"
    LITE3 = "lite3"
    LITE4 = "lite4"


_SCALES = {
    Variant.LITE0: (1.0, 1.0),
    Variant.LITE1: (1.0, 1.1),
    Variant.LITE2: (1.1, 1.2),
    Variant.LITE3: (1.2, 1.4),
    Variant.LITE4: (1.4, 1.8),
}
"""Factors of width and depth."""

_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first, expansion, channels; of the first and last stage the blocks aren't scaled."""

_STEM, _HEAD = 32, 1280
_MOST_WIDTH = 8.0
_EPSILON = 1e-3
_MAP_COPIES = 4
"""Of a convolution's output: before and after normalisation and ReLU6, and its gradient."""


class _Block(NamedTuple):
    """A block's place and sizes."""

    stage: int
    number: int
    kernel: int
    stride: int
    expansion: int
    in_channels: int
    out_channels: int


@dataclass(frozen=True, kw_only=True)
class EfficientNetConfig(PretrainedConfig):
    """The network's settings, and defaults of training that suit it.

    Attributes:
        variant: which of the published sizes.
        width: multiplies the channels of it.
        stem: how the first layers treat the image's size.
        dropout: of the inputs of the last layer.
    """

    variant: Variant = Variant.LITE0
    width: float = 1.0
    stem: Stem = Stem.AUTO
    dropout: float = 0.2
    epochs: int = 10
    batch_size: int = 32
    optimizer: Optimizer = Optimizer.ADAMW
    learning_rate: float = 5e-4
    label_smoothing: float = 0.1
    patience: int = 100

    def __post_init__(self) -> None:
        """Checks the width too.

        Raises:
            ConfigError: if a setting is out of its range.
        """
        super().__post_init__()
        if not 0 < self.width <= _MOST_WIDTH:
            raise ConfigError(f"width={self.width}: must be above 0, and at most {_MOST_WIDTH}.")


class EfficientNet(nn.Module):
    """Images (B, C, H, W) -> outputs (B, num_outputs); its weights are named as timm names them."""

    def __init__(self, config: EfficientNetConfig, shape: ImageShape) -> None:
        super().__init__()
        stem, head = _rounded(config.width * _STEM), _rounded(config.width * _HEAD)
        strides = _strides(config, shape)
        self.conv_stem = _SameConv(shape.channels, stem, 3, stride=strides[0])
        self.bn1 = _norm(stem)
        stages: list[list[nn.Module]] = [[] for _ in _STAGES]
        for block in _blocks(config, strides[1:]):
            stages[block.stage].append(
                DepthwiseBlock(block) if block.expansion == 1 else InvertedBlock(block)
            )
        self.blocks = nn.Sequential(*(nn.Sequential(*stage) for stage in stages))
        channels = _channels(config, _STAGES[-1][-1])
        self.conv_head = nn.Conv2d(channels, head, 1, bias=False)
        self.bn2 = _norm(head)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(head, shape.num_outputs)

    def features(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> the mean of the last channels (B, F)."""
        x = F.relu6(self.bn1(self.conv_stem(images)))
        x = F.relu6(self.bn2(self.conv_head(self.blocks(x))))
        return x.mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> outputs (B, num_outputs)."""
        outputs: Tensor = self.classifier(self.dropout(self.features(images)))
        return outputs


class DepthwiseBlock(nn.Module):
    """Images (B, C, H, W) -> (B, out_channels, H, W): a filter for each channel, then a mix of them."""

    def __init__(self, block: _Block) -> None:
        super().__init__()
        inner = block.in_channels
        self.conv_dw = _SameConv(inner, inner, block.kernel, stride=block.stride, groups=inner)
        self.bn1 = _norm(inner)
        self.conv_pw = nn.Conv2d(inner, block.out_channels, 1, bias=False)
        self.bn2 = _norm(block.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, out_channels, H, W)."""
        outputs: Tensor = self.bn2(self.conv_pw(F.relu6(self.bn1(self.conv_dw(x)))))
        return outputs


class InvertedBlock(nn.Module):
    """Images (B, C, H, W) -> (B, out_channels, H / stride, W / stride): widened, filtered, squeezed, and added."""

    def __init__(self, block: _Block) -> None:
        super().__init__()
        inner = block.in_channels * block.expansion
        self.is_residual = block.stride == 1 and block.in_channels == block.out_channels
        self.conv_pw = nn.Conv2d(block.in_channels, inner, 1, bias=False)
        self.bn1 = _norm(inner)
        self.conv_dw = _SameConv(inner, inner, block.kernel, stride=block.stride, groups=inner)
        self.bn2 = _norm(inner)
        self.conv_pwl = nn.Conv2d(inner, block.out_channels, 1, bias=False)
        self.bn3 = _norm(block.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, out_channels, H / stride, W / stride)."""
        inner = F.relu6(self.bn1(self.conv_pw(x)))
        inner = F.relu6(self.bn2(self.conv_dw(inner)))
        outputs: Tensor = self.bn3(self.conv_pwl(inner))
        return x + outputs if self.is_residual else outputs


class _SameConv(nn.Conv2d):
    """A convolution whose output has the input's size divided by the stride, rounded up, as TensorFlow pads it."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, stride: int, groups: int = 1
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride))."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        down, across = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:])
        x = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        return super().forward(x)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPSILON)


def _strides(config: EfficientNetConfig, shape: ImageShape) -> tuple[int, ...]:
    """Of the stem and of each stage: small images keep their size through the first of them that halve it."""
    strides = [2, *(stride for _, _, stride, _, _ in _STAGES)]
    halving = [place for place, stride in enumerate(strides) if stride == 2]
    kept = {Stem.SMALL: 2, Stem.MEDIUM: 1, Stem.LARGE: 0}[chosen_stem(config.stem, shape)]
    return tuple(1 if place in halving[:kept] else stride for place, stride in enumerate(strides))


def _channels(config: EfficientNetConfig, channels: int) -> int:
    """Of a block, in this size."""
    return _rounded(channels * _SCALES[config.variant][0] * config.width)


def _rounded(channels: float) -> int:
    """A multiple of eight that isn't more than a tenth less."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _blocks(config: EfficientNetConfig, strides: Sequence[int]) -> Iterator[_Block]:
    """Block after block, with the stride of each stage in its first."""
    depth, in_channels = _SCALES[config.variant][1], _rounded(config.width * _STEM)
    for stage, (count, kernel, _, expansion, channels) in enumerate(_STAGES):
        is_scaled = 0 < stage < len(_STAGES) - 1
        for number in range(math.ceil(count * depth) if is_scaled else count):
            out_channels = _channels(config, channels)
            stride = strides[stage] if number == 0 else 1
            yield _Block(stage, number, kernel, stride, expansion, in_channels, out_channels)
            in_channels = out_channels


def cost(config: EfficientNetConfig, shape: ImageShape) -> Cost:
    """Convolutions and the last layer; activations and normalisation are left out."""
    strides = _strides(config, shape)
    height, width = -(-shape.height // strides[0]), -(-shape.width // strides[0])
    stem, head = _rounded(config.width * _STEM), _rounded(config.width * _HEAD)
    weights, norms = shape.channels * stem * 9, 2 * stem
    multiplications, maps = weights * height * width, stem * height * width
    for block in _blocks(config, strides[1:]):
        inner, area = block.in_channels * block.expansion, block.kernel**2
        if block.expansion > 1:
            weights += block.in_channels * inner
            norms += 2 * inner
            multiplications += block.in_channels * inner * height * width
            maps += inner * height * width
        height, width = -(-height // block.stride), -(-width // block.stride)
        weights += inner * area + inner * block.out_channels
        norms += 2 * (inner + block.out_channels)
        multiplications += inner * (area + block.out_channels) * height * width
        maps += (inner + block.out_channels) * height * width
    channels = _channels(config, _STAGES[-1][-1])
    weights, norms = weights + channels * head, norms + 2 * head
    multiplications += channels * head * height * width + head * shape.num_outputs
    maps += head * height * width
    parameters = weights + norms + (head + 1) * shape.num_outputs
    flops = 2.0 * multiplications
    memory = network_bytes(config, shape, parameters=parameters, floats=_MAP_COPIES * maps, example_bytes=0)
    return network_cost(config, shape, parameters, flops, memory)


def _from_lukemelas(weights: Weights) -> Weights:
    """Of `efficientnet_lite_pytorch`: blocks are numbered through, and inner layers named by what they do."""
    places = {
        str(number): f"blocks.{block.stage}.{block.number}"
        for number, block in enumerate(_all_blocks(weights))
    }
    names = {
        "_conv_stem": "conv_stem",
        "_bn0": "bn1",
        "_conv_head": "conv_head",
        "_bn1": "bn2",
        "_fc": "classifier",
    }
    wide = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"}
    wide |= {"_project_conv": "conv_pwl", "_bn2": "bn3"}
    narrow = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    renamed = {}
    for name, tensor in weights.items():
        inner = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
        if inner:
            number, layer, kind = inner.groups()
            layers = narrow if f"_blocks.{number}._expand_conv.weight" not in weights else wide
            renamed[f"{places[number]}.{layers[layer]}.{kind}"] = tensor
        else:
            layer, kind = name.split(".")
            renamed[f"{names[layer]}.{kind}"] = tensor
    return renamed


def _all_blocks(weights: Weights) -> list[_Block]:
    """The blocks of the size that has as many.

    Raises:
        LookupError: if none has.
    """
    count = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("_blocks."))
    configs = [EfficientNetConfig(variant=variant) for variant in Variant]
    sizes = [list(_blocks(config, [1] * len(_STAGES))) for config in configs]
    return {len(blocks): blocks for blocks in sizes}[count]


RUNG = NetworkRung(
    class_name="EfficientNet",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.NUMBER)}),
    config=EfficientNetConfig,
    cost=cost,
    build=EfficientNet,
    on_request=True,
    head="classifier",
    layouts={"efficientnet_lite_pytorch": _from_lukemelas},
    mean=(127 / 255,) * 3,
    std=(128 / 255,) * 3,
)
