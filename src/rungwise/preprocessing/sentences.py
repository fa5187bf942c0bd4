"""Sentences of words to numbers of words and of their characters, for networks that tag each word."""

# N sentences, P parts of them, B parts of one batch, T words of the longest of these, S words of all the sentences,
# U spellings, V of them in one batch, L characters of a spelling, G parts of one batch that differ

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from rungwise.data.sentences import Sentences, flat_sentences
from rungwise.errors import ModelError
from rungwise.fitting import Pretrained, State
from rungwise.preprocessing.tokens import in_parts
from rungwise.preprocessing.unaltered import Unaltered
from rungwise.preprocessing.vectors import WordVectors, read_vectors
from rungwise.rung import SentenceShape
from rungwise.settings import NetworkConfig
from rungwise.stored import finite, strings, truth

__all__ = [
    "PAD",
    "UNKNOWN",
    "SentenceNetworkConfig",
    "SentencePreprocessor",
    "Words",
    "read_once",
    "readings",
    "sentence_parts",
    "shared_parts",
    "spellings_of",
]

PAD, UNKNOWN = 0, 1
"""The numbers that fill a batch up and that stand for what training had too seldom, of words and of characters."""

_NUM_SPECIAL = 2

_MOST_TOGETHER = 8
"""Predicates of one reading of a sentence: few have more, and they are in one batch."""

_HEAD, _TAIL = 16, 8
"""Characters at a word's start and end that the network sees; few words have more."""

_DIGITS = str.maketrans("123456789", "0" * 9)


@dataclass(frozen=True, kw_only=True)
class SentenceNetworkConfig(NetworkConfig):
    """A network over words.

    Attributes:
        vocab_size: words that have a vector of their own, at most.
        min_frequency: occurrences in the training sentences that give a word one.
        num_characters: characters that have a vector of their own, the most frequent ones.
        max_tokens: words that the network sees at once. A longer sentence is read in equal parts.
        word_dropout: α, of a word that training has n times the share α / (α + n) of places where it is unknown in
            training, so that the network learns to do without rare words.
        vectors: a file of word vectors in the text format of word2vec and GloVe, which may be gzipped, or a folder of
            vectors of pieces, such as model2vec's, that words begin from; None for random ones.
    """

    vocab_size: int = 30_000
    min_frequency: int = 2
    num_characters: int = 512
    max_tokens: int = 512
    word_dropout: float = 0.25
    vectors: str | None = None

    def vector_size(self) -> int:
        """Numbers of a word's vector."""
        raise NotImplementedError


@dataclass(frozen=True)
class Words:
    """Numbered sentences (the `WordExamples` of networks over words).

    Attributes:
        words: of all the sentences, one after the other (S,) int32.
        spellings: which of the different spellings each word has (S,) int32.
        characters: of each spelling (U, L) uint16, `PAD` behind its end.
        offsets: (P + 1,) where each part of a sentence begins and ends.
        predicates: how many words the sentence's predicate is behind the first of each part (P,); None where there are
            none at all.
        groups: the number of the words that each part has (P,), which others may have too; None as `predicates`.
    """

    words: NDArray[np.int32]
    spellings: NDArray[np.int32]
    characters: NDArray[np.uint16]
    offsets: NDArray[np.int64]
    predicates: NDArray[np.int64] | None
    groups: NDArray[np.int64] | None

    owners: None = None

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Words of each part (P,), at least 1."""
        return np.diff(self.offsets)

    @property
    def num_words(self) -> NDArray[np.int64]:
        """The same."""
        return self.lengths

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def batch(self, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Part numbers (B,) -> words and spellings (B, T), characters (V, L), lengths (B,).

        With predicates (B,) the others are of G parts, each there once, and which of them each predicate's is comes
        before it (B,). Spellings are numbered anew, so that characters are those of this batch alone.
        """
        index, told = read_once(index, self.groups, self.predicates)
        start, lengths = self.offsets[index], self.lengths[index]
        steps = np.arange(lengths.max(initial=1))
        is_word = steps < lengths[:, None]
        at = (start[:, None] + steps)[is_word]
        words, spellings = np.full((2, *is_word.shape), PAD, dtype=np.int64)
        words[is_word] = self.words[at]
        different, spellings[is_word] = np.unique(self.spellings[at], return_inverse=True)
        characters = self.characters[different]
        longest = int((characters != PAD).sum(1).max(initial=1))
        arrays = (words, spellings, characters[:, :longest].astype(np.int64), lengths, *told)
        return tuple(torch.from_numpy(array) for array in arrays)


class SentencePreprocessor(Unaltered):
    """The `Preprocessor` of sentences for networks over words.

    A word is looked up in lower case and with every digit a zero; its characters are those that it is spelt with.

    Attributes:
        vectors: that the words are to begin from, once they are numbered; None for random ones.
    """

    def __init__(self, config: SentenceNetworkConfig) -> None:
        self.config = config
        self.mean_tokens = 1.0
        self.has_predicates = False
        self.readings = 1.0
        self.vectors: WordVectors | None = None
        self.shares: Tensor  # of each word's places where training doesn't know it
        self.words: dict[str, int]
        self.characters: dict[str, int]

    def fit(self, inputs: pa.ChunkedArray, pretrained: Pretrained | None = None) -> None:
        """Numbers the words and characters that are frequent enough, and reads the words' vectors.

        Raises:
            ConfigError: if a file of vectors has none of the words.
        """
        del pretrained  # no network over words begins from any yet
        sentences = flat_sentences(inputs)
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for counted in sentences.tokens.value_counts().to_pylist():
            words[_normal(counted["values"])] += counted["counts"]
            for character in counted["values"]:
                characters[character] += counted["counts"]
        config = self.config
        self.words = _numbered(_frequent(words, config.min_frequency, config.vocab_size))
        counts = torch.tensor([math.inf] * _NUM_SPECIAL + [words[word] for word in self.words])
        self.shares = config.word_dropout / (config.word_dropout + counts)
        self.vectors = None if config.vectors is None else read_vectors(config.vectors, self.words, _normal)
        most = max(0, config.num_characters - _NUM_SPECIAL)
        self.characters = _numbered(_frequent(characters, config.min_frequency, most))
        self.mean_tokens = len(sentences.tokens) / max(1, len(sentences))
        self.has_predicates = sentences.predicates is not None
        self.readings = readings(sentences)

    def shape(self, *, num_examples: int, num_outputs: int) -> SentenceShape:
        """The problem's size, of the vocabulary as it came out."""
        return SentenceShape(
            num_examples=num_examples,
            num_outputs=num_outputs,
            has_predicates=self.has_predicates,
            readings=self.readings,
            vocab_size=len(self.words) + _NUM_SPECIAL,
            mean_tokens=self.mean_tokens,
            max_tokens=self.config.max_tokens,
        )

    def examples(self, inputs: pa.ChunkedArray) -> Words:
        """Sentences (N) -> their words; long ones in parts."""
        sentences = flat_sentences(inputs)
        spelt, spellings = spellings_of(sentences.tokens)
        known = np.array([self.words.get(_normal(word), UNKNOWN) for word in spelt], dtype=np.int32)
        offsets, predicates = sentence_parts(sentences, self.config.max_tokens)
        groups = None if predicates is None else shared_parts(spellings, offsets)
        return Words(known[spellings], spellings, self._spelt(spelt), offsets, predicates, groups)

    def augment(
        self, batch: tuple[Any, ...], generator: torch.Generator, *, index: NDArray[np.int64], epoch: int
    ) -> tuple[Any, ...]:
        """Makes words unknown at random, rare ones most often; their characters stay.

        Source: Kiperwasser & Goldberg (2016), https://aclanthology.org/Q16-1023/.
        """
        del index, epoch
        words, *rest = batch
        chances = torch.rand(words.shape, generator=generator, device=words.device)
        is_lost = chances < self.shares.to(words.device)[words]
        return words.masked_fill(is_lost, UNKNOWN), *rest

    def _spelt(self, words: list[str]) -> NDArray[np.uint16]:
        """Words (U) -> their characters' numbers (U, L), of long words those at both ends."""
        seen = [word if len(word) <= _HEAD + _TAIL else word[:_HEAD] + word[-_TAIL:] for word in words]
        numbers = np.full((len(seen), max([1, *map(len, seen)])), PAD, dtype=np.uint16)
        for row, word in enumerate(seen):
            numbers[row, : max(1, len(word))] = [self.characters.get(c, UNKNOWN) for c in word] or UNKNOWN
        return numbers

    def state(self) -> State:
        """Words and characters in the order of their numbers, the mean length, and whether there are predicates."""
        return {
            "words": list(self.words),
            "characters": list(self.characters),
            "mean_tokens": self.mean_tokens,
            "has_predicates": self.has_predicates,
            "readings": self.readings,
        }

    def restore(self, state: State) -> None:
        """Takes words and characters.

        Raises:
            ModelError: if they aren't such lists, or more characters than the network has vectors for.
        """
        self.words, self.characters = (_numbered(strings(state, name)) for name in ("words", "characters"))
        if len(self.characters) + _NUM_SPECIAL > max(_NUM_SPECIAL, self.config.num_characters):
            raise ModelError(
                f"there are {len(self.characters)} characters; num_characters={self.config.num_characters} "
                f"has place for {self.config.num_characters - _NUM_SPECIAL}."
            )
        self.mean_tokens = finite(state, "mean_tokens", low=0)
        self.has_predicates = truth(state, "has_predicates")
        self.readings = finite(state, "readings", low=0, high=1) if self.has_predicates else 1.0


def spellings_of(words: pa.Array) -> tuple[list[str], NDArray[np.int32]]:
    """Words (S,) -> the different ones (U), and which of them each is (S,)."""
    coded = words.dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy(zero_copy_only=False).astype(np.int32)


def sentence_parts(
    sentences: Sentences, limit: int, sizes: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Cuts sentences (N) between words into parts (P) of at most the limit.

    Args:
        sentences: of at least one word each.
        limit: of a part's size.
        sizes: of each word (S,), none above the limit; None if each is 1.

    Returns:
        The parts' offsets (P + 1,), and how many words the sentence's predicate is behind each part's first (P,), below
        0 before it; None where there are no predicates.
    """
    lengths = np.diff(sentences.offsets)
    if sizes is None:
        parts, owners = in_parts(lengths, limit)
    else:
        parts, owners = _parts_of_sizes(lengths, sizes, limit)
    offsets = np.concatenate([[0], parts.cumsum()]).astype(np.int64)
    if sentences.predicates is None:
        return offsets, None
    owners = np.arange(len(parts)) if owners is None else owners
    return offsets, sentences.offsets[owners] + sentences.predicates[owners] - offsets[:-1]


def shared_parts(words: NDArray[np.int32], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of words (S,), offsets of parts (P + 1,) -> a number for what is in each part (P,), from 0 on.

    Parts of the same words have the same, but never more than `_MOST_TOGETHER` of them.
    """
    numbers: dict[tuple[bytes, int], int] = {}
    seen: Counter[bytes] = Counter()
    groups = np.empty(len(offsets) - 1, dtype=np.int64)
    for part, (start, end) in enumerate(pairwise(offsets.tolist())):
        inside = words[start:end].tobytes()
        groups[part] = numbers.setdefault((inside, seen[inside] // _MOST_TOGETHER), len(numbers))
        seen[inside] += 1
    return groups


def readings(sentences: Sentences) -> float:
    """Groups of `shared_parts` for each sentence with a predicate; 1 without predicates."""
    if sentences.predicates is None or not len(sentences):
        return 1.0
    groups = shared_parts(spellings_of(sentences.tokens)[1], sentences.offsets)
    return (int(groups.max()) + 1) / len(groups)


def read_once(
    index: NDArray[np.int64], groups: NDArray[np.int64] | None, predicates: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], tuple[NDArray[np.int64], ...]]:
    """Part numbers (B,), groups and predicates (P,) -> a part of each group (G,), and the groups and predicates (B,).

    Without predicates, all the parts, and nothing.
    """
    if groups is None or predicates is None:
        return index, ()
    _, firsts, members = np.unique(groups[index], return_index=True, return_inverse=True)
    return index[firsts], (members, predicates[index])


def _parts_of_sizes(
    lengths: NDArray[np.int64], sizes: NDArray[np.int64], limit: int
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Lengths of sentences (N,), sizes of words (S,) -> words of each part (P,), and its sentence (P,)."""
    before = np.concatenate([[0], sizes.cumsum()])
    ends = lengths.cumsum()
    if not len(lengths) or (before[ends] - before[ends - lengths]).max() <= limit:
        return lengths, None
    parts: list[int] = []
    owners: list[int] = []
    for owner, (end, length) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
        start = end - length
        while start < end:
            stop = min(end, int(np.searchsorted(before, before[start] + limit, side="right")) - 1)
            parts.append(stop - start)
            owners.append(owner)
            start = stop
    return np.array(parts, dtype=np.int64), np.array(owners, dtype=np.int64)


def _normal(word: str) -> str:
    """The word as it is looked up."""
    return word.lower().translate(_DIGITS)


def _frequent(counts: Counter[str], min_frequency: int, most: int) -> list[str]:
    """The most frequent ones, equally frequent ones by the alphabet."""
    kept = [(-count, name) for name, count in counts.items() if count >= min_frequency]
    return [name for _, name in sorted(kept)[:most]]


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names, _NUM_SPECIAL)}
