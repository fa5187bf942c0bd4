"""Images as data URIs that stand in the page."""

# H height, W width, C channels

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray

__all__ = ["png", "thumbnail"]


def thumbnail(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Image (H, W, C) -> the same, its longer side at most so many pixels, so that the page stays small."""
    from PIL import Image

    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    picture.thumbnail((side, side))
    pixels = np.asarray(picture)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def png(image: NDArray[np.uint8]) -> str:
    """Image (H, W, C) of 1, 3 or 4 channels -> a data URI."""
    from PIL import Image

    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
