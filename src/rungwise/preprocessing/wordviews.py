"""What is seen of the words of sentences: the word, its lower case, its shape, its ends, what kind of sign it is.

Views are computed once a distinct word. Digits are alike, and so are addresses of the web and names of users, which are
seldom the same twice.
"""

# N sentences, S tokens of all of them, F distinct words

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.sentences import Sentences
from rungwise.errors import ModelError
from rungwise.fitting import State
from rungwise.preprocessing.views import NONE, View
from rungwise.stored import array, strings

__all__ = ["FREQUENT", "WordViews", "parts"]

FREQUENT = "frequent"
"""The view of which only the most frequent words have a number: mostly those that make grammar."""

_NUM_FREQUENT = 200
_LONGEST = 64
"""Characters of a word that are looked at."""

_SHAPE, _SHORT_SHAPE = 12, 8
_AFFIXES = (1, 2, 3, 4)
_VIEWS = ("word", "lower", "shape", "short", "signs", *(f"{end}{size}" for end in "ps" for size in _AFFIXES))
_MOST_OFTEN = 9
"""Of the classes of counts, each of words twice as frequent as the one before."""

_SHARES = (0.05, 0.5, 0.95)
"""Of a word's tokens that begin small, the bounds of classes."""

_ADDRESSES = ("http://", "https://", "www.")


class WordViews:
    """The views of words, each with a vocabulary of its own: the values that training had often enough."""

    def __init__(self) -> None:
        self.vocabularies: dict[str, dict[str, int]] = {}
        self.counts = np.zeros((0, 2), np.int64)

    def fit(self, sentences: Sentences, *, min_count: int) -> None:
        """Takes the values that this many tokens have, or more."""
        forms, numbers = _distinct(sentences.tokens)
        counts = np.bincount(numbers, minlength=len(forms)).tolist()
        totals: dict[str, dict[str, int]] = {name: {} for name in _VIEWS}
        for form, count in zip(forms, counts, strict=True):
            for name, value in zip(_VIEWS, _seen(form), strict=True):
                if value is not None:
                    totals[name][value] = totals[name].get(value, 0) + count
        self.vocabularies = {
            name: _numbered(sorted(value for value, count in total.items() if count >= min_count))
            for name, total in totals.items()
        }
        self.counts = self._count(forms, counts)
        often = sorted(totals["lower"].items(), key=lambda item: (-item[1], item[0]))[:_NUM_FREQUENT]
        self.vocabularies[FREQUENT] = _numbered(sorted(value for value, count in often if count > 1))

    def views(self, sentences: Sentences, *, is_training: bool = False) -> dict[str, View]:
        """Sentences -> their tokens' views by name.

        Args:
            sentences: of training, or others.
            is_training: whether a token itself is left out where its word's tokens are counted, so that training sees
                words as others will be seen.
        """
        forms, numbers = _distinct(sentences.tokens)
        seen = [_seen(form) for form in forms]
        columns = dict(zip(_VIEWS, zip(*seen, strict=True) if seen else [()] * len(_VIEWS), strict=True))
        columns[FREQUENT] = columns["lower"]
        views = {}
        for name, values in columns.items():
            find = self.vocabularies[name].get
            known = np.array([find(value, NONE) for value in values], dtype=np.int64)
            views[name] = View(known[numbers], len(self.vocabularies[name]))
        is_small = np.array([form[:1].islower() for form in forms], dtype=bool)[numbers]
        return views | self._habits(views["lower"].numbers, is_small, int(is_training))

    def _count(self, forms: list[str], counts: list[int]) -> NDArray[np.int64]:
        """Distinct words and their tokens -> tokens of each lower-case word, and of these the small ones (V, 2)."""
        find = self.vocabularies["lower"].get
        total = np.zeros((len(self.vocabularies["lower"]), 2), np.int64)
        for form, count in zip(forms, counts, strict=True):
            number = find(_lower(form), NONE)
            if number != NONE:
                total[number] += (count, count * form[:1].islower())
        return total

    def _habits(self, numbers: NDArray[np.int64], is_small: NDArray[np.bool_], own: int) -> dict[str, View]:
        """How often a word occurs, and how often it begins small, in classes (S,)."""
        total, small = np.vstack([self.counts, [[own, 0]]])[numbers].T
        total, small = total - own, small - own * is_small
        often = np.minimum(np.frexp(total.astype(float))[1], _MOST_OFTEN)
        share = np.digitize(small / np.maximum(1, total), _SHARES) + 1
        return {
            "count": View(often.astype(np.int64), _MOST_OFTEN + 1),
            "habit": View(np.where(total > 0, share, 0), len(_SHARES) + 2),
        }

    def state(self) -> State:
        """The vocabularies, in the order of their numbers, and the tokens of the lower-case words."""
        lists = {name: list(vocabulary) for name, vocabulary in self.vocabularies.items()}
        return {**lists, "counts": self.counts}

    def restore(self, state: State) -> None:
        """Takes the vocabularies and the tokens of words.

        Raises:
            ModelError: if a vocabulary isn't a list of distinct strings, or the counts aren't those of its words.
        """
        self.vocabularies = {name: _numbered(strings(state, name)) for name in (*_VIEWS, FREQUENT)}
        self.counts = array(state, "counts", np.int64, len(self.vocabularies["lower"]), 2)
        if (self.counts < 0).any() or (self.counts[:, 1] > self.counts[:, 0]).any():
            raise ModelError("the tokens of words must be counts, of which the small ones are some.")


def parts(sentences: Sentences, max_tokens: int) -> Iterator[Sentences]:
    """Sentences in parts of so many tokens at most, or of one sentence."""
    start = 0
    while start < len(sentences):
        limit = sentences.offsets[start] + max_tokens
        stop = max(start + 1, int(np.searchsorted(sentences.offsets, limit, side="right")) - 1)
        first, last = sentences.offsets[start], sentences.offsets[stop]
        predicates = sentences.predicates
        yield Sentences(
            sentences.tokens.slice(first, last - first),
            sentences.offsets[start : stop + 1] - first,
            None if predicates is None else predicates[start:stop],
        )
        start = stop


def _distinct(tokens: pa.Array) -> tuple[list[str], NDArray[np.int64]]:
    """Tokens (S,) -> the distinct ones (F,), as much of each as is looked at, and which of them each token is (S,)."""
    encoded = pc.dictionary_encode(pc.utf8_slice_codeunits(tokens, 0, _LONGEST))
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _numbered(values: list[str]) -> dict[str, int]:
    return {value: number for number, value in enumerate(values)}


def _seen(form: str) -> tuple[str | None, ...]:
    """A word -> its values of all the views, None where it has none."""
    if form.startswith(_ADDRESSES):
        return ("⟨address⟩", "⟨address⟩", None, "⟨address⟩", "⟨address⟩", *[None] * (2 * len(_AFFIXES)))
    is_user = form[:1] == "@" and len(form) > 1
    shape = "".join(map(_letter, form))
    lower = "".join("0" if mark == "0" else char for char, mark in zip(form.lower(), shape, strict=False))
    ends: list[str | None] = [None] * (2 * len(_AFFIXES))
    if not is_user:
        ends = [lower[:size] if len(lower) > size else None for size in _AFFIXES]
        ends += [lower[-size:] if len(lower) > size else None for size in _AFFIXES]
    word = "⟨user⟩" if is_user else form
    lower = "⟨user⟩" if is_user else lower
    return (word, lower, shape[:_SHAPE], _squeezed(shape)[:_SHORT_SHAPE], _signs(form, shape), *ends)


def _lower(form: str) -> str:
    lower = _seen(form)[1]
    assert lower is not None
    return lower


def _letter(char: str) -> str:
    """A character -> what stands for all of its kind."""
    if char.isupper():
        return "X"
    if char.islower():
        return "x"
    if char.isdigit():
        return "0"
    if char.isalpha():
        return "文"
    return char if char.isascii() else "☆"


def _squeezed(shape: str) -> str:
    """A shape with each run of the same as one."""
    return "".join(char for before, char in zip(" " + shape, shape, strict=False) if char != before)


def _signs(form: str, shape: str) -> str:
    """Capitals, digits, and other signs of a word: whether it begins so, is all so, or has any."""
    signs = (
        shape[:1] == "X",
        form.isupper(),
        "0" in shape,
        not form.isalnum(),
        any(char in "☆文" for char in shape),
    )
    first = form[:1] if form[:1] in ("@", "#") else ""
    return "".join("01"[sign] for sign in signs) + first
