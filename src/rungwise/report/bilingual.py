"""Text for the page in both of its languages, of which the style sheet hides the one that isn't chosen."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup, escape

from rungwise.language import Language, Message, say

__all__ = ["attribute", "both", "capital", "option", "svg_text", "svg_title", "t"]

_LANGUAGES = (Language.ENGLISH, Language.CHINESE)


def t(template: str, /, **values: Any) -> Markup:
    """A message of the catalogue, filled, in both languages; see `language.say`."""
    return both(say(template, **values))


def both(text: str) -> Markup:
    """A text for the page: a message in both languages, anything else as it is; what stands in backticks is code."""
    return text if isinstance(text, Markup) else _pair(text, "span")


def svg_text(text: str) -> Markup:
    """The same within the `<text>` of a chart."""
    return _pair(text, "tspan")


def svg_title(text: str) -> Markup:
    """What a chart tells where the pointer rests; the page's script knows it in Chinese."""
    english, chinese = _sayings(text)
    return Markup("<title{}>{}</title>").format(_in_chinese(english, chinese), english)


def attribute(name: str, text: str) -> Markup:
    """An attribute that people read or hear, such as `aria-label`; the page's script knows it in Chinese."""
    english, chinese = _sayings(text)
    other = _in_chinese(english, chinese, f"data-zh-{name}")
    return Markup(' {}="{}"{}').format(Markup(name), english, other)


def option(text: str) -> Markup:
    """The end of an `<option`: its text, and what the page's script knows it as in Chinese."""
    english, chinese = _sayings(text)
    return Markup("{}>{}").format(_in_chinese(english, chinese), english)


def capital(text: str) -> str:
    """The text with a capital letter at its beginning."""
    return say("{text:cap}", text=text) if isinstance(text, Message) else text[:1].upper() + text[1:]


def _pair(text: str, element: str) -> Markup:
    english, chinese = _sayings(text)
    if english == chinese:
        return _with_code(english)
    return Markup("").join(
        Markup(f'<{element} class="t" lang="{language.tag}">{_with_code(said)}</{element}>')
        for language, said in zip(_LANGUAGES, (english, chinese), strict=True)
    )


def _in_chinese(english: str, chinese: str, name: str = "data-zh") -> Markup:
    """The attribute that tells the script; empty where both languages say the same."""
    return Markup("") if chinese == english else Markup(' {}="{}"').format(Markup(name), chinese)


def _sayings(text: str) -> tuple[str, str]:
    """In English and in Chinese."""
    return (str(text), text.said(Language.CHINESE)) if isinstance(text, Message) else (text, text)


def _with_code(text: str) -> Markup:
    """A sentence with what stands in backticks as code, and no line end before a percent sign."""
    parts = [escape(part) for part in text.replace(" %", "\u00a0%").split("`")]
    parts[1::2] = [Markup(f"<code>{part}</code>") for part in parts[1::2]]
    return Markup("").join(parts)
