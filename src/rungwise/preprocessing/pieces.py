"""Sentences of words to the pieces that a tokenizer cuts words into, for networks over pieces that tag each word."""

# N sentences, P parts of them, B of one batch, of which G differ, T pieces of the longest, S words of all sentences

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from rungwise.data.sentences import flat_sentences, lists
from rungwise.fitting import Pretrained, State
from rungwise.layers.marks import NUM_CASES
from rungwise.preprocessing.masking import Masking
from rungwise.preprocessing.sentences import read_once, readings, sentence_parts, shared_parts, spellings_of
from rungwise.preprocessing.text_settings import TextNetworkConfig
from rungwise.preprocessing.tokens import TokenPreprocessor, Tokens, framed, sample
from rungwise.preprocessing.unaltered import Unaltered
from rungwise.preprocessing.vocabulary import spelt_pieces
from rungwise.rung import SentenceShape
from rungwise.stored import finite, truth

__all__ = ["PiecePreprocessor", "Pieces", "case_of", "cases_of", "cut_words"]

_MOST_PIECES = 16
"""Of a word; of longer ones, such as links, only the start is seen."""

_SMALL, _CAPITALISED, _CAPITALS, _MIXED = range(1, NUM_CASES)
"""How a word is written; 0 is what begins none. A script without capitals is small."""


@dataclass(frozen=True)
class Pieces:
    """Words in pieces (the `WordExamples` of networks over pieces).

    Attributes:
        tokens: pieces of all the parts, with what stands around each part, one after the other, int32.
        offsets: (P + 1,) where each part begins and ends.
        firsts: the place of each word's first piece in its part (S,).
        cases: how each word is written (S,), from 1 on; all alike where the pieces tell it.
        words: (P + 1,) where the words of each part begin and end.
        predicates: how many words the sentence's predicate is behind the first of each part (P,); None where there are
            none at all.
        groups: the number of the words that each part has (P,), which others may have too; None as `predicates`.
        pad: the token that batches are filled up with.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    firsts: NDArray[np.int64]
    cases: NDArray[np.uint8]
    words: NDArray[np.int64]
    predicates: NDArray[np.int64] | None
    groups: NDArray[np.int64] | None
    pad: int

    owners: None = None

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Pieces of each part (P,), at least 1."""
        return np.diff(self.offsets)

    @property
    def num_words(self) -> NDArray[np.int64]:
        """Words of each part (P,)."""
        return np.diff(self.words)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def batch(self, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Part numbers (B,) -> tokens (B, T), lengths (B,), cases (B, T), which are above 0 where a word begins.

        With predicates (B,) the others are of G parts, each there once, and which of them each predicate's is comes
        before it (B,).
        """
        index, told = read_once(index, self.groups, self.predicates)
        lengths = self.lengths[index]
        steps = np.arange(lengths.max(initial=1))
        is_token = steps < lengths[:, None]
        tokens = np.full(is_token.shape, self.pad, dtype=np.int64)
        tokens[is_token] = self.tokens[_ranges(self.offsets, index)]
        cases = np.zeros(is_token.shape, dtype=np.int64)
        rows, words = np.repeat(np.arange(len(index)), self.num_words[index]), _ranges(self.words, index)
        cases[rows, self.firsts[words]] = self.cases[words]
        return tuple(torch.from_numpy(array) for array in (tokens, lengths, cases, *told))


class PiecePreprocessor(Unaltered):
    """The `Preprocessor` of sentences for networks over pieces of words.

    Its tokenizer, and what stands around each part, are those of a `TokenPreprocessor` to which each word is a text.
    """

    def __init__(self, config: TextNetworkConfig) -> None:
        self.config = config
        self.texts = TokenPreprocessor(config)
        self.mean_tokens = 1.0
        self.has_predicates = False
        self.readings = 1.0

    def fit(self, inputs: pa.ChunkedArray, pretrained: Pretrained | None = None) -> None:
        """Trains the tokenizer, or takes that of the pretrained weights.

        Raises:
            ConfigError: if the weights came without one that can be used, or it leaves no place for a word.
        """
        sentences = flat_sentences(inputs)
        self.texts.fit(pa.chunked_array([sentences.tokens]), pretrained)
        self.has_predicates = sentences.predicates is not None
        self.readings = readings(sentences)
        some = sample(inputs)  # with what stands around each sentence, not each word
        self.mean_tokens = len(self.examples(some).tokens) / max(1, len(some))

    def shape(self, *, num_examples: int, num_outputs: int) -> SentenceShape:
        """The problem's size, of the vocabulary as it came out."""
        texts = self.texts.shape(num_examples=num_examples, num_outputs=num_outputs)
        return SentenceShape(
            num_examples=num_examples,
            num_outputs=num_outputs,
            has_predicates=self.has_predicates,
            readings=self.readings,
            has_cases=self._is_uncased(),
            vocab_size=texts.vocab_size,
            mean_tokens=self.mean_tokens,
            max_tokens=texts.max_tokens,
        )

    def examples(self, inputs: pa.ChunkedArray) -> Pieces:
        """Sentences (N) -> the pieces of their words; long ones in parts, cut between words."""
        frame = self.texts.frame
        room = self.config.max_tokens - len(frame.before) - len(frame.after)
        sentences = flat_sentences(inputs)
        pieces, counts = cut_words(self.texts.tokenizer, sentences.tokens, min(room, _MOST_PIECES), frame.pad)
        words, predicates = sentence_parts(sentences, room, counts)
        before = np.concatenate([[0], counts.cumsum()])
        starts = before[words[:-1]]
        firsts = before[:-1] - np.repeat(starts, np.diff(words)) + len(frame.before)
        tokens, offsets = framed(pieces, np.diff(before[words]), frame)
        groups = None if predicates is None else shared_parts(spellings_of(sentences.tokens)[1], words)
        cases = cases_of(sentences.tokens) if self._is_uncased() else np.full(len(counts), _SMALL, np.uint8)
        return Pieces(tokens, offsets, firsts, cases, words, predicates, groups, frame.pad)

    @property
    def unlabeled(self) -> pa.ChunkedArray | None:
        """As a `TokenPreprocessor` has them."""
        return self.texts.unlabeled

    @unlabeled.setter
    def unlabeled(self, texts: pa.ChunkedArray | None) -> None:
        self.texts.unlabeled = texts

    def to_guess(self, inputs: pa.ChunkedArray) -> tuple[Tokens, Masking]:
        """Sentences (N) -> as a `TokenPreprocessor`, of each different one with blanks between its words."""
        sentences = flat_sentences(inputs)
        joined = pc.binary_join(lists(sentences.tokens, sentences.offsets), " ")
        return self.texts.to_guess(pa.chunked_array([joined.unique()]))

    def _is_uncased(self) -> bool:
        """Whether the tokenizer sees no capitals, so that the network must be told of them."""
        normalizer = self.texts.tokenizer.normalizer
        return normalizer is not None and normalizer.normalize_str("A") == normalizer.normalize_str("a")

    def state(self) -> State:
        """The tokenizer as the JSON of the `tokenizers` library, mean lengths, and whether there are predicates."""
        return {
            **self.texts.state(),
            "mean_sentence": self.mean_tokens,
            "has_predicates": self.has_predicates,
            "readings": self.readings,
        }

    def restore(self, state: State) -> None:
        """Takes the tokenizer: of one of ours the vocabulary alone.

        Raises:
            ModelError: if it isn't a tokenizer of ours, or, of pretrained weights, one that is known to be safe.
        """
        self.texts.restore(state)
        self.mean_tokens = finite(state, "mean_sentence", low=0)
        self.has_predicates = truth(state, "has_predicates")
        self.readings = finite(state, "readings", low=0, high=1) if self.has_predicates else 1.0


def cases_of(words: pa.Array) -> NDArray[np.uint8]:
    """Words (S,) -> how each is written (S,)."""
    different, spellings = spellings_of(words)
    cases: NDArray[np.uint8] = np.array(list(map(case_of, different)), dtype=np.uint8)
    return cases[spellings]


def case_of(word: str) -> int:
    """How a word is written: small, its first letter alone a capital, all of several letters capitals, or otherwise."""
    letters = [letter for letter in word if letter.lower() != letter.upper()]
    capitals = [letter == letter.upper() for letter in letters]
    if not any(capitals):
        return _SMALL
    if capitals[0] and not any(capitals[1:]):
        return _CAPITALISED
    return _CAPITALS if all(capitals) else _MIXED


def cut_words(
    tokenizer: Tokenizer, words: pa.Array, most: int, nothing: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Words (S,) -> the pieces of all of them, one after the other, and how many each has (S,), at least one.

    A word is cut as it is after a blank, each different one once.

    Args:
        tokenizer: of any kind.
        words: strings.
        most: pieces of a word; those behind are left out.
        nothing: the piece of a word in which the tokenizer finds none.
    """
    different, spellings = spellings_of(words)
    spelt = spelt_pieces(tokenizer, different)
    ids = [word[:most] or [nothing] for word in spelt]
    counts = np.fromiter(map(len, ids), np.int64, len(ids))
    flat = np.fromiter((piece for word in ids for piece in word), np.int32, counts.sum())
    return flat[_ranges(np.concatenate([[0], counts.cumsum()]), spellings.astype(np.int64))], counts[
        spellings
    ]


def _ranges(offsets: NDArray[np.int64], index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Offsets (P + 1,), numbers (B,) -> the numbers of all that is between these numbers' offsets."""
    counts = np.diff(offsets)[index]
    starts = offsets[index] - (counts.cumsum() - counts)
    return np.repeat(starts, counts) + np.arange(counts.sum())
