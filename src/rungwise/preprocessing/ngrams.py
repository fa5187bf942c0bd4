"""Texts → sparse rows of word or character n-grams, or of word pairs, as TF-IDF or as presence.

Texts stay in Arrow's buffers: a batch of them becomes one array of code points, and an n-gram is a substring of it,
known by a 64-bit hash that prefix sums give for all substrings at once. So no text and no token becomes a Python
object; only the n-grams that are kept become strings, for whoever reads the model.
"""

# N texts, F n-grams in the vocabulary, P code points in a batch, M n-grams in a batch

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from rungwise.errors import ModelError
from rungwise.fitting import State
from rungwise.scripts import is_unspaced
from rungwise.stored import array

__all__ = ["BATCH_BYTES", "NGrams", "Unit", "Weighting", "batches"]

BATCH_BYTES = 1 << 20
_TEXTS_PER_DF = 1000
_MAX_COUNTED = 1 << 24
"""Distinct n-grams that counting holds; when there are more, those seen once so far are forgotten."""

_BLANK, _LETTER, _SINGLE = range(3)
"""Kinds of code points: between words, in a word, a word by itself."""

_BEGIN, _END, _BETWEEN = "⊢", "⊣", "…"


class Unit(StrEnum):
    """What n-grams are made of: words, with one before and one behind each text; or characters between blanks.

    A pair is two words with others between them: a skip-gram (Guthrie et al. 2006, A Closer Look at Skip-gram
    Modelling, https://aclanthology.org/L06-1210).
    """

    WORD = "word"
    CHAR = "char"
    PAIR = "pair"


class Weighting(StrEnum):
    """What stands in a row: (1 + ln count) · idf, scaled to length 1; 1 for each n-gram that occurs; or its share."""

    TFIDF = "tfidf"
    BINARY = "binary"
    MEAN = "mean"


@dataclass(frozen=True)
class _Found:
    """The n-grams of a batch: hash, row, and place in its code points, each (M,)."""

    codes: NDArray[np.uint32]
    hashes: NDArray[np.uint64]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


class _Index:
    """Sorted hashes (F,), which are found through a table of their leading bits."""

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        bits = len(hashes).bit_length() + 1
        self.hashes = hashes
        self._shift = np.uint64(64 - bits)
        self._first = np.searchsorted(hashes >> self._shift, np.arange(1 << bits, dtype=np.uint64))

    def __len__(self) -> int:
        return len(self.hashes)

    def find(self, queries: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Queries (M,) -> the numbers of those that are among the hashes (K,), and where they stand there (K,)."""
        padded = np.append(self.hashes, np.uint64(0xFFFF_FFFF_FFFF_FFFF))
        place = self._first[queries >> self._shift]
        behind = np.flatnonzero(padded[place] < queries)
        while len(behind):
            place[behind] += 1
            behind = behind[padded[place[behind]] < queries[behind]]
        known = np.flatnonzero((padded[place] == queries) & (place < len(self.hashes)))
        return known, place[known]


class NGrams:
    """The n-grams of training texts that occur in enough of them, and texts as rows over these.

    Args:
        unit: words, characters or word pairs.
        shortest: units of the shortest n-gram; of a pair, how many words its second is behind its first.
        longest: units of the longest.
        min_df: texts that an n-gram must occur in; less below `_TEXTS_PER_DF` texts for each, down to one.
        max_features: the largest vocabulary; the most frequent stay.
        weighting: what stands in a row.
    """

    def __init__(
        self,
        unit: Unit,
        shortest: int,
        longest: int,
        *,
        min_df: int,
        max_features: int,
        weighting: Weighting = Weighting.TFIDF,
    ) -> None:
        self.unit, self.shortest, self.longest = unit, shortest, longest
        self.min_df, self.max_features, self.weighting = min_df, max_features, weighting
        self.names: list[str] = []
        self.idf: NDArray[np.float32] = np.zeros(0, np.float32)
        self._index = _Index(np.zeros(0, np.uint64))

    def fit_transform(self, texts: pa.ChunkedArray) -> sparse.csr_array:
        """Training texts (N,) -> rows (N, F) float32; what they hold becomes the vocabulary."""
        min_df = max(1, min(self.min_df, len(texts) // _TEXTS_PER_DF))
        self._index = _Index(self._frequent(texts, min_df))
        names = np.full(len(self._index), None, dtype=object)
        parts = [self._count(batch, names) for batch in batches(texts)]
        counts = sparse.vstack(parts, format="csr")
        document_frequency = np.bincount(counts.indices, minlength=len(self._index))
        kept = np.flatnonzero(document_frequency >= min_df)
        self._index, self.names = _Index(self._index.hashes[kept]), names[kept].tolist()
        self.idf = (np.log((1 + len(texts)) / (1 + document_frequency[kept])) + 1).astype(np.float32)
        return self._weigh(counts[:, kept])

    def transform(self, texts: pa.ChunkedArray) -> sparse.csr_array:
        """Texts (N,) -> rows (N, F) float32; n-grams outside the vocabulary are left out."""
        parts = [self._count(batch, None) for batch in batches(texts)]
        empty = sparse.csr_array((0, len(self._index)), dtype=np.float32)
        return self._weigh(sparse.vstack([empty, *parts], format="csr"))

    def state(self) -> State:
        """The vocabulary's n-grams, a line each, as UTF-8 bytes, and their idf (F,)."""
        names = np.frombuffer("\n".join(self.names).encode(), dtype=np.uint8)
        return {"names": names, "idf": self.idf}

    def restore(self, state: State) -> None:
        """Takes vocabulary and idf.

        Raises:
            ModelError: if they don't go together.
        """
        names = array(state, "names", np.uint8, None)
        count = int(np.count_nonzero(names == ord("\n"))) + 1 if len(names) else 0
        self.idf = array(state, "idf", np.float32, count)
        if not (self.idf >= 1).all():
            raise ModelError("the weights of n-grams must be at least 1.")
        self.names = names.tobytes().decode().split("\n") if count else []
        lengths = np.array([len(name) for name in self.names], dtype=np.int64)
        starts = np.cumsum(lengths) - lengths
        hashes = _hash(_code_points("".join(self.names)), starts, starts + lengths)
        if (hashes[1:] <= hashes[:-1]).any():
            raise ModelError("the vocabulary isn't in the order of its hashes, or has an n-gram twice.")
        self._index = _Index(hashes)

    def _frequent(self, texts: pa.ChunkedArray, min_df: int) -> NDArray[np.uint64]:
        """The hashes of n-grams that may be in `min_df` texts, `max_features` at most, sorted."""
        pending: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
        for batch in batches(texts):
            pending.append(np.unique(self._find(batch).hashes, return_counts=True))
            if sum(len(hashes) for hashes, _ in pending) > _MAX_COUNTED:
                hashes, counts = _merge(pending)
                often = counts > (1 if len(hashes) > _MAX_COUNTED // 2 else 0)
                pending = [(hashes[often], counts[often])]
        hashes, counts = _merge(pending)
        frequent = np.flatnonzero(counts >= min_df)
        order = np.argsort(-counts[frequent], kind="stable")[: self.max_features]
        return hashes[np.sort(frequent[order])]

    def _count(self, texts: pa.Array, names: NDArray[Any] | None) -> sparse.csr_array:
        """Texts (N,) -> how often each n-gram of the vocabulary occurs (N, F); fills in names still unknown."""
        found, num_features = self._find(texts), len(self._index)
        known, feature = self._index.find(found.hashes)
        if names is not None:
            _fill_names(names, feature, found, known)
        keys, counts = np.unique(found.rows[known] * num_features + feature, return_counts=True)
        rows, columns = np.divmod(keys, num_features)
        row_ends = np.searchsorted(rows, np.arange(len(texts) + 1)).astype(np.int32)
        shape = (len(texts), num_features)
        return sparse.csr_array((counts.astype(np.float32), columns.astype(np.int32), row_ends), shape)

    def _weigh(self, counts: sparse.csr_array) -> sparse.csr_array:
        """Counts (N, F) -> rows (N, F), in place."""
        if self.weighting is Weighting.BINARY:
            counts.data[:] = 1
            return counts
        if self.weighting is Weighting.MEAN:
            counts.data /= np.repeat(counts.sum(axis=1), np.diff(counts.indptr))
            return counts
        counts.data[:] = (1 + np.log(counts.data)) * self.idf[counts.indices]
        lengths = np.sqrt(counts.multiply(counts).sum(axis=1))
        counts.data /= np.repeat(lengths, np.diff(counts.indptr))
        return counts

    def _find(self, texts: pa.Array) -> _Found:
        """All the n-grams of texts (N,)."""
        sizes = range(self.shortest, self.longest + 1)
        match self.unit:
            case Unit.WORD:
                codes, rows = _words(texts)
                spans = [_word_grams(codes, rows, size) for size in sizes]
            case Unit.CHAR:
                codes, rows = _characters(texts)
                spans = [_char_grams(codes, size) for size in sizes]
            case Unit.PAIR:
                codes, rows, span = _word_pairs(*_words(texts), sizes)
                spans = [span]
        starts = np.concatenate([start for start, _ in spans])
        ends = np.concatenate([end for _, end in spans])
        return _Found(codes, _hash(codes, starts, ends), rows[starts], starts, ends)


def batches(texts: pa.ChunkedArray) -> Iterator[pa.Array]:
    """Texts (N,) in slices of about `BATCH_BYTES`, at least one text each."""
    for chunk in texts.chunks:
        if len(chunk) == 0:
            continue
        ends = np.cumsum(pc.binary_length(chunk).to_numpy(zero_copy_only=False), dtype=np.int64)
        cuts = np.searchsorted(ends, np.arange(BATCH_BYTES, ends[-1], BATCH_BYTES)) + 1
        bounds = np.unique(np.concatenate([[0], cuts, [len(chunk)]]))
        for start, stop in pairwise(bounds.tolist()):
            yield chunk.slice(start, stop - start)


def _words(texts: pa.Array) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Texts (N,) -> the code points of their words, with a blank around each (P,), and the rows they stand in (P,)."""
    codes, rows = _stream(texts, _BEGIN, _END)
    kinds = _kinds(codes)
    starts = kinds != _BLANK
    starts[1:] &= (kinds[1:] == _SINGLE) | (kinds[:-1] != _LETTER)
    kept = kinds != _BLANK
    codes, rows = codes[kept], rows[kept]
    blanks = np.append(np.flatnonzero(starts[kept]), len(codes))
    return np.insert(codes, blanks, ord(" ")), np.insert(rows, blanks, np.append(rows, -1)[blanks])


def _characters(texts: pa.Array) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Texts (N,) -> their code points, each run of blanks as one (P,), and the rows they stand in (P,)."""
    codes, rows = _stream(texts, " ", " ")
    blank = _kinds(codes) == _BLANK
    kept = ~blank
    kept[0] = True
    kept[1:] |= ~blank[:-1] | (rows[1:] != rows[:-1])
    return np.where(blank, ord(" "), codes)[kept], rows[kept]


def _stream(texts: pa.Array, begin: str, end: str) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Texts (N,) -> the code points of all in lower case (P,), and the rows they stand in (P,)."""
    lower = pc.utf8_lower(pc.utf8_normalize(texts, form="NFKC"))
    lines = pc.binary_join_element_wise(begin, lower, end, "")
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "")[0].as_py()
    return _code_points(joined), np.repeat(np.arange(len(lines)), pc.utf8_length(lines).to_numpy())


def _kinds(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Code points (P,) -> their kinds (P,); an apostrophe between letters is a letter."""
    distinct = np.flatnonzero(np.bincount(codes))
    table = np.zeros(distinct[-1] + 1, dtype=np.uint8)
    table[distinct] = [_kind(code) for code in distinct.tolist()]
    kinds = table[codes]
    inside = np.flatnonzero(codes[1:-1] == ord("'")) + 1
    kinds[inside[(kinds[inside - 1] == _LETTER) & (kinds[inside + 1] == _LETTER)]] = _LETTER
    return kinds


def _kind(code: int) -> int:
    category = unicodedata.category(chr(code))
    if category[0] == "Z" or category in ("Cc", "Cf"):
        return _BLANK
    if category[0] not in "LMN" or is_unspaced(code):
        return _SINGLE
    return _LETTER


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def _word_grams(
    codes: NDArray[np.uint32], rows: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Code points (P,) -> start and end of each run of `size` words of one row (M,)."""
    blanks = np.flatnonzero(codes == ord(" "))
    starts, ends = blanks[:-1] + 1, blanks[1:]
    row = rows[starts]
    first = np.flatnonzero(row[: len(row) - size + 1] == row[size - 1 :])
    return starts[first], ends[first + size - 1]


def _word_pairs(
    codes: NDArray[np.uint32], rows: NDArray[np.int64], distances: range
) -> tuple[NDArray[np.uint32], NDArray[np.int64], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Code points of words (P,) -> those of pairs, written out (Q,), their rows (Q,), start and end of each (M,)."""
    starts, ends = _word_grams(codes, rows, 1)
    row = rows[starts]
    first = [np.flatnonzero(row[:-distance] == row[distance:]) for distance in distances]
    second = np.concatenate([index + distance for index, distance in zip(first, distances, strict=True)])
    pieces = np.stack([np.concatenate(first), np.full(len(second), len(starts)), second], axis=1)  # (M, 3)
    codes = np.append(codes, np.uint32(ord(_BETWEEN)))
    starts, ends = np.append(starts, len(codes) - 1), np.append(ends, len(codes))
    lengths = (ends - starts)[pieces]
    piece_ends = np.cumsum(lengths)
    source = np.arange(piece_ends[-1] if len(piece_ends) else 0)
    source += np.repeat(starts[pieces.ravel()] - (piece_ends - lengths.ravel()), lengths.ravel())
    pair_ends = piece_ends[2::3]
    pair_rows = np.repeat(row[pieces[:, 0]], lengths.sum(axis=1))
    return codes[source], pair_rows, (pair_ends - lengths.sum(axis=1), pair_ends)


def _char_grams(codes: NDArray[np.uint32], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Code points (P,) -> start and end of each run of `size` characters without a blank but at an end (M,).

    Rows begin and end with a blank, so that no run reaches from one into the next.
    """
    blanks = np.concatenate([[0], np.cumsum(codes == ord(" "))])
    starts = np.arange(max(0, len(codes) - size + 1))
    inner = blanks[starts + max(1, size - 1)] - blanks[starts + min(1, size - 1)]
    starts = starts[(inner == 0) & (blanks[starts + size] - blanks[starts] < size)]
    return starts, starts + size


_MULTIPLIER = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xD6E8FEB86659FD93)


def _hash(
    codes: NDArray[np.uint32], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Code points (P,) and substrings (M,) -> a hash for each, the same wherever the substring stands (M,).

    A polynomial in an odd number modulo 2⁶⁴, which has an inverse: a substring's value is the difference of two
    prefix sums, times the inverse to the power of its start.
    """
    values = _mixed(_mixed(codes.astype(np.uint64) + np.uint64(1)))
    powers = np.cumprod(np.full(len(codes), _MULTIPLIER, dtype=np.uint64))
    inverses = np.cumprod(np.full(len(codes), pow(_MULTIPLIER, -1, 1 << 64), dtype=np.uint64))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values * powers)])
    return _mixed((sums[ends] - sums[starts]) * inverses[starts])


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers, alike ones far apart."""
    mixed: NDArray[np.uint64] = (values ^ (values >> np.uint64(32))) * _MIX
    return mixed


def _merge(
    parts: list[tuple[NDArray[np.uint64], NDArray[np.int64]]],
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes and their counts, several times -> distinct hashes, sorted, and the sums of their counts."""
    hashes = np.concatenate([np.zeros(0, np.uint64), *(hashes for hashes, _ in parts)])
    counts = np.concatenate([np.zeros(0, np.int64), *(counts for _, counts in parts)])
    order = np.argsort(hashes, kind="stable")
    hashes, first = np.unique(hashes[order], return_index=True)
    return hashes, np.add.reduceat(counts[order], first) if len(first) else counts


def _fill_names(
    names: NDArray[Any], feature: NDArray[np.int64], found: _Found, known: NDArray[np.int64]
) -> None:
    """Writes the text of each n-gram that has no name yet; `feature` (K,) is the number of n-gram `known` (K,)."""
    place = np.full(len(names), -1)
    place[feature] = known
    new = np.flatnonzero((place >= 0) & (names == None))  # noqa: E711 - elementwise
    text = found.codes.tobytes().decode("utf-32-le")
    starts, ends = found.starts[place[new]], found.ends[place[new]]
    names[new] = [text[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
