"""What is seen of a token in the light of its sentence's predicate: where it stands, and what stands between."""

# N sentences, S tokens of all of them

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rungwise.data.sentences import Sentences
from rungwise.preprocessing.views import View
from rungwise.preprocessing.wordviews import FREQUENT

__all__ = ["role_views"]

_OF_PREDICATE = (("lower", -2), ("lower", -1), ("lower", 0), ("lower", 1), ("lower", 2), ("s2", 0), ("s3", 0))
"""Views of the predicate, and of its neighbours, that each token of the sentence has."""

_NEAR = 6
_FARTHER = (8, 11, 16, 25)
"""Distances up to `_NEAR` are seen one by one, those behind it up to each of these, and all behind the last."""

_MOST_SIGNS, _MOST_FREQUENT = 3, 8
"""Between token and predicate, as far as they are counted."""


def role_views(sentences: Sentences, views: Mapping[str, View]) -> dict[str, View]:
    """Sentences that have predicates, and their words' views -> these and those that the predicates give.

    The names of the added ones: `distance` and `side` from the predicate; `signs between`, the number of tokens without
    a letter or digit between the two, and `frequent between`, that of frequent words, with the side; `frequent before`
    and `frequent behind`, the nearest frequent words in the sentence; `predicate lower -1` and the like.
    """
    assert sentences.predicates is not None
    offsets, lengths = sentences.offsets, np.diff(sentences.offsets)
    here = np.arange(offsets[-1])
    predicate = np.repeat(offsets[:-1] + sentences.predicates, lengths)
    distance = here - predicate
    side = np.sign(distance) + 1
    made = {"distance": _distances(distance), "side": View(side, 3)}
    for name, offset in _OF_PREDICATE:
        numbers = views[name].at(offset, offsets)[predicate]
        made[f"predicate {name} {offset}"] = View(numbers, views[name].size + 2)
    frequent = views[FREQUENT]
    is_frequent = frequent.numbers >= 0
    first, last = np.minimum(here, predicate), np.maximum(here, predicate)
    signs = _between(_is_sign(sentences), first, last)
    made["signs between"] = View(np.minimum(signs, _MOST_SIGNS), _MOST_SIGNS + 1)
    words = np.minimum(_between(is_frequent, first, last), _MOST_FREQUENT)
    made["frequent between"] = View(3 * words + side, 3 * (_MOST_FREQUENT + 1))
    before = np.concatenate([[-1], np.maximum.accumulate(np.where(is_frequent, here, -1))])[:-1]
    begins = np.repeat(offsets[:-1], lengths)
    made["frequent before"] = _nearest(frequent, before, before >= begins)
    behind = np.minimum.accumulate(np.where(is_frequent, here, len(here))[::-1])[::-1]
    behind = np.concatenate([behind, [len(here)]])[1:]
    made["frequent behind"] = _nearest(frequent, behind, behind < np.repeat(offsets[1:], lengths))
    return {**views, **made}


def _distances(distance: NDArray[np.int64]) -> View:
    """Tokens to the right of the predicate (S,) -> classes of them that are wider the farther they are."""
    steps = np.abs(distance)
    classes = np.where(steps <= _NEAR, steps, _NEAR + 1 + np.searchsorted(_FARTHER, steps))
    most = _NEAR + 1 + len(_FARTHER)
    return View(np.sign(distance) * classes + most, 2 * most + 1)


def _is_sign(sentences: Sentences) -> NDArray[np.bool_]:
    encoded = sentences.tokens.dictionary_encode()
    is_sign = [not any(map(str.isalnum, form)) for form in encoded.dictionary.to_pylist()]
    flags: NDArray[np.bool_] = np.array(is_sign, dtype=bool)[encoded.indices.to_numpy()]
    return flags


def _between(
    is_one: NDArray[np.bool_], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many there are from the first token on to the one before the last (S,)."""
    before = np.concatenate([[0], np.cumsum(is_one)])
    counts: NDArray[np.int64] = before[last] - before[first]
    return counts


def _nearest(view: View, tokens: NDArray[np.int64], is_inside: NDArray[np.bool_]) -> View:
    """The view of other tokens (S,), or where they aren't in the sentence, a number of its own."""
    numbers = view.numbers[np.where(is_inside, tokens, 0)] if len(tokens) else tokens
    return View(np.where(is_inside, numbers, view.size), view.size + 1)
