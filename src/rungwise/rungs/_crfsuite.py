"""Training of a linear-chain CRF by CRFsuite, and its weights as arrays.

CRFsuite writes a model to a file, which is read here and nowhere else: what it wrote a moment ago is trusted, whereas a
model folder keeps arrays. Attributes and tags are handed over as written numbers, so that none is looked up by name.

Source: Okazaki (2007), CRFsuite, http://www.chokkan.org/software/crfsuite/.
"""

# A attributes, K tags, S tokens, T templates

from __future__ import annotations

import ctypes
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pycrfsuite
from numpy.typing import NDArray
from scipy import sparse

from rungwise.rungs._chain import Weights

__all__ = ["ChainTrainer", "OutOfTimeError"]

_HEADER = struct.Struct("<4sI4s9I")
_NAMES_HEADER = struct.Struct("<4s5I")
_CHUNK_HEADER = struct.Struct("<4s2I")
_FEATURE = np.dtype([("kind", "<u4"), ("source", "<u4"), ("tag", "<u4"), ("weight", "<f8")])
_OF_ATTRIBUTE, _OF_TAG = 0, 1
_RANDOM_BYTES = 128


class OutOfTimeError(Exception):
    """The deadline passed while CRFsuite was training."""


class ChainTrainer(pycrfsuite.BaseTrainer):  # type: ignore[misc]
    """Sentences, handed over once, and as many fits of them as are asked for.

    Args:
        num_attributes: that tokens may have.
        num_tags: of a token.
        deadline: on the clock of `time.monotonic`, of all that it does; None for no limit.
    """

    def __init__(self, num_attributes: int, num_tags: int, deadline: float | None) -> None:
        super().__init__(verbose=False)
        self.deadline = deadline
        self.names = np.array([*map(str, range(num_attributes)), ""], dtype=object)
        self.tags = list(map(str, range(num_tags)))

    def add(self, rows: NDArray[np.int32], offsets: NDArray[np.int64], tags: NDArray[np.int64]) -> None:
        """Takes sentences: their tokens' attributes (S, T), -1 for none, and their tags (S,).

        Raises:
            OutOfTimeError: if the deadline is over.
        """
        self._check_time()
        is_there = rows >= 0
        names = self.names[rows[is_there]].tolist()
        ends = np.cumsum(is_there.sum(axis=1)).tolist()
        tokens = [names[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        named = [self.tags[tag] for tag in tags.tolist()]
        bounds = offsets.tolist()
        for start, end in pairwise(bounds):
            self.append(tokens[start:end], named[start:end])

    def fit(self, algorithm: str, settings: Mapping[str, Any], *, seed: int) -> Weights:
        """The weights that an algorithm of CRFsuite finds with these settings.

        Raises:
            OutOfTimeError: if the deadline passes before.
        """
        self._check_time()
        self.select(algorithm)
        self.set_params(dict(settings))
        with tempfile.TemporaryDirectory(prefix="rungwise-crf-") as folder:
            file = Path(folder) / "model"
            with _drawing_from(seed):
                self.train(str(file))
            return _read(file.read_bytes(), len(self.names) - 1, len(self.tags))

    def message(self, message: bytes) -> None:
        """Called by CRFsuite, with each iteration among others; raising ends the training."""
        del message
        self._check_time()

    def _check_time(self) -> None:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutOfTimeError


@contextmanager
def _drawing_from(seed: int) -> Iterator[None]:
    """CRFsuite shuffles sentences by C's `rand`: inside, the seed decides what it draws; outside, all is as it was.

    Where `rand` and `random` share a state, as in glibc, the state is swapped for one of our own; elsewhere `rand`'s
    can't be had back, and nothing else here draws from it.
    """
    libc, own = ctypes.CDLL(None), ctypes.create_string_buffer(_RANDOM_BYTES)
    libc.initstate.restype = libc.setstate.restype = ctypes.c_void_p
    before = ctypes.c_void_p(libc.initstate(ctypes.c_uint(0), own, ctypes.c_size_t(_RANDOM_BYTES)))
    libc.srand(ctypes.c_uint(seed % 2**32))
    try:
        yield
    finally:
        libc.setstate(before)


def _read(model: bytes, num_attributes: int, num_tags: int) -> Weights:
    """CRFsuite's file -> the weights, under the numbers that attributes and tags were handed over by."""
    (magic, _, _, _, _, _, _, of_features, of_tags, of_attributes, _, _) = _HEADER.unpack_from(model)
    assert magic == b"lCRF"
    _, _, count = _CHUNK_HEADER.unpack_from(model, of_features)
    features = np.frombuffer(model, _FEATURE, count, of_features + _CHUNK_HEADER.size)
    tags = _numbers(model, of_tags)
    attributes = _numbers(model, of_attributes)
    weights = features["weight"].astype(np.float32)
    emits, follows = features["kind"] == _OF_ATTRIBUTE, features["kind"] == _OF_TAG
    places = attributes[features["source"][emits]], tags[features["tag"][emits]]
    transitions = np.zeros((num_tags, num_tags), np.float32)
    transitions[tags[features["source"][follows]], tags[features["tag"][follows]]] = weights[follows]
    matrix = sparse.csr_array((weights[emits], places), shape=(num_attributes, num_tags))
    return Weights(matrix, transitions)


def _numbers(model: bytes, start: int) -> NDArray[np.int64]:
    """The names of a CQDB chunk, in CRFsuite's order, which are written numbers -> these."""
    magic, _, _, _, count, of_records = _NAMES_HEADER.unpack_from(model, start)
    assert magic == b"CQDB"
    records = np.frombuffer(model, "<u4", count, start + of_records).tolist()
    return np.array([_name(model, start + record) for record in records if record], dtype=np.int64)


def _name(model: bytes, start: int) -> int:
    _, size = struct.unpack_from("<2I", model, start)
    return int(model[start + 8 : start + 8 + size - 1])
