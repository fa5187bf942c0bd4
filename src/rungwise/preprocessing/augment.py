"""Random alterations of a batch of images that leave its classes as they are: on its device, all images at once."""

# B images of a batch, C channels, H height, W width

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["alternate_flips", "cut_out", "jitter", "move", "resized_crop"]

_MOST_STRETCH = 4 / 3
"""Of a crop: width over height is at most this, and at least its inverse."""

_GREY = (0.299, 0.587, 0.114)
"""Of red, green and blue in brightness (ITU-R BT.601)."""


def alternate_flips(images: Tensor, index: Tensor, *, epoch: int, seed: int) -> Tensor:
    """Images (B, C, H, W), their numbers (B,) -> half of them mirrored, and in the next epoch the other half.

    So that no image is seen the same way in two epochs running.

    Source: Jordan (2024), https://arxiv.org/abs/2404.00498.
    """
    is_mirrored = (_scatter(index, seed) + epoch) % 2 == 1
    return torch.where(is_mirrored[:, None, None, None], images.flip(3), images)


def _scatter(index: Tensor, seed: int) -> Tensor:
    """Numbers (B,) int64 -> a fixed random bit of each (B,): of a multiplicative hash, the bits in the middle."""
    mixed = (index + seed) * 0x9E3779B1 % 2**32
    return (mixed ^ (mixed >> 15)) >> 9


def move(images: Tensor, generator: torch.Generator, *, shift: int) -> Tensor:
    """Images (B, C, H, W) -> each moved by up to `shift` pixels either way.

    What moves in from outside is the image, reflected at its border.
    """
    number, _, height, width = images.shape
    rows = _moved(number, height, min(shift, height - 1), generator)  # (B, H)
    columns = _moved(number, width, min(shift, width - 1), generator)  # (B, W)
    index = (rows * width)[:, :, None] + columns[:, None, :]  # (B, H, W)
    return _gather(images, index)


def _gather(images: Tensor, index: Tensor) -> Tensor:
    """Images (B, C, H, W), the pixel that each takes (B, H, W) -> images, channels last in memory."""
    number, channels, height, width = images.shape
    pixels = images.permute(0, 2, 3, 1).reshape(number * height * width, channels)
    offsets = torch.arange(number, device=images.device)[:, None] * (height * width)
    altered = pixels[(index.flatten(1) + offsets).flatten()]
    return altered.view(number, height, width, channels).permute(0, 3, 1, 2)


def _moved(number: int, side: int, shift: int, generator: torch.Generator) -> Tensor:
    """Which pixel of a side each pixel takes (number, side), the side moved at random and reflected."""
    steps = torch.randint(-shift, shift + 1, (number, 1), generator=generator, device=generator.device)
    place = (torch.arange(side, device=generator.device) + steps).abs()
    return torch.where(place >= side, 2 * (side - 1) - place, place)


def resized_crop(images: Tensor, generator: torch.Generator, *, least: float) -> Tensor:
    """Images (B, C, H, W) -> of each a window with at least this share of its area, scaled up to the whole.

    Source: Szegedy et al. (2015), https://arxiv.org/abs/1409.4842.
    """
    number = len(images)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(number, generator=generator, device=generator.device)

    area, stretch = uniform(least, 1.0), uniform(-1.0, 1.0).mul(math.log(_MOST_STRETCH)).exp()
    width, height = (area * stretch).sqrt().clamp(max=1.0), (area / stretch).sqrt().clamp(max=1.0)
    zero = torch.zeros_like(width)
    across, down = ((1 - side) * uniform(-1.0, 1.0) for side in (width, height))
    windows = torch.stack([width, zero, across, zero, height, down], 1).view(number, 2, 3)
    grid = F.affine_grid(windows, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid.to(images.dtype), padding_mode="reflection", align_corners=False)


def jitter(images: Tensor, generator: torch.Generator, *, strength: float) -> Tensor:
    """Images (B, C, H, W) of mean 0 -> each brighter or darker, with more or less contrast and, of colour, of it.

    Factors lie within 1 ± strength; brightness is added, that much of a standard deviation at most.

    Source: Krizhevsky, Sutskever & Hinton (2012); Howard (2013), https://arxiv.org/abs/1312.5402.
    """
    shape = (3, len(images), 1, 1, 1)
    random = torch.rand(shape, generator=generator, device=generator.device).mul_(2).sub_(1).mul_(strength)
    brightness, contrast, saturation = random.to(images.dtype)
    if images.shape[1] == len(_GREY):
        grey = (images * images.new_tensor(_GREY)[:, None, None]).sum(1, keepdim=True)
        images = grey + (images - grey) * (1 + saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    jittered: Tensor = mean + brightness + (images - mean) * (1 + contrast)
    return jittered


def cut_out(images: Tensor, generator: torch.Generator, *, side: int) -> Tensor:
    """Images (B, C, H, W) -> each with a square of that side, anywhere on it, set to zero, the mean.

    Source: DeVries & Taylor (2017), https://arxiv.org/abs/1708.04552.
    """
    masks = []
    for length in images.shape[2:]:
        start = torch.randint(
            1 - side, length, (len(images), 1), generator=generator, device=generator.device
        )
        place = torch.arange(length, device=images.device)
        masks.append((place >= start) & (place < start + side))
    inside = masks[0][:, None, :, None] & masks[1][:, None, None, :]  # (B, 1, H, W)
    return images.masked_fill(inside, 0.0)
