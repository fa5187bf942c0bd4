"""Tags of any scheme → BIO2: IOB1, IO, BIO2, BIOES, BILOU and BMES are told by their prefixes.

A tag that goes on with nothing begins a span, and what isn't closed ends where the next tag isn't of it: so conlleval
and seqeval take them, and so they are counted and told.
"""

# S tokens of all sentences

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rungwise.data.limits import MAX_LABEL_CHARACTERS, MAX_TAG_TYPES
from rungwise.data.sentences import Sentences
from rungwise.data.source import Level, Note, shown
from rungwise.errors import DataError
from rungwise.tags import tag_names

__all__ = ["to_bio"]

_BEGINS, _GOES_ON, _ENDS, _ALONE = "B", "IM", "EL", "SUW"
_KNOWN = _BEGINS + _GOES_ON + _ENDS + _ALONE
_SHOWN = 10
"""Tags that aren't as they should be whose lines are named."""

Where = Callable[[int], dict[str, Any]]
"""The number of a token among all -> the `file` and the `line` or `row` of it, for a `DataError`."""


def to_bio(tags: Sentences, where: Where, name: str) -> tuple[pa.Array, list[Note]]:
    """Tags (S,) of any scheme as strings -> the same as BIO2, and what is to be said of them.

    Raises:
        DataError: if a tag is of no scheme, or there are too many types.
    """
    coded = tags.tokens.dictionary_encode()
    names, codes = coded.dictionary.to_pylist(), coded.indices.to_numpy()
    parsed, is_bare = _parsed(names, codes, where)
    types = sorted({type_ for _, type_ in parsed if type_})
    if len(types) > MAX_TAG_TYPES:
        problem = f"{len(types):,} types of spans are more than the {MAX_TAG_TYPES:,} that can be told apart"
        raise DataError(f"{problem}; is {shown(names[0])} a tag?", **where(0))
    numbers = {type_: number for number, type_ in enumerate(types)}
    prefixes = np.array([prefix for prefix, _ in parsed], dtype="U1")[codes]
    kinds = np.array([numbers.get(type_, -1) for _, type_ in parsed], dtype=np.int64)[codes]
    begins, notes = _begins(prefixes, kinds, tags.offsets, where, name, is_bare)
    bio = np.where(kinds < 0, 0, 2 * kinds + 2 - begins)
    return pa.array(tag_names(types)).take(pa.array(bio)), notes


def _parsed(names: list[str], codes: NDArray[np.int64], where: Where) -> tuple[list[tuple[str, str]], bool]:
    """Prefix and type of each tag, "O" with no type, and whether none has a prefix (IO, as Stanford NER writes it)."""
    is_bare = "O" in names and not any(name[1:2] == "-" for name in names)
    parsed = []
    for number, name in enumerate(names):
        if name == "O":
            parsed.append(("O", ""))
        elif _has_prefix(name) and len(name) <= MAX_LABEL_CHARACTERS:
            parsed.append((name[0], name[2:]))
        elif is_bare and name and len(name) <= MAX_LABEL_CHARACTERS:
            parsed.append(("I", name))
        else:
            at = int(np.argmax(codes == number))
            raise DataError(
                f"the tag {shown(name)} is of no scheme; tags are O, B-TYPE, I-TYPE and perhaps E-TYPE and S-TYPE. "
                "If the tags stand elsewhere, name their column with `--target`.",
                **where(at),
            )
    return parsed, is_bare


def _has_prefix(name: str) -> bool:
    return len(name) > 2 and name[1] == "-" and name[0] in _KNOWN


def _begins(
    prefixes: NDArray[np.str_],
    kinds: NDArray[np.int64],
    offsets: NDArray[np.int64],
    where: Where,
    name: str,
    is_bare: bool,
) -> tuple[NDArray[np.bool_], list[Note]]:
    """Whether each token (S,) begins a span, and what is to be said of the scheme."""
    if not len(kinds):
        return np.zeros(0, dtype=bool), []
    is_in = kinds >= 0
    is_first = np.zeros(len(kinds), dtype=bool)
    is_first[offsets[:-1][np.diff(offsets) > 0]] = True
    closes = np.isin(prefixes, list(_ENDS + _ALONE))
    is_apart = is_first | np.roll(~is_in | closes, 1) | (kinds != np.roll(kinds, 1))
    says_begin = np.isin(prefixes, list(_BEGINS + _ALONE))
    begins = is_in & (says_begin | is_apart)
    is_wrong = begins & ~says_begin
    if np.isin(prefixes, [*_ENDS, *_ALONE, "M"]).any():
        scheme = "BIOES"
        goes_on = np.roll(is_in & ~begins, -1) & ~np.roll(is_first, -1)
        goes_on[-1] = False
        is_wrong |= is_in & ~closes & ~goes_on
    elif not (is_in & says_begin & is_apart).any() and is_wrong.any():
        scheme, is_wrong = ("IO without prefixes" if is_bare else "IOB1"), np.zeros_like(is_wrong)
    else:
        scheme = "BIO2"
    notes = (
        [] if scheme == "BIO2" else [Note(Level.INFO, f"{name}: its tags are {scheme}; they become BIO2.")]
    )
    if is_wrong.any():
        places = [where(int(token)) for token in np.flatnonzero(is_wrong)[:_SHOWN]]
        unit = "line" if "line" in places[0] else "row"
        numbers = list(dict.fromkeys(str(place.get(unit)) for place in places))
        at = f"{unit}{'s' * (len(numbers) > 1)} {', '.join(numbers)}{', …' * int(is_wrong.sum() > _SHOWN)}"
        what = (
            "go on with no span or leave one open"
            if scheme == "BIOES"
            else "go on with no span of their type"
        )
        message = f"{name}: {is_wrong.sum():,} tags {what}, at {at}; each begins one, as in conlleval."
        notes.append(Note(Level.WARNING, message))
    return begins, notes
