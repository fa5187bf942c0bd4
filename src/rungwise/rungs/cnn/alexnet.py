"""AlexNet: five convolutions and three dense layers, the network that won ImageNet in 2012.

Idea:
    The small convolutional network made deep and wide: large filters with large strides see the photograph first, three
    layers of small ones follow, and dense layers, with dropout against learning by heart, decide.
Formula:
    conv 11×11/4 → max-pool 3/2 → conv 5×5 → max-pool 3/2 → conv 3×3 three times → max-pool 3/2 → dense, dense, dense,
    softmax; a ReLU after each layer but the last.
Source:
    Krizhevsky, Sutskever & Hinton (2012), ImageNet Classification with Deep Convolutional Neural Networks, NeurIPS,
    https://papers.nips.cc/paper/4824; in torchvision's form, of one tower and without response normalisation, after
    Krizhevsky (2014), One weird trick for parallelizing convolutional neural networks, https://arxiv.org/abs/1404.5997.
Deviations:
    Half the channels and dense units (`width=64` is published), AdamW, and softened labels. Small images are
    read with 5×5 filters and no stride, or one of 2, and poolings keep their borders; `stem="large"` reads them as
    photographs.
Cost:
    Most parameters are in the first dense layer, most work in the convolutions.
Wins:
    For the history; on small images, against the network of two convolutions.
Loses:
    To every later network of its size, which normalises.
"""

# B images, C channels, H height, W width, F features

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.pixels import PretrainedConfig
from rungwise.rung import Cost, ImageShape, NetworkRung, Weights
from rungwise.rungs._images import Stem, check_between, chosen_stem, counted_cost, init_he
from rungwise.rungs._weights import renamed
from rungwise.settings import Optimizer

__all__ = ["RUNG", "AlexNet", "AlexNetConfig"]

_GRID, _SMALL_GRID = 6, 4
"""Places a side that the dense layers see, of small images at most."""

_LEAST_SIDE = 63
"""Pixels of which the published convolutions leave one."""

_HALVINGS = 3
_MOST_WIDTH = 256


@dataclass(frozen=True, kw_only=True)
class AlexNetConfig(PretrainedConfig):
    """The network's settings, and defaults of training that suit it.

    Attributes:
        width: channels of the first convolution; the dense layers have 64 times as many units.
        dropout: of the inputs of the first two dense layers.
        stem: the first layers.
    """

    width: int = 32
    dropout: float = 0.5
    stem: Stem = Stem.AUTO
    epochs: int = 8
    batch_size: int = 128
    optimizer: Optimizer = Optimizer.ADAMW
    learning_rate: float = 1e-3
    label_smoothing: float = 0.1
    patience: int = 100
    min_steps: int = 600

    def __post_init__(self) -> None:
        """Checks the network's settings too.

        Raises:
            ConfigError: if one is out of its range.
        """
        super().__post_init__()
        check_between("width", self.width, 1, _MOST_WIDTH)


class AlexNet(nn.Module):
    """Images (B, C, H, W) -> outputs (B, num_outputs)."""

    def __init__(self, config: AlexNetConfig, shape: ImageShape) -> None:
        super().__init__()
        stem = chosen_stem(config.stem, shape, least=_LEAST_SIDE)
        width, hidden = config.width, 64 * config.width
        grid = _grid(stem, shape)
        pool = nn.MaxPool2d(3, stride=2, padding=0 if stem is Stem.LARGE else 1)
        self.convolutions = nn.Sequential(
            _first_layer(shape.channels, width, stem),
            nn.ReLU(inplace=True),
            pool,
            nn.Conv2d(width, 3 * width, 5, padding=2),
            nn.ReLU(inplace=True),
            pool,
            nn.Conv2d(3 * width, 6 * width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(6 * width, 4 * width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(4 * width, 4 * width, 3, padding=1),
            nn.ReLU(inplace=True),
            pool,
            nn.AdaptiveAvgPool2d(grid),
            nn.Flatten(),
        )
        self.dense = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(4 * width * grid[0] * grid[1], hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(config.dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
        )
        self.linear = nn.Linear(hidden, shape.num_outputs)
        init_he(self)

    def features(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> (B, F)."""
        values: Tensor = self.dense(self.convolutions(images))
        return values

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> outputs (B, num_outputs)."""
        outputs: Tensor = self.linear(self.features(images))
        return outputs


def _first_layer(in_channels: int, width: int, stem: Stem) -> nn.Conv2d:
    if stem is Stem.LARGE:
        return nn.Conv2d(in_channels, width, 11, stride=4, padding=2)
    return nn.Conv2d(in_channels, width, 5, stride=_small_stride(stem), padding=2)


def _small_stride(stem: Stem) -> int:
    return 1 if stem is Stem.SMALL else 2


def _grid(stem: Stem, shape: ImageShape) -> tuple[int, int]:
    """Places that the dense layers see: of small images no more than the poolings leave."""
    if stem is Stem.LARGE:
        return _GRID, _GRID
    halved = 2**_HALVINGS * _small_stride(stem)
    height, width = (min(_SMALL_GRID, -(-side // halved)) for side in (shape.height, shape.width))
    return height, width


def cost(config: AlexNetConfig, shape: ImageShape) -> Cost:
    """Convolutions and dense layers."""
    return counted_cost(AlexNet, config, replace(config, width=1), shape)


def _from_torchvision(weights: Weights) -> Weights:
    """The names of torchvision -> ours, among which `features` is what the last layer reads."""
    return renamed(
        weights,
        {r"^features\.": "convolutions.", r"^classifier\.6\.": "linear.", r"^classifier\.": "dense."},
    )


RUNG = NetworkRung(
    class_name="AlexNet",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.NUMBER)}),
    config=AlexNetConfig,
    cost=cost,
    build=AlexNet,
    head="linear",
    layouts={"torchvision": _from_torchvision},
)
