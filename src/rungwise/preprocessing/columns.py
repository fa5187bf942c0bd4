"""A table's columns of any kind → numbers with gaps, and codes of categories.

All is fitted on the training table alone, and works a column at a time: no Python object a row.
"""

# N examples, F numbers, K categories, V words, R components

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from rungwise.errors import DataError, ModelError
from rungwise.fitting import State
from rungwise.kinds import ColumnKind
from rungwise.scripts import UNSPACED
from rungwise.stored import array, entry, section, strings

__all__ = ["MISSING", "RARE", "TableColumns", "fit_sample"]

Floats = NDArray[np.float64]

FIT_ROWS = 200_000
"""Rows, evenly spaced, that statistics and vocabularies are taken from."""

RARE, MISSING = 0, 1
"""Codes of a category that is rare or was never seen, and of none; the frequent ones follow."""

MAX_CATEGORIES = 500
"""Categories of a column that have a code of their own; the most frequent ones."""

RARE_SHARE, MAX_RARE = 500, 10
"""A category is rare below one example in `RARE_SHARE`, but not from `MAX_RARE` examples on."""

TEXT_COMPONENTS, MAX_WORDS = 32, 20_000
"""Features and vocabulary of a column of free text."""

DATE_PARTS = 8
"""Numbers that a date is made into."""

_KINDS = {ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.DATE, ColumnKind.TEXT}
"""Of columns that are learned from."""

_DAY_MICROSECONDS = 86_400e6
_ALONE = rf"([{UNSPACED}]\p{{M}}*)"
_NO_WORD = r"[^\p{L}\p{M}\p{N}]+"


def _known_numbers(values: pa.ChunkedArray) -> Floats:
    """Numbers (N) -> (N, 1), NaN where missing or infinite."""
    numbers = values.to_numpy()
    return np.where(np.isfinite(numbers), numbers, np.nan)[:, None]


def _date_parts(values: pa.ChunkedArray) -> Floats:
    """Dates (N) -> (N, 8): days since 1970, year, and month, day of the week and hour as points on circles."""
    days = values.cast(pa.int64()).cast(pa.float64()).to_numpy() / _DAY_MICROSECONDS
    columns = [days, _floats(pc.year(values))]
    for part, period in ((pc.month, 12), (pc.day_of_week, 7), (pc.hour, 24)):
        angle = _floats(part(values)) * (2 * np.pi / period)
        columns += [np.sin(angle), np.cos(angle)]
    return np.column_stack(columns)


def _floats(values: pa.ChunkedArray) -> Floats:
    numbers: Floats = values.cast(pa.float64()).to_numpy()
    return numbers


def _frequent(values: pa.ChunkedArray) -> pa.Array:
    """The categories that have a code of their own, the most frequent first."""
    counts = pc.value_counts(values.drop_null())
    names, numbers = counts.field(0), counts.field(1).to_numpy()
    order = np.lexsort((pc.rank(names, tiebreaker="first").to_numpy(), -numbers))
    rare_below = min(MAX_RARE, -(-len(values) // RARE_SHARE))
    order = order[numbers[order] >= rare_below][:MAX_CATEGORIES]
    return names.take(pa.array(order))


def _codes(values: pa.ChunkedArray, names: pa.Array) -> NDArray[np.int64]:
    """Categories (N) -> codes (N,)."""
    index = pc.index_in(values, value_set=names)
    codes = pc.fill_null(pc.add(index.cast(pa.int64()), MISSING + 1), RARE).to_numpy()
    return np.where(values.is_null().to_numpy(), MISSING, codes)


class _Words:
    """Free text -> R components of its TF-IDF weights (latent semantic analysis, Deerwester et al. 1990)."""

    def __init__(self, vocabulary: list[str], idf: Floats, components: Floats) -> None:
        self.vocabulary, self.idf, self.components = vocabulary, idf, components

    @classmethod
    def fitted(cls, values: pa.ChunkedArray) -> _Words:
        """Words of at least two texts, their weights, and the directions of the most variance."""
        rows, words = _split_words(values)
        counts = pc.value_counts(words)
        names = counts.field(0).take(pc.sort_indices(counts.field(0)))
        frequencies = (_word_counts(rows, words, names, len(values)) > 0).sum(axis=0).A1
        kept = np.flatnonzero(frequencies > 1)
        kept = np.sort(kept[np.argsort(-frequencies[kept], kind="stable")[:MAX_WORDS]])
        idf = np.log((1 + len(values)) / (1 + frequencies[kept])) + 1
        model = cls(names.take(pa.array(kept)).to_pylist(), idf, np.zeros((0, len(kept))))
        num_components = min(TEXT_COMPONENTS, len(kept), len(values))
        if num_components:
            weights = model._weights(values)
            model.components = randomized_svd(weights, num_components, random_state=0)[2]
        return model

    def transform(self, values: pa.ChunkedArray) -> Floats:
        """Texts (N) -> (N, R)."""
        components: Floats = self._weights(values) @ self.components.T
        return components

    def _weights(self, values: pa.ChunkedArray) -> sparse.csr_matrix:
        """Texts (N) -> TF-IDF weights (N, V), each row of length 1."""
        rows, words = _split_words(values)
        weights = _word_counts(rows, words, pa.array(self.vocabulary, pa.string()), len(values))
        weights.data = (1 + np.log(weights.data)) * self.idf[weights.indices]
        texts = np.repeat(np.arange(len(values)), np.diff(weights.indptr))
        weights.data /= np.sqrt(np.bincount(texts, weights.data**2, len(values)))[texts]
        return weights


def _split_words(values: pa.ChunkedArray) -> tuple[NDArray[np.int64], pa.Array]:
    """Texts (N) -> the text's number and the word, for each word; signs of unspaced scripts are words."""
    spaced = pc.replace_substring_regex(pc.utf8_lower(pc.fill_null(values, "")), _ALONE, r" \1 ")
    lists = pc.split_pattern_regex(spaced, _NO_WORD).combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    words = pc.list_flatten(lists)
    is_word = pc.not_equal(words, "")
    return pc.list_parent_indices(lists).filter(is_word).to_numpy(), words.filter(is_word)


def _word_counts(
    rows: NDArray[np.int64], words: pa.Array, names: pa.Array, num_rows: int
) -> sparse.csr_matrix:
    """How often each of the names (V) is a word of each text (N, V)."""
    index = pc.index_in(words, value_set=names)
    known = index.is_valid().to_numpy(zero_copy_only=False)
    columns = index.drop_null().to_numpy()
    ones = np.ones(len(columns))
    return sparse.csr_matrix((ones, (rows[known], columns)), shape=(num_rows, len(names)))


class TableColumns:
    """A table's columns as numbers (N, F) float64, NaN where missing, and codes of categories (N, K) int64.

    Numbers give one column, dates their parts, free text its components.
    """

    kinds: dict[str, ColumnKind]
    categories: dict[str, pa.Array]
    texts: dict[str, _Words]

    def fit(self, table: pa.Table) -> None:
        """Learns the categories and the vocabularies.

        Raises:
            DataError: if the table has no columns or no rows.
        """
        if not table.num_columns or not len(table):
            raise DataError(
                f"a table with {len(table)} rows and {table.num_columns} columns has nothing to learn from."
            )
        self.kinds = {field.name: ColumnKind(field.metadata[b"kind"].decode()) for field in table.schema}
        sample = fit_sample(table)
        self.categories = {n: _frequent(sample[n]) for n in self._names(ColumnKind.CATEGORY)}
        self.texts = {n: _Words.fitted(sample[n]) for n in self._names(ColumnKind.TEXT)}

    def _names(self, kind: ColumnKind) -> list[str]:
        return [name for name, found in self.kinds.items() if found is kind]

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """How many codes each category has (K)."""
        return tuple(len(names) + MISSING + 1 for names in self.categories.values())

    @property
    def num_numbers(self) -> int:
        """Columns of numbers (F)."""
        dates = DATE_PARTS * len(self._names(ColumnKind.DATE))
        texts = sum(len(words.components) for words in self.texts.values())
        return len(self._names(ColumnKind.NUMBER)) + dates + texts

    def numbers(self, table: pa.Table) -> Floats:
        """Table (N) -> numbers (N, F)."""
        transforms: Mapping[ColumnKind, Callable[[str], Floats]] = {
            ColumnKind.NUMBER: lambda name: _known_numbers(table[name]),
            ColumnKind.DATE: lambda name: _date_parts(table[name]),
            ColumnKind.TEXT: lambda name: self.texts[name].transform(table[name]),
        }
        parts = [transforms[kind](name) for name, kind in self.kinds.items() if kind in transforms]
        return np.hstack([np.zeros((len(table), 0)), *parts])

    def codes(self, table: pa.Table) -> NDArray[np.int64]:
        """Table (N) -> codes (N, K)."""
        columns = [_codes(table[name], names) for name, names in self.categories.items()]
        return np.column_stack(columns) if columns else np.zeros((len(table), 0), np.int64)

    def state(self) -> State:
        """Kinds, categories, vocabularies."""
        return {
            "names": list(self.kinds),
            "kinds": [str(kind) for kind in self.kinds.values()],
            "categories": [names.to_pylist() for names in self.categories.values()],
            "vocabularies": [words.vocabulary for words in self.texts.values()],
            "idf": {str(i): words.idf for i, words in enumerate(self.texts.values())},
            "components": {str(i): words.components for i, words in enumerate(self.texts.values())},
        }

    def restore(self, state: State) -> None:
        """Takes them.

        Raises:
            ModelError: if they don't go together.
        """
        names, kinds = strings(state, "names"), entry(state, "kinds")
        if not isinstance(kinds, list) or len(kinds) != len(names) or not set(kinds) <= _KINDS:
            raise ModelError(f"{len(names)} columns must have as many kinds, of {', '.join(sorted(_KINDS))}.")
        self.kinds = {name: ColumnKind(kind) for name, kind in zip(names, kinds, strict=True)}
        categories, vocabularies = entry(state, "categories"), entry(state, "vocabularies")
        for kind, lists in ((ColumnKind.CATEGORY, categories), (ColumnKind.TEXT, vocabularies)):
            if not isinstance(lists, list) or len(lists) != len(self._names(kind)):
                raise ModelError(f"each {kind} column must have one list of names.")
        self.categories = {
            name: pa.array(strings({name: found}, name), pa.string())
            for name, found in zip(self._names(ColumnKind.CATEGORY), categories, strict=True)
        }
        self.texts = {
            name: _restored_words({name: found}, name, state, str(i))
            for i, (name, found) in enumerate(zip(self._names(ColumnKind.TEXT), vocabularies, strict=True))
        }


def _restored_words(vocabularies: State, name: str, state: State, number: str) -> _Words:
    """The words of a column, which is the so manieth of texts."""
    vocabulary = strings(vocabularies, name)
    idf = array(section(state, "idf"), number, np.float64, len(vocabulary))
    if not (idf >= 1).all():
        raise ModelError(f"the weights of the words of {name!r} must be at least 1.")
    return _Words(
        vocabulary, idf, array(section(state, "components"), number, np.float64, None, len(vocabulary))
    )


def fit_sample(table: pa.Table) -> pa.Table:
    """At most `FIT_ROWS` rows, evenly spaced."""
    if len(table) <= FIT_ROWS:
        return table
    return table.take(pa.array(np.linspace(0, len(table) - 1, FIT_ROWS).astype(np.int64)))
