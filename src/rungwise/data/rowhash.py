"""One number a row, equal for equal rows: what duplicates are found by and fingerprints are made of."""

# N examples

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.limits import batch_rows
from rungwise.data.sentences import flat_sentences

__all__ = ["hash_images", "hash_lists", "hash_table", "sentence_numbers", "value_numbers"]

_CHUNK = 4096
_MIX = np.uint64(0x9E3779B97F4A7C15)


def hash_table(table: pa.Table) -> NDArray[np.uint64]:
    """Table (N) -> uint64 (N)."""
    hashes = np.zeros(table.num_rows, np.uint64)
    for values in table.columns:
        start = 0
        for chunk in values.chunks:
            part = hashes[start : start + len(chunk)]
            part[...] = (part * np.uint64(31) + _hash(chunk)) * _MIX
            part ^= part >> np.uint64(32)
            start += len(chunk)
    return hashes


def hash_lists(values: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Lists of strings (N) -> uint64 (N): sums of their strings' hashes, each times a power for its place, mod 2^64."""
    lists = flat_sentences(values)
    inside = np.arange(len(lists.tokens)) - np.repeat(lists.offsets[:-1], np.diff(lists.offsets))
    powers = np.full(int(inside.max(initial=0)) + 1, _MIX)
    hashes = _hash(lists.tokens) * np.multiply.accumulate(powers)[inside]
    before = np.concatenate(
        [np.zeros(1, np.uint64), np.add.accumulate(hashes)]
    )  # which wraps, and so do differences
    sums = before[lists.offsets[1:]] - before[lists.offsets[:-1]]
    return np.asarray(sums ^ (sums >> np.uint64(32)))


def sentence_numbers(inputs: pa.ChunkedArray) -> NDArray[np.int64] | None:
    """Of sentences with predicates (N,), the number of each among the different ones; None where they have none."""
    if not pa.types.is_struct(inputs.type):
        return None
    hashes = hash_lists(pc.struct_field(inputs, "tokens"))
    return np.unique(hashes, return_inverse=True)[1].astype(np.int64)


def value_numbers(values: pa.Array | pa.ChunkedArray) -> NDArray[np.int32]:
    """Values (N) numbered in the order in which they first occur, a missing one too."""
    return np.asarray(pc.index_in(values, value_set=pc.unique(values)).to_numpy())


def _hash(values: pa.Array) -> NDArray[np.uint64]:
    """Hashes (N), each distinct string being made an object once."""
    if pa.types.is_string(values.type):
        coded = pc.dictionary_encode(values, null_encoding="encode")
        distinct = pd.util.hash_array(coded.dictionary.to_numpy(zero_copy_only=False).astype(object))
        return np.asarray(distinct[coded.indices.to_numpy()])
    numbers = values.to_numpy(zero_copy_only=False)
    return np.asarray(pd.util.hash_array(numbers))


def hash_images(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Images (N, H, W, C) -> uint64 (N): sums of the pixels with fixed random weights, modulo 2^64."""
    size = int(np.prod(images.shape[1:]))
    weights = np.random.default_rng(0).integers(1 << 63, size=size, dtype=np.uint64) * np.uint64(
        2
    ) + np.uint64(1)
    hashes = np.empty(len(images), np.uint64)
    chunk = batch_rows(_CHUNK, size)
    for start in range(0, len(images), chunk):
        pixels = images[start : start + chunk].reshape(-1, size)
        hashes[start : start + chunk] = pixels.astype(np.uint64) @ weights
    return hashes
