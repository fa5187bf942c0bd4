"""A small convolutional network: two convolutions, two poolings, two dense layers.

Idea:
    Small filters slide over the image, so that what is learned in one place is known in all; pooling makes it matter
    less where exactly something stands; dense layers decide.
Formula:
    32 filters 3×3, ReLU → max-pool 2 → 64 filters 3×3, ReLU → max-pool 2 → dense 128, ReLU → dense, softmax.
Source:
    LeCun, Bottou, Bengio & Haffner (1998), Gradient-Based Learning Applied to Document Recognition, Proceedings of the
    IEEE 86, https://doi.org/10.1109/5.726791; in the form of the Keras example mnist_cnn.
Deviations:
    ReLU and max-pooling for sigmoids and averages. By default images are padded, so that their borders count and any
    size will do, odd sizes rounded up, and training has mirror images where they fit, random shifts, softened labels
    and Muon on the hidden weights; there is no dropout. The textbook network is `padding="valid"`, and its training
    `flip="off", shift=0.0, label_smoothing=0.0, optimizer="adamw", learning_rate=0.001, weight_decay=0.0`.
Cost:
    Work grows with the pixels, and parameters with them too, since the first dense layer, which has most of
    them, sees every place.
Wins:
    On thousands of small images and more: the least that beats features made by hand.
Loses:
    On few images, and on large or varied ones, which need more depth.
"""

# B images, C channels, H height, W width

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.pixels import ImageNetworkConfig
from rungwise.rung import Cost, ImageShape, NetworkRung
from rungwise.rungs._memory import network_bytes, network_cost
from rungwise.settings import Optimizer

__all__ = ["CNN", "RUNG", "CNNConfig", "Padding"]

_KERNEL = 3
_POOL = 2
_MAP_COPIES = 3
"""Of a layer's output: before and after the ReLU, and its gradient."""


class Padding(StrEnum):
    """Whether a convolution sees zeros around the image, and keeps its size, or shrinks it by two pixels."""

    SAME = "same"
    VALID = "valid"


@dataclass(frozen=True, kw_only=True)
class CNNConfig(ImageNetworkConfig):
    """The network's settings, and defaults of training that suit it.

    Attributes:
        num_filters: of the first convolution; the second has twice as many.
        hidden_size: units of the dense layer.
        padding: of the convolutions.
        batch_norm: normalise after each convolution.
        dropout: of the inputs of the last two layers.
    """

    num_filters: int = 32
    hidden_size: int = 128
    padding: Padding = Padding.SAME
    batch_norm: bool = False
    dropout: float = 0.0
    epochs: int = 8
    batch_size: int = 256
    optimizer: Optimizer = Optimizer.MUON
    learning_rate: float = 1e-2
    label_smoothing: float = 0.1
    patience: int = 100
    min_steps: int = 300


class CNN(nn.Module):
    """Images (B, C, H, W) float -> outputs (B, num_outputs)."""

    def __init__(self, config: CNNConfig, shape: ImageShape) -> None:
        super().__init__()
        height, width = _grid(config, shape)
        filters = config.num_filters
        self.convolutions = nn.Sequential(
            *_block(shape.channels, filters, config), *_block(filters, 2 * filters, config), nn.Flatten()
        )
        self.dense = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(2 * filters * height * width, config.hidden_size),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden_size, shape.num_outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> outputs (B, num_outputs)."""
        outputs: Tensor = self.dense(self.convolutions(images))
        return outputs


def _block(in_channels: int, out_channels: int, config: CNNConfig) -> list[nn.Module]:
    norm = [nn.BatchNorm2d(out_channels)] if config.batch_norm else []
    return [
        nn.Conv2d(in_channels, out_channels, _KERNEL, padding=config.padding.value),
        *norm,
        nn.ReLU(),
        nn.MaxPool2d(_POOL, ceil_mode=config.padding is Padding.SAME),
    ]


def _grid(config: CNNConfig, shape: ImageShape) -> tuple[int, int]:
    """Height and width that are left for the dense layer."""
    return _sides(config, shape.height)[-1], _sides(config, shape.width)[-1]


def _sides(config: CNNConfig, side: int) -> list[int]:
    """A side of the image after each convolution and pooling.

    Raises:
        ConfigError: if nothing would be left of it.
    """
    sides = []
    left = side
    for _ in range(2):
        convolved = left if config.padding is Padding.SAME else left - _KERNEL + 1
        left = -(-convolved // _POOL) if config.padding is Padding.SAME else convolved // _POOL
        sides += [convolved, left]
    if left < 1:
        raise ConfigError(f"images of {side} pixels a side are too small for padding='valid'; use 'same'.")
    return sides


def cost(config: CNNConfig, shape: ImageShape) -> Cost:
    """Convolutions and dense layers; activations and poolings are left out."""
    filters, area = config.num_filters, _KERNEL**2
    height, width = _grid(config, shape)
    rows, columns = _sides(config, shape.height), _sides(config, shape.width)
    inputs, hidden = 2 * filters * height * width, config.hidden_size
    first, second = shape.channels * filters * area, filters * 2 * filters * area
    norms = 2 * 3 * filters if config.batch_norm else 0
    parameters = first + second + 3 * filters + norms + (inputs + 1) * hidden
    parameters += (hidden + 1) * shape.num_outputs
    multiplications = first * rows[0] * columns[0] + second * rows[2] * columns[2]
    multiplications += inputs * hidden + hidden * shape.num_outputs
    flops = 2.0 * multiplications
    maps = (
        filters * (rows[0] * columns[0] + rows[1] * columns[1]) + 2 * filters * rows[2] * columns[2] + inputs
    )
    memory = network_bytes(
        config, shape, parameters=parameters, floats=_MAP_COPIES * maps + 4 * hidden, example_bytes=0
    )
    return network_cost(config, shape, parameters, flops, memory)


RUNG = NetworkRung(
    class_name="CNN",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.NUMBER)}),
    config=CNNConfig,
    cost=cost,
    build=CNN,
)
