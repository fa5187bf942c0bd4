"""Random alterations of a batch of images that leave its classes as they are: on its device, all images at once."""

# B images of a batch, C channels, H height, W width

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["alter", "cut_out"]


def alter(images: Tensor, generator: torch.Generator, *, flip: bool, shift: int) -> Tensor:
    """Images (B, C, H, W) -> each moved by up to `shift` pixels either way, and mirrored with even odds if `flip`.

    What moves in from outside is the image, reflected at its border.
    """
    number, _, height, width = images.shape
    rows = _moved(number, height, min(shift, height - 1), generator)  # (B, H)
    columns = _moved(number, width, min(shift, width - 1), generator)  # (B, W)
    if flip:
        mirrored = torch.rand(number, 1, generator=generator, device=generator.device) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
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
