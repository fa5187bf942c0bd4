"""The generated pages are those that the rungs' files give now."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_generated_pages_are_up_to_date():
    pages = runpy.run_path(str(DOCS / "make_cards.py"))["make_pages"]()
    committed = {file.relative_to(DOCS).as_posix() for file in DOCS.glob("rungs/*.md")} | {"ladder.md"}
    assert committed == set(pages), "run `make docs`"
    stale = [name for name, text in pages.items() if (DOCS / name).read_text(encoding="utf-8") != text]
    assert stale == [], "run `make docs`"
