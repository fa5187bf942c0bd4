"""The page: a run on one self-contained HTML file."""

from rungwise.report.page import write_report

__all__ = ["write_report"]
