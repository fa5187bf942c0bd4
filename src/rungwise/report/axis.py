"""Which rungs fit on one axis of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rungwise.evaluation.outcomes import BASELINE

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["without_far_baseline"]

_FAR = 3
"""Where the baseline would make an axis so many times longer, it is left out."""


def without_far_baseline(table: pd.DataFrame) -> pd.DataFrame:
    """The rungs that fit on one axis: all, but for a baseline that would press the others into a line."""
    ends = ["score_test_low", "score_test_high"]
    others = table[table["rung"] != BASELINE]
    if others["score_test"].count() < 2:
        return table
    spans = [float(np.nanmax(part[ends]) - np.nanmin(part[ends])) for part in (table, others)]
    return others if spans[0] > _FAR * spans[1] else table
