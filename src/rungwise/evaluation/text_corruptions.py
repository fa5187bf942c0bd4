"""What texts meet outside a test set: typos, capitals, lost words, other words; in five strengths each.

Pure functions of texts and a seed, so that every rung is asked about the same corrupted texts; what a strength
corrupts, the stronger ones corrupt too. They work on lists of words and give lists as long, in which a lost word is
empty, so that sentences with tags are corrupted by the same ones.

Source: swapped letters and neighbouring keys are of Belinkov & Bisk (2018), Synthetic and Natural Noise Both Break
Neural Machine Translation, https://arxiv.org/abs/1711.02173; lost and doubled letters stand beside them. Words are
lost and replaced as in Xie et al. (2017), Data Noising as Smoothing in Neural Network Language Models,
https://arxiv.org/abs/1703.02573; here a trigram model with both neighbours draws them, and backs off to one, then none.
"""

# N texts, W words of a text

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rungwise.scripts import spaced_word, unspaced_word

__all__ = [
    "SENTENCE_CORRUPTIONS",
    "TEXT_CORRUPTIONS",
    "Contexts",
    "TextCorruption",
    "has_word",
    "text_versions",
    "word_versions",
    "words_of",
]

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {
    key: row[max(0, place - 1) : place] + row[place + 1 : place + 2]
    for row in _KEYS
    for place, key in enumerate(row)
}
"""Of a key of the Latin keyboard, those beside it."""

_PERCENT = 100.0

_MOST_TEXTS, _MOST_WORDS = 20_000, 50_000
"""Of the training part, for what stands where: more take seconds, and say little more."""

_Context = tuple[str | None, str | None]


class Contexts:
    """What words stand where: the words before and behind each, "" at an end; all in lower case.

    Args:
        texts: the words of each, of the training part.
    """

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        counts: dict[_Context, Counter[str]] = defaultdict(Counter)
        left = _MOST_WORDS
        for text in islice(texts, _MOST_TEXTS):
            words = [word.lower() for word in text[: max(0, left)]]
            left -= len(words)
            for before, word, behind in zip(["", *words[:-1]], words, [*words[1:], ""], strict=True):
                for context in _backing_off(before, behind):
                    counts[context][word] += 1
            if left <= 0:
                break
        self._words = {context: list(found) for context, found in counts.items()}
        self._counts = {context: list(found.values()) for context, found in counts.items()}
        self._sums: dict[_Context, NDArray[np.int64]] = {}

    def another(self, word: str, before: str, behind: str, draw: float) -> str:
        """A word that stands between these two, or else behind the first, or anywhere, and isn't the word itself.

        Args:
            word: which is replaced.
            before: the word before it.
            behind: the word behind it.
            draw: from 0 to below 1, which of them it is: each as often as it stands there.
        """
        word = word.lower()
        for context in _backing_off(before.lower(), behind.lower()):
            words = self._words.get(context, [])
            if not words or words == [word]:
                continue
            if context not in self._sums:
                self._sums[context] = np.cumsum(self._counts[context])
            sums = self._sums[context]
            place = int(np.searchsorted(sums, draw * sums[-1], side="right"))
            return words[place] if words[place] != word else words[place - 1]
        return word


def _backing_off(before: str, behind: str) -> tuple[_Context, ...]:
    return (before, behind), (before, None), (None, None)


_Apply = Callable[[list[str], Sequence[int], NDArray[np.float64], Contexts], list[str]]


@dataclass(frozen=True)
class TextCorruption:
    """One way in which texts go bad.

    Attributes:
        name: as the journal and the page have it.
        unit: what strengths are measured in.
        strengths: five, the mildest first, in percent of the words.
        apply: words (W), places of those to corrupt, random numbers from 0 to below 1 (W, 2), contexts -> words (W).
    """

    name: str
    unit: str
    strengths: tuple[float, ...]
    apply: _Apply


def _corrupted(
    words: Sequence[str],
    corruption: TextCorruption,
    level: int,
    contexts: Contexts,
    draws: NDArray[np.float64],
) -> list[str]:
    hit = np.flatnonzero(draws[:, 0] < corruption.strengths[level] / _PERCENT).tolist()
    return corruption.apply(list(words), hit, draws[:, 1:], contexts)


def _draws(corruption: TextCorruption, num_words: int, number: int) -> NDArray[np.float64]:
    """Random numbers from 0 to below 1 (W, 3), the same at every strength."""
    return np.random.default_rng([sum(corruption.name.encode()), number]).random((num_words, 3))


def word_versions(
    texts: Sequence[Sequence[str]], corruptions: Sequence[TextCorruption], contexts: Contexts
) -> Iterator[tuple[str, list[list[list[str]]]]]:
    """The words of texts (N, W) -> the name of each corruption, and for each of its strengths the words (N, W).

    A corruption that changes none of them, as capitals do nothing to Chinese, is left out.
    """
    as_they_are = [list(words) for words in texts]
    for corruption in corruptions:
        draws = [_draws(corruption, len(words), number) for number, words in enumerate(texts)]
        versions = [
            [
                _corrupted(words, corruption, level, contexts, drawn)
                for words, drawn in zip(texts, draws, strict=True)
            ]
            for level in range(len(corruption.strengths))
        ]
        if versions[-1] != as_they_are:
            yield corruption.name, versions


def text_versions(texts: Sequence[str], contexts: Contexts) -> Iterator[tuple[str, int, list[str]]]:
    """The texts as they are, named "", and with each corruption that changes some in each strength, from 0."""
    yield "", 0, list(texts)
    cut = [_cut(text) for text in texts]
    for name, versions in word_versions([words for words, _ in cut], TEXT_CORRUPTIONS, contexts):
        for level, version in enumerate(versions):
            pairs = zip(cut, version, strict=True)
            yield name, level, [_joined(gaps, words) for (_, gaps), words in pairs]


def words_of(text: str) -> list[str]:
    """A text -> its words (W)."""
    return _word().findall(text)


def has_word(token: str) -> bool:
    """Whether a token is a word, or holds one, and isn't signs alone."""
    return _word().search(token) is not None


@cache
def _word() -> re.Pattern[str]:
    return re.compile(rf"{unspaced_word()}|{spaced_word()}(?:['’]{spaced_word()})*")


@cache
def _alone() -> re.Pattern[str]:
    """A character that is taken for a word."""
    return re.compile(unspaced_word())


def _cut(text: str) -> tuple[list[str], list[str]]:
    """A text -> its words (W), and what stands before, between and behind them (W + 1)."""
    words, gaps, end = [], [], 0
    for match in _word().finditer(text):
        gaps.append(text[end : match.start()])
        words.append(match.group())
        end = match.end()
    return words, [*gaps, text[end:]]


def _joined(gaps: list[str], words: list[str]) -> str:
    return "".join(part for pair in zip(gaps, [*words, ""], strict=True) for part in pair)


def _misspell(
    words: list[str], hit: Sequence[int], draws: NDArray[np.float64], contexts: Contexts
) -> list[str]:
    """One slip a word; characters that are words themselves change places with the next, or are lost."""
    del contexts
    for place in hit:
        word, (kind, where) = words[place], draws[place].tolist()
        if not _alone().fullmatch(word):
            words[place] = _slip(word, kind, where)
        elif kind < 0.5 and place + 1 < len(words) and _alone().fullmatch(words[place + 1]):
            words[place : place + 2] = words[place + 1], word
        else:
            words[place] = ""
    return words


def _misspell_each(
    words: list[str], hit: Sequence[int], draws: NDArray[np.float64], contexts: Contexts
) -> list[str]:
    """One slip a word, within it: none is lost, and none changes places with another."""
    del contexts
    for place in hit:
        words[place] = _slip(words[place], *draws[place].tolist())
    return words


def _slip(word: str, kind: float, where: float) -> str:
    """A word with two letters swapped, one lost, doubled, or that of a neighbouring key; never empty.

    Args:
        word: of one letter or more.
        kind: from 0 to below 1, what is done.
        where: from 0 to below 1, to which letter.
    """
    place = int(where * (len(word) - 1))  # any but the last, behind which there is another
    letter = word[place]
    keys = _NEIGHBOURS.get(letter.lower(), letter)
    if len(word) > 1 and kind < 0.25:
        return word[:place] + word[place + 1] + letter + word[place + 2 :]
    if len(word) > 1 and kind < 0.5:
        return word[:place] + word[place + 1 :]
    if kind < 0.75:
        return word[:place] + letter + word[place:]
    key = keys[int(4 * (kind - 0.75) * len(keys))]
    return word[:place] + (key.upper() if letter.isupper() else key) + word[place + 1 :]


def _capitalise(
    words: list[str], hit: Sequence[int], draws: NDArray[np.float64], contexts: Contexts
) -> list[str]:
    """Whole words in capitals."""
    del draws, contexts
    for place in hit:
        words[place] = words[place].upper()
    return words


def _lose(words: list[str], hit: Sequence[int], draws: NDArray[np.float64], contexts: Contexts) -> list[str]:
    """Words are lost, but for one of a text."""
    del contexts
    kept = int(draws[0, 0] * len(words)) if len(hit) == len(words) > 0 else -1
    for place in hit:
        if place != kept:
            words[place] = ""
    return words


def _replace(
    words: list[str], hit: Sequence[int], draws: NDArray[np.float64], contexts: Contexts
) -> list[str]:
    """Words become others that stand in such a place; as they were written, if with a capital."""
    before = ["", *words[:-1]]
    behind = [*words[1:], ""]
    replaced = list(words)
    for place in hit:
        word = words[place]
        other = contexts.another(word, before[place], behind[place], float(draws[place, 0]))
        replaced[place] = other.capitalize() if word[0].isupper() else other
    return replaced


_UNIT = "% of the words"

TEXT_CORRUPTIONS = (
    TextCorruption("typos", _UNIT, (5, 10, 20, 30, 40), _misspell),
    TextCorruption("capitals", _UNIT, (20, 40, 60, 80, 100), _capitalise),
    TextCorruption("lost words", _UNIT, (5, 10, 20, 30, 40), _lose),
    TextCorruption("other words", _UNIT, (5, 10, 20, 30, 40), _replace),
)

SENTENCE_CORRUPTIONS = tuple(
    replace(corruption, apply=_misspell_each) if corruption.name == "typos" else corruption
    for corruption in TEXT_CORRUPTIONS
)
"""Those of words that have tags."""
