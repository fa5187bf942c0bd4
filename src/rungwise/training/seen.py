"""The rows of a table of vectors that the examples look up, trained without the others."""

# V tokens, of which U are in the examples, C channels, B texts, T tokens

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from rungwise.rung import Examples, Weights

__all__ = ["seen_rows"]


class _SeenEmbedding(nn.Embedding):
    """Some rows of a table, looked up by the table's numbers: tokens (B, T) int64 -> (B, T, C)."""

    places: Tensor

    def __init__(self, table: nn.Embedding, seen: Tensor) -> None:
        super().__init__(len(seen), table.embedding_dim, _weight=table.weight.detach()[seen])
        self.weight.requires_grad_(table.weight.requires_grad)
        places = torch.zeros(table.num_embeddings, dtype=torch.int64)
        places[seen] = torch.arange(len(seen))
        self.register_buffer("places", places, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        return F.embedding(self.places[tokens], self.weight)


@contextmanager
def seen_rows(
    network: nn.Module, name: str | None, parts: list[Examples]
) -> Iterator[Callable[[Weights], Weights]]:
    """While it lasts, a network has only those rows of a table that some examples look up.

    The others have no gradient, but cost a step as much: the table of MiniLM is half of its weights, that of a
    multilingual network most of them.

    Args:
        network: on the CPU, then and when it is over.
        name: of the table in it; None for nothing.
        parts: the examples, of tokens.

    Yields:
        What puts the network's weights of that time, of however many steps, beside the rows that are left out.
    """
    if name is None:
        yield lambda weights: weights
        return
    parent, _, child = name.rpartition(".")
    table = network.get_submodule(name)
    assert isinstance(table, nn.Embedding)
    seen = torch.from_numpy(_tokens(parts))
    small = _SeenEmbedding(table, seen)

    def whole(weights: Weights) -> Weights:
        return {
            **weights,
            f"{name}.weight": _put(table.weight.detach().clone(), seen, weights[f"{name}.weight"]),
        }

    setattr(network.get_submodule(parent), child, small)
    try:
        yield whole
    finally:
        _put(table.weight.detach(), seen, small.weight.detach())
        setattr(network.get_submodule(parent), child, table)


def _put(table: Tensor, rows: Tensor, values: Tensor) -> Tensor:
    """Writes values (U, C) into a table's rows (U,)."""
    table[rows] = values.to(table.device)
    return table


def _tokens(parts: list[Any]) -> NDArray[np.int64]:
    """All that examples look up, once each (U,)."""
    numbers = [np.unique(part.tokens) for part in parts]
    return np.unique(np.concatenate([*numbers, [part.pad for part in parts]])).astype(np.int64)
