"""Folders of images and IDX files, decoded into one array of bytes that is mapped into memory."""

# N examples, H height, W width, C channels

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from rungwise.data.decoded import decoded_once
from rungwise.data.limits import Expansion, batch_rows, check_pixels
from rungwise.data.pictures import decode, is_grey, opened, quiet
from rungwise.data.source import ImageWriter, Level, Note, Source, mapped_array, printable, workspace
from rungwise.data.textfiles import GUNZIP, GZIP_ERRORS, is_zipped, open_binary
from rungwise.errors import DataError

__all__ = ["FILE", "LABEL", "SUFFIXES", "has_idx", "read_idx", "read_image_folder", "resized"]

LABEL = "label"
"""The column that holds the class of each image."""

FILE = "file"
"""The column that holds the name of each image's file."""

_PIXELS = 10_000 * 64 * 64
"""Pixels that all the images of a folder have together, about, where they are shrunk ..."""

_LEAST_SIZE, _MOST_SIZE, _SIZE_STEP = 64, 224, 32
"""... but not below the first, and not above the second, in steps of the third: pixels a side."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
_PART_NAMES = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "testing"),
}
_CHUNK = 1024
_IDX_ERRORS = (*GZIP_ERRORS, OSError, ValueError)
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
    to = space / "source.npy"
    images, message = decoded_once(files, size, lambda: (to, _decode_all(files, to, size)))
    columns = {FILE: [printable(file) for file in files]}
    if labels:
        columns[LABEL] = [printable(label) for label in labels]
    return Source(
        name=printable(path),
        table=pa.table(columns),
        images=images,
        parts=parts,
        notes=(*notes, Note(Level.INFO, message)),
        keeps=keeps,
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
                Note(
                    Level.WARNING,
                    f"{printable(part_folder)}: no images in class sub-folders, so it is left out.",
                )
            )
    return files, labels, parts, notes


def _part_folders(path: Path) -> dict[str, Path]:
    """The folders of the parts, if there is one to train on.

    Raises:
        DataError: if two folders are of one part.
    """
    found: dict[str, Path] = {}
    for child in sorted(path.iterdir()):
        for part, aliases in _PART_NAMES.items():
            if child.name.lower() in aliases and child.is_dir():
                if part in found:
                    raise DataError(
                        f"{found[part].name!r} and {child.name!r} are both the {part} part; merge or rename one.",
                        file=path,
                    )
                found[part] = child
    return {part: found[part] for part in _PART_NAMES if part in found} if "train" in found else {}


def _labelled(path: Path) -> tuple[list[Path], list[str], list[Note]]:
    """The images of a folder, and their labels if it has class sub-folders with images."""
    files: list[Path] = []
    labels: list[str] = []
    notes = []
    num_others = 0
    for child in sorted(path.iterdir()):
        if child.is_dir() and not child.name.startswith("."):
            some, others = _images(_below(child))
            num_others += others
            files += some
            labels += [child.name] * len(some)
            if not some:
                notes.append(
                    Note(Level.WARNING, f"{printable(child)}: no images, so there is no such class.")
                )
    flat, others = _images(path.iterdir())
    if labels and flat:
        raise DataError(
            f"the image stands beside class sub-folders ({', '.join(sorted(set(labels))[:5])}); move it into one.",
            file=flat[0],
        )
    if num_others + others:
        count = num_others + others
        what = "1 file that isn't an image is" if count == 1 else f"{count} files that aren't images are"
        notes.append(Note(Level.INFO, f"{printable(path)}: {what} left out."))
    return files or flat, labels, notes


def _below(folder: Path) -> Iterator[Path]:
    """All that is in a folder, and in the folders in it."""

    def refuse(error: OSError) -> None:
        raise error

    for name, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [inner for inner in folders if not inner.startswith(".")]
        yield from (Path(name, file) for file in files)


def _images(paths: Iterable[Path]) -> tuple[list[Path], int]:
    """Image files in order, and the number of other things: files, and links to nothing, pipes and the like."""
    things = [path for path in paths if not path.name.startswith(".") and not path.is_dir()]
    images = sorted(path for path in things if path.suffix.lower() in SUFFIXES and path.is_file())
    return images, len(things) - len(images)


def _decode_all(files: Sequence[Path], to: Path, size: int | None) -> str:
    """Decodes files side by side into one array uint8 (N, size, size, C), and says what became of them."""
    with ThreadPoolExecutor(os.cpu_count()) as pool, quiet():
        looks = list(pool.map(_look, files))
        sides = np.array([side for side, _ in looks])
        channels = 1 if all(grey for _, grey in looks) else 3
        edge, why = (size, "") if size else _default_size(sides)
        shape = (len(files), edge, edge, channels)
        chunk = batch_rows(_CHUNK, edge * edge * channels)
        with to.open("wb") as stream:
            writer = ImageWriter(stream, shape)
            for start in range(0, len(files), chunk):
                some = list(pool.map(partial(decode, size=edge), files[start : start + chunk]))
                writer.write(np.stack([np.broadcast_to(image, shape[1:]) for image in some]))
    smallest, largest = int(sides.min()), int(sides.max())
    were = f"{smallest} px" if smallest == largest else f"{smallest} to {largest} px"
    colours = "grey" if channels == 1 else "in colour"
    return f"{len(files)} images of {were} (shorter side) become {edge} × {edge}, {colours}{why}."


def _default_size(sides: NDArray[np.int64]) -> tuple[int, str]:
    """The side that images with these shorter sides are resized to, and why: the more images, the smaller.

    So that few photographs keep their detail, and a ladder on many ends within its budget.
    """
    median, paid = int(np.median(sides)), math.isqrt(_PIXELS // len(sides))
    affordable = max(_LEAST_SIZE, min(paid // _SIZE_STEP * _SIZE_STEP, _MOST_SIZE))
    if median <= affordable:
        return median, "; `--image-size` sets another"
    reason = "so many" if affordable < _MOST_SIZE else "larger ones"
    return affordable, f", since {reason} would take long to learn from; `--image-size` sets another"


def _look(file: Path) -> tuple[int, bool]:
    """A file's shorter side, and whether it is grey, from its header."""
    with opened(file) as image:
        return min(image.size), is_grey(image)


def resized(images: NDArray[np.uint8], size: int, to: Path) -> NDArray[np.uint8]:
    """Images (N, H, W, C) -> (N, size, size, C), mapped into memory."""
    with to.open("wb") as stream, quiet():
        writer = ImageWriter(stream, (len(images), size, size, images.shape[3]))
        for image in images:
            writer.write(
                decode(Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image), size=size)
            )
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
    shapes = {part: _idx_shape(file) for part, file in by_part.items()}
    if len({shape[1:] for shape in shapes.values()}) > 1:
        raise DataError(f"train and test images differ in size: {list(shapes.values())}.", file=path)
    total = sum(shape[0] for shape in shapes.values())
    parts: dict[str, range] = {}
    labels: list[NDArray[np.uint8]] = []
    start = 0
    with (space / "source.npy").open("wb") as stream:
        writer = ImageWriter(stream, (total, *next(iter(shapes.values()))[1:], 1))
        for part, file in by_part.items():
            num = shapes[part][0]
            parts[part] = range(start, start + num)
            for images in _idx_images(file):
                writer.write(images)
            labels += _idx_labels(file, num)
            start += num
    if len(labels) not in (0, len(parts)):
        raise DataError("there are labels for only one of train and test.", file=path)
    return Source(
        name=printable(path),
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


def _header(stream: IO[bytes], file: Path, num_dimensions: int) -> tuple[int, ...]:
    magic = stream.read(4)
    if magic != bytes((0, 0, 8, num_dimensions)):
        raise DataError(
            f"it isn't what its name says, an IDX file of bytes with {num_dimensions} dimensions: it begins with"
            f" {magic.hex(' ') or 'nothing'}.",
            file=file,
        )
    sizes = stream.read(4 * num_dimensions)
    if len(sizes) != 4 * num_dimensions:
        raise ValueError("it ends in its header")
    return tuple(int(size) for size in np.frombuffer(sizes, ">u4"))


def _idx_shape(file: Path) -> tuple[int, ...]:
    """(N, H, W)"""
    try:
        with open_binary(file) as stream:
            shape = _header(stream, file, 3)
        if not 0 < math.prod(shape) <= file.stat().st_size * _MOST_COMPRESSED:
            raise ValueError(f"it claims the shape {shape}")
    except _IDX_ERRORS as error:
        raise _damaged(file, error) from error
    check_pixels(shape[2], shape[1], file)
    if is_zipped(file):
        Expansion(file, GUNZIP).add(math.prod(shape))
    return shape


def _damaged(file: Path, error: Exception) -> DataError:
    return error if isinstance(error, DataError) else DataError(f"the file is damaged ({error}).", file=file)


def _idx_images(file: Path) -> Iterator[NDArray[np.uint8]]:
    """Pixels (N, H, W, 1), some at a time."""
    try:
        with open_binary(file) as stream:
            num, *size = _header(stream, file, 3)
            chunk = batch_rows(_CHUNK, math.prod(size))
            for start in range(0, num, chunk):
                rows = min(chunk, num - start)
                pixels = np.frombuffer(stream.read(rows * math.prod(size)), np.uint8)
                if len(pixels) != rows * math.prod(size):
                    raise ValueError("it ends before the last of its images")
                yield pixels.reshape(rows, *size, 1)
    except _IDX_ERRORS as error:
        raise _damaged(file, error) from error


def _idx_labels(file: Path, num_images: int) -> list[NDArray[np.uint8]]:
    """The labels (N) of a file of images, or nothing if it has none beside it."""
    label_file = file.with_name(file.name.replace("images", "labels").replace("idx3", "idx1"))
    if not label_file.exists():
        return []
    try:
        with open_binary(label_file) as stream:
            (num_labels,) = _header(stream, label_file, 1)
            labels = np.frombuffer(stream.read(num_images + 1), np.uint8)
    except _IDX_ERRORS as error:
        raise _damaged(label_file, error) from error
    if num_labels != num_images:
        raise DataError(f"{num_labels} labels for {num_images} images of {file.name}.", file=label_file)
    if len(labels) != num_labels:
        more = "more" if len(labels) > num_labels else "fewer"
        raise DataError(f"it has {more} labels than the {num_labels} that it claims.", file=label_file)
    return [labels]
