"""Metrics of tags: of exact spans as conlleval and seqeval count them, of semantic roles as srl-eval does.

A span is right if it begins and ends where it should and has the right type. Of semantic roles (Carreras & Màrquez
2005) the verb `V` doesn't count, an R-X is a role of its own, and a C-X goes on with the last X before it: both
together are one argument, which is right if all its parts are. Every score is a ratio of counts over sentences.
"""

# N sentences, S tokens of all of them, C tags, B resamples

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

import numpy as np

from rungwise.kinds import OutputKind
from rungwise.metrics.classes import ClassScores
from rungwise.metrics.metric import Floats, Metric, Needs
from rungwise.tags import VERB, Tags, span_counts, spans_of, type_names

__all__ = [
    "Argument",
    "argument_metrics",
    "is_roles",
    "plain_spans",
    "span_arguments",
    "span_metrics",
    "type_scores",
]

_CONTINUES = "C-"

Argument = tuple[int, tuple[tuple[int, int], ...], str]
"""The number of the sentence, first token and the one behind the last of each part, and the type."""

_UNSEEN = "not seen in training"
"""Stands for types that training had not."""


def span_arguments(tags: Tags, names: Sequence[str]) -> list[Argument]:
    """Tags (N), the names of tags (C,) -> the arguments of semantic roles, those of the verb among them.

    A C-X without an X before it is an X, as in srl-eval.
    """
    found: list[tuple[int, list[tuple[int, int]], str]] = []
    last: dict[
        tuple[int, str], int
    ] = {}  # sentence and type -> the number of the argument that a C- goes on with
    for sentence, start, end, type_ in _spans(tags, names):
        base = type_.removeprefix(_CONTINUES)
        at = last.get((sentence, base)) if base != type_ else None
        if at is not None:
            found[at][1].append((start, end))
            continue
        last[sentence, base] = len(found)
        found.append((sentence, [(start, end)], base))
    return [(sentence, tuple(parts), type_) for sentence, parts, type_ in found]


def plain_spans(tags: Tags, names: Sequence[str]) -> list[Argument]:
    """Tags (N), the names of tags (C,) -> the spans, each of one part."""
    return [(sentence, ((start, end),), type_) for sentence, start, end, type_ in _spans(tags, names)]


def _spans(tags: Tags, names: Sequence[str]) -> list[tuple[int, int, int, str]]:
    spans = spans_of(tags)
    types = [*type_names(names), _UNSEEN]
    columns = (spans.sentences.tolist(), spans.starts.tolist(), spans.ends.tolist())
    return [(*place, types[type_]) for *place, type_ in zip(*columns, spans.types.tolist(), strict=True)]


def type_scores(
    target: Tags, prediction: Tags, names: Sequence[str], *, is_roles: bool
) -> list[tuple[str, ClassScores]]:
    """How the spans of each type are recognised, types sorted; the verb of roles isn't among them."""
    sides = [_of_kind(is_roles)(tags, names) for tags in (target, prediction)]
    hits = Counter(type_ for *_, type_ in set(sides[0]) & set(sides[1]) if type_ != _UNSEEN)
    there, said = (Counter(type_ for *_, type_ in side) for side in sides)
    return [
        (type_, _scores(hits[type_], there[type_], said[type_]))
        for type_ in sorted(there | said)
        if not (is_roles and type_ == VERB)
    ]


def _of_kind(is_roles: bool) -> Callable[[Tags, Sequence[str]], list[Argument]]:
    return span_arguments if is_roles else plain_spans


def _scores(hits: int, there: int, said: int) -> ClassScores:
    precision, recall = hits / max(said, 1), hits / max(there, 1)
    return ClassScores(precision, recall, 2 * hits / max(there + said, 1), there)


# ------------------------------------------------------------------------------------------------- metrics


def _span_values(target: Tags, prediction: Tags) -> Floats:
    """Target (N), prediction (N) -> hits, spans that there are, spans predicted (N, 3)."""
    return span_counts(target, prediction).astype(np.float64)


_COUNTED: WeakKeyDictionary[Tags, tuple[ReferenceType[Tags], tuple[str, ...], Floats]] = WeakKeyDictionary()
"""Prediction → the target and the names that it was last compared with, and the counts: all metrics of roles, each of
which is asked for several times, have the same."""


def _argument_values(target: Tags, prediction: Tags, names: tuple[str, ...]) -> Floats:
    """Target (N), prediction (N) -> hits, arguments that there are, arguments predicted (N, 3)."""
    known = _COUNTED.get(prediction)
    if known is None or known[0]() is not target or known[1] != names:
        known = _COUNTED[prediction] = (ref(target), names, _argument_counts(target, prediction, names))
    return known[2]


def _argument_counts(target: Tags, prediction: Tags, names: tuple[str, ...]) -> Floats:
    sides = [
        {each for each in span_arguments(tags, names) if each[2] != VERB} for tags in (target, prediction)
    ]
    both = {each for each in sides[0] & sides[1] if each[2] != _UNSEEN}
    counts = [
        np.bincount([sentence for sentence, *_ in some], minlength=len(target)) for some in (both, *sides)
    ]
    return np.stack(counts, axis=1).astype(np.float64)


def _token_values(target: Tags, prediction: Tags) -> Floats:
    """Target (N), prediction (N) -> tokens with the right tag, tokens (N, 2)."""
    before = np.concatenate([[0], (target.values == prediction.values).cumsum()])
    return np.stack([np.diff(before[target.offsets]), target.lengths], axis=1).astype(np.float64)


def _ratio(above: Floats, below: Floats) -> Floats:
    """The ratio (B,), 0 where there is nothing to count."""
    return np.asarray(above / np.where(below > 0, below, 1))


def _f1(means: Floats) -> Floats:
    hits, there, said = means  # (B,) each
    return _ratio(2 * hits, there + said)


def _precision(means: Floats) -> Floats:
    return _ratio(means[0], means[2])


def _recall(means: Floats) -> Floats:
    return _ratio(means[0], means[1])


def _share(means: Floats) -> Floats:
    return _ratio(means[0], means[1])


def _metric(name: str, title: str, per_example: Any, link: Callable[[Floats], Floats]) -> Metric:
    return Metric(
        name=name,
        title=title,
        output=OutputKind.TAGS,
        needs=Needs.PREDICTION,
        greater_is_better=True,
        is_share=True,
        per_example=per_example,
        link=link,
    )


def span_metrics() -> list[Metric]:
    """F1, precision and recall of exact spans, and the share of tokens that have the right tag."""
    return [
        _metric("span-f1", "span F1", _span_values, _f1),
        _metric("span-precision", "span precision", _span_values, _precision),
        _metric("span-recall", "span recall", _span_values, _recall),
        _metric("token-accuracy", "token accuracy", _token_values, _share),
    ]


def argument_metrics(names: Sequence[str]) -> list[Metric]:
    """F1, precision and recall of arguments by CoNLL-2005, for tags of these names (C,)."""
    values = partial(_argument_values, names=tuple(names))
    return [
        _metric("argument-f1", "argument F1", values, _f1),
        _metric("argument-precision", "argument precision", values, _precision),
        _metric("argument-recall", "argument recall", values, _recall),
    ]


def is_roles(metrics: Sequence[str]) -> bool:
    """Whether metrics of these names are of semantic roles."""
    return any(name.startswith("argument-") for name in metrics)
