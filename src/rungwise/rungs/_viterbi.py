"""The best tags of sentences as a whole, neighbours' tags together: Viterbi's search, many sentences at once.

Source: Viterbi (1967), Error bounds for convolutional codes, https://doi.org/10.1109/TIT.1967.1054010.
"""

# N sentences, S tokens of all of them, K tags, B sentences of a batch, M tokens of its longest

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["FORBIDDEN", "batches", "best_paths"]

FORBIDDEN = np.float32(-1e30)
"""The score of what may not be."""

_BATCH_CELLS = 1 << 21
"""Scores (B, M, K) that are held at a time, where one sentence hasn't more."""


def best_paths(
    scores: NDArray[np.float32],
    offsets: NDArray[np.int64],
    starts: NDArray[np.float32],
    transitions: NDArray[np.float32],
) -> NDArray[np.int64]:
    """The tags of the highest sum of scores (S,).

    Args:
        scores: of each token's tags (S, K).
        offsets: where sentences begin and end (N + 1,).
        starts: of the tag of a first token (K,).
        transitions: of a tag (row) before another (column) (K, K).
    """
    paths = np.zeros(len(scores), np.int64)
    lengths = np.diff(offsets)
    num_tags = len(starts)
    for batch in batches(lengths, num_tags, max(1, _BATCH_CELLS // num_tags**2)):
        _fill(paths, scores, offsets[batch], lengths[batch], starts, transitions.T.copy())
    return paths


def batches(lengths: NDArray[np.int64], num_tags: int, most: int) -> Iterator[NDArray[np.int64]]:
    """Numbers of sentences that aren't empty, the longest first, so many at most at a time and few long ones."""
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    start = 0
    while start < len(order):
        size = max(1, min(most, _BATCH_CELLS // int(lengths[order[start]] * num_tags)))
        yield order[start : start + size]
        start += size


def _fill(
    paths: NDArray[np.int64],
    scores: NDArray[np.float32],
    firsts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    starts: NDArray[np.float32],
    into: NDArray[np.float32],
) -> None:
    """Writes the paths of sentences that begin at `firsts` (B,), the longest first; `into` (K, K) has a tag's row."""
    longest, num_tags = int(lengths[0]), len(starts)
    back = np.zeros((longest, len(firsts), num_tags), np.int16)
    best = scores[firsts] + starts  # (B, K)
    rows = np.arange(len(firsts))
    ongoing = np.searchsorted(-lengths, -np.arange(longest), side="left")  # sentences longer than each number
    for step in range(1, longest):
        count = ongoing[step]
        paired = best[:count, None, :] + into  # (b, K now, K before)
        from_tag = paired.argmax(2)
        back[step, :count] = from_tag
        best[:count] = (
            np.take_along_axis(paired, from_tag[..., None], 2)[..., 0] + scores[firsts[:count] + step]
        )
    tags = best.argmax(1)
    for step in range(longest - 1, -1, -1):
        count = ongoing[step]
        paths[firsts[:count] + step] = tags[:count]
        tags[:count] = back[step, rows[:count], tags[:count]]
