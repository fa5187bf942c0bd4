"""Contact sheets: training images, and what the networks of a run see of them."""

# N images, H height, W width, C channels

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rungwise import registry
from rungwise.data import Dataset
from rungwise.evaluation import Outcome
from rungwise.kinds import InputKind
from rungwise.preprocessing.pixels import ImageNetworkConfig, PixelPreprocessor
from rungwise.report.pictures import png, thumbnail
from rungwise.settings import NetworkConfig

__all__ = ["NUM_ALTERATIONS", "Sheet", "contact_sheets", "is_tiny"]

NUM_ALTERATIONS = 3
_NUM_IMAGES = 8
_SIDE = 48
"""Pixels of a sheet's images, so that the page stays small."""

_NUM_LOOKED_AT, _LOOK_SIDE = 3000, 32
"""Training images, and pixels of a side, by which it is settled what is done to them."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Sheet:
    """One way of altering images.

    Attributes:
        rungs: that are trained so.
        image: a data URI: a row of training images, and under it each as it is seen in some epochs.
        classes: of the images.
    """

    rungs: Sequence[str]
    image: str
    classes: Sequence[str]


def is_tiny(dataset: Dataset) -> bool:
    """Whether its images, if it has any, are best shown pixel by pixel."""
    return dataset.pair[0] is InputKind.IMAGE and max(dataset.inputs("train").shape[1:3]) <= _SIDE


def contact_sheets(
    dataset: Dataset, outcomes: Sequence[Outcome], settings: Mapping[str, Mapping[str, Any]]
) -> list[Sheet]:
    """A sheet for each way in which the finished networks' training images are altered.

    Args:
        dataset: of the run.
        outcomes: of the run.
        settings: rung → what differs from its defaults.
    """
    if dataset.pair[0] is not InputKind.IMAGE:
        return []
    ways: dict[tuple[Any, ...], tuple[ImageNetworkConfig, list[str]]] = {}
    for outcome in outcomes:
        kind = registry.rung(outcome.rung).config
        if outcome.is_finished and issubclass(kind, ImageNetworkConfig):
            config = registry.make_config(kind, settings.get(outcome.rung, {}))
            ways.setdefault(_way(config), (config, []))[1].append(outcome.rung)
    if not ways:
        return []
    inputs, (index, classes) = dataset.inputs("train"), _of_each_class(dataset)
    sheets: dict[str, list[str]] = {}  # other settings may mean the same
    for config, rungs in ways.values():
        sheets.setdefault(png(_sheet(config, inputs, index)), []).extend(rungs)
    return [Sheet(rungs, image, classes) for image, rungs in sheets.items()]


def _way(config: ImageNetworkConfig) -> tuple[Any, ...]:
    """The settings that decide how images are altered."""
    others = {field.name for field in fields(NetworkConfig)}
    return tuple(getattr(config, f.name) for f in fields(ImageNetworkConfig) if f.name not in others)


def _of_each_class(dataset: Dataset) -> tuple[NDArray[np.int64], list[str]]:
    """Numbers of some training images, in turn of each class, and their classes."""
    targets = dataset.targets("train")
    places = [np.flatnonzero(targets == name) for name in np.unique(targets)]
    chosen = [of[turn] for turn in range(_NUM_IMAGES) for of in places if turn < len(of)][:_NUM_IMAGES]
    index = np.array(chosen, dtype=np.int64)
    return index, [str(name) for name in targets[index]]


def _sheet(config: ImageNetworkConfig, inputs: Pixels, index: NDArray[np.int64]) -> Pixels:
    """Training images (N, H, W, C), the numbers of some -> the sheet (H, W, 3 and opacity)."""
    every, step = -(-len(inputs) // _NUM_LOOKED_AT), -(-max(inputs.shape[1:3]) // _LOOK_SIDE)
    preprocessor = PixelPreprocessor(config)
    preprocessor.fit(inputs[::every, ::step, ::step])
    preprocessor.size = inputs.shape[1:]
    batch = preprocessor.examples(inputs[index]).batch(np.arange(len(index)))
    generator = torch.Generator().manual_seed(0)
    altered = [
        preprocessor.augment(batch, generator, index=index, epoch=epoch) for epoch in range(NUM_ALTERATIONS)
    ]
    return _joined([_as_bytes(preprocessor, images) for (images,) in (batch, *altered)])


def _as_bytes(preprocessor: PixelPreprocessor, images: torch.Tensor) -> Pixels:
    """Normalised images (N, C, H, W) -> images (N, H, W, C)."""
    values = images.permute(0, 2, 3, 1).numpy() / preprocessor.scale + preprocessor.mean
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _joined(rows: Sequence[Pixels]) -> Pixels:
    """Rows of images (N, H, W, C) -> one image, with gaps that let the page through."""
    small = [[thumbnail(image, _SIDE) for image in row] for row in rows]
    height, width = small[0][0].shape[:2]
    gap = max(1, min(height, width) // 16)
    sheet = np.zeros((len(rows) * (height + gap), len(rows[0]) * (width + gap), 4), np.uint8)
    for down, row in enumerate(small):
        for across, image in enumerate(row):
            top, left = down * (height + gap), across * (width + gap)
            sheet[top : top + height, left : left + width, :3] = image
            sheet[top : top + height, left : left + width, 3] = 255
    return sheet[:-gap, :-gap]
