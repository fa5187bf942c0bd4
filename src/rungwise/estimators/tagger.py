"""A rung that tags the tokens of sentences: its tags are strings here, and numbers (`rungwise.tags`) beneath."""

# N sentences, S tokens of all of them, C tags

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from rungwise.data.predicates import bare_sentences, with_predicates
from rungwise.data.sentences import Sentences, as_tags, as_tokens, flat_sentences
from rungwise.errors import ConfigError, DataError
from rungwise.estimators.estimator import RungEstimator
from rungwise.estimators.inputs import coerce_inputs, kind_of, take
from rungwise.kinds import InputKind, OutputKind
from rungwise.tags import (
    OUTSIDE,
    UNSEEN_BEGIN,
    UNSEEN_INSIDE,
    Tags,
    repaired,
    span_counts,
    span_f1,
    tag_names,
    unscored_types,
)

__all__ = ["FINDER", "RungTagger"]

FINDER = "crf"
"""The rung that finds predicates: cheap, and told by words and what stands around them."""

_NEEDS_PREDICATES = (
    "the sentences have no predicate, and this model doesn't find them: give {'tokens': [...], 'predicate': 2} or "
    "([...], 2), counted from 0, or fit with `--identify-predicates` (`Ladder(identify_predicates=True)`)."
)


class RungTagger(RungEstimator):
    """A rung that predicts a tag for each token, by the BIO2 scheme.

    Attributes:
        classes_: the names of the tags (C,).
        finder_: of semantic roles, what says which words are predicates; None where they must be given.
    """

    output_kind = OutputKind.TAGS
    classes_: NDArray[Any]
    finder_: RungTagger | None = None

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        validation: tuple[Any, Any] | None = None,
        report: Callable[[float, float | None], None] | None = None,
        checkpoint: str | Path | None = None,
        then_predict: int = 0,
    ) -> Self:
        """Learns from X (N sentences) and their tags y (N); the rest as in `RungClassifier.fit`.

        Args:
            X: lists of tokens, such as `["Ada", "Lovelace"]`; or for semantic roles dicts `{"tokens": [...],
                "predicate": 2}` or pairs `([...], 2)`, where the predicate is the number of a token, from 0.
            y: a list of tags for each sentence, one a token: "O", "B-TYPE" where a span begins, "I-TYPE" where it goes
                on. An "I-TYPE" that goes on with nothing begins a span.
            validation: X and y that may choose settings and when to stop.
            report: called with the fraction done and the validation score so far.
            checkpoint: a file in which the fit is kept from time to time.
            then_predict: sentences whose prediction, after the fit, is to be within `time_limit` as well.

        Raises:
            DataError: if the inputs or the tags can't be used.
            ConfigError: if a parameter can't be used, no tag begins a span, or the checkpoint is of another fit.
            ModelError: if the checkpoint is damaged.
            TrainingError: if training diverges, at a tenth of its learning rate as well.
        """
        self.finder_ = None
        inputs, tags = self._whole(X, y)
        types = _types_of(tags)
        if not types:
            raise ConfigError("every tag of y is 'O'; a tagger needs spans, such as B-LOC and I-LOC.")
        self.classes_ = np.array(tag_names(types))
        targets = repaired(_numbered(tags, self.classes_))
        if validation is not None:
            seen_inputs, seen_tags = self._whole(*validation)
            validation = (seen_inputs, repaired(_numbered(seen_tags, self.classes_)))
        return self._fit(inputs, targets, len(self.classes_), validation, report, checkpoint, then_predict)

    def predict(self, X: Any) -> list[Any]:
        """X (N sentences) -> a list of tags for each; of sentences without predicates, what `find_roles` says of each.

        Raises:
            DataError: if X can't be used, such as sentences without predicates where these must be given.
        """
        check_is_fitted(self)
        bare = bare_sentences(X) if self.pair_[0] is InputKind.PREDICATE else None
        return self._named(self.predict_tags(X)) if bare is None else self._roles(bare)

    def find_roles(self, X: Any) -> tuple[pa.ChunkedArray, Tags, NDArray[np.int64]]:
        """X (N sentences without predicates) -> a row for each predicate found: inputs, tags, number of the sentence.

        Raises:
            DataError: if predicates must be given to this model, or X can't be used.
        """
        check_is_fitted(self)
        if self.finder_ is None:
            raise DataError(_NEEDS_PREDICATES)
        tokens = as_tokens(X)
        inputs, sentences = with_predicates(tokens, self.finder_.predict_tags(tokens))
        return inputs, self.predict_tags(inputs), sentences

    def _roles(self, sentences: pa.ChunkedArray) -> list[list[dict[str, Any]]]:
        """Sentences (N) -> for each, the `predicate` and the `tags` of each predicate found; none where none is."""
        inputs, tags, numbers = self.find_roles(sentences)
        answers: list[list[dict[str, Any]]] = [[] for _ in range(len(sentences))]
        predicates = flat_sentences(inputs).predicates
        assert predicates is not None
        for number, predicate, names in zip(numbers, predicates.tolist(), self._named(tags), strict=True):
            answers[number].append({"predicate": predicate, "tags": names})
        return answers

    def _named(self, tags: Tags) -> list[list[str]]:
        names = self.classes_[tags.values].tolist()
        return [names[start:end] for start, end in pairwise(tags.offsets.tolist())]

    def predict_tags(self, X: Any) -> Tags:
        """X (N sentences) -> their tags as numbers of `classes_`."""
        check_is_fitted(self)
        inputs = coerce_inputs(self, X, self.pair_[0], reset=False)
        lengths = np.diff(flat_sentences(inputs).offsets)
        offsets = np.concatenate([[0], lengths.cumsum()]).astype(np.int64)
        if not lengths.any():
            return Tags(np.zeros(0, dtype=np.int64), offsets)
        predicted = self._outputs(_without_empty(inputs, lengths))
        return Tags(predicted.values, offsets)

    def encode_tags(self, y: Any) -> Tags:
        """Tags of N sentences as numbers of `classes_`; of types that training had not, the `UNSEEN` ones.

        Raises:
            DataError: if a tag is none of the scheme.
        """
        return _numbered(flat_sentences(as_tags(y)), self.classes_)

    def score(self, X: Any, y: Any) -> float:
        """F1 over the spans of X (N sentences), whose tags are y; the predicate itself doesn't count as one.

        Raises:
            DataError: if a sentence hasn't as many tags as tokens, or a tag is none of the scheme.
        """
        predicted = self.predict_tags(X)
        tags = self.encode_tags(y)
        _check_lengths(np.diff(predicted.offsets), np.diff(tags.offsets))
        counts = span_counts(tags, predicted, self.unscored)
        return span_f1(counts)

    @property
    def unscored(self) -> tuple[int, ...]:
        """The numbers of the types whose spans no score counts: of roles the predicate itself."""
        return unscored_types(self.classes_.tolist()) if self.pair_[0] is InputKind.PREDICATE else ()

    def _whole(self, X: Any, y: Any) -> tuple[pa.ChunkedArray, Sentences]:
        """The sentences that aren't empty, and their tags, flat.

        Raises:
            DataError: if a sentence hasn't as many tags as tokens, or a tag is none of the scheme.
        """
        inputs = coerce_inputs(self, X, kind_of(X, self._kinds()), reset=True)
        tags, offsets = flat_sentences(as_tags(y)), flat_sentences(inputs).offsets
        lengths = np.diff(offsets)
        _check_lengths(lengths, np.diff(tags.offsets))
        _types_of(tags)  # a tag that is none is an error of a sentence that can still be counted
        kept = np.unique(offsets)
        return _without_empty(inputs, lengths), Sentences(tags.tokens, kept, None)


def _check_lengths(num_tokens: NDArray[np.int64], num_tags: NDArray[np.int64]) -> None:
    """Tokens of N sentences, tags of as many.

    Raises:
        DataError: if a sentence has more or fewer of one.
    """
    if len(num_tags) != len(num_tokens):
        raise DataError(
            f"there are {len(num_tokens)} sentences and tags of {len(num_tags)}; give each its own."
        )
    differs = num_tokens != num_tags
    if differs.any():
        row = int(np.argmax(differs))
        raise DataError(
            f"it has {num_tokens[row]} tokens and {num_tags[row]} tags; give each token one.", row=row + 1
        )


def _types_of(tags: Sentences) -> list[str]:
    """The names of the types in tags, sorted.

    Raises:
        DataError: if a tag is none of the scheme.
    """
    return sorted({name[2:] for name in tags.tokens.unique().to_pylist() if _is_inside(name, tags)})


def _is_inside(name: str, tags: Sentences) -> bool:
    if name == "O":
        return False
    if name[:2] in ("B-", "I-") and len(name) > 2:
        return True
    at = tags.tokens.index(name).as_py()
    row = int(np.searchsorted(tags.offsets, at, side="right"))
    raise DataError(f"the tag {name[:40]!r} is none; tags are O, B-TYPE and I-TYPE.", row=row, column="y")


def _numbered(tags: Sentences, classes: NDArray[Any]) -> Tags:
    """Names of tags -> their numbers."""
    known = {name: number for number, name in enumerate(classes.tolist())}
    coded = tags.tokens.dictionary_encode()
    names = coded.dictionary.to_pylist()
    unseen = {"O": OUTSIDE, "B": UNSEEN_BEGIN, "I": UNSEEN_INSIDE}
    numbers = [
        known[name] if name in known else unseen[name[0] if _is_inside(name, tags) else "O"] for name in names
    ]
    codes = coded.indices.to_numpy()
    return Tags(
        np.array(numbers, dtype=np.int64)[codes] if len(names) else codes.astype(np.int64), tags.offsets
    )


def _without_empty(inputs: pa.ChunkedArray, lengths: NDArray[np.int64]) -> pa.ChunkedArray:
    return inputs if lengths.all() else take(inputs, np.flatnonzero(lengths))
