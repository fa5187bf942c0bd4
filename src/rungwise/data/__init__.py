"""Files and objects in memory → what learners get."""

from __future__ import annotations

from rungwise.data.arrays import as_images, as_table, as_texts
from rungwise.data.columns import Column

__all__ = ["Column", "as_images", "as_table", "as_texts"]
