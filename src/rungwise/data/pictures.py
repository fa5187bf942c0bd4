"""Decodes one picture of any mode to bytes (H, W, C)."""

from __future__ import annotations

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from rungwise.data.limits import check_pixels, check_regular, too_many_pixels
from rungwise.errors import DataError

__all__ = ["decode", "is_grey", "opened", "quiet"]

_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""What may be in a file of any of these suffixes: other formats need programs of their own, or hold no pixels."""

LARGE_PIXELS = 1 << 24
"""Larger images are decoded one at a time: together they could fill the memory."""

_OVERSAMPLING = 2
"""Pixels of a JPEG file, a side, for each of the result, at least: as Pillow's `thumbnail`. At 64 pixels photographs
differ by 2 of 255 levels from those decoded whole, and are there 1.8 times as fast."""

_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    struct.error,
)
"""What Pillow raises for damaged files."""

_one_large = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Within it nothing is printed about files that are odd and can be read all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def opened(file: str | Path) -> Iterator[Image.Image]:
    """A picture whose header is read, and no more.

    Raises:
        DataError: if it is none, or while it is decoded within: if it isn't whole.
    """
    try:
        check_regular(Path(file))
        # from a name, Pillow maps plain TIFF files, and scrambles those that a camera turned
        with Path(file).open("rb") as stream, Image.open(stream, formats=_FORMATS) as image:
            check_pixels(*image.size, file)
            yield image
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise too_many_pixels("claimed", file) from None
    except _ERRORS as error:
        what = "" if isinstance(error, UnidentifiedImageError) else f" ({str(error)[:100]})"
        raise DataError(f"no whole image can be read{what}; replace or remove it.", file=file) from None


def decode(image: Image.Image | str | Path, *, size: int | None = None) -> NDArray[np.uint8]:
    """A picture upright, over white where it is transparent: uint8 (H, W, 1) if it is grey, else (H, W, 3).

    Args:
        image: a PIL image or a file.
        size: height and width to resize to.

    Raises:
        DataError: if the file is no whole picture.
    """
    if not isinstance(image, Image.Image):
        with opened(image) as one:
            if size is not None:  # a JPEG file is then decoded at half, a quarter or an eighth of its size
                one.draft(None, (_OVERSAMPLING * size, _OVERSAMPLING * size))
            is_large = one.width * one.height > LARGE_PIXELS
            with _one_large if is_large else nullcontext():
                one.load()
                ImageOps.exif_transpose(one, in_place=True)
                return _pixels(one, size)
    return _pixels(ImageOps.exif_transpose(image), size)


def _pixels(upright: Image.Image, size: int | None) -> NDArray[np.uint8]:
    upright = _flatten(upright)
    if size is not None and upright.size != (size, size):
        upright = upright.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3.0)
    pixels = np.asarray(upright, dtype=np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def is_grey(image: Image.Image) -> bool:
    """Whether a picture's mode has no colour; a palette is taken for colour."""
    return image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;16")


def _flatten(image: Image.Image) -> Image.Image:
    """A picture in mode L or RGB; a large one is made band by band, to save memory."""
    brightest = _brightest(image)
    rows = max(1, LARGE_PIXELS // image.width)
    if rows >= image.height:
        return _flat(image, brightest)
    whole = Image.new("L" if is_grey(image) else "RGB", image.size)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        whole.paste(_flat(band, brightest), (0, top))
    return whole


def _flat(image: Image.Image, brightest: float) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _scaled(image, brightest)
    if image.mode in ("1", "L"):
        return image.convert("L")
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        flat = Image.alpha_composite(white, image.convert("RGBA"))
        return flat.convert("L" if is_grey(image) else "RGB")
    return image.convert("RGB")


def _brightest(image: Image.Image) -> float:
    """What is white: the range of the mode; the picture says it in 32 bits and in fractions, which have none."""
    if image.mode.startswith("I;16"):
        return 65535.0
    if image.mode not in ("I", "F"):
        return 255.0
    most = np.nanmax(np.asarray(image), initial=0)
    return 1.0 if image.mode == "F" and most <= 1 else 65535.0 if most > 255 else 255.0


def _scaled(image: Image.Image, brightest: float) -> Image.Image:
    """Pixels from 0 to the brightest -> bytes."""
    pixels = np.nan_to_num(np.asarray(image, dtype=np.float32), nan=0.0, posinf=brightest, neginf=0.0)
    return Image.fromarray(np.clip(np.rint(pixels * (255.0 / brightest)), 0, 255).astype(np.uint8))
