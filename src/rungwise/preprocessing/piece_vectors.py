"""Word vectors from those of pieces of words: a table, and the tokenizer that cuts words into its rows.

Folders with both come from wordllama (https://github.com/dleemiller/WordLlama) and model2vec
(https://github.com/MinishLab/model2vec). They may be anybody's: the tokenizer is looked at as every other is.
"""

# W words, S pieces of all of them, P pieces that the tokenizer knows, R rows of the table, E numbers of a vector

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from torch import Tensor

from rungwise.errors import ConfigError, DataError, ModelError
from rungwise.preprocessing.vocabulary import foreign_tokenizer, spelt_pieces

__all__ = ["piece_vector_size", "read_piece_vectors"]

_MOST_TOKENIZER_BYTES = 2**26

_FLOATS, _WHOLE = ("BF16", "F16", "F32", "F64"), ("I32", "I64")
"""Types of tensors, by safetensors' names."""

_WEIGHTS, _ROWS = "weights", "mapping"
"""What model2vec calls a factor for each piece, and the row that each piece has; most tables have neither."""

_BLANKS = "▁Ġ "
"""How tokenizers write a blank."""

_Shapes = Mapping[str, tuple[list[int], str]]
"""Of tensors by their names, with their types."""


@dataclass(frozen=True)
class _Table:
    """The vectors of pieces.

    Attributes:
        values: (R, E) of any type of floats.
        weights: what each piece's vector is multiplied by (P,), or None.
        rows: of each piece (P,), or None where piece p has row p.
    """

    values: Tensor
    weights: Tensor | None
    rows: Tensor | None

    def __len__(self) -> int:
        """The pieces that have a vector."""
        of_pieces = [tensor for tensor in (self.weights, self.rows) if tensor is not None]
        return min(map(len, of_pieces)) if of_pieces else len(self.values)

    def vectors(self, pieces: Tensor) -> Tensor:
        """Pieces (S,) int64 -> (S, E) float32."""
        rows = pieces if self.rows is None else self.rows[pieces]
        vectors = self.values[rows].float()
        return vectors if self.weights is None else vectors * self.weights[pieces].float()[:, None]


def piece_vector_size(folder: str) -> int:
    """How many numbers the vectors of a folder have (E).

    Raises:
        ConfigError: if it isn't such a folder.
        DataError: if its table can't be read.
    """
    file, _ = _files(folder)
    shapes = _shapes(file)
    return shapes[_vectors_name(file, shapes)][0][1]


def read_piece_vectors(folder: str, words: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Words (W) -> their vectors (W, E) float32, the means of those of their pieces, and whether there is one (W,).

    What the tokenizer doesn't know doesn't count, nor does a blank, which would make all Chinese words more alike.

    Args:
        folder: of one `.safetensors` file and a `tokenizer.json`; or that of the package wordllama, in which they
            are in `weights` and `tokenizers`.
        words: as they are to be cut.

    Raises:
        ConfigError: if it isn't such a folder, or its tokenizer can't be used.
        DataError: if the table can't be read.
    """
    file, tokenizer_file = _files(folder)
    table = _table(file)
    tokenizer = _tokenizer(tokenizer_file, len(table))
    silent = _silent(tokenizer)
    pieces = [[piece for piece in cut if piece not in silent] for cut in spelt_pieces(tokenizer, words)]
    counts = torch.tensor([len(cut) for cut in pieces], dtype=torch.int64)
    flat = torch.tensor([piece for cut in pieces for piece in cut], dtype=torch.int64)
    owners = torch.arange(len(words)).repeat_interleave(counts)
    sums = torch.zeros(len(words), table.values.shape[1]).index_add_(0, owners, table.vectors(flat))
    means = (sums / counts.clamp(min=1)[:, None]).numpy()
    return means, (counts > 0).numpy()


def _files(folder: str) -> tuple[Path, Path]:
    """The table and the tokenizer."""
    path, found = Path(folder), []
    for what, patterns in (
        ("*.safetensors", ("*.safetensors", "weights/*.safetensors")),
        ("tokenizer.json", ("tokenizer.json", "tokenizers/*.json")),
    ):
        files = [file for pattern in patterns for file in sorted(path.glob(pattern))]
        if len(files) != 1:
            raise ConfigError(
                f"vectors={folder!r}: a folder of vectors has one {what}, and this one has {len(files)}; put one "
                "*.safetensors with the vectors and its tokenizer.json into a folder, and name that."
            )
        found += files
    return found[0], found[1]


def _shapes(file: Path) -> _Shapes:
    try:
        with safe_open(file, framework="pt") as opened:
            slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118 - it is no dict
            return {name: (part.get_shape(), part.get_dtype()) for name, part in slices.items()}
    except (SafetensorError, OSError) as error:
        raise DataError(f"{file} can't be read as safetensors: {error}") from None


def _vectors_name(file: Path, shapes: _Shapes) -> str:
    """The name of the one table, which may have model2vec's weights and rows beside it."""
    names = []
    for name, (shape, dtype) in shapes.items():
        allowed = {_WEIGHTS: _FLOATS, _ROWS: _WHOLE}.get(name)
        if len(shape) == 1 and allowed is not None and dtype in allowed:
            continue
        names.append(name)
    if len(names) == 1:
        shape, dtype = shapes[names[0]]
        if len(shape) == 2 and min(shape) > 0 and dtype in _FLOATS:
            return names[0]
    said = ", ".join(f"{name} {dtype} {tuple(shape)}" for name, (shape, dtype) in shapes.items())[:300]
    raise DataError(
        f"{file}: vectors are one table of floats in two dimensions, with nothing beside it but model2vec's "
        f"{_WEIGHTS!r} and {_ROWS!r}; this file has {said or 'nothing'}."
    )


def _table(file: Path) -> _Table:
    shapes = _shapes(file)
    name = _vectors_name(file, shapes)
    try:
        with safe_open(file, framework="pt") as opened:
            values: Tensor = opened.get_tensor(name)
            weights, rows = (
                opened.get_tensor(each) if each in shapes and each != name else None
                for each in (_WEIGHTS, _ROWS)
            )
    except (SafetensorError, OSError) as error:
        raise DataError(f"{file} can't be read as safetensors: {error}") from None
    if rows is not None:
        rows = rows.long()
        if not ((rows >= 0) & (rows < len(values))).all():
            raise DataError(f"{file}: {_ROWS!r} names rows that its {len(values)} vectors don't have.")
    return _Table(values, weights, rows)


def _tokenizer(file: Path, num_pieces: int) -> Tokenizer:
    try:
        if file.stat().st_size > _MOST_TOKENIZER_BYTES:
            raise ModelError(f"it has more than {_MOST_TOKENIZER_BYTES} bytes.")
        return foreign_tokenizer(file.read_text(encoding="utf-8"), num_pieces)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: {error}") from error


def _silent(tokenizer: Tokenizer) -> set[int]:
    """The pieces that say nothing: those for what isn't known, and blanks."""
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    unknown = model.get("unk_id")  # of one kind of model, others have the token
    if isinstance(model.get("unk_token"), str):
        unknown = tokenizer.token_to_id(model["unk_token"])
    blanks = {number for piece, number in tokenizer.get_vocab().items() if piece and not piece.strip(_BLANKS)}
    return blanks | ({unknown} if isinstance(unknown, int) else set())
