"""Parts of train that grow, to see what more rows bring."""

# N examples

from __future__ import annotations

import numpy as np

from rungwise.data.dataset import Dataset
from rungwise.data.portions import ASIDE, Portion, Rows, class_numbers, unit_numbers

__all__ = ["STARTS", "judged_rows", "subset"]

MOST_JUDGED = 10_000
"""Rows of the test part, and of those aside, that a part of train is judged on: more say little more."""

STARTS = (0.0, 1 / 2, 1 / 4, 3 / 4)
"""Where in the one order of the rows, as a share of them, the parts of each draw begin: far from one another, so that
few draws have most rows aside, and small parts have none in common (van der Corput 1935)."""


def subset(dataset: Dataset, num_rows: int, draw: int, seed: int) -> Portion:
    """A dataset of which only so many rows of train are learned from; others are its part `ASIDE`.

    Of one draw, the rows of a smaller part are among those of a larger one. Rows of a group, and equal texts, images
    and sentences, stay together, and classes have their share. The test part has the rows of `judged_rows`.

    Args:
        dataset: what was prepared.
        num_rows: to learn from, about so many where rows stay together.
        draw: which of `STARTS`, from 0.
        seed: of the run.
    """
    units = unit_numbers(dataset)
    order = _order(dataset, units, np.random.default_rng(seed))
    order = np.roll(order, -round(STARTS[draw] * len(order)))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    ends = np.cumsum(np.bincount(place[units], minlength=len(order)))
    last = int(np.argmin(np.abs(ends - num_rows)))
    is_learned = place[units] <= last
    aside = np.flatnonzero(~is_learned)
    return Portion(
        dataset,
        {
            "train": ("train", np.flatnonzero(is_learned)),
            ASIDE: ("train", aside[judged_rows(len(aside))]),
            "test": ("test", judged_rows(dataset.num("test"))),
        },
    )


def judged_rows(num_rows: int) -> Rows:
    """The numbers, in order, of the rows of a part that fits on parts of train are judged on."""
    if num_rows <= MOST_JUDGED:
        return np.arange(num_rows)
    return np.sort(np.random.default_rng(0).choice(num_rows, MOST_JUDGED, replace=False))


def _order(dataset: Dataset, units: Rows, rng: np.random.Generator) -> Rows:
    """The units in an order, the first of which, however many, have about the shares of all classes."""
    _, first = np.unique(units, return_index=True)
    strata = class_numbers(dataset, first)
    order = rng.permutation(len(first))
    order = order[np.argsort(strata[order], kind="stable")]
    sizes = np.bincount(strata)
    within = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.asarray(order[np.argsort((within + 0.5) / np.repeat(sizes, sizes), kind="stable")])
