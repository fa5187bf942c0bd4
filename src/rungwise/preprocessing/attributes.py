"""Sentences → attributes of their tokens: sparse binary features, such as "the word before is *in*", as row numbers.

A view is something that is seen of each token, as a number in the view's vocabulary: its word, its shape, or how far it
is from the predicate. A template names some views with the offsets at which they are looked at, and what it finds at a
token is an attribute. Templates are arithmetic on arrays of numbers: no attribute is ever a string.
"""

# S tokens of all sentences, T templates, A attributes

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rungwise.data.sentences import Sentences
from rungwise.errors import ModelError
from rungwise.fitting import State
from rungwise.preprocessing.roleviews import role_views
from rungwise.preprocessing.views import NONE, OUTSIDE_NUMBERS, View
from rungwise.preprocessing.wordviews import WordViews, parts
from rungwise.stored import array, section

__all__ = ["PART_TOKENS", "Attributes", "Template"]

PART_TOKENS = 1 << 16
"""Tokens whose attributes are looked for at a time."""

Template = tuple[tuple[str, int], ...]
"""Names of views, and how many tokens behind the token (before it, if negative) each is looked at."""


class Attributes:
    """The attributes that are frequent enough in training, and tokens as row numbers of these.

    Args:
        templates: what is looked at.
        has_predicates: whether sentences have predicates, and the templates views in their light.
    """

    def __init__(self, templates: Sequence[Template], *, has_predicates: bool) -> None:
        self.templates, self.has_predicates = templates, has_predicates
        self.words = WordViews()
        self.keys: list[NDArray[np.int64]] = []

    def __len__(self) -> int:
        return sum(map(len, self.keys))

    def fit(self, sentences: Sentences, *, min_count: int) -> None:
        """Takes the attributes that this many tokens of training sentences have, or more."""
        self.words.fit(sentences, min_count=min_count)
        found: list[list[tuple[NDArray[np.int64], NDArray[np.int64]]]] = [[] for _ in self.templates]
        for part in parts(sentences, PART_TOKENS):
            views = self._views(part, is_training=True)
            for template, counted in zip(self.templates, found, strict=True):
                keys = _keys(template, views, part.offsets)
                counted.append(np.unique(keys[keys >= 0], return_counts=True))
        self.keys = [_frequent(counted, min_count) for counted in found]

    def rows(self, sentences: Sentences, *, is_training: bool = False) -> NDArray[np.int32]:
        """Some sentences -> the rows of their tokens' attributes (S, T), `NONE` where there is no known one."""
        views, offsets = self._views(sentences, is_training=is_training), sentences.offsets
        rows = np.full((int(offsets[-1]), len(self.templates)), NONE, np.int32)
        first = 0
        for column, (template, known) in enumerate(zip(self.templates, self.keys, strict=True)):
            if len(known):
                keys = _keys(template, views, offsets)
                place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
                rows[:, column] = np.where(known[place] == keys, place + first, NONE)
            first += len(known)
        return rows

    def keep(self, is_kept: NDArray[np.bool_]) -> None:
        """Forgets the attributes (A,) that aren't to be kept; those behind move up."""
        bounds = np.cumsum([0, *map(len, self.keys)])
        self.keys = [keys[is_kept[bounds[i] : bounds[i + 1]]] for i, keys in enumerate(self.keys)]

    def state(self) -> State:
        """The words' vocabularies, the attributes' keys, and how many there are of each template."""
        return {
            "words": self.words.state(),
            "keys": np.concatenate([np.zeros(0, np.int64), *self.keys]),
            "counts": np.array([len(keys) for keys in self.keys], dtype=np.int64),
        }

    def restore(self, state: State) -> None:
        """Takes vocabularies and attributes.

        Raises:
            ModelError: if the counts aren't those of the keys, or a template's keys aren't in order.
        """
        self.words.restore(section(state, "words"))
        counts = array(state, "counts", np.int64, len(self.templates))
        keys = array(state, "keys", np.int64, None)
        if (counts < 0).any() or (counts > len(keys)).any() or counts.sum() != len(keys):
            raise ModelError("the counts of attributes aren't those of their keys.")
        self.keys = np.split(keys, np.cumsum(counts)[:-1])
        if any((some < 0).any() or (np.diff(some) <= 0).any() for some in self.keys):
            raise ModelError("the keys of attributes must be distinct, sorted and from 0 on.")

    def _views(self, sentences: Sentences, *, is_training: bool) -> Mapping[str, View]:
        views = self.words.views(sentences, is_training=is_training)
        return role_views(sentences, views) if self.has_predicates else views


def _keys(template: Template, views: Mapping[str, View], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each combination of what a template finds (S,), `NONE` where a part of it is none."""
    keys = np.zeros(int(offsets[-1]), np.int64)
    is_missing = np.zeros(len(keys), dtype=bool)
    for name, offset in template:
        numbers = views[name].at(offset, offsets)
        keys = keys * (views[name].size + OUTSIDE_NUMBERS) + numbers
        is_missing |= numbers < 0
    keys[is_missing] = NONE
    return keys


def _frequent(
    counted: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], min_count: int
) -> NDArray[np.int64]:
    """Distinct keys and their counts, of parts -> those that are frequent enough in all, sorted."""
    if not counted:
        return np.zeros(0, np.int64)
    keys, number = np.unique(np.concatenate([keys for keys, _ in counted]), return_inverse=True)
    totals = np.bincount(number, np.concatenate([counts for _, counts in counted]), minlength=len(keys))
    return keys[totals >= min_count]
