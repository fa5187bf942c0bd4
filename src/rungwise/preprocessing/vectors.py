"""Word vectors learned elsewhere: a file with a word and its numbers a line, as GloVe and word2vec, or a folder."""

# V tokens of the vocabulary, E numbers of a vector

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rungwise.errors import ConfigError, DataError
from rungwise.layers.embedding import VECTOR_STD
from rungwise.preprocessing.piece_vectors import piece_vector_size, read_piece_vectors

__all__ = ["WordVectors", "check_vectors", "read_vectors"]

_GZIP = b"\x1f\x8b"
_LARGEST = 1e6
"""Of a number: what is larger isn't a word vector's, and would make a network overflow."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WordVectors:
    """The vectors of a vocabulary.

    Attributes:
        values: (V, E) float32, zero where unknown.
        is_known: whether there is a vector of the token (V,).
    """

    values: NDArray[np.float32]
    is_known: NDArray[np.bool_]


def check_vectors(file: str, size: int) -> None:
    """Looks at a file's first vector, or at the size of a folder's.

    Raises:
        ConfigError: if there is no such file or folder, or its vectors have another size than the network's.
        DataError: if it doesn't begin as such a file.
    """
    found = piece_vector_size(file) if Path(file).is_dir() else _first_size(file)
    if found != size:
        raise ConfigError(
            f"the vectors of {file} have {found} numbers, the network's {size}; set the size of its vectors to "
            f"{found}."
        )


def _first_size(file: str) -> int:
    for number, line in _lines(file):
        return len(_numbers(file, number, line.split(" ")[1:]))
    raise DataError(f"{file}: there is no vector in it.")


def read_vectors(file: str, vocabulary: Mapping[str, int], normalized: Callable[[str], str]) -> WordVectors:
    """The vectors of a vocabulary's words; no others are kept in memory.

    In a file, a word takes the vector of its own spelling, or else of the first word that is normalised to it. In a
    folder of vectors of pieces, it takes the mean of its pieces', and all are made as far spread as random ones.

    Args:
        file: as text or gzipped, with or without word2vec's first line of two counts; or a folder
            (`piece_vectors.read_piece_vectors`).
        vocabulary: word -> its number; the numbers before the first word's are of no words, and unknown.
        normalized: a word as the vocabulary spells it.

    Raises:
        ConfigError: if there is no such file or folder, or it has none of the words.
        DataError: if a line isn't a word and as many finite numbers as the first has, or a folder has no such numbers.
    """
    if Path(file).is_dir():
        return _of_pieces(file, vocabulary)
    found: dict[int, NDArray[np.float32]] = {}
    is_exact: set[int] = set()
    size = None
    for number, line in _lines(file):
        word = line.partition(" ")[0]
        token = vocabulary.get(word)
        is_own = token is not None
        if token is None:
            token = vocabulary.get(normalized(word))
        if size is not None and (token is None or token in is_exact or (token in found and not is_own)):
            continue
        parts = line.split(" ") if size is None else line.rsplit(" ", size)
        if parts[0] != word and not _is_number(parts[0].rpartition(" ")[2]):
            continue  # a few words of the largest files have blanks inside
        vector = _numbers(file, number, line.split(" ")[1:])
        if size is not None and len(vector) != size:
            raise DataError(
                f"{file}, line {number}: {len(vector)} numbers stand behind {word!r}; the vectors before have {size}."
            )
        size = len(vector)
        if token is None:
            continue
        found[token] = vector
        if is_own:
            is_exact.add(token)
    return _spread(file, vocabulary, list(found), np.array(list(found.values())))


def _of_pieces(folder: str, vocabulary: Mapping[str, int]) -> WordVectors:
    vectors, is_known = read_piece_vectors(folder, list(vocabulary))
    if not (np.abs(vectors) <= _LARGEST).all():
        raise DataError(f"{folder}: there is a number that is not finite, or far too large, in its vectors.")
    numbers = np.fromiter(vocabulary.values(), np.int64, len(vocabulary))
    known = vectors[is_known]
    if len(
        known
    ):  # these vectors are compared by their angles, and their size says nothing; as they are they train worse
        known *= VECTOR_STD / (known.std() or 1.0)
    return _spread(folder, vocabulary, numbers[is_known], known)


def _spread(
    file: str,
    vocabulary: Mapping[str, int],
    numbers: Sequence[int] | NDArray[np.int64],
    vectors: NDArray[np.float32],
) -> WordVectors:
    """Word numbers (K,) and vectors (K, E) -> the whole vocabulary's."""
    if not len(numbers):
        raise ConfigError(
            f"{file} has a vector of none of the {len(vocabulary)} words of the training texts."
        )
    _log.info("%d of %d words have a vector in %s", len(numbers), len(vocabulary), file)
    count = max(vocabulary.values()) + 1
    values = np.zeros((count, vectors.shape[1]), np.float32)
    is_known = np.zeros(count, np.bool_)
    values[numbers], is_known[numbers] = vectors, True
    return WordVectors(values, is_known)


def _lines(file: str) -> Iterator[tuple[int, str]]:
    """The lines with a vector and their numbers, from 1 on: without word2vec's first of two counts, and blank ones."""
    if not Path(file).is_file():
        raise ConfigError(f"vectors={file!r}: there is no such file or folder.")
    with open(file, "rb") as opened:
        is_packed = opened.read(2) == _GZIP
    number = 0
    try:
        with gzip.open(file, "rb") if is_packed else open(file, "rb") as lines:
            for number, raw in enumerate(lines, 1):
                line = raw.decode().strip()
                counts = line.split(" ") if number == 1 else []
                if line and not (len(counts) == 2 and all(map(str.isdigit, counts))):
                    yield number, line
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise DataError(
            f"{file}, line {number}: it can't be read as UTF-8 text ({error}); word2vec's binary format must be "
            "written as text first."
        ) from error


def _numbers(file: str, number: int, parts: list[str]) -> NDArray[np.float32]:
    """The numbers of a line as a vector (E,)."""
    try:
        vector = np.array([float(part) for part in parts])
    except ValueError as error:
        raise DataError(f"{file}, line {number}: {error}; a line is a word and its numbers.") from error
    if not len(vector) or not (np.abs(vector) <= _LARGEST).all():
        wrong = "a number that is not finite, or far too large" if len(vector) else "no number"
        raise DataError(f"{file}, line {number}: there is {wrong} behind the word.")
    return vector.astype(np.float32)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
