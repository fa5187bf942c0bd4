"""The probability of a tag after the two before it, and the best tags of sentences by it.

Source: Brants (2000), TnT: a statistical part-of-speech tagger, https://aclanthology.org/A00-1031.
"""

# N sentences, S tokens of all of them, K tags, B sentences of a batch, M tokens of its longest, P slots of the beam

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rungwise.errors import ModelError
from rungwise.fitting import State
from rungwise.rungs._viterbi import FORBIDDEN, batches
from rungwise.stored import array
from rungwise.tags import legal_starts, legal_transitions

__all__ = ["MOST_COUNTED", "MOST_TAGS", "Trigrams"]

MOST_TAGS = 255
"""Of which each three have a probability in memory."""

_BATCH_CELLS = 1 << 19
"""Scores (B, P, K, K) that are held at a time."""

MOST_COUNTED = 2**40
"""Of a stored count."""


class Trigrams:
    """Counts of three tags in a row, and what they say.

    Args:
        tags: the numbers (K,) of the tags, sorted, of which the first is outside.
        counts: (K + 1, K + 1, K), where the last number stands for what is before a sentence.
    """

    def __init__(self, tags: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        self.tags, self.counts = tags, counts
        most = int(tags.max()) + 1
        legal = legal_transitions(most)[np.ix_(tags, tags)]
        legal = np.vstack([legal, legal_starts(most)[tags]])  # (K + 1, K)
        with np.errstate(divide="ignore"):
            logs = np.log(_interpolated(counts)).astype(np.float32)
        self._logs = np.where(legal[None], np.maximum(logs, FORBIDDEN), FORBIDDEN)

    @classmethod
    def of(cls, tags: NDArray[np.int64], values: NDArray[np.int64], offsets: NDArray[np.int64]) -> Trigrams:
        """What is counted in sentences whose tokens' tags are `values` (S,), numbers among the tags."""
        size = len(tags)
        place = np.arange(len(values)) - np.repeat(offsets[:-1], np.diff(offsets))
        first, second = (np.where(place < back, size, np.roll(values, back)) for back in (2, 1))
        keys = (first * (size + 1) + second) * size + values
        counts = np.bincount(keys, minlength=(size + 1) ** 2 * size)
        return cls(tags, counts.reshape(size + 1, size + 1, size))

    def paths(self, scores: NDArray[np.float32], offsets: NDArray[np.int64], beam: int) -> NDArray[np.int64]:
        """The best tags of sentences (S,), as far as those two back are among the best few for each tag.

        Args:
            scores: of each token's tags (S, K).
            offsets: where sentences begin and end (N + 1,).
            beam: tags two back that are kept for each tag.
        """
        size = len(self.tags)
        paths = np.zeros(len(scores), np.int64)
        lengths = np.diff(offsets)
        slots = min(beam, size)
        for batch in batches(lengths, size, max(1, _BATCH_CELLS // (slots * size**2))):
            self._fill(paths, scores, offsets[batch], lengths[batch], slots)
        found: NDArray[np.int64] = self.tags[paths]
        return found

    def state(self) -> State:
        """The trigrams that were seen, as numbers, and how often."""
        keys = np.flatnonzero(self.counts)
        return {"trigrams": keys, "counts": self.counts.ravel()[keys]}

    @classmethod
    def from_state(cls, state: State, *, tags: NDArray[np.int64]) -> Trigrams:
        """What `state` was taken from, over these tags.

        Raises:
            ModelError: if trigrams aren't of such tags, or their counts no counts.
        """
        size = len(tags)
        keys = array(state, "trigrams", np.int64, None)
        counted = array(state, "counts", np.int64, len(keys))
        total = (size + 1) ** 2 * size
        if not len(keys) or (np.diff(keys) <= 0).any() or keys[0] < 0 or keys[-1] >= total:
            raise ModelError(f"trigrams must be distinct numbers below {total}, sorted.")
        if not ((counted > 0) & (counted <= MOST_COUNTED)).all():
            raise ModelError(f"trigrams' counts must be from 1 to {MOST_COUNTED}.")
        counts = np.zeros(total, np.int64)
        counts[keys] = counted
        return cls(tags, counts.reshape(size + 1, size + 1, size))

    def _fill(
        self,
        paths: NDArray[np.int64],
        scores: NDArray[np.float32],
        firsts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        slots: int,
    ) -> None:
        """Writes the paths of sentences that begin at `firsts` (B,), the longest first."""
        longest, count, size = int(lengths[0]), len(firsts), len(self.tags)
        now = np.arange(size)
        tag_before = np.full((longest, count, slots, size), size, np.int16)
        slot_before = np.zeros((longest, count, slots, size), np.int16)
        best = np.full((count, slots, size), FORBIDDEN)
        best[:, 0] = self._logs[size, size] + scores[firsts]
        ongoing = np.searchsorted(-lengths, -np.arange(longest), side="left")
        for step in range(1, longest):
            some = ongoing[step]
            paired = (
                best[:some, :, :, None] + self._logs[tag_before[step - 1, :some], now]
            )  # (b, P, K before, K)
            slot = paired.argmax(axis=1)  # (b, K before, K)
            scored = np.take_along_axis(paired, slot[:, None], 1)[:, 0]
            kept = np.argpartition(-scored, slots - 1, axis=1)[:, :slots]  # (b, P, K)
            tag_before[step, :some] = kept
            slot_before[step, :some] = np.take_along_axis(slot, kept, 1)
            best[:some] = np.take_along_axis(scored, kept, 1) + scores[firsts[:some] + step, None]
        slot, tag = np.divmod(best.reshape(count, -1).argmax(axis=1), size)
        rows = np.arange(count)
        for step in range(longest - 1, -1, -1):
            some = rows[: ongoing[step]]
            paths[firsts[some] + step] = tag[some]
            at = step, some, slot[some], tag[some]
            if step:
                slot[some], tag[some] = slot_before[at], tag_before[at]


def _interpolated(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Counts of trigrams (K + 1, K + 1, K) -> probabilities of the last tag, by deleted interpolation."""
    trigrams = counts.astype(np.float64)
    before = trigrams.sum(axis=2, keepdims=True)  # (K + 1, K + 1, 1)
    bigrams = trigrams.sum(axis=0)  # (K + 1, K)
    tags = bigrams.sum(axis=0)  # (K,)
    total = tags.sum()
    tags_before = bigrams.sum(axis=1, keepdims=True)  # (K + 1, 1)
    without_one = [
        np.broadcast_to(_share(tags - 1, total - 1), trigrams.shape),
        np.broadcast_to(_share(bigrams - 1, tags_before - 1), trigrams.shape),
        _share(trigrams - 1, before - 1),
    ]
    best = np.argmax(without_one, axis=0)
    weights = np.bincount(best.ravel(), trigrams.ravel(), minlength=3) / total
    unigram, bigram, trigram = _share(tags, total), _share(bigrams, tags_before), _share(trigrams, before)
    mixed: NDArray[np.float64] = weights[0] * unigram + weights[1] * bigram + weights[2] * trigram
    return mixed


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(0.0, part) / np.maximum(1.0, whole)
