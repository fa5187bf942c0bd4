"""Sentences of words with tags, corrupted as texts are, and the tags that the words then have.

A slip, capitals and another word leave a word where it is, and its tag with it. A word is lost only where it is outside
of all spans and isn't the predicate, and its tag is lost with it: so what is to be found stays the same.
"""

# N sentences, S tokens of all of them

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, compress, pairwise
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rungwise.data.rowhash import sentence_numbers
from rungwise.data.sentences import Sentences, chunked_sentences, flat_sentences
from rungwise.evaluation.text_corruptions import SENTENCE_CORRUPTIONS, Contexts, has_word, word_versions

__all__ = ["sentence_contexts", "sentence_versions"]

T = TypeVar("T")


def sentence_contexts(inputs: pa.ChunkedArray) -> Contexts:
    """What words stand where in sentences (N) with a predicate or without, each of which counts once."""
    numbers = sentence_numbers(inputs)
    if numbers is not None:
        inputs = inputs.take(pa.array(np.unique(numbers, return_index=True)[1]))
    return Contexts([token for token in row if has_word(token)] for row in flat_sentences(inputs).rows())


def sentence_versions(
    inputs: pa.ChunkedArray, tags: pa.ChunkedArray, contexts: Contexts
) -> Iterator[tuple[str, int, pa.ChunkedArray, pa.ChunkedArray]]:
    """The sentences and their tags as they are, named "", and with each corruption in each strength, from 0.

    Args:
        inputs: with a predicate or without (N).
        tags: of their tokens, as BIO2 (N).
        contexts: of the training part.
    """
    yield "", 0, inputs, tags
    sentences, names = flat_sentences(inputs), pc.list_flatten(tags).to_pylist()
    tokens = sentences.tokens.to_pylist()
    is_word = np.array([has_word(token) for token in tokens], dtype=bool)
    may_go = is_word & np.array([name == "O" for name in names], dtype=bool)
    if sentences.predicates is not None:
        may_go[sentences.offsets[:-1] + sentences.predicates] = False
    before = np.concatenate([[0], is_word.cumsum()])
    words = _cut(list(compress(tokens, is_word)), before[sentences.offsets])
    for name, versions in word_versions(words, SENTENCE_CORRUPTIONS, contexts):
        for level, version in enumerate(versions):
            changed = np.array(tokens, dtype=object)
            changed[is_word] = list(chain.from_iterable(version))
            is_lost = (changed == "") & may_go
            changed = np.where((changed == "") & is_word & ~is_lost, np.array(tokens, dtype=object), changed)
            yield name, level, *_without(sentences, changed, names, is_lost)


def _cut(values: list[T], offsets: NDArray[np.int64]) -> list[list[T]]:
    return [values[start:end] for start, end in pairwise(offsets.tolist())]


def _without(
    sentences: Sentences, tokens: NDArray[np.object_], names: list[str], is_lost: NDArray[np.bool_]
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Sentences with these tokens and tags (S,), but those that are lost; a predicate's number says where it now is."""
    before = np.concatenate([[0], (~is_lost).cumsum()])  # of each token, how many are kept before it
    first = before[sentences.offsets[:-1]]
    predicates = sentences.predicates
    if predicates is not None:
        predicates = before[sentences.offsets[:-1] + predicates] - first
    offsets = before[sentences.offsets]
    kept = pa.array(tokens[~is_lost].tolist(), pa.string())
    tags = pa.array(list(compress(names, ~is_lost)), pa.string())
    return (
        chunked_sentences(Sentences(kept, offsets, predicates)),
        chunked_sentences(Sentences(tags, offsets, None)),
    )
