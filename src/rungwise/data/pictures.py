"""Decodes one picture of any mode to bytes (H, W, C)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rungwise.errors import DataError

__all__ = ["decode", "is_grey"]


def decode(image: Image.Image | str | Path, *, size: int | None = None) -> NDArray[np.uint8]:
    """A picture upright, over white where it is transparent: uint8 (H, W, 1) if it is grey, else (H, W, 3).

    Args:
        image: a PIL image or a file.
        size: height and width to resize to.

    Raises:
        DataError: if the file is no whole picture.
    """
    if not isinstance(image, Image.Image):
        try:
            with Image.open(image) as opened:
                opened.load()
                return decode(opened, size=size)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DataError(
                f"no whole image can be read ({error}); replace or remove it.", file=image
            ) from None
    upright = _flatten(ImageOps.exif_transpose(image))
    if size is not None and upright.size != (size, size):
        upright = upright.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3.0)
    pixels = np.asarray(upright, dtype=np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def is_grey(image: Image.Image) -> bool:
    """Whether a picture's mode has no colour; a palette is taken for colour."""
    return image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;16")


def _flatten(image: Image.Image) -> Image.Image:
    """A picture in mode L or RGB."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _scaled(image)
    if image.mode in ("1", "L"):
        return image.convert("L")
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        flat = Image.alpha_composite(white, image.convert("RGBA"))
        return flat.convert("L" if is_grey(image) else "RGB")
    return image.convert("RGB")


def _scaled(image: Image.Image) -> Image.Image:
    """16 bits (or wider) a pixel, scaled to bytes by the range of the mode, not of the picture."""
    pixels = np.asarray(image, dtype=np.float64)
    top = (
        1.0
        if image.mode == "F" and pixels.max(initial=0) <= 1
        else 65535.0
        if pixels.max(initial=0) > 255
        else 255.0
    )
    return Image.fromarray(np.clip(np.rint(pixels * (255.0 / top)), 0, 255).astype(np.uint8))
