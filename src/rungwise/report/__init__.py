"""What a run came to, for people and programs: the page, a self-contained HTML file, and the same in other forms."""

from rungwise.report.card import write_cards
from rungwise.report.content import Content
from rungwise.report.formats import Format, write_report

__all__ = ["Content", "Format", "write_cards", "write_report"]
