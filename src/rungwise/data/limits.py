"""What is refused because no honest data are like it, so that memory doesn't grow with what a file claims.

docs/data.md lists the caps and how to go round each.
"""

from __future__ import annotations

from pathlib import Path

from rungwise.errors import ConfigError, DataError

__all__ = [
    "BATCH_VALUES",
    "MAX_COLUMNS",
    "MAX_IMAGE_LENGTH",
    "MAX_IMAGE_PIXELS",
    "MAX_IMAGE_SIDE",
    "MAX_JSON_KEYS",
    "MAX_LABEL_CHARACTERS",
    "MAX_RECORD_BYTES",
    "MAX_SENTENCE_TOKENS",
    "MAX_TAG_TYPES",
    "MAX_TOKEN_CHARACTERS",
    "Expansion",
    "batch_rows",
    "check_image_size",
    "check_num_columns",
    "check_num_keys",
    "check_pixels",
    "check_regular",
    "too_many_pixels",
]

MAX_RECORD_BYTES = 1 << 26
"""Bytes of one row of a text file."""

MAX_COLUMNS = 100_000
"""Columns of a table."""

MAX_JSON_KEYS = 20_000
"""Different keys of a JSON lines file: the parser's time grows with their square."""

MAX_IMAGE_PIXELS = 1 << 27
"""Pixels of one image, before it is resized."""

MAX_IMAGE_LENGTH = 65_535
"""Pixels of a side of one image, before it is resized: what JPEG and GIF can have."""

MAX_IMAGE_SIDE = 4096
"""Pixels of a side that images may be resized to."""

MAX_LABEL_CHARACTERS = 300
"""Characters of the name of a class."""

MAX_SENTENCE_TOKENS = 10_000
"""Tokens of one sentence: a file without blank lines is no sentence."""

MAX_TOKEN_CHARACTERS = 10_000
"""Characters of one token."""

MAX_TAG_TYPES = 1000
"""Types of spans: transitions between tags grow with their square."""

MAX_EXPANSION = 300
"""Bytes that one byte of a compressed file may become, ..."""

FREE_EXPANSION_BYTES = 1 << 30
"""... unless it becomes no more than this in all."""

BATCH_VALUES = 1 << 24
"""Values, or bytes of pixels, that are in memory at once on the way from file to file."""


class Expansion:
    """Counts what a file becomes, and stops at what no honest one does: a small file could fill the disk.

    Args:
        file: the file.
        remedy: how to give the same data otherwise.
    """

    def __init__(self, file: Path, remedy: str) -> None:
        self.file, self.remedy = file, remedy
        self._most = max(FREE_EXPANSION_BYTES, MAX_EXPANSION * file.stat().st_size)
        self._num_bytes = 0

    def add(self, num_bytes: int) -> None:
        """Counts bytes.

        Raises:
            DataError: if they are too many in all.
        """
        self._num_bytes += num_bytes
        if self._num_bytes > self._most:
            raise DataError(
                f"its {self.file.stat().st_size:,} bytes become more than {self._most:,};"
                f" if that is meant, {self.remedy}.",
                file=self.file,
            )


def batch_rows(most: int, row_values: int) -> int:
    """Rows of a batch: fewer than `most` where rows are long."""
    return max(1, min(most, BATCH_VALUES // max(1, row_values)))


def check_regular(file: Path) -> None:
    """A pipe, a socket or a device could make reading wait for ever.

    Raises:
        DataError: if it isn't a file, or isn't there.
    """
    if not file.exists() and not file.is_symlink():
        raise DataError("there is no such file.", file=file)
    if not file.is_file():
        raise DataError(
            "it is a folder, a pipe, a socket, a device or a link to nothing, no file;"
            " write the data to a file and name that.",
            file=file,
        )


def check_num_columns(num: int, file: object) -> None:
    """Every column costs time and memory of its own.

    Raises:
        DataError: if there are too many.
    """
    if num > MAX_COLUMNS:
        raise DataError(
            f"{num:,} columns are more than the {MAX_COLUMNS:,} that can be read; leave some out.", file=file
        )


def check_num_keys(num: int, file: object) -> None:
    """Every key of JSON lines becomes a column.

    Raises:
        DataError: if there are too many.
    """
    if num > MAX_JSON_KEYS:
        raise DataError(
            f"its {num:,} different keys are more than the {MAX_JSON_KEYS:,} that can be read;"
            " write the data as CSV or Parquet, or leave some out.",
            file=file,
        )


def check_image_size(size: int | None) -> None:
    """A side that images are resized to.

    Raises:
        ConfigError: if it isn't from 1 to `MAX_IMAGE_SIDE`.
    """
    if size is not None and not (isinstance(size, int) and 1 <= size <= MAX_IMAGE_SIDE):
        raise ConfigError(f"image_size={size!r} must be a whole number of pixels from 1 to {MAX_IMAGE_SIDE}.")


def check_pixels(width: int, height: int, file: object) -> None:
    """A file of a few bytes can claim any size.

    Raises:
        DataError: if the image is too large.
    """
    if width * height > MAX_IMAGE_PIXELS or max(width, height) > MAX_IMAGE_LENGTH:
        raise too_many_pixels(f"{width:,} × {height:,}", file)


def too_many_pixels(number: str, file: object) -> DataError:
    """The error for an image that is too large."""
    return DataError(
        f"its {number} pixels are more than the {MAX_IMAGE_PIXELS:,}, and {MAX_IMAGE_LENGTH:,} a side, that can"
        " be read; shrink the image, or remove it.",
        file=file,
    )
