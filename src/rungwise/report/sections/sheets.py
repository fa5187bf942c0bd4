"""Contact sheets: what networks see in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.report.content import Content
from rungwise.report.sheets import NUM_ALTERATIONS, Sheet, contact_sheets, is_tiny

__all__ = ["SheetsSection", "section"]


@dataclass(frozen=True)
class SheetsSection:
    """The sheets.

    Attributes:
        sheets: one for each way of altering images.
        is_tiny: whether images are best shown pixel by pixel.
        num_alterations: of each image.
    """

    sheets: Sequence[Sheet]
    is_tiny: bool
    num_alterations: int = NUM_ALTERATIONS


def section(content: Content) -> SheetsSection | None:
    """The section; None where no network was trained on images."""
    sheets = contact_sheets(content.dataset, content.outcomes, content.config.get("settings", {}))
    return SheetsSection(sheets, is_tiny(content.dataset)) if sheets else None
