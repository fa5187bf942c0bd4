"""Some rows of train, always the same ones: what a model learned from is looked at by these."""

# M examples in the sample

from __future__ import annotations

import math

import numpy as np

from rungwise.data.dataset import Dataset
from rungwise.data.portions import Portion, Rows

__all__ = ["sample_rows", "train_sample"]

_MOST_ROWS = 2000
"""The standard error of a share is a point then, at most."""

_MOST_BYTES = 2**26
"""Of images, which are held in memory."""


def train_sample(dataset: Dataset) -> Portion:
    """The dataset with the rows of `sample_rows` for its part "train"."""
    return Portion(dataset, {"train": ("train", sample_rows(dataset))})


def sample_rows(dataset: Dataset) -> Rows:
    """Numbers of rows of train (M,), sorted, drawn from the split's own hash; never more than are judged in a run."""
    most = min(_MOST_ROWS, dataset.num("valid") + dataset.num("test"))
    if dataset.image_shape is not None:
        most = min(most, max(1, _MOST_BYTES // math.prod(dataset.image_shape)))
    rng = np.random.default_rng(int(dataset.split_hash, 16))
    return np.sort(rng.permutation(dataset.num("train"))[:most])
