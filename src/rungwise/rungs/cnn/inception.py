"""Inception-v3: blocks that look with several sizes of filters at once.

Idea:
    A block reads its input through several branches, of small and of large filters, and puts side by side what they
    find. Large filters are made of small ones, 5×5 of two 3×3 and 7×7 of 1×7 and 7×1, and 1×1 convolutions before
    them keep the channels few. In training a second head, half way up, is asked too, so that the lower layers hear
    from near.
Formula:
    Five convolutions and two max-poolings → three blocks up to 5×5 → four up to 7×7 → two whose last filters are 1×3
    and 3×1 side by side; a block with strides before the second and the third group; mean over places, dropout,
    softmax. Loss = that of the last head + a part of the auxiliary one's.
Source:
    Szegedy, Vanhoucke, Ioffe, Shlens & Wojna (2016), Rethinking the Inception Architecture for Computer Vision, CVPR,
    https://arxiv.org/abs/1512.00567; in the form that its authors published with TensorFlow, which torchvision has too.
Deviations:
    A quarter of the channels (`width=32` is published), and Muon. Small images are read without the second
    pooling, the smallest without the first stride too, and no layer loses their borders; `stem="large"` reads them as
    photographs.
Cost:
    Few operations for its depth, in many small layers, whose overhead shows on small images.
Wins:
    On photographs of things of many sizes; pretrained.
Loses:
    On small images, and in time, to plainer networks.
"""

# B images, C channels, H height, W width, F features

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.pixels import PretrainedConfig
from rungwise.rung import Cost, ImageShape, NetworkRung
from rungwise.rungs._images import Stem, check_between, chosen_stem, counted_cost, init_he
from rungwise.settings import Optimizer

__all__ = ["RUNG", "Inception", "InceptionConfig"]

_PUBLISHED_WIDTH = 32
_MOST_WIDTH = 256
_NORM_EPS = 1e-3
_LEAST_SIDE = 75
"""Pixels of which the published layers leave one place."""

_AUXILIARY_GRID, _AUXILIARY_SIDE = 5, 17
"""Places a side that the auxiliary head reads, and of which it makes them by a pooling with strides."""

Kernel = int | tuple[int, int]
Layer = tuple[int, Kernel]


@dataclass(frozen=True)
class Branch:
    """One way through a block: convolutions, each (channels, kernel), with the channels of the published width.

    Attributes:
        name: of its convolution, or with a number behind it of each of several.
        layers: one after the other.
        fork: two that read the last of these and stand side by side.
        pooled: whether a mean over 3×3 places comes first.
    """

    name: str
    layers: tuple[Layer, ...]
    fork: tuple[Layer, ...] = ()
    pooled: bool = False

    def names(self) -> list[str]:
        """Of the layers, and behind them of the fork: those of TensorFlow and torchvision."""
        if len(self.layers) == 1 and not self.fork:
            return [self.name]
        numbers = [str(number) for number in range(1, len(self.layers) + 1)]
        letters = [f"{len(self.layers) + 1}{letter}" for letter, _ in zip("ab", self.fork, strict=False)]
        return [f"{self.name}_{end}" for end in (*numbers, *letters)]


_ROW, _COLUMN = (1, 7), (7, 1)


def _up_to_5x5(pool_channels: int) -> tuple[Branch, ...]:
    return (
        Branch("branch1x1", ((64, 1),)),
        Branch("branch5x5", ((48, 1), (64, 5))),
        Branch("branch3x3dbl", ((64, 1), (96, 3), (96, 3))),
        Branch("branch_pool", ((pool_channels, 1),), pooled=True),
    )


def _up_to_7x7(inner: int) -> tuple[Branch, ...]:
    five = ((inner, 1), (inner, _COLUMN), (inner, _ROW), (inner, _COLUMN), (192, _ROW))
    return (
        Branch("branch1x1", ((192, 1),)),
        Branch("branch7x7", ((inner, 1), (inner, _ROW), (192, _COLUMN))),
        Branch("branch7x7dbl", five),
        Branch("branch_pool", ((192, 1),), pooled=True),
    )


_FORKED = (
    Branch("branch1x1", ((320, 1),)),
    Branch("branch3x3", ((384, 1),), fork=((384, (1, 3)), (384, (3, 1)))),
    Branch("branch3x3dbl", ((448, 1), (384, 3)), fork=((384, (1, 3)), (384, (3, 1)))),
    Branch("branch_pool", ((192, 1),), pooled=True),
)

_LOWER_BLOCKS = {
    "Mixed_5b": _up_to_5x5(32),
    "Mixed_5c": _up_to_5x5(64),
    "Mixed_5d": _up_to_5x5(64),
    "Mixed_6a": (
        Branch("branch3x3", ((384, 3),)),
        Branch("branch3x3dbl", ((64, 1), (96, 3), (96, 3))),
    ),
    "Mixed_6b": _up_to_7x7(128),
    "Mixed_6c": _up_to_7x7(160),
    "Mixed_6d": _up_to_7x7(160),
    "Mixed_6e": _up_to_7x7(192),
}
_UPPER_BLOCKS = {
    "Mixed_7a": (
        Branch("branch3x3", ((192, 1), (320, 3))),
        Branch("branch7x7x3", ((192, 1), (192, _ROW), (192, _COLUMN), (192, 3))),
    ),
    "Mixed_7b": _FORKED,
    "Mixed_7c": _FORKED,
}
"""The blocks below and above the auxiliary head."""

_SHRINKING = ("Mixed_6a", "Mixed_7a")
"""Blocks whose branches end with strides, beside a max-pooling."""


@dataclass(frozen=True, kw_only=True)
class InceptionConfig(PretrainedConfig):
    """The network's settings, and defaults of training that suit it.

    Attributes:
        width: channels of the first convolution; all the others go with it.
        dropout: of the last layer's inputs.
        stem: the first layers.
    """

    pretrained_size: ClassVar[int] = 299
    width: int = 8
    dropout: float = 0.2
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
        check_between("width", self.width, 1, _MOST_WIDTH)


class Inception(nn.Module):
    """Images (B, C, H, W) -> outputs (B, num_outputs); in training those of the auxiliary head too."""

    def __init__(self, config: InceptionConfig, shape: ImageShape) -> None:
        super().__init__()
        stem = chosen_stem(config.stem, shape, least=_LEAST_SIDE)
        border, stride = 0 if stem is Stem.LARGE else 1, 1 if stem is Stem.SMALL else 2
        first, second, third, fourth = (_scaled(channels, config.width) for channels in (32, 64, 80, 192))
        self.Conv2d_1a_3x3 = Convolution(shape.channels, first, 3, stride=stride, padding=border)
        self.Conv2d_2a_3x3 = Convolution(first, first, 3, padding=border)
        self.Conv2d_2b_3x3 = Convolution(first, second, 3, padding=1)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, padding=border)
        self.Conv2d_3b_1x1 = Convolution(second, third, 1)
        self.Conv2d_4a_3x3 = Convolution(third, fourth, 3, padding=border)
        self.maxpool2 = nn.MaxPool2d(3, stride=2) if stem is Stem.LARGE else nn.Identity()
        channels = self._add_blocks(_LOWER_BLOCKS, fourth, config.width, border)
        self.AuxLogits = AuxiliaryHead(channels, config.width, shape.num_outputs)
        channels = self._add_blocks(_UPPER_BLOCKS, channels, config.width, border)
        self.dropout = nn.Dropout(config.dropout)
        self.fc = nn.Linear(channels, shape.num_outputs)
        init_he(self)

    def _add_blocks(
        self, blocks: dict[str, tuple[Branch, ...]], channels: int, width: int, border: int
    ) -> int:
        """Channels that come in -> those that the last block gives."""
        for name, branches in blocks.items():
            block = Block(channels, branches, width, border if name in _SHRINKING else None)
            self.add_module(name, block)
            channels = block.out_channels
        return channels

    def _lower_maps(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> what the auxiliary head reads too (B, C, H, W)."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(images)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(self.maxpool1(x)))
        x = self.maxpool2(x)
        for name in _LOWER_BLOCKS:
            x = self.get_submodule(name)(x)
        maps: Tensor = x
        return maps

    def _upper_features(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) of `_lower_maps` -> (B, F)."""
        for name in _UPPER_BLOCKS:
            x = self.get_submodule(name)(x)
        means: Tensor = x.mean((2, 3))
        return means

    def features(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> (B, F)."""
        return self._upper_features(self._lower_maps(images))

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Images (B, C, H, W) -> outputs (B, num_outputs), in training two of them."""
        maps = self._lower_maps(images)
        outputs: Tensor = self.fc(self.dropout(self._upper_features(maps)))
        return (outputs, self.AuxLogits(maps)) if self.training else outputs


class Convolution(nn.Module):
    """x (B, in_channels, H, W) -> (B, out_channels, H, W), fewer by strides and borders; normalised, ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: Kernel, *, stride: int = 1, padding: Kernel = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, in_channels, H, W) -> (B, out_channels, H, W), fewer by strides and borders."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Block(nn.Module):
    """x (B, in_channels, H, W) -> what all the branches make of it, side by side (B, out_channels, H, W).

    Args:
        in_channels: of x.
        branches: with the channels of the published width.
        width: of the network.
        border: None, or of a block that halves the side, the zeros around what its strides run over.
    """

    def __init__(
        self, in_channels: int, branches: tuple[Branch, ...], width: int, border: int | None
    ) -> None:
        super().__init__()
        self.branches, self.border = branches, border
        self.out_channels = in_channels if border is not None else 0
        for branch in branches:
            channels, names = in_channels, branch.names()
            for name, (published, kernel) in zip(names, branch.layers + branch.fork, strict=True):
                out_channels = _scaled(published, width)
                if border is not None and name == names[-1]:
                    layer = Convolution(channels, out_channels, kernel, stride=2, padding=border)
                else:
                    layer = Convolution(channels, out_channels, kernel, padding=_same(kernel))
                self.add_module(name, layer)
                if name in names[: len(branch.layers)]:
                    channels = out_channels
            self.out_channels += channels * max(1, len(branch.fork))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, in_channels, H, W) -> (B, out_channels, H, W), or half the side."""
        parts = [part for branch in self.branches for part in self._parts(branch, x)]
        if self.border is not None:
            parts.append(F.max_pool2d(x, 3, stride=2, padding=self.border))
        return torch.cat(parts, 1)

    def _parts(self, branch: Branch, x: Tensor) -> list[Tensor]:
        if branch.pooled:
            x = F.avg_pool2d(x, 3, stride=1, padding=1)
        layers = [self.get_submodule(name) for name in branch.names()]
        for layer in layers[: len(branch.layers)]:
            x = layer(x)
        return [layer(x) for layer in layers[len(branch.layers) :]] or [x]


class AuxiliaryHead(nn.Module):
    """x (B, in_channels, H, W) -> outputs (B, num_outputs)."""

    def __init__(self, in_channels: int, width: int, num_outputs: int) -> None:
        super().__init__()
        inner, last = _scaled(128, width), _scaled(768, width)
        self.conv0 = Convolution(in_channels, inner, 1)
        self.conv1 = Convolution(inner, last, _AUXILIARY_GRID)
        self.fc = nn.Linear(last, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, in_channels, H, W) -> outputs (B, num_outputs)."""
        if min(x.shape[2:]) >= _AUXILIARY_SIDE:
            x = F.avg_pool2d(x, 5, stride=3)
        else:
            x = F.adaptive_avg_pool2d(x, _AUXILIARY_GRID)
        outputs: Tensor = self.fc(self.conv1(self.conv0(x)).mean((2, 3)))
        return outputs


def _scaled(published: int, width: int) -> int:
    """Channels where the published network has so many."""
    return max(1, published * width // _PUBLISHED_WIDTH)


def _same(kernel: Kernel) -> Kernel:
    """The border that keeps the size."""
    return kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)


def cost(config: InceptionConfig, shape: ImageShape) -> Cost:
    """Convolutions and the last layer; the auxiliary head counts among the parameters alone."""
    return counted_cost(Inception, config, replace(config, width=1), shape)


RUNG = NetworkRung(
    class_name="Inception",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.NUMBER)}),
    config=InceptionConfig,
    cost=cost,
    build=Inception,
    head="fc",
    auxiliary="AuxLogits",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)
