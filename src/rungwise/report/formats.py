"""The forms that a run can be told in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from rungwise.errors import ConfigError, RunError
from rungwise.evaluation import Results
from rungwise.evaluation.records import json_text
from rungwise.files import replace_text
from rungwise.language import Language
from rungwise.report.card import run_card
from rungwise.report.content import Content
from rungwise.report.machine import run_as_dict
from rungwise.report.markdown import markdown_page
from rungwise.report.page import html_page

__all__ = ["Format", "write_report"]


class Format(StrEnum):
    """What a report is written as."""

    HTML = "html"
    MARKDOWN = "md"
    JSON = "json"
    PDF_READY = "pdf-ready"
    CARD = "card"


_FILES = {
    Format.HTML: "report.html",
    Format.MARKDOWN: "report.md",
    Format.JSON: "report.json",
    Format.PDF_READY: "report.print.html",
    Format.CARD: "model-card.md",
}
"""Format → the file in the run's folder."""


def write_report(
    results: Results,
    form: Format = Format.HTML,
    *,
    language: Language = Language.ENGLISH,
    rung: str | None = None,
    out: Path | None = None,
) -> Path:
    """Writes what a run came to, and returns the file.

    Args:
        results: of the run.
        form: as what; the page when not said.
        language: of the sentences; readers of the page may switch. Model cards are in English.
        rung: whose model card; the recommended one when None.
        out: the file; one in the run's folder when None.

    Raises:
        RunError: if the run folder can't be read, or the rung has no model.
        ConfigError: if a rung is named for another form than a card, or a card is asked for in another language.
        DataError: if its dataset can't be read.
    """
    if rung is not None and form is not Format.CARD:
        raise ConfigError(
            f"rung {rung!r} is for a model card, and this is format {form.value!r}; leave it out."
        )
    if form is Format.CARD and language is not Language.ENGLISH:
        raise ConfigError(
            f"model cards are in English, and not in {language.value!r}; leave the language out."
        )
    file = out or results.run_folder / _FILES[form]
    replace_text(file, _text(Content.read(results), form, language, rung))
    return file


def _text(content: Content, form: Format, language: Language, rung: str | None) -> str:
    match form:
        case Format.HTML:
            return html_page(content, language)
        case Format.PDF_READY:
            return html_page(content, language, printed=True)
        case Format.MARKDOWN:
            return markdown_page(content, language)
        case Format.JSON:
            return json_text(run_as_dict(content, language)) + "\n"
        case Format.CARD:
            chosen = rung or content.recommended
            if chosen is None:
                raise RunError(f"{content.results.run_folder}: {content.verdict.sentence}")
            return run_card(content, chosen)
