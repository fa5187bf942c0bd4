"""What images meet outside a test set: turned, moved, noisy, out of focus, in poor light, in five strengths each.

Pure functions of uint8 images and a seed, so that every rung is asked about the same corrupted images.

Source: noise, blur and contrast are those of Hendrycks & Dietterich (2019), Benchmarking Neural Network Robustness to
Common Corruptions and Perturbations, https://arxiv.org/abs/1903.12261, in strengths between those of CIFAR-10-C and of
ImageNet-C. Theirs are in pixels of one image size; these are shares of the side, which mean the same at every size.
Rotation and translation are of Engstrom et al. (2019), Exploring the Landscape of Spatial Robustness,
https://arxiv.org/abs/1712.02779, at half their largest rotation. What comes in from outside is the image, reflected at
its border, so that no edge is there that a camera wouldn't see.
"""

# N images, H height, W width, C channels

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["CORRUPTIONS", "Corruption", "Pixels", "corrupt"]

Pixels = NDArray[np.uint8]

_PERCENT = 100.0
_BLUR_REACH = 3.0
"""Standard deviations that a blur sums over, to either side."""


@dataclass(frozen=True)
class Corruption:
    """One way in which images go bad.

    Attributes:
        name: as the journal and the page have it.
        unit: what strengths are measured in.
        strengths: five, the mildest first.
        apply: images (N, H, W, C), strength, generator -> images (N, H, W, C).
    """

    name: str
    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[Pixels, float, np.random.Generator], Pixels]


def corrupt(images: Pixels, corruption: Corruption, level: int, *, first: int = 0) -> Pixels:
    """Images (N, H, W, C) -> the same, corrupted with the strength of that level, from 0; always alike.

    Args:
        images: the images.
        corruption: one of `CORRUPTIONS`.
        level: which of its strengths.
        first: the number of the first image, where these are some of many.
    """
    generator = np.random.default_rng([sum(corruption.name.encode()), level, first])
    return corruption.apply(images, corruption.strengths[level], generator)


def _rotate(images: Pixels, degrees: float, generator: np.random.Generator) -> Pixels:
    """Turns each about its centre, to the left or to the right."""
    number, height, width, _ = images.shape
    angles = np.deg2rad(degrees) * _signs(number, generator)
    cosine, sine, zero = np.cos(angles), np.sin(angles), np.zeros(number)
    rows = [
        [cosine, -sine * height / width, zero],
        [sine * width / height, cosine, zero],
    ]
    matrices = torch.from_numpy(np.array(rows, dtype=np.float32)).permute(2, 0, 1)  # (N, 2, 3)
    pixels = torch.from_numpy(images.astype(np.float32)).permute(0, 3, 1, 2)
    grid = F.affine_grid(matrices, list(pixels.shape), align_corners=False)
    turned = F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    return _bytes(turned.permute(0, 2, 3, 1).numpy())


def _translate(images: Pixels, percent: float, generator: np.random.Generator) -> Pixels:
    """Moves each that far in some direction, by whole pixels, so that nothing is blurred."""
    number, height, width, _ = images.shape
    direction = generator.uniform(0, 2 * np.pi, number)
    distance = percent / _PERCENT * min(height, width)
    rows = _moved(height, distance * np.sin(direction))  # (N, H)
    columns = _moved(width, distance * np.cos(direction))  # (N, W)
    moved: Pixels = images[np.arange(number)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved


def _moved(side: int, steps: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which pixel of a side each pixel takes (N, side), the side moved by so much (N,) and reflected."""
    place = np.abs(np.arange(side) + np.rint(steps).astype(np.int64)[:, None])
    reflected: NDArray[np.int64] = np.where(place >= side, 2 * (side - 1) - place, place)
    return reflected


def _add_noise(images: Pixels, percent: float, generator: np.random.Generator) -> Pixels:
    noise = generator.standard_normal(images.shape, dtype=np.float32)
    return _bytes(images + noise * np.float32(percent / _PERCENT * 255))


def _blur(images: Pixels, percent: float, generator: np.random.Generator) -> Pixels:
    del generator
    sigma = percent / _PERCENT * min(images.shape[1:3])
    blurred = ndimage.gaussian_filter(images.astype(np.float32), (0, sigma, sigma, 0), truncate=_BLUR_REACH)
    return _bytes(blurred)


def _flatten(images: Pixels, percent: float, generator: np.random.Generator) -> Pixels:
    """Takes that share of each image's contrast away, about the mean of each channel."""
    del generator
    mean = images.mean((1, 2), keepdims=True, dtype=np.float32)
    return _bytes(mean + (images - mean) * np.float32(1 - percent / _PERCENT))


def _signs(number: int, generator: np.random.Generator) -> NDArray[np.float64]:
    return np.where(generator.random(number) < 0.5, -1.0, 1.0)


def _bytes(values: NDArray[np.float32]) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


CORRUPTIONS = (
    Corruption("rotation", "degrees", (3, 6, 9, 12, 15), _rotate),
    Corruption("translation", "% of the side", (3, 6, 9, 12, 15), _translate),
    Corruption("noise", "σ in % of the range", (4, 8, 12, 16, 20), _add_noise),
    Corruption("blur", "σ in % of the side", (1, 1.5, 2, 2.5, 3), _blur),
    Corruption("contrast", "% taken away", (25, 50, 60, 70, 85), _flatten),
)
