"""Trees of LightGBM as plain arrays, looked at before the library's native parser, which trusts what it reads.

A tree of `num_leaves` leaves has one split less. A split's child is another split, by its number, which is above its
parent's, or a leaf, by the complement of its number.
"""

# T trees, S splits of all of them, L leaves, B boundaries of sets of categories, W words of 32 bits that hold the sets

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.errors import ModelError
from rungwise.fitting import State
from rungwise.stored import array

__all__ = ["check_trees", "read_trees", "tree_text"]

Numbers = NDArray[np.integer[Any]]
Trees = dict[str, NDArray[Any]]

_SIZES = {"num_leaves": np.int32, "num_cat": np.int32}
_SPLITS = {
    "split_feature": np.int32,
    "split_gain": np.float64,
    "threshold": np.float64,
    "decision_type": np.uint8,
    "left_child": np.int32,
    "right_child": np.int32,
    "internal_count": np.int32,
}
_LEAVES = {"leaf_value": np.float64, "leaf_count": np.int32}
_SETS = {"cat_boundaries": np.int32, "cat_threshold": np.uint32}
_FIELDS = _SIZES | _SPLITS | _LEAVES | _SETS
"""What is kept of LightGBM's text, by its names: what predictions, importances and contributions are made from."""

_MOST_TREES, _MOST_LEAVES = 2**20, 2**17
"""Trees whose text fits a machine, and the leaves of one, as LightGBM allows."""

_IS_CATEGORICAL, _LAST_DECISION = 1, 11
"""A bit of `decision_type`, and its last value: the other bits say on which side zeros and gaps go."""


def read_trees(text: str) -> Trees:
    """The trees in LightGBM's own text."""
    values: dict[str, list[str]] = {name: [] for name in _FIELDS}
    for tree in text.split("\nTree=")[1:]:
        lines = dict(line.split("=", 1) for line in tree.splitlines() if "=" in line)
        for name, found in values.items():
            found.append(lines.get(name, ""))
    trees = {name: np.array(" ".join(values[name]).split()).astype(dtype) for name, dtype in _FIELDS.items()}
    largest = np.finfo(np.float64).max  # for infinity, where a split parts known numbers from gaps
    return trees | {"threshold": trees["threshold"].clip(-largest, largest)}


def check_trees(state: State, num_columns: int, num_scores: int) -> Trees:
    """The trees of a state, as `read_trees` gave them.

    Args:
        state: arrays by the names of `_FIELDS`.
        num_columns: of the table that they split.
        num_scores: trees that a round of growing adds.

    Raises:
        ModelError: if an array is missing, or one of them points to where nothing is.
    """
    leaves, sets = (array(state, name, dtype, None) for name, dtype in _SIZES.items())
    if len(leaves) not in range(num_scores, _MOST_TREES, num_scores) or len(sets) != len(leaves):
        raise ModelError(f"{len(leaves)} trees can't make {num_scores} scores.")
    if leaves.min() < 1 or sets.min() < 0 or max(leaves.max(), sets.max()) > _MOST_LEAVES:
        raise ModelError(f"a tree has from 1 to {_MOST_LEAVES} leaves, and no more sets of categories.")
    trees = {
        name: array(state, name, _FIELDS[name], sizes.sum()) for name, sizes in _sizes(leaves, sets).items()
    }
    trees["cat_threshold"] = array(state, "cat_threshold", _FIELDS["cat_threshold"], None)
    _check_splits(trees, num_columns)
    _check_sets(trees)
    return trees


def _sizes(leaves: Numbers, sets: Numbers) -> dict[str, Numbers]:
    """Leaves and sets of categories of each tree (T,) -> how many values it has in each array but the last (T,)."""
    return {
        **dict.fromkeys(_SIZES, np.ones(len(leaves), np.int64)),
        **dict.fromkeys(_SPLITS, leaves.astype(np.int64) - 1),
        **dict.fromkeys(_LEAVES, leaves.astype(np.int64)),
        "cat_boundaries": sets.astype(np.int64) + (sets > 0),
    }


def _check_splits(trees: Trees, num_columns: int) -> None:
    """Every split is of a column, and leads on to later splits or to leaves of its tree."""
    features, leaves = trees["split_feature"], trees["num_leaves"].astype(np.int64)
    if ((features < 0) | (features >= num_columns)).any() or (trees["decision_type"] > _LAST_DECISION).any():
        raise ModelError(f"a tree splits none of the {num_columns} columns, or in a way that is unknown.")
    num_leaves = np.repeat(leaves, leaves - 1)  # (S,)
    place = np.arange(len(features)) - np.repeat(np.cumsum(leaves - 1) - (leaves - 1), leaves - 1)
    for side in ("left_child", "right_child"):
        child = trees[side].astype(np.int64)
        is_split, is_leaf = (child > place) & (child < num_leaves - 1), (child < 0) & (~child < num_leaves)
        if not (is_split | is_leaf).all():
            raise ModelError("a tree leads in circles, or to a leaf that isn't there.")


def _check_sets(trees: Trees) -> None:
    """Every split by categories has a set of them, and every set its words."""
    sets, bounds = trees["num_cat"], trees["cat_boundaries"].astype(np.int64)
    is_set = (trees["decision_type"] & _IS_CATEGORICAL).astype(bool)
    number, num_sets = trees["threshold"][is_set], np.repeat(sets, trees["num_leaves"] - 1)[is_set]
    if ((number < 0) | (number >= num_sets) | (number % 1 != 0)).any():
        raise ModelError("a tree splits by a set of categories that isn't there.")
    ends = _last_bounds(sets)
    starts = np.append(0, ends + 1)[:-1]
    falls = np.diff(bounds, prepend=0) < 0
    falls[starts] = bounds[starts] != 0
    if falls.any() or bounds[ends].sum() != len(trees["cat_threshold"]):
        raise ModelError("a tree's sets of categories don't fit their bounds.")


def _last_bounds(sets: Numbers) -> Numbers:
    """Sets of categories of each tree (T,) -> where the last bound of each tree that has any stands."""
    last: Numbers = np.cumsum(sets[sets > 0] + 1, dtype=np.int64) - 1
    return last


def tree_text(trees: Trees, num_columns: int, objective: str, num_scores: int) -> str:
    """Trees that were checked, as LightGBM reads them: a header and, tree by tree, a line for each array."""
    sets = trees["num_cat"]
    sizes = _sizes(trees["num_leaves"], sets) | {"cat_threshold": np.zeros(len(sets), np.int64)}
    sizes["cat_threshold"][sets > 0] = trees["cat_boundaries"][_last_bounds(sets)]
    columns = {name: _cut(trees[name], sizes[name]) for name in _FIELDS}
    lines = [
        "tree",
        "version=v4",
        f"num_class={num_scores}",
        f"num_tree_per_iteration={num_scores}",
        "label_index=0",
        f"max_feature_idx={num_columns - 1}",
        f"objective={objective}",
        "feature_names=" + " ".join(f"Column_{number}" for number in range(num_columns)),
        "feature_infos=" + " ".join(["none"] * num_columns),
        "",
    ]
    for tree in range(len(sets)):
        lines.append(f"Tree={tree}")
        lines += [f"{name}={columns[name][tree]}" for name in _FIELDS if columns[name][tree]]
        lines.append("")  # without which no tree is read
    return "\n".join([*lines, "end of trees", ""])


def _cut(values: NDArray[Any], sizes: Numbers) -> list[str]:
    """The values of all the trees, and how many each has (T,) -> each tree's, written out."""
    words = [repr(value) for value in values.tolist()]
    ends = np.cumsum(sizes).tolist()
    return [" ".join(words[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
