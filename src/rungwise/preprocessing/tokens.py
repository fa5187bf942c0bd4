"""Texts to token numbers: a tokenizer trained on the training texts, and tokens in one flat array."""

# N texts, P parts of them, B parts of one batch, T tokens of the longest of these

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from rungwise.errors import ConfigError, ModelError
from rungwise.fitting import Pretrained, State
from rungwise.preprocessing.masking import Masking
from rungwise.preprocessing.text_settings import TextNetworkConfig, Unit, WordNetworkConfig, is_pretrained
from rungwise.preprocessing.unaltered import Unaltered
from rungwise.preprocessing.vectors import WordVectors, read_vectors
from rungwise.preprocessing.vocabulary import (
    PAD,
    UNKNOWN,
    Frame,
    chunks,
    foreign_tokenizer,
    frame_of,
    stored_tokenizer,
    train_tokenizer,
    train_words,
)
from rungwise.rung import TextShape
from rungwise.stored import entry, finite

__all__ = [
    "PAD",
    "UNKNOWN",
    "TextNetworkConfig",
    "TokenPreprocessor",
    "Tokens",
    "framed",
    "in_parts",
    "sample",
    "tokenizer_text",
]

_SAMPLE = 2048
"""Training texts at most that are looked at for their mean length."""


@dataclass(frozen=True)
class Tokens:
    """Tokenised texts (the `Examples` of text networks).

    Attributes:
        tokens: of all the texts, one after the other, int32.
        offsets: (P + 1,) where each part of a text begins and ends.
        owners: the number of each part's text (P,), or None where each text is one part.
        pad: the token that batches are filled up with.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    owners: NDArray[np.int64] | None = None
    pad: int = PAD

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each part (P,), at least 1."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def batch(self, index: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Part numbers (B,) -> tokens (B, T) int64, padded at the end, and lengths (B,) int64."""
        start, lengths = self.offsets[index], self.offsets[index + 1] - self.offsets[index]
        steps = np.arange(lengths.max(initial=1))
        is_token = steps < lengths[:, None]
        tokens = np.full(is_token.shape, self.pad, dtype=np.int64)
        tokens[is_token] = self.tokens[(start[:, None] + steps)[is_token]]
        return torch.from_numpy(tokens), torch.from_numpy(lengths)


class TokenPreprocessor(Unaltered):
    """The `Preprocessor` of texts: words as the training texts spell them, rare words in pieces or unknown.

    Text is lower-cased and NFKC-normalised, split into words and signs, each CJK character a word.

    Attributes:
        unlabeled: texts without labels, of which the vocabulary is too; None for none.
        vectors: that the vocabulary's words are to begin from, once it is fitted; None for random ones.
    """

    def __init__(self, config: TextNetworkConfig) -> None:
        self.config = config
        self.mean_tokens = 1.0
        self.tokenizer: Tokenizer
        self.frame = Frame()
        self.unlabeled: pa.ChunkedArray | None = None
        self.vectors: WordVectors | None = None

    def fit(self, inputs: pa.ChunkedArray, pretrained: Pretrained | None = None) -> None:
        """Trains the tokenizer, and reads the vectors of its words, or takes that of the pretrained weights.

        Raises:
            ConfigError: if the weights came without one that can be used, if it leaves no place for a text, or a file
                of vectors has none of the words.
            DataError: if a line of the file is wrong.
        """
        config = self.config
        if pretrained is not None:
            self._take(pretrained)
        else:
            train = train_words if _unit(config) is Unit.WORD else train_tokenizer
            texts = self._with_unlabeled(inputs)
            self.tokenizer = train(texts, vocab_size=config.vocab_size, min_frequency=config.min_frequency)
        if isinstance(config, WordNetworkConfig) and config.vectors is not None:
            normalized = self.tokenizer.normalizer.normalize_str
            words = {word: n for word, n in self.tokenizer.get_vocab().items() if n not in (PAD, UNKNOWN)}
            self.vectors = read_vectors(config.vectors, words, normalized)
        some = sample(inputs)
        self.mean_tokens = len(self.examples(some).tokens) / max(1, len(some))

    def _take(self, pretrained: Pretrained) -> None:
        try:
            self._use(tokenizer_text(pretrained))
        except ModelError as error:
            raise ConfigError(f"pretrained={pretrained.name!r}: {error}") from error

    def _use(self, text: Any) -> None:
        """Takes the tokenizer that pretrained weights came with.

        Raises:
            ModelError: if it can't be used, or leaves no place for a text.
        """
        self.tokenizer = foreign_tokenizer(text, self.config.vocab_size)
        self.frame = frame_of(self.tokenizer)
        around = len(self.frame.before) + len(self.frame.after)
        if self.config.max_tokens <= around:
            raise ModelError(
                f"max_tokens={self.config.max_tokens}: must be at least {around + 1}, since the tokenizer stands "
                f"{around} tokens around each text."
            )

    def shape(self, *, num_examples: int, num_outputs: int) -> TextShape:
        """The problem's size, of the vocabulary as it came out."""
        return TextShape(
            num_examples=num_examples,
            num_outputs=num_outputs,
            vocab_size=self._masking().vocab_size,
            mean_tokens=self.mean_tokens,
            max_tokens=self.config.max_tokens,
        )

    def examples(self, inputs: pa.ChunkedArray) -> Tokens:
        """Texts (N) -> their tokens; a text without any has the unknown one, unless something stands around it."""
        around = len(self.frame.before) + len(self.frame.after)
        nothing = [] if around else [self.frame.unknown]
        tokens, lengths = [], []
        for texts in chunks(inputs):
            encoded = self.tokenizer.encode_batch(texts, add_special_tokens=False)
            ids = [encoding.ids or nothing for encoding in encoded]
            lengths.append(np.fromiter(map(len, ids), np.int64, len(ids)))
            tokens.append(np.fromiter((token for text in ids for token in text), np.int32, lengths[-1].sum()))
        flat = np.concatenate([np.zeros(0, np.int32), *tokens])
        all_lengths = np.concatenate([np.zeros(0, np.int64), *lengths])
        parts, owners = in_parts(all_lengths, self.config.max_tokens - around)
        return Tokens(*framed(flat, parts, self.frame), owners, self.frame.pad)

    def to_guess(self, inputs: pa.ChunkedArray) -> tuple[Tokens, Masking]:
        """Texts (N) -> the tokens of these and of those without labels, and how they are masked to be guessed."""
        return self.examples(self._with_unlabeled(inputs)), self._masking()

    def _with_unlabeled(self, inputs: pa.ChunkedArray) -> pa.ChunkedArray:
        more = [] if self.unlabeled is None else self.unlabeled.chunks
        return pa.chunked_array([*inputs.chunks, *more])

    def _masking(self) -> Masking:
        rows = self.config.vocab_size if is_pretrained(self.config) else self.tokenizer.get_vocab_size()
        kept = (*self.frame.before, *self.frame.after, self.frame.pad)
        return Masking(self.frame.mask, kept, rows)

    def state(self) -> State:
        """The tokenizer as the JSON of the `tokenizers` library, and the mean length."""
        return {"tokenizer": self.tokenizer.to_str(), "mean_tokens": self.mean_tokens}

    def restore(self, state: State) -> None:
        """Takes the tokenizer: of one of ours the vocabulary alone.

        Raises:
            ModelError: if it isn't a tokenizer of ours, or, of pretrained weights, one that is known to be safe.
        """
        if is_pretrained(self.config):
            self._use(entry(state, "tokenizer"))
        else:
            self.tokenizer = stored_tokenizer(entry(state, "tokenizer"))
        self.mean_tokens = finite(state, "mean_tokens", low=0)


def tokenizer_text(pretrained: Pretrained) -> str:
    """The JSON of the tokenizer that pretrained weights came with.

    Raises:
        ConfigError: if they came without.
    """
    if pretrained.tokenizer is None:
        raise ConfigError(
            f"pretrained={pretrained.name!r} has no tokenizer.json, without which texts can't be turned into its "
            "tokens; save it beside the weights: `AutoTokenizer.from_pretrained(…).save_pretrained(folder)`."
        )
    return pretrained.tokenizer


def _unit(config: TextNetworkConfig) -> Unit:
    return config.unit if isinstance(config, WordNetworkConfig) else Unit.SUBWORD


def sample(inputs: pa.ChunkedArray) -> pa.ChunkedArray:
    """Some training texts (N), or sentences, whose mean length stands for all of them."""
    every = max(1, -(-len(inputs) // _SAMPLE))
    return inputs.take(pa.array(np.arange(0, len(inputs), every)))


def framed(
    tokens: NDArray[np.int32], lengths: NDArray[np.int64], frame: Frame
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Tokens of all parts, and the parts' lengths (P,) -> the same with what stands around, and offsets (P + 1,)."""
    before, after = (np.array(ids, np.int32) for ids in (frame.before, frame.after))
    whole = lengths + len(before) + len(after)
    offsets = np.concatenate([np.zeros(1, np.int64), whole]).cumsum()
    framed = np.empty(offsets[-1], np.int32)
    is_token = np.ones(len(framed), dtype=bool)
    for place, ids in ((offsets[:-1, None], before), (offsets[1:, None] - len(after), after)):
        index = place + np.arange(len(ids))
        framed[index], is_token[index] = ids, False
    framed[is_token] = tokens
    return framed, offsets


def in_parts(lengths: NDArray[np.int64], limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Lengths of texts (N,) -> those of their parts (P,), none above the limit, and the number of each part's text.

    The parts of a text are equally long, but for one token. Where no text has two, the numbers are None.
    """
    counts = np.maximum(1, -(-lengths // limit))
    if len(counts) == counts.sum():
        return lengths, None
    owners = np.repeat(np.arange(len(lengths)), counts)
    number = np.arange(len(owners)) - np.repeat(counts.cumsum() - counts, counts)
    whole, rest = np.divmod(lengths[owners], counts[owners])
    return whole + (number < rest), owners
