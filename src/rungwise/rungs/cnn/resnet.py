"""ResNet: a deep network whose blocks add to what they are given.

Idea:
    A block of convolutions learns what to add to its input. Where there is nothing to add it gives zero, so that more
    layers do no harm, and gradients reach the first of them unweakened.
Formula:
    y = ReLU(x + F(x)), F two convolutions 3×3, or from depth 50 on 1×1, 3×3, 1×1 with four times the channels at the
    end; four stages, each with half the side and twice the channels of the one before; mean over places, softmax.
Source:
    He, Zhang, Ren & Sun (2016), Deep Residual Learning for Image Recognition, CVPR, https://arxiv.org/abs/1512.03385.
Deviations:
    Half the channels, softened labels and Muon. The published sizes are `width=64` with 18, 34, 50 or 101 layers
    (`depth=50`); 10 is one block a stage. As in torchvision the 3×3 convolution of a bottleneck has the stride. Small
    images are read by a 3×3 convolution without strides, and the smallest without pooling, which is the paper's form
    for CIFAR; `stem="large"` reads them as photographs.
Cost:
    Work grows with the pixels and the square of the width, and is about the same in each stage.
Wins:
    On tens of thousands of images and more, and pretrained on few; the standard to measure others by.
Loses:
    On few images without pretraining, and in time to a modest accuracy.
"""

# B images, C channels, H height, W width, F features

from __future__ import annotations

from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.pixels import PretrainedConfig
from rungwise.rung import Cost, ImageShape, NetworkRung, Weights
from rungwise.rungs._images import Stem, check_between, check_one_of, chosen_stem, counted_cost, init_he
from rungwise.rungs._weights import renamed
from rungwise.settings import Optimizer

__all__ = ["RUNG", "ResNet", "ResNetConfig"]

_BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Depth → blocks of each stage."""

_BOTTLENECK_DEPTH = 50
"""From which on blocks are bottlenecks."""

_EXPANSION = 4
"""Channels that a bottleneck gives for each of its own."""

_MOST_WIDTH = 512


@dataclass(frozen=True, kw_only=True)
class ResNetConfig(PretrainedConfig):
    """The network's settings, and defaults of training that suit it.

    Attributes:
        depth: layers with weights: 10, 18, 34, 50 or 101.
        width: channels of the first stage.
        stem: the first layers.
    """

    depth: int = 18
    width: int = 32
    stem: Stem = Stem.AUTO
    epochs: int = 8
    batch_size: int = 128
    optimizer: Optimizer = Optimizer.MUON
    learning_rate: float = 1e-2
    label_smoothing: float = 0.1
    patience: int = 100
    min_steps: int = 400

    def __post_init__(self) -> None:
        """Checks the network's settings too.

        Raises:
            ConfigError: if one is out of its range.
        """
        super().__post_init__()
        check_one_of("depth", self.depth, list(_BLOCKS))
        check_between("width", self.width, 1, _MOST_WIDTH)


class ResNet(nn.Module):
    """Images (B, C, H, W) -> outputs (B, num_outputs)."""

    def __init__(self, config: ResNetConfig, shape: ImageShape) -> None:
        super().__init__()
        width = config.width
        stem = chosen_stem(config.stem, shape)
        if stem is Stem.LARGE:
            self.conv1 = nn.Conv2d(shape.channels, width, 7, stride=2, padding=3, bias=False)
        else:
            self.conv1 = nn.Conv2d(shape.channels, width, 3, padding=1, bias=False)
        self.maxpool = nn.Identity() if stem is Stem.SMALL else nn.MaxPool2d(3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        block = Bottleneck if config.depth >= _BOTTLENECK_DEPTH else BasicBlock
        channels = width
        for stage, num_blocks in enumerate(_BLOCKS[config.depth]):
            blocks = []
            for number in range(num_blocks):
                stride = 2 if stage > 0 and number == 0 else 1
                blocks.append(block(channels, width * 2**stage, stride))
                channels = width * 2**stage * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, shape.num_outputs)
        init_he(self)

    def features(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> (B, F)."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(images))))
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        means: Tensor = x.mean((2, 3))
        return means

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> outputs (B, num_outputs)."""
        outputs: Tensor = self.fc(self.features(images))
        return outputs


class BasicBlock(nn.Module):
    """x (B, in_channels, H, W) -> (B, channels, H / stride, W / stride)."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, in_channels, H, W) -> (B, channels, H / stride, W / stride)."""
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.downsample(x) + self.bn2(self.conv2(inner)))


class Bottleneck(nn.Module):
    """x (B, in_channels, H, W) -> (B, 4 channels, H / stride, W / stride)."""

    expansion = _EXPANSION

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        out_channels = channels * self.expansion
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, in_channels, H, W) -> (B, 4 channels, H / stride, W / stride)."""
        inner = F.relu(self.bn1(self.conv1(x)))
        inner = F.relu(self.bn2(self.conv2(inner)))
        return F.relu(self.downsample(x) + self.bn3(self.conv3(inner)))


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """What a block adds to: its input, brought to the shape of its output."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    convolution = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels))


def cost(config: ResNetConfig, shape: ImageShape) -> Cost:
    """Convolutions and the last layer."""
    return counted_cost(ResNet, config, replace(config, width=1), shape)


def _from_transformers(weights: Weights) -> Weights:
    """The names of `transformers.ResNetForImageClassification`, which count from 0 -> ours, torchvision's."""
    weights = renamed(
        weights,
        {
            r"^resnet\.": "",
            r"^embedder\.embedder\.convolution\.": "conv1.",
            r"^embedder\.embedder\.normalization\.": "bn1.",
            r"^classifier\.1\.": "fc.",
            r"\.shortcut\.convolution\.": ".downsample.0.",
            r"\.shortcut\.normalization\.": ".downsample.1.",
            r"^encoder\.stages\.(\d)\.layers\.": r"layer+\1.",
            r"\.layer\.(\d)\.convolution\.": r".conv+\1.",
            r"\.layer\.(\d)\.normalization\.": r".bn+\1.",
        },
    )
    return renamed(weights, {rf"\+{number}": str(number + 1) for number in reversed(range(4))})


RUNG = NetworkRung(
    class_name="ResNet",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.NUMBER)}),
    config=ResNetConfig,
    cost=cost,
    build=ResNet,
    head="fc",
    layouts={"transformers": _from_transformers},
)
