"""Folders of images and IDX files, decoded into one array of bytes that is mapped into memory."""

# N examples, H height, W width, C channels

from __future__ import annotations

import gzip
import math
import os
import re
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from PIL import Image

from rungwise.data.pictures import decode, is_grey
from rungwise.data.source import Level, Note, Source, mapped_array, workspace
from rungwise.errors import DataError

__all__ = ["FILE", "LABEL", "SUFFIXES", "has_idx", "read_idx", "read_image_folder", "resized"]

LABEL = "label"
"""The column that holds the class of each image."""

FILE = "file"
"""The column that holds the name of each image's file."""

DEFAULT_SIZE = 64
"""Height and width that larger images are shrunk to."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
_PART_NAMES = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "testing"),
}
_CHUNK = 1024
_IDX_ERRORS = (OSError, EOFError, ValueError, zlib.error)
_MOST_COMPRESSED = 1040
"""Bytes that one byte of a gzip file can become, a little more than the format allows."""

_IDX = re.compile(r"images[-.]idx3-ubyte(\.gz)?$")


# ------------------------------------------------------------------------------------------------- folder


def read_image_folder(path: Path, *, folder: Path | None, size: int | None) -> Source:
    """A folder with a sub-folder a class, or those in `train`, `val` and `test`, or images without labels.

    Args:
        path: the folder, or one image.
        folder: where the pixels go.
        size: height and width of the result; None takes it from the images.

    Raises:
        DataError: if there are no images, or one can't be read.
    """
    files, labels, parts, notes = _listing(path)
    space, keeps = workspace(folder)
    images, note = _decode_all(files, space / "source.npy", size)
    columns = {FILE: [str(file) for file in files], **({LABEL: labels} if labels else {})}
    return Source(
        name=str(path), table=pa.table(columns), images=images, parts=parts, notes=(*notes, note), keeps=keeps
    )


def _listing(path: Path) -> tuple[list[Path], list[str], dict[str, range], list[Note]]:
    """Files and their labels, the rows of the parts, and what was left out."""
    if path.is_file():
        return [path], [], {}, []
    part_folders = _part_folders(path)
    if not part_folders:
        files, labels, notes = _labelled(path)
        if not files:
            raise DataError(
                f"there are no images in it (known are {', '.join(sorted(SUFFIXES))}) and no IDX files"
                " (train-images-idx3-ubyte and its like); for a table or texts, name the file itself.",
                file=path,
            )
        return files, labels, {}, notes
    files, labels, parts, notes = [], [], {}, []
    for part, part_folder in part_folders.items():
        some, of, more = _labelled(part_folder)
        notes += more
        if some and of:
            parts[part] = range(len(files), len(files) + len(some))
            files, labels = files + some, labels + of
        elif part == "train":
            raise DataError("there are no images in class sub-folders.", file=part_folder)
        else:
            notes.append(
                Note(Level.WARNING, f"{part_folder}: no images in class sub-folders, so it is left out.")
            )
    return files, labels, parts, notes


def _part_folders(path: Path) -> dict[str, Path]:
    """The folders of the parts, if there is one to train on."""
    names = {child.name.lower(): child for child in sorted(path.iterdir()) if child.is_dir()}
    found = {
        part: names[alias]
        for part, aliases in _PART_NAMES.items()
        for alias in reversed(aliases)
        if alias in names
    }
    return found if "train" in found else {}


def _labelled(path: Path) -> tuple[list[Path], list[str], list[Note]]:
    """The images of a folder, and their labels if it has class sub-folders with images."""
    files: list[Path] = []
    labels: list[str] = []
    notes = []
    num_others = 0
    for child in sorted(path.iterdir()):
        if child.is_dir() and not child.name.startswith("."):
            some, others = _images(child.rglob("*"))
            num_others += others
            files += some
            labels += [child.name] * len(some)
            if not some:
                notes.append(Note(Level.WARNING, f"{child}: no images, so there is no such class."))
    flat, others = _images(path.iterdir())
    if labels and flat:
        raise DataError(
            f"the image stands beside class sub-folders ({', '.join(sorted(set(labels))[:5])}); move it into one.",
            file=flat[0],
        )
    if num_others + others:
        notes.append(
            Note(Level.INFO, f"{path}: {num_others + others} files that aren't images are left out.")
        )
    return files or flat, labels, notes


def _images(paths: object) -> tuple[list[Path], int]:
    """Image files in order, and the number of other files."""
    files = [file for file in paths if file.is_file() and not file.name.startswith(".")]  # type: ignore[attr-defined]
    images = sorted(file for file in files if file.suffix.lower() in SUFFIXES)
    return images, len(files) - len(images)


def _decode_all(files: Sequence[Path], to: Path, size: int | None) -> tuple[NDArray[np.uint8], Note]:
    """Decodes files side by side into one array uint8 (N, size, size, C)."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looks = list(pool.map(_look, files))
        sides = np.array([side for side, _ in looks])
        channels = 1 if all(grey for _, grey in looks) else 3
        edge = size or min(int(np.median(sides)), DEFAULT_SIZE)
        images = open_memmap(to, mode="w+", dtype=np.uint8, shape=(len(files), edge, edge, channels))

        def fill(row: int) -> None:
            images[row] = decode(files[row], size=edge)

        for start in range(0, len(files), _CHUNK):
            list(pool.map(fill, range(start, min(start + _CHUNK, len(files)))))
    images.flush()
    smallest, largest = int(sides.min()), int(sides.max())
    were = f"{smallest} px" if smallest == largest else f"{smallest} to {largest} px"
    colours = "grey" if channels == 1 else "in colour"
    hint = "" if size else "; `--image-size` sets another"
    message = f"{len(files)} images of {were} (shorter side) become {edge} × {edge}, {colours}{hint}."
    return mapped_array(to), Note(Level.INFO, message)


def _look(file: Path) -> tuple[int, bool]:
    """A file's shorter side, and whether it is grey, from its header."""
    try:
        with Image.open(file) as image:
            return min(image.size), is_grey(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise DataError("no image can be read from it; replace or remove it.", file=file) from None


def resized(images: NDArray[np.uint8], size: int, to: Path) -> NDArray[np.uint8]:
    """Images (N, H, W, C) -> (N, size, size, C), mapped into memory."""
    out = open_memmap(to, mode="w+", dtype=np.uint8, shape=(len(images), size, size, images.shape[3]))
    for row, image in enumerate(images):
        out[row] = decode(Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image), size=size)
    out.flush()
    return mapped_array(to)


# ---------------------------------------------------------------------------------------------------- IDX


def has_idx(path: Path) -> bool:
    """Whether it is an IDX file of images, or a folder with one."""
    return bool(_IDX.search(path.name)) if path.is_file() else bool(_idx_files(path))


def _idx_files(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if _IDX.search(file.name))


def read_idx(path: Path, *, folder: Path | None) -> Source:
    """Images and labels of the MNIST family: a folder, or a file of images, whose test set comes with it.

    Raises:
        DataError: if a file is damaged, or labels don't go with their images.
    """
    by_part = _idx_parts(path)
    space, keeps = workspace(folder)
    shapes = [_idx_shape(file) for file in by_part.values()]
    if len({shape[1:] for shape in shapes}) > 1:
        raise DataError(f"train and test images differ in size: {shapes}.", file=path)
    total = sum(shape[0] for shape in shapes)
    images = open_memmap(space / "source.npy", mode="w+", dtype=np.uint8, shape=(total, *shapes[0][1:], 1))
    parts: dict[str, range] = {}
    labels: list[NDArray[np.uint8]] = []
    start = 0
    for (part, file), shape in zip(by_part.items(), shapes, strict=True):
        parts[part] = range(start, start + shape[0])
        _fill_idx(file, images[start : start + shape[0]])
        labels += _idx_labels(file, shape[0])
        start += shape[0]
    images.flush()
    if len(labels) not in (0, len(parts)):
        raise DataError("there are labels for only one of train and test.", file=path)
    return Source(
        name=str(path),
        table=pa.table({LABEL: np.concatenate(labels).astype(np.int64)} if labels else {}),
        images=mapped_array(space / "source.npy"),
        parts=parts if len(parts) > 1 else {},
        keeps=keeps,
    )


def _idx_parts(path: Path) -> dict[str, Path]:
    files = _idx_files(path) if path.is_dir() else [path]
    by_part: dict[str, Path] = {}
    for file in sorted(files, key=_is_test):
        part = "test" if _is_test(file) else "train"
        if part in by_part:
            raise DataError(
                f"there are several {part} sets ({by_part[part].name}, {file.name}); name one.", file=path
            )
        by_part[part] = file
    if path.is_file() and "train" in by_part:
        for name in ("t10k", "test"):
            other = path.with_name(path.name.replace("train", name))
            if other != path and other.exists():
                by_part["test"] = other
    return by_part


def _is_test(file: Path) -> bool:
    return "t10k" in file.name or "test" in file.name


def _open(file: Path) -> IO[bytes]:
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]


def _header(stream: IO[bytes], file: Path, num_dimensions: int) -> tuple[int, ...]:
    magic = stream.read(4)
    if magic != bytes((0, 0, 8, num_dimensions)):
        raise DataError(
            f"it isn't what its name says, an IDX file of bytes with {num_dimensions} dimensions: it begins with"
            f" {magic.hex(' ')}.",
            file=file,
        )
    return tuple(int(size) for size in np.frombuffer(stream.read(4 * num_dimensions), ">u4"))


def _idx_shape(file: Path) -> tuple[int, ...]:
    """(N, H, W)"""
    try:
        with _open(file) as stream:
            shape = _header(stream, file, 3)
        if not 0 < math.prod(shape) <= file.stat().st_size * _MOST_COMPRESSED:
            raise ValueError(f"it claims the shape {shape}")
        return shape
    except _IDX_ERRORS as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> DataError:
    return error if isinstance(error, DataError) else DataError(f"the file is damaged ({error}).", file=file)


def _fill_idx(file: Path, images: NDArray[np.uint8]) -> None:
    """Reads pixels into (N, H, W, 1)."""
    try:
        with _open(file) as stream:
            _header(stream, file, 3)
            for start in range(0, len(images), _CHUNK):
                rows = images[start : start + _CHUNK]
                rows[...] = np.frombuffer(stream.read(rows.size), np.uint8).reshape(rows.shape)
    except _IDX_ERRORS as error:
        raise _damaged(file, error) from error


def _idx_labels(file: Path, num_images: int) -> list[NDArray[np.uint8]]:
    """The labels (N) of a file of images, or nothing if it has none beside it."""
    label_file = file.with_name(file.name.replace("images", "labels").replace("idx3", "idx1"))
    if not label_file.exists():
        return []
    try:
        with _open(label_file) as stream:
            (num_labels,) = _header(stream, label_file, 1)
            labels = np.frombuffer(stream.read(), np.uint8)
    except _IDX_ERRORS as error:
        raise _damaged(label_file, error) from error
    if not num_images == num_labels == len(labels):
        raise DataError(f"{len(labels)} labels for {num_images} images of {file.name}.", file=label_file)
    return [labels]
