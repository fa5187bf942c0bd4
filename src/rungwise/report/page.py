"""Puts a run on one page that needs no network: everything it shows stands in the file."""

from __future__ import annotations

import importlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rungwise.language import Language, paragraph, say
from rungwise.report.bilingual import attribute, both, capital, option, t
from rungwise.report.content import Content
from rungwise.report.sections import SECTIONS

__all__ = ["html_page"]

_FOLDER = Path(__file__).parent


def html_page(content: Content, language: Language = Language.ENGLISH, *, printed: bool = False) -> str:
    """The page as HTML.

    Args:
        content: of the run.
        language: that it begins in; its readers may switch.
        printed: whether it is for paper: without controls and script, with all that is folded open.
    """
    environment = _environment(printed=printed)
    shown = [_section(environment, name, content) for name in SECTIONS]
    page: str = environment.get_template("page.html.jinja").render(
        content=content,
        language=language,
        sections=[section for section in shown if section],
        style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),
        script=Markup((_FOLDER / "page.js").read_text(encoding="utf-8")),
    )
    return page


def _section(environment: Environment, name: str, content: Content) -> Markup:
    """A section's part of the page, empty where it has nothing to show."""
    section = importlib.import_module(f"rungwise.report.sections.{name}").section(content)
    if section is None:
        return Markup("")
    template = environment.get_template(f"sections/{name}.html.jinja")
    known = {"content": content, "metric": content.metric, "recommended": content.recommended}
    return Markup(template.render(section=section, title=SECTIONS[name], **known))


def _environment(*, printed: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"both": both, "capital": capital}
    environment.globals |= {
        "attribute": attribute,
        "option": option,
        "paragraph": paragraph,
        "printed": printed,
        "say": say,
        "t": t,
    }
    return environment
