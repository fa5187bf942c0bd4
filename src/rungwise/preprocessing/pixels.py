"""Images for networks: bytes in memory, normalised a batch at a time, altered at random in training."""

# N images, B of a batch, H height, W width, C channels

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from rungwise.data.limits import batch_rows
from rungwise.errors import ConfigError, DataError
from rungwise.fitting import Pretrained, State
from rungwise.preprocessing.augment import alternate_flips, cut_out, jitter, move, resized_crop
from rungwise.rung import Examples, ImageShape, Shape
from rungwise.settings import NetworkConfig, PretrainableConfig
from rungwise.stored import array, image_size

__all__ = [
    "Flip",
    "ImageNetworkConfig",
    "PixelExamples",
    "PixelPreprocessor",
    "PretrainedConfig",
    "Views",
    "is_symmetric",
]

Pixels = NDArray[np.uint8]

_CHUNK = 4096
"""Images whose bytes are counted at a time."""

_NUM_ASKED, _NUM_KNOWN = 500, 2000
"""Images whose nearest neighbours are looked for, and among how many."""

_LOOK_SIDE = 32
"""Pixels a side at most that images are compared by."""

_MOST_FARTHER = 0.6
"""Share of the images that may be farther from the others once they are mirrored: half, if mirroring is nothing to
them. Measured: photographs of insects 0.40, clothes (MNIST's size) 0.82, handwritten digits 0.96."""


_SMALL_SIDE = 96
"""Pixels of the shorter side under which an image shows one thing, centred, and has little detail to lose."""

_MOST_INPUT_SIZE = 1024
_SHIFT, _CROP, _COLOUR = 0.04, 0.35, 0.2
"""What `ImageNetworkConfig` means by None: the shift of small images; the crop and the colours of large ones."""


class Flip(StrEnum):
    """Whether training images are mirrored, every other epoch; `AUTO` where mirroring leaves them what they are."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Views(StrEnum):
    """What a prediction is the mean over: the image alone, also mirrored, if training had it so, and moved as well."""

    ONE = "one"
    MIRRORED = "mirrored"
    MOVED = "moved"


@dataclass(frozen=True, kw_only=True)
class ImageNetworkConfig(NetworkConfig):
    """How a network is trained on images: the fields of `NetworkConfig`, and random alterations of each batch.

    Attributes:
        input_size: height and width that images are resized to for the network; None leaves them as they are.
        flip: mirror left and right; photographs gain by it, letters and digits lose.
        shift: move by up to this fraction of the side; None takes a little for small images and none for large ones.
        crop: train on windows with at least this share of the area; None takes windows of large images alone.
        colour: how much brightness, contrast and saturation vary; None varies those of large images in colour.
        cutout: blank a square with this fraction of the side.
        views: of an image, that each prediction is the mean over; each costs as much as the first.
    """

    input_size: int | None = None
    flip: Flip = Flip.AUTO
    shift: float | None = None
    crop: float | None = None
    colour: float | None = None
    cutout: float = 0.0
    views: Views = Views.ONE

    def __post_init__(self) -> None:
        """Checks the settings of images too.

        Raises:
            ConfigError: with every setting that is out of its range.
        """
        super().__post_init__()
        ranges = {
            "input_size": (1, _MOST_INPUT_SIZE),
            "shift": (0.0, 0.5),
            "crop": (0.01, 1.0),
            "colour": (0.0, 1.0),
            "cutout": (0.0, 1.0),
        }
        problems = [
            f"{name}={value!r}: must be from {low} to {high}"
            for name, (low, high) in ranges.items()
            if (value := getattr(self, name)) is not None and not low <= value <= high
        ]
        if problems:
            raise ConfigError("; ".join(problems) + ".")

    def seen(self, shape: Shape) -> Shape:
        """The shape of the images that the network gets, made of images of that shape."""
        if self.input_size is None or not isinstance(shape, ImageShape):
            return shape
        return replace(shape, height=self.input_size, width=self.input_size)


@dataclass(frozen=True, kw_only=True)
class PretrainedConfig(PretrainableConfig, ImageNetworkConfig):
    """How a network is trained on images that may begin from weights learned elsewhere.

    Images are then resized to what such weights are learned on, unless `input_size` is given.
    """

    pretrained_size: ClassVar[int] = 224
    pretrained_channels: ClassVar[int] = 3

    def seen(self, shape: Shape) -> Shape:
        """The shape of the images that the network gets, made of images of that shape."""
        if self.pretrained is None or not isinstance(shape, ImageShape):
            return super().seen(shape)
        size = self.input_size or self.pretrained_size
        return replace(shape, height=size, width=size, channels=self.pretrained_channels)


class PixelExamples:
    """Images as bytes (N, H, W, C), in memory or mapped, with what they are normalised by.

    Args:
        pixels: the images.
        mean: (C,), subtracted from each channel.
        scale: (C,), that each channel is then multiplied by.
        size: height, width and channels that the network gets.
        is_mirrored: whether they are shown mirrored.
        step: pixels that they are moved down and to the right, or up and to the left.
    """

    lengths: NDArray[np.int64] | None = None
    owners: NDArray[np.int64] | None = None

    def __init__(
        self,
        pixels: Pixels,
        mean: NDArray[np.float32],
        scale: NDArray[np.float32],
        size: tuple[int, int, int],
        *,
        is_mirrored: bool = False,
        step: int = 0,
    ) -> None:
        self.pixels, self.size, self.is_mirrored, self.step = pixels, size, is_mirrored, step
        self.mean, self.scale = torch.from_numpy(mean), torch.from_numpy(scale)

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, index: NDArray[np.int64]) -> tuple[Tensor]:
        """Image numbers (B,) -> images (B, C, H, W) float32, channels last in memory."""
        pixels = torch.from_numpy(self.pixels[index])
        height, width, channels = self.size
        if pixels.shape[3] != channels:
            pixels = pixels.expand(-1, -1, -1, channels)
        images = (pixels.float() - self.mean).mul_(self.scale).permute(0, 3, 1, 2)
        if images.shape[2:] != (height, width):
            images = F.interpolate(
                images, (height, width), mode="bilinear", antialias=True, align_corners=False
            )
        if self.is_mirrored:
            images = images.flip(3)
        if self.step:
            margin = abs(self.step)
            start = margin - self.step
            padded = F.pad(images, (margin,) * 4, mode="replicate")
            images = padded[:, :, start : start + height, start : start + width]
        return (images,)


class PixelPreprocessor:
    """Images -> mean 0 and deviation 1 in each channel, over the training images or as pretrained weights say."""

    def __init__(self, config: ImageNetworkConfig) -> None:
        self.config = config
        self.size: tuple[int, int, int]  # H, W, C
        self.mean: NDArray[np.float32]
        self.scale: NDArray[np.float32]
        self.flip = False

    def fit(self, inputs: Pixels, pretrained: Pretrained | None = None) -> None:
        """Counts the bytes of each channel, and settles whether flips are sound."""
        self.size = inputs.shape[1:]
        self.flip = self.config.flip is Flip.ON or (self.config.flip is Flip.AUTO and is_symmetric(inputs))
        if pretrained is not None:
            mean, deviation = 255 * np.array(pretrained.mean), 255 * np.array(pretrained.std)
        else:
            counts = _byte_counts(inputs)  # (C, 256)
            total = counts.sum(1)
            mean = counts @ np.arange(256) / total
            deviation = np.sqrt(counts @ np.arange(256) ** 2 / total - mean**2)
        self.mean = mean.astype(np.float32)
        self.scale = (1.0 / np.maximum(deviation, 1.0)).astype(np.float32)

    def shape(self, *, num_examples: int, num_outputs: int) -> ImageShape:
        """The problem's size, as the network gets it."""
        height, width, channels = self.size
        given = ImageShape(
            num_examples=num_examples, num_outputs=num_outputs, channels=channels, height=height, width=width
        )
        shape = self.config.seen(given)
        assert isinstance(shape, ImageShape)
        return shape

    def examples(self, inputs: Pixels) -> PixelExamples:
        """Images uint8 (N, H, W, C) -> the same, not copied.

        Raises:
            DataError: if they are of another size than those of `fit`.
        """
        if inputs.shape[1:] != self.size:
            got, known = ("×".join(map(str, size)) for size in (inputs.shape[1:], self.size))
            raise DataError(
                f"images are {got} (height × width × channels), but the model was fitted on {known}; "
                "resize them or convert their colours."
            )
        return self._view(inputs, is_mirrored=False, step=0)

    def views(self, inputs: Pixels) -> list[Examples]:
        """Images -> the same as `examples` gives them, and mirrored and moved as configured.

        Raises:
            DataError: if they are of another size than those of `fit`.
        """
        plain = self.examples(inputs)
        if self.config.views is Views.ONE:
            return [plain]
        far = max(1, round(_SHIFT * min(plain.size[:2])))
        steps = (0, far, -far) if self.config.views is Views.MOVED else (0,)
        sides = (False, True) if self.flip else (False,)
        return [self._view(inputs, is_mirrored=mirrored, step=step) for step in steps for mirrored in sides]

    def _view(self, inputs: Pixels, *, is_mirrored: bool, step: int) -> PixelExamples:
        seen = self.shape(num_examples=1, num_outputs=1)
        size = (seen.height, seen.width, seen.channels)
        return PixelExamples(inputs, self.mean, self.scale, size, is_mirrored=is_mirrored, step=step)

    def augment(
        self, batch: tuple[Tensor, ...], generator: torch.Generator, *, index: NDArray[np.int64], epoch: int
    ) -> tuple[Tensor, ...]:
        """A batch of images (B, C, H, W) -> mirrored, moved, cropped and the like, as configured for their size."""
        (images,) = batch
        config, side = self.config, min(images.shape[2:])
        is_small = side < _SMALL_SIDE
        shift = _or(config.shift, _SHIFT if is_small else 0.0)
        crop = _or(config.crop, 1.0 if is_small else _CROP)
        colour = _or(config.colour, 0.0 if is_small or images.shape[1] == 1 else _COLOUR)
        if self.flip:
            numbers = torch.from_numpy(index).to(images.device)
            images = alternate_flips(images, numbers, epoch=epoch, seed=generator.initial_seed() % 2**16)
        if crop < 1:
            images = resized_crop(images, generator, least=crop)
        if round(shift * side):
            images = move(images, generator, shift=round(shift * side))
        if colour:
            images = jitter(images, generator, strength=colour)
        if round(config.cutout * side):
            images = cut_out(images, generator, side=round(config.cutout * side))
        return (images,)

    def state(self) -> State:
        """The size, and what images are normalised by."""
        return {"size": list(self.size), "mean": self.mean, "scale": self.scale, "flip": self.flip}

    def restore(self, state: State) -> None:
        """Takes the size and the normalisation.

        Raises:
            ModelError: if they don't go together.
        """
        self.size = image_size(state, "size")
        channels = self.shape(num_examples=1, num_outputs=1).channels
        self.mean, self.scale = (array(state, name, np.float32, channels) for name in ("mean", "scale"))
        self.flip = state.get("flip", False) is True  # folders of 0.1 don't say


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def is_symmetric(images: Pixels) -> bool:
    """Whether mirrored images could be images of the same kind: they lie as near to the others as the images do.

    Images (N, H, W, C). Labels aren't looked at: where a mirrored image is no longer of its kind, as a letter, it is
    mostly farther from its nearest neighbour than it was.
    """
    known = min(_NUM_KNOWN, len(images) - len(images) // 3)
    asked = min(_NUM_ASKED, len(images) // 3)
    if asked == 0:
        return False
    step = -(-max(images.shape[1:3]) // _LOOK_SIDE)
    index = np.linspace(0, len(images) - 1, known + asked).astype(np.int64)
    small = images[:, ::step, ::step][index].astype(np.float32) / np.float32(255)
    is_asked = np.zeros(len(index), dtype=bool)
    is_asked[np.linspace(0, len(index) - 1, asked).astype(np.int64)] = True
    distance = _nearest(small[is_asked], small[~is_asked])
    mirrored = _nearest(small[is_asked][:, :, ::-1], small[~is_asked])
    farther = (mirrored > distance).mean() + 0.5 * (mirrored == distance).mean()
    return bool(farther <= _MOST_FARTHER)


def _nearest(asked: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images (A, H, W, C), (K, H, W, C) -> squared distance of each of the A to the nearest of the K (A,)."""
    first, second = asked.reshape(len(asked), -1), known.reshape(len(known), -1)
    products = first @ second.T
    distances: NDArray[np.float32] = np.square(first).sum(1) + (np.square(second).sum(1) - 2 * products).min(
        1
    )
    return distances


def _byte_counts(images: Pixels) -> NDArray[np.int64]:
    """Images (N, H, W, C) -> how often each channel has each byte (C, 256)."""
    counts = np.zeros((images.shape[-1], 256), dtype=np.int64)
    step = batch_rows(_CHUNK, math.prod(images.shape[1:]))
    for start in range(0, len(images), step):
        chunk = images[start : start + step]
        for channel in range(images.shape[-1]):
            counts[channel] += np.bincount(chunk[..., channel].ravel(), minlength=256)
    return counts
