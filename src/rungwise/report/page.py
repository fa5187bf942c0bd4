"""Puts a run on one page that needs no network: everything it shows stands in the file."""

from __future__ import annotations

import importlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from rungwise.evaluation import Results
from rungwise.files import replace_text
from rungwise.report.content import Content
from rungwise.report.sections import ORDER

__all__ = ["write_report"]

_FOLDER = Path(__file__).parent


def write_report(results: Results) -> Path:
    """Writes `report.html` into the run's folder and returns it.

    Raises:
        RunError: if the run folder can't be read.
        DataError: if its dataset can't be read.
    """
    content, environment = Content.read(results), _environment()
    shown = [_section(environment, name, content) for name in ORDER]
    page = environment.get_template("page.html.jinja").render(
        content=content,
        sections=[section for section in shown if section],
        style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),
        script=Markup((_FOLDER / "page.js").read_text(encoding="utf-8")),
    )
    file = results.run_folder / "report.html"
    replace_text(file, page)
    return file


def _section(environment: Environment, name: str, content: Content) -> Markup:
    """A section's part of the page, empty where it has nothing to show."""
    section = importlib.import_module(f"rungwise.report.sections.{name}").section(content)
    if section is None:
        return Markup("")
    template = environment.get_template(f"sections/{name}.html.jinja")
    known = {"content": content, "metric": content.metric, "recommended": content.recommended}
    return Markup(template.render(section=section, **known))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _with_code
    environment.filters["capital"] = lambda text: text[:1].upper() + text[1:]
    return environment


def _with_code(text: str) -> Markup:
    """A sentence with what stands in backticks as code, and no line end before a percent sign."""
    parts = [escape(part) for part in text.replace(" %", "\u00a0%").split("`")]
    parts[1::2] = [Markup(f"<code>{part}</code>") for part in parts[1::2]]
    return Markup("").join(parts)
