"""LeNet-5, the network that read cheques: two convolutions, two poolings, three dense layers.

Idea:
    The first convolutional network in daily use. Few small filters, each shared over the whole image; pooling between
    them; dense layers that turn the last maps into a decision. Everything is learned from the pixels at once.
Formula:
    C1 6 filters 5×5 → S2 pool 2 → C3 16 filters 5×5 → S4 pool 2 → C5 dense 120 → F6 dense 84 → dense, softmax;
    on 32×32 pixels.
Source:
    LeCun, Bottou, Bengio & Haffner (1998), Gradient-Based Learning Applied to Document Recognition, Proceedings of the
    IEEE 86, https://doi.org/10.1109/5.726791.
Deviations:
    ReLU, max-pooling and filters over all maps, as the network is mostly built today; `form="paper"` has
    1.7159 tanh(2x/3), averages with a learned gain and bias, and the paper's table of which maps a filter of C3 sees.
    The output layer is linear with a softmax in either form, where the paper has fixed radial basis functions. Images
    of 24 to 32 pixels a side stand in the middle of 32×32, all others are scaled to it. Training has random shifts,
    mirror images where they fit, softened labels and Muon.
Cost:
    The same for images of any size: half a million multiplications, and 61,706 numbers for ten classes in grey.
Wins:
    On thousands of small, centred shapes such as digits, where speed and size count.
Loses:
    Where 32×32 pixels show too little, or colours and textures need more than 6 and 16 filters.
"""

# B images, C channels, H height, W width

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.pixels import ImageNetworkConfig
from rungwise.rung import Cost, ImageShape, NetworkRung
from rungwise.rungs._memory import network_bytes, network_cost
from rungwise.settings import Optimizer

__all__ = ["RUNG", "Form", "LeNet", "LeNetConfig"]

_SIDE, _SMALLEST_PADDED = 32, 24
_KERNEL, _POOL = 5, 2
_C1, _C3, _C5 = 6, 16, 120
_C1_SIDE = _SIDE - _KERNEL + 1
_S2_SIDE = _C1_SIDE // _POOL
_C3_SIDE = _S2_SIDE - _KERNEL + 1
_S4_SIZE = _C3 * (_C3_SIDE // _POOL) ** 2

_SEEN = (
    *(tuple(sorted((first + step) % _C1 for step in range(3))) for first in range(_C1)),
    *(tuple(sorted((first + step) % _C1 for step in range(4))) for first in range(_C1)),
    *(tuple(sorted((first + step) % _C1 for step in (0, 1, 3, 4))) for first in range(3)),
    tuple(range(_C1)),
)
"""The maps of S2 that each filter of C3 sees, in the order of the paper's table I."""

_MAP_COPIES = 3
"""Of a layer's output: before and after the activation, and its gradient."""


class Form(StrEnum):
    """The network as it is mostly built today, or as the paper has it."""

    MODERN = "modern"
    PAPER = "paper"


@dataclass(frozen=True, kw_only=True)
class LeNetConfig(ImageNetworkConfig):
    """The network's settings, and defaults of training that suit it.

    Attributes:
        form: activations, poolings and the connections of C3.
        hidden_size: units of F6.
    """

    form: Form = Form.MODERN
    hidden_size: int = 84
    epochs: int = 12
    batch_size: int = 128
    optimizer: Optimizer = Optimizer.MUON
    learning_rate: float = 1e-2
    label_smoothing: float = 0.1
    patience: int = 100
    min_steps: int = 300


class LeNet(nn.Module):
    """Images (B, C, H, W) float -> outputs (B, num_outputs)."""

    def __init__(self, config: LeNetConfig, shape: ImageShape) -> None:
        super().__init__()
        is_paper = config.form is Form.PAPER
        activation = ScaledTanh if is_paper else nn.ReLU
        self.maps = nn.Sequential(
            nn.Conv2d(shape.channels, _C1, _KERNEL),
            activation(),
            *((TrainableAverage(_C1), activation()) if is_paper else (nn.MaxPool2d(_POOL),)),
            PartialConv2d() if is_paper else nn.Conv2d(_C1, _C3, _KERNEL),
            activation(),
            *((TrainableAverage(_C3), activation()) if is_paper else (nn.MaxPool2d(_POOL),)),
            nn.Flatten(),
        )
        self.dense = nn.Sequential(
            nn.Linear(_S4_SIZE, _C5),
            activation(),
            nn.Linear(_C5, config.hidden_size),
            activation(),
            nn.Linear(config.hidden_size, shape.num_outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> outputs (B, num_outputs)."""
        outputs: Tensor = self.dense(self.maps(on_canvas(images)))
        return outputs


def on_canvas(images: Tensor) -> Tensor:
    """Images (B, C, H, W) -> (B, C, 32, 32): those of about that size amid zeros, the mean, all others scaled."""
    height, width = images.shape[2:]
    if min(height, width) < _SMALLEST_PADDED or max(height, width) > _SIDE:
        return F.interpolate(images, (_SIDE, _SIDE), mode="bilinear", antialias=True, align_corners=False)
    across, down = _SIDE - width, _SIDE - height
    return F.pad(images, (across // 2, across - across // 2, down // 2, down - down // 2))


class ScaledTanh(nn.Module):
    """x -> 1.7159 tanh(2x/3), which takes ±1 to ±1, where it is most curved."""

    def forward(self, x: Tensor) -> Tensor:
        """x of any shape -> the same shape."""
        return 1.7159 * torch.tanh(x * (2 / 3))


class TrainableAverage(nn.Module):
    """Maps (B, C, H, W) -> (B, C, H/2, W/2): the mean of each square of four, times a gain, plus a bias of its map."""

    def __init__(self, num_maps: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(num_maps, 1, 1))
        self.bias = nn.Parameter(torch.zeros(num_maps, 1, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, H, W) -> (B, C, H/2, W/2)."""
        return F.avg_pool2d(maps, _POOL) * self.gain + self.bias


class PartialConv2d(nn.Module):
    """C3 of the paper: maps (B, 6, H, W) -> (B, 16, H - 4, W - 4), each filter over some of the maps alone."""

    def __init__(self) -> None:
        super().__init__()
        pairs = [(filter_, seen) for filter_, maps in enumerate(_SEEN) for seen in maps]
        fan_in = torch.tensor([len(_SEEN[filter_]) * _KERNEL**2 for filter_, _ in pairs])
        bound = fan_in.rsqrt()[:, None, None]
        self.kernels = nn.Parameter((2 * torch.rand(len(pairs), _KERNEL, _KERNEL) - 1) * bound)
        self.bias = nn.Parameter(torch.zeros(_C3))
        self.places: Tensor
        self.register_buffer("places", torch.tensor(pairs).T.contiguous(), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, 6, H, W) -> (B, 16, H - 4, W - 4)."""
        weight = self.kernels.new_zeros(_C3, _C1, _KERNEL, _KERNEL)
        weight = weight.index_put((self.places[0], self.places[1]), self.kernels)
        return F.conv2d(maps, weight, self.bias)


def cost(config: LeNetConfig, shape: ImageShape) -> Cost:
    """Convolutions and dense layers; activations, poolings and scaling are left out."""
    is_paper, area = config.form is Form.PAPER, _KERNEL**2
    sizes = (_S4_SIZE, _C5, config.hidden_size, shape.num_outputs)
    dense = sum(a * b for a, b in itertools.pairwise(sizes))
    pairs = sum(map(len, _SEEN)) if is_paper else _C1 * _C3
    parameters = area * (shape.channels * _C1 + pairs) + _C1 + _C3 + dense + sum(sizes[1:])
    parameters += 2 * (_C1 + _C3) if is_paper else 0
    flops = 2.0 * (area * (shape.channels * _C1 * _C1_SIDE**2 + _C1 * _C3 * _C3_SIDE**2) + dense)
    maps = _C1 * (_C1_SIDE**2 + _S2_SIDE**2) + _C3 * _C3_SIDE**2 + _S4_SIZE
    pixels = shape.channels * max(_SIDE**2, shape.height * shape.width)
    memory = network_bytes(
        config,
        shape,
        parameters=parameters,
        floats=_MAP_COPIES * (maps + pixels) + 4 * sum(sizes[1:]),
        example_bytes=0,
    )
    return network_cost(config, shape, parameters, flops, memory)


RUNG = NetworkRung(
    class_name="LeNet",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.NUMBER)}),
    config=LeNetConfig,
    cost=cost,
    build=LeNet,
)
