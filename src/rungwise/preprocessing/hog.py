"""Histograms of oriented gradients, of many images at once: equal to scikit-image's `hog`, which takes one image."""

# N images, H height, W width, C channels, R rows and K columns of cells, O orientations

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rungwise.errors import DataError

__all__ = ["BLOCK", "brightness", "hog", "num_cells"]

BLOCK = 2
"""Cells a side of the blocks within which histograms are normalised."""

_LEVELS = 256
_CHUNK_PIXELS = 2**20
_EPSILON = 1e-5
_CLIP = 0.2


def num_cells(side: int, cell_size: int) -> int:
    """Whole cells that fit into a side of the image."""
    return side // cell_size


def hog(images: NDArray[np.uint8], *, cell_size: int, num_orientations: int) -> NDArray[np.float32]:
    """Images (N, H, W, C) -> features (N, (R - 1)·(K - 1)·BLOCK²·O), each block's of length 1.

    Source: Dalal & Triggs (2005), Histograms of Oriented Gradients for Human Detection, CVPR,
    https://doi.org/10.1109/CVPR.2005.177; blocks are normalised by their "L2-Hys".

    Raises:
        DataError: if an image has no whole block.
    """
    height, width = images.shape[1:3]
    if min(height, width) < BLOCK * cell_size:
        raise DataError(
            f"images of {height}×{width} pixels are too small for cells of {cell_size}; "
            f"they must have at least {BLOCK * cell_size} a side."
        )
    count = max(1, _CHUNK_PIXELS // (height * width))
    chunks = [images[i : i + count] for i in range(0, max(1, len(images)), count)]
    return np.concatenate(
        [_blocks(_histograms(chunk, cell_size, num_orientations)) for chunk in chunks], dtype=np.float32
    )


@cache
def _polar(num_orientations: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Length and orientation bin of the gradient (row, column) of bytes, at row · (2 · _LEVELS) + column."""
    row, column = np.mgrid[-_LEVELS:_LEVELS, -_LEVELS:_LEVELS].astype(np.float64)
    degrees = np.rad2deg(np.arctan2(row, column)) % 180
    edges = 180.0 / num_orientations * np.arange(1, num_orientations)
    bins = np.searchsorted(edges, degrees.ravel(), side="right")
    return np.hypot(row, column).ravel(), bins


def _histograms(images: NDArray[np.uint8], cell_size: int, num_orientations: int) -> NDArray[np.float64]:
    """Images (N, H, W, C) -> mean length of the gradients of each orientation in each cell (N, R, K, O)."""
    lengths, bins = _polar(num_orientations)
    rows, columns = (num_cells(side, cell_size) for side in images.shape[1:3])
    code = _gradient_codes(images)[:, : rows * cell_size, : columns * cell_size]
    cells = np.arange(len(images))[:, None, None] * (rows * columns)
    cells = cells + (np.arange(rows).repeat(cell_size) * columns)[:, None]
    cells = cells + np.arange(columns).repeat(cell_size)  # (N, H, W)
    place = cells * num_orientations + bins[code]
    size = (len(images), rows, columns, num_orientations)
    sums = np.bincount(place.ravel(), lengths[code].ravel(), minlength=math.prod(size))
    return sums.reshape(size) / cell_size**2


def _gradient_codes(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Images (N, H, W, C) -> index (N, H, W) into `_polar` of the channel's gradient that is longest."""
    pixels = images.astype(np.int64)
    row, column = np.zeros_like(pixels), np.zeros_like(pixels)
    row[:, 1:-1] = pixels[:, 2:] - pixels[:, :-2]
    column[:, :, 1:-1] = pixels[:, :, 2:] - pixels[:, :, :-2]
    codes = (row + _LEVELS) * (2 * _LEVELS) + (column + _LEVELS)
    if images.shape[-1] == 1:
        return codes[..., 0]
    longest = (row**2 + column**2).argmax(-1)[..., None]
    taken: NDArray[np.int64] = np.take_along_axis(codes, longest, axis=-1)[..., 0]
    return taken


def _blocks(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Histograms (N, R, K, O) -> those of each block of neighbouring cells, normalised together (N, F)."""
    blocks = sliding_window_view(cells, (BLOCK, BLOCK), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    blocks = np.minimum(_normalised(blocks), _CLIP)
    return _normalised(blocks).reshape(len(cells), math.prod(blocks.shape[1:]))


def _normalised(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = np.square(blocks).sum(axis=(3, 4, 5), keepdims=True)
    normalised: NDArray[np.float64] = blocks / np.sqrt(squares + _EPSILON**2)
    return normalised


def brightness(images: NDArray[np.uint8], *, square: int) -> NDArray[np.float32]:
    """Images (N, H, W, C) -> mean of each whole square of pixels and channel, 0 to 1, (N, squares · C)."""
    rows, columns = (side // square for side in images.shape[1:3])
    means = np.empty((len(images), rows, columns, images.shape[3]), np.float32)
    step = max(1, _CHUNK_PIXELS // math.prod(images.shape[1:3]))
    for start in range(0, len(images), step):
        chunk = images[start : start + step, : rows * square, : columns * square]
        squares = chunk.reshape(len(chunk), rows, square, columns, square, -1)
        squares.mean((2, 4), dtype=np.float32, out=means[start : start + step])
    means /= np.float32(255)
    return means.reshape(len(images), -1)
