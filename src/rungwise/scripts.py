"""Scripts: which have no blanks between words, and which characters are marks of the one before them."""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import chain

__all__ = ["UNSPACED", "UNSPACED_RANGES", "is_unspaced", "marks", "spaced_word", "unspaced_word"]

UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x19E0, 0x19FF),  # Khmer's signs
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # signs that stand for Han
    (0x3040, 0x312F),  # kana, bopomofo
    (0x31A0, 0x31FF),  # more of both
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),  # more of Burmese
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),  # Han
    (0xFF66, 0xFF9F),  # kana of half the width
    (0x1B000, 0x1B16F),  # more of kana
    (0x20000, 0x3FFFF),  # Han
)
"""Code points of scripts without blanks between words, first and last: there a character is taken for a word."""

UNSPACED = "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSPACED_RANGES)
"""The same, to stand within a character class of any regular expression: Python's, RE2's and Oniguruma's."""

_WITH_MARKS = (range(0x300, 0x1F000), range(0xE0100, 0xE01F1))
"""Code points among which all marks are; the last of each isn't one."""

_JOINERS = "\u200c\u200d"
"""Between letters of one word, as Persian and the scripts of India have them."""


def is_unspaced(code: int) -> bool:
    """Whether a code point is of a script without blanks between words."""
    return any(first <= code <= last for first, last in UNSPACED_RANGES)


@cache
def marks() -> str:
    """Marks of the character before them, and what joins letters, to stand within a character class.

    Python's `\\w` has no marks, without which `हिन्दी` falls into letters.
    """
    found, first = [], None
    for code in chain(*_WITH_MARKS):
        is_mark = unicodedata.category(chr(code))[0] == "M"
        if is_mark and first is None:
            first = code
        elif not is_mark and first is not None:
            found.append(f"{chr(first)}-{chr(code - 1)}")
            first = None
    return "".join(found) + _JOINERS


def unspaced_word() -> str:
    """A pattern of Python: a character of a script without blanks, with its marks."""
    return rf"[{UNSPACED}][{marks()}]*"


def spaced_word(without: str = "") -> str:
    """A pattern of Python: letters and digits of the other scripts, with their marks.

    Args:
        without: what is none of them, within a character class.
    """
    letter = rf"[^\W_{without}{UNSPACED}]"
    return rf"{letter}+(?:[{marks()}]+{letter}*)*"
