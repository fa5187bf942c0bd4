"""Which examples go into which batch: shuffled, or cut by length so that little is padded."""

# N examples, B examples of one batch

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["length_batches", "sorted_batches", "train_batches"]

Index = NDArray[np.int64]

_POOL_BATCHES = 50
"""Batches whose examples are sorted together: enough that they hardly pad, few enough that they mix."""


def train_batches(
    num_examples: int,
    lengths: Index | None,
    batch_size: int,
    rng: np.random.Generator,
    *,
    labels: Index | None = None,
    groups: Index | None = None,
) -> list[Index]:
    """One epoch of shuffled batches; by length where examples have one.

    With the class indices `labels` (N,), each class is in it equally often, and not each example once. With `groups`
    (N,), whose examples are of one length, a batch has so many of these, each whole.
    """
    if groups is not None and lengths is not None:
        members = _members(groups)
        batches = train_batches(len(members), _lengths_of(members, lengths), batch_size, rng)
        return _whole(batches, members)
    order = rng.permutation(num_examples if labels is None else _balanced(labels, rng))
    if lengths is None:
        starts = [*range(0, num_examples, batch_size)]
        if (
            len(starts) > 1 and num_examples - starts[-1] == 1
        ):  # one example alone has no variance to normalise by
            starts.pop()
        return [order[i:j] for i, j in pairwise([*starts, num_examples])]
    pool = batch_size * _POOL_BATCHES
    token_budget = int(batch_size * max(1.0, float(lengths.mean())))
    batches = []
    for i in range(0, num_examples, pool):
        chunk = order[i : i + pool]
        batches += length_batches(chunk[np.argsort(lengths[chunk], kind="stable")], lengths, token_budget)
    return [batches[i] for i in rng.permutation(len(batches))]


def _balanced(labels: Index, rng: np.random.Generator) -> Index:
    """Class indices (N,) -> N examples, of each class as many: its own over and over, or some of them."""
    drawn = []
    classes = np.unique(labels)
    for number, label in enumerate(classes):
        members = np.flatnonzero(labels == label)
        count = (len(labels) + number) // len(classes)
        rounds = [rng.permutation(members) for _ in range(-(-count // len(members)))]
        drawn.append(np.concatenate([*rounds, members[:0]])[:count])
    return np.concatenate(drawn)


def sorted_batches(
    num_examples: int,
    lengths: Index | None,
    batch_size: int,
    *,
    most_tokens: int | None = None,
    groups: Index | None = None,
) -> list[Index]:
    """All examples once, for prediction: in order, or from short to long where examples have a length.

    A batch has so many examples, or as many tokens as so many have on average, but never more than `most_tokens` unless
    one example does. With `groups` (N,), whose examples are of one length, it has so many of these, each whole.
    """
    if groups is not None and lengths is not None:
        members = _members(groups)
        of_groups = _lengths_of(members, lengths)
        return _whole(sorted_batches(len(members), of_groups, batch_size, most_tokens=most_tokens), members)
    if lengths is None:
        return [np.arange(i, min(i + batch_size, num_examples)) for i in range(0, num_examples, batch_size)]
    token_budget = int(batch_size * max(1.0, float(lengths.mean()))) if num_examples else 1
    token_budget = min(token_budget, most_tokens or token_budget)
    return length_batches(np.argsort(lengths, kind="stable"), lengths, token_budget)


def _members(groups: Index) -> list[Index]:
    """Numbers of groups (N,), from 0 on, all there -> the examples of each."""
    return (
        np.split(np.argsort(groups, kind="stable"), np.bincount(groups).cumsum()[:-1]) if len(groups) else []
    )


def _lengths_of(members: list[Index], lengths: Index) -> Index:
    """The length of each group (G,)."""
    return lengths[np.array([some[0] for some in members], dtype=np.int64)]


def _whole(batches: list[Index], members: list[Index]) -> list[Index]:
    """Batches of groups -> of their examples."""
    return [np.concatenate([members[number] for number in batch]) for batch in batches]


def length_batches(order: Index, lengths: Index, token_budget: int) -> list[Index]:
    """Cuts examples sorted by length (N,) into batches of at most `token_budget` tokens, padding counted."""
    batches, start = [], 0
    padded = lengths[order]
    while start < len(order):
        most = max(1, token_budget // int(padded[start]))
        candidates = padded[start : start + most]
        fits = np.arange(1, len(candidates) + 1) * candidates <= token_budget
        count = max(1, int(fits.sum()))  # lengths rise, so the batches that fit come first
        batches.append(order[start : start + count])
        start += count
    return batches
