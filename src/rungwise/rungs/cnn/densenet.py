"""DenseNet: every layer reads what all the layers before it in its block made.

Idea:
    A layer adds a few channels to the pile and leaves the others as they are, so that nothing has to be learned twice:
    few parameters do much.
Formula:
    xᵢ₊₁ = [xᵢ, conv 3×3(ReLU(norm(conv 1×1(ReLU(norm(xᵢ))))))]: k new channels through 4 k (B, the bottleneck), with
    k = growth_rate; between blocks half the channels (C, compression) and half the side; mean over places, softmax.
Source:
    Huang, Liu, van der Maaten & Weinberger (2017), Densely Connected Convolutional Networks, CVPR,
    https://arxiv.org/abs/1608.06993.
Deviations:
    Softened labels and Muon. Depths of 22, 40 and 100 are the paper's three blocks for small images, `depth=121` and
    169 its four for photographs, published with `growth_rate=32`. Small images are read by a 3×3 convolution
    without strides, the smallest without pooling, and odd sides are rounded up; `stem="large"` reads them as
    photographs.
Cost:
    Few parameters, but much to move: every layer reads and normalises the whole pile.
Wins:
    Where the model has to be small for its accuracy.
Loses:
    In time and in memory, to networks of the same number of operations.
"""

# B images, C channels, H height, W width, F features

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.pixels import PretrainedConfig
from rungwise.rung import Cost, ImageShape, NetworkRung, Weights
from rungwise.rungs._images import Stem, check_between, check_one_of, chosen_stem, counted_cost, init_he
from rungwise.rungs._weights import renamed
from rungwise.settings import Optimizer

__all__ = ["RUNG", "DenseNet", "DenseNetConfig"]

_LAYERS = {
    22: (3, 3, 3),
    40: (6, 6, 6),
    100: (16, 16, 16),
    121: (6, 12, 24, 16),
    169: (6, 12, 32, 32),
}
"""Depth → dense layers, of two convolutions, of each block."""

_BOTTLENECK = 4
"""Channels between the two convolutions of a dense layer, in growth rates."""

_LEAST_SIDE = 29
"""Pixels of which the published first layers and three halvings leave one."""

_MOST_GROWTH = 256


@dataclass(frozen=True, kw_only=True)
class DenseNetConfig(PretrainedConfig):
    """The network's settings, and defaults of training that suit it.

    Attributes:
        depth: layers with weights: 22, 40, 100, 121 or 169.
        growth_rate: channels that a layer adds, k in the paper; the first convolution has twice as many.
        stem: the first layers.
    """

    depth: int = 40
    growth_rate: int = 12
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
        check_one_of("depth", self.depth, list(_LAYERS))
        check_between("growth_rate", self.growth_rate, 1, _MOST_GROWTH)


class DenseNet(nn.Module):
    """Images (B, C, H, W) -> outputs (B, num_outputs)."""

    def __init__(self, config: DenseNetConfig, shape: ImageShape) -> None:
        super().__init__()
        stem = chosen_stem(config.stem, shape, least=_LEAST_SIDE)
        channels = 2 * config.growth_rate
        self.features = _first_layers(shape.channels, channels, stem)  # images (B, C, H, W) -> (B, F)
        for number, num_layers in enumerate(_LAYERS[config.depth], start=1):
            if number > 1:
                transition = _transition(channels, channels // 2, stem)
                self.features.add_module(f"transition{number - 1}", transition)
                channels //= 2
            block = nn.Sequential()
            for layer in range(1, num_layers + 1):
                block.add_module(f"denselayer{layer}", DenseLayer(channels, config.growth_rate))
                channels += config.growth_rate
            self.features.add_module(f"denseblock{number}", block)
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.features.add_module("relu5", nn.ReLU(inplace=True))
        self.features.add_module("pool5", nn.AdaptiveAvgPool2d(1))
        self.features.add_module("flatten", nn.Flatten())
        self.classifier = nn.Linear(channels, shape.num_outputs)
        init_he(self)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> outputs (B, num_outputs)."""
        outputs: Tensor = self.classifier(self.features(images))
        return outputs


class DenseLayer(nn.Module):
    """x (B, in_channels, H, W) -> x and growth_rate channels more (B, in_channels + growth_rate, H, W)."""

    def __init__(self, in_channels: int, growth_rate: int) -> None:
        super().__init__()
        inner = _BOTTLENECK * growth_rate
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, inner, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, growth_rate, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, in_channels, H, W) -> (B, in_channels + growth_rate, H, W)."""
        inner = self.conv1(F.relu(self.norm1(x), inplace=True))
        added = self.conv2(F.relu(self.norm2(inner), inplace=True))
        return torch.cat([x, added], 1)


def _first_layers(in_channels: int, channels: int, stem: Stem) -> nn.Sequential:
    if stem is Stem.LARGE:
        convolution = nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False)
    else:
        convolution = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
    pool = nn.Identity() if stem is Stem.SMALL else nn.MaxPool2d(3, stride=2, padding=1)
    return _named(conv0=convolution, norm0=nn.BatchNorm2d(channels), relu0=nn.ReLU(inplace=True), pool0=pool)


def _transition(in_channels: int, out_channels: int, stem: Stem) -> nn.Sequential:
    return _named(
        norm=nn.BatchNorm2d(in_channels),
        relu=nn.ReLU(inplace=True),
        conv=nn.Conv2d(in_channels, out_channels, 1, bias=False),
        pool=nn.AvgPool2d(2, ceil_mode=stem is not Stem.LARGE),
    )


def _named(**modules: nn.Module) -> nn.Sequential:
    sequence = nn.Sequential()
    for name, module in modules.items():
        sequence.add_module(name, module)
    return sequence


def cost(config: DenseNetConfig, shape: ImageShape) -> Cost:
    """Convolutions and the last layer."""
    return counted_cost(DenseNet, config, replace(config, growth_rate=1), shape)


def _from_torchvision(weights: Weights) -> Weights:
    """Files of torchvision have `norm.1` where its network, as ours, has `norm1`."""
    return renamed(weights, {r"(\.denselayer\d+\.(?:norm|conv))\.([12])\.": r"\1\2."})


RUNG = NetworkRung(
    class_name="DenseNet",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.NUMBER)}),
    config=DenseNetConfig,
    cost=cost,
    build=DenseNet,
    head="classifier",
    layouts={"torchvision": _from_torchvision},
)
