"""Word vectors learned elsewhere, in the text format of word2vec and GloVe: a word and its numbers a line."""

# V tokens of the vocabulary, E numbers of a vector

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rungwise.errors import ConfigError, DataError

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
        is_known: whether the file has a vector of the token (V,).
    """

    values: NDArray[np.float32]
    is_known: NDArray[np.bool_]


def check_vectors(file: str, size: int) -> None:
    """Looks at a file's first vector.

    Raises:
        ConfigError: if there is no such file, or its vectors have another size than the network's.
        DataError: if it doesn't begin as such a file.
    """
    for number, line in _lines(file):
        found = len(_numbers(file, number, line.split(" ")[1:]))
        if found != size:
            raise ConfigError(
                f"the vectors of {file} have {found} numbers, the network's {size}; set the size of its vectors to "
                f"{found}."
            )
        return
    raise DataError(f"{file}: there is no vector in it.")


def read_vectors(file: str, vocabulary: Mapping[str, int], normalized: Callable[[str], str]) -> WordVectors:
    """The vectors of a vocabulary's words; no others are kept in memory.

    A word takes the vector of its own spelling, or else of the file's first word that is normalised to it.

    Args:
        file: as text or gzipped, with or without word2vec's first line of two counts.
        vocabulary: word -> its number.
        normalized: a word as the vocabulary spells it.

    Raises:
        ConfigError: if there is no such file, or it has none of the words.
        DataError: if a line isn't a word and as many finite numbers as the first has.
    """
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
    if size is None or not found:
        raise ConfigError(
            f"{file} has a vector of none of the {len(vocabulary)} words of the training texts."
        )
    _log.info("%d of %d words have a vector in %s", len(found), len(vocabulary), file)
    values = np.zeros((len(vocabulary), size), np.float32)
    is_known = np.zeros(len(vocabulary), np.bool_)
    numbers = list(found)
    values[numbers], is_known[numbers] = list(found.values()), True
    return WordVectors(values, is_known)


def _lines(file: str) -> Iterator[tuple[int, str]]:
    """The lines with a vector and their numbers, from 1 on: without word2vec's first of two counts, and blank ones."""
    if not Path(file).is_file():
        raise ConfigError(f"vectors={file!r}: there is no such file.")
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
