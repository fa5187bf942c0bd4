"""A convolutional network built to learn small images in the least time.

Idea:
    The first layer isn't learned but computed: filters that make the patches of the images uncorrelated, and their
    negatives. What follows then learns from the first step on. A few wide blocks, Muon on their weights, a rate that
    rises and falls once, and labels softened a lot: a pass or two over the data do what others need dozens for.
Formula:
    patches · whitening → GELU → for each block: conv 3×3 → max-pool 2 → norm → GELU → conv 3×3 → norm → GELU;
    max over places → dense / 9, softmax.
Source:
    Jordan (2024), 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, https://arxiv.org/abs/2404.00498; whitening after
    Page (2018), https://github.com/davidcpage/cifar10-fast; Muon by Jordan et al. (2024),
    https://kellerjordan.github.io/posts/muon/.
Deviations:
    Fewer channels, and neither look-ahead nor layers that are frozen on the way. Of images with more than 32
    pixels a side the first layer takes larger patches, further apart, and no more than 64 filters.
Cost:
    Work grows with the pixels up to 32 a side, and from there on hardly: 75 million multiplications for 28 pixels.
Wins:
    On thousands of small images and more, in time to any accuracy up to what much larger networks reach.
Loses:
    On large photographs with fine detail, and on few images to pretrained networks.
"""

# B images, C channels, H height, W width, D numbers of a patch

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.pixels import ImageNetworkConfig
from rungwise.rung import Cost, ImageShape, NetworkRung
from rungwise.rungs._memory import network_bytes, network_cost
from rungwise.settings import Optimizer

__all__ = ["RUNG", "FastCNN", "FastCNNConfig"]

_KERNEL, _POOL = 3, 2
_NATURAL_SIDE = 32
"""Pixels a side from which on patches grow with the image."""

_MOST_WHITE = 32
"""Whitening filters, without their negatives."""

_LEAST_VARIANCE = 5e-4
"""Added to that of each direction of patches, so that noise isn't blown up."""

_ENOUGH_PRODUCTS = 3e10
"""Of patches' values: a second's work. Large images have so many patches, of so many values, that few images do."""

_NORM_MOMENTUM = 0.4
"""Share of the newest batch in the running statistics: training is too short for a slow average."""

_OUTPUT_SCALE = 1 / 9
_MAP_COPIES = 4
"""Of a convolution's output: before and after normalisation and GELU, and its gradient."""


@dataclass(frozen=True, kw_only=True)
class FastCNNConfig(ImageNetworkConfig):
    """The network's settings, and defaults of training that suit it.

    Attributes:
        channels: of each block.
    """

    channels: tuple[int, ...] = (64, 128, 256)
    epochs: int = 8
    batch_size: int = 500
    optimizer: Optimizer = Optimizer.MUON
    learning_rate: float = 2e-2
    weight_decay: float = 0.0
    label_smoothing: float = 0.2
    patience: int = 100
    min_steps: int = 200

    def __post_init__(self) -> None:
        """Checks the channels too.

        Raises:
            ConfigError: if a setting is out of its range.
        """
        super().__post_init__()
        if not self.channels or min(self.channels) < 1:
            raise ConfigError(f"channels={self.channels}: must be one number from 1 on for each block.")


class FastCNN(nn.Module):
    """Images (B, C, H, W) -> outputs (B, num_outputs)."""

    def __init__(self, config: FastCNNConfig, shape: ImageShape) -> None:
        super().__init__()
        self.kernel, self.stride = _patch(shape)
        channels = (2 * _num_white(shape), *config.channels)
        self.whitening = nn.Conv2d(shape.channels, channels[0], self.kernel, stride=self.stride)
        self.blocks = nn.Sequential(*(Block(*pair) for pair in pairwise(channels)))
        self.linear = nn.Linear(channels[-1], shape.num_outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> outputs (B, num_outputs)."""
        x = self.blocks(F.gelu(self.whitening(images)))
        outputs: Tensor = self.linear(x.amax((2, 3))) * _OUTPUT_SCALE
        return outputs

    @torch.no_grad()
    def calibrate(self, batches: Iterable[tuple[Tensor]]) -> None:
        """Images (B, C, H, W) of training -> filters of the first layer that make their patches uncorrelated."""
        side = self.whitening.weight[0].numel()
        products, count = torch.zeros(side, side, dtype=torch.float64), 0
        for (images,) in batches:
            patches = F.unfold(images.contiguous(), self.kernel, stride=self.stride)  # (B, D, places)
            rows = patches.transpose(1, 2).reshape(-1, side)
            products += rows.T @ rows
            count += len(rows)
            if count * side**2 > _ENOUGH_PRODUCTS:
                break
        variances, directions = torch.linalg.eigh(products / count)  # rising (D,), columns (D, D)
        num_filters = len(self.whitening.weight) // 2
        scaled = directions / (variances.clamp(min=0) + _LEAST_VARIANCE).sqrt()
        filters = scaled.flip(1).T[:num_filters].reshape(num_filters, *self.whitening.weight.shape[1:])
        self.whitening.weight.copy_(torch.cat([filters, -filters]))
        assert self.whitening.bias is not None
        self.whitening.bias.zero_()


class Block(nn.Module):
    """x (B, in_channels, H, W) -> (B, channels, H / 2, W / 2), odd sides rounded up."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, _KERNEL, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels, momentum=_NORM_MOMENTUM)
        self.conv2 = nn.Conv2d(channels, channels, _KERNEL, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels, momentum=_NORM_MOMENTUM)
        for conv in (self.conv1, self.conv2):
            nn.init.dirac_(conv.weight[: conv.in_channels])

    def forward(self, x: Tensor) -> Tensor:
        """x (B, in_channels, H, W) -> (B, channels, H / 2, W / 2)."""
        x = F.max_pool2d(self.conv1(x), _POOL, ceil_mode=True)
        x = F.gelu(self.norm1(x))
        return F.gelu(self.norm2(self.conv2(x)))


def _patch(shape: ImageShape) -> tuple[int, int]:
    """Pixels a side of a patch, and from one to the next."""
    stride = max(1, round(min(shape.height, shape.width) / _NATURAL_SIDE))
    return min(2 * stride, shape.height, shape.width), stride


def _num_white(shape: ImageShape) -> int:
    return min(_MOST_WHITE, shape.channels * _patch(shape)[0] ** 2)


def cost(config: FastCNNConfig, shape: ImageShape) -> Cost:
    """Convolutions and the dense layer; norms, activations and poolings are left out."""
    kernel, stride = _patch(shape)
    height, width = ((side - kernel) // stride + 1 for side in (shape.height, shape.width))
    channels = 2 * _num_white(shape)
    weights = shape.channels * kernel**2 * channels
    parameters = weights + channels
    multiplications, maps = weights * height * width, channels * height * width
    for after in config.channels:
        first, second = (before * after * _KERNEL**2 for before in (channels, after))
        multiplications += first * height * width
        maps += after * height * width
        height, width, channels = -(-height // _POOL), -(-width // _POOL), after
        multiplications += second * height * width
        maps += 2 * after * height * width
        parameters += first + second + 4 * after
    parameters += (channels + 1) * shape.num_outputs
    flops = 2.0 * (multiplications + channels * shape.num_outputs)
    memory = network_bytes(config, shape, parameters=parameters, floats=_MAP_COPIES * maps, example_bytes=0)
    return network_cost(config, shape, parameters, flops, memory)


RUNG = NetworkRung(
    class_name="FastCNN",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.NUMBER)}),
    config=FastCNNConfig,
    cost=cost,
    build=FastCNN,
)
