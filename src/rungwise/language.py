"""Sentences that can be said in more than one language: one template in English, its translations in a catalogue.

`say` makes a `Message`: a str that is the English text, which remembers what it was made of. So the logic that chooses
and fills sentences stands once, and a page that knows messages can have them in every language.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Self

from rungwise.errors import UnknownNameError

__all__ = [
    "Language",
    "Message",
    "catalogue",
    "clauses",
    "comma_list",
    "joined",
    "paragraph",
    "parse_language",
    "placeholders",
    "say",
    "spoken",
    "term",
]


class Language(StrEnum):
    """A language that messages can be said in, by its tag (BCP 47)."""

    ENGLISH = "en"
    CHINESE = "zh"

    @property
    def tag(self) -> str:
        """For a page's `lang`: with the script's region where that decides how characters look."""
        return {"zh": "zh-CN"}.get(self.value, self.value)


class Message(str):
    """A text in English that can be said in the other languages.

    Attributes:
        template: what it was made from; None for a bare text, which is the same in every language.
        values: what was filled in, messages among them.
    """

    template: str | None
    values: Mapping[str, Any]

    def __new__(cls, text: str, template: str | None = None, values: Mapping[str, Any] | None = None) -> Self:
        """A message of a text, and what it was made from."""
        self = super().__new__(cls, text)
        self.template, self.values = template, values or {}
        return self

    def __format__(self, spec: str) -> str:
        """As a str; the spec "cap" begins with a capital letter."""
        return f"{self[:1].upper()}{self[1:]}" if spec == "cap" else super().__format__(spec)

    def said(self, language: Language) -> str:
        """The text in a language; in English where its catalogue doesn't have it."""
        if language is Language.ENGLISH or self.template is None:
            return str(self)
        template = catalogue(language).get(self.template, self.template)
        return template.format(**{name: _said(value, language) for name, value in self.values.items()})


def _said(value: Any, language: Language) -> Any:
    return Message(value.said(language)) if isinstance(value, Message) else value


def parse_language(name: str) -> Language:
    """The language of that name.

    Raises:
        UnknownNameError: if there is none.
    """
    if name not in tuple(Language):
        raise UnknownNameError("language", name, Language)
    return Language(name)


def say(template: str, /, **values: Any) -> Message:
    """A message: the template, filled.

    Args:
        template: in English, with names in braces, as `str.format` takes it; a literal, which the tests look for in the
            catalogues.
        **values: what the names stand for; messages are said in the language of the whole.
    """
    return Message(template.format(**values), template, values)


def term(text: str) -> Message:
    """A word or title that is a constant elsewhere, such as a metric's; itself where a catalogue doesn't have it."""
    return Message(text, text.replace("{", "{{").replace("}", "}}"))


def comma_list(words: Iterable[str]) -> Message:
    """Such as "a, b and c"."""
    *first, last = words
    if not first:
        return last if isinstance(last, Message) else Message(last)
    return say("{words} and {last}", words=joined(first), last=last)


def joined(words: Iterable[str]) -> Message:
    """Such as "a, b, c"."""
    return _folded("{words}, {word}", words)


def clauses(words: Iterable[str]) -> Message:
    """Such as "a; b; c"."""
    return _folded("{words}; {word}", words)


def paragraph(sentences: Iterable[str]) -> Message:
    """Sentences one after another; empty ones are left out."""
    return _folded("{words} {word}", [sentence for sentence in sentences if sentence])


def _folded(template: str, words: Iterable[str]) -> Message:
    first, *others = [word if isinstance(word, Message) else Message(word) for word in words] or [Message("")]
    for word in others:
        first = say(template, words=first, word=word)
    return first


def spoken(value: Any, language: Language) -> Any:
    """The value with every message in it said in a language; mappings and sequences as dicts and lists."""
    match value:
        case Message():
            return value.said(language)
        case Mapping():
            return {key: spoken(item, language) for key, item in value.items()}
        case list() | tuple():
            return [spoken(item, language) for item in value]
        case _:
            return value


@cache
def catalogue(language: Language) -> dict[str, str]:
    """English template → the same in the language; empty for English."""
    if language is Language.ENGLISH:
        return {}
    file = Path(__file__).parent / f"{language}.json"
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return known


def placeholders(template: str) -> set[str]:
    """The names in a template's braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
