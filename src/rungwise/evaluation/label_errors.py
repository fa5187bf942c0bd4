"""Examples whose label may be wrong: the rungs agree on another one."""

# N examples, K classes, R rungs

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from rungwise.data import Dataset
from rungwise.errors import ConfigError, RunError
from rungwise.evaluation.example_text import example_text, number_text
from rungwise.evaluation.outcomes import BASELINE, PARTS, Outcome, Results, common_repeats
from rungwise.evaluation.predictions import Predictions
from rungwise.evaluation.tag_errors import span_suspects
from rungwise.kinds import OutputKind
from rungwise.metrics import Metric
from rungwise.metrics.calibration import fit_temperature, tempered

__all__ = ["LabelErrors", "Suspect", "able", "doubts", "label_errors", "pooled"]

_LEAST_RUNGS = 2

_RIDGE = 0.1
"""Of weights towards equal ones, for each example that they are learned from."""

_LEAST_LEARNED, _MOST_VALUES = 2_000, 1_000_000
"""Examples that weights are learned from at most, or if that is more, probabilities of each rung."""

_SURE = 0.9
"""A probability of another class that is enough to suspect a label."""

_FAR = 3.0
"""Typical distances that every rung is at least off, on the same side, for a number to be suspected."""

_SHARES = (0.5, 0.75, 0.9)
"""Of the residuals, which are below a typical size: the first where that isn't 0, scaled as normal numbers have it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Suspect:
    """An example whose label may be wrong.

    Attributes:
        row: its number in its source, 1 for the first.
        label: what it is labelled; of tags, the span and its type.
        said: what the rungs say instead.
        doubt: how strongly: of classes the probability of all others than the label, of numbers how many typical
            distances they are off, of spans how often the rungs are right where they agree like this.
        rungs: those that say so.
        example: its text or its values, cut.
    """

    row: int
    label: str
    said: str
    doubt: float
    rungs: tuple[str, ...]
    example: str


@dataclass(frozen=True)
class LabelErrors:
    """The suspects of a part.

    Attributes:
        part: "test" or "valid".
        source: the file or folder that the part comes from; rows are numbered within it.
        rungs: that were asked.
        num_examples: in the part.
        num_suspects: examples, or spans, that are suspected.
        suspects: the most suspicious first, as many as were asked for.
    """

    part: str
    source: str
    rungs: tuple[str, ...]
    num_examples: int
    num_suspects: int
    suspects: tuple[Suspect, ...]


def label_errors(
    results: Results, dataset: Dataset, metric: Metric, part: str = "test", top: int = 20
) -> LabelErrors:
    """The examples of a part where the rungs agree against the label.

    Rungs that are better than the baseline on validation are asked.

    Args:
        results: of the run.
        dataset: of the run.
        metric: by which they are better.
        part: "test" or "valid"; by the latter, networks have chosen when to stop.
        top: how many to give.

    Raises:
        ConfigError: if there is no such part, or no such number.
        RunError: if there are fewer than two such rungs.
    """
    if part not in PARTS:
        raise ConfigError(f"part {part!r} has no stored predictions; allowed are {' and '.join(PARTS)}.")
    if top < 1:
        raise ConfigError(f"{top} suspects can't be listed; ask for 1 or more.")
    asked = able(results, metric)
    if len(asked) < _LEAST_RUNGS:
        raise RunError(
            f"{results.run_folder}: label errors are told by the agreement of {_LEAST_RUNGS} rungs that beat the "
            f"baseline on validation, and {len(asked) or 'none'} did; fit further ones, or with a larger budget."
        )
    predictions = [_said(outcome, part) for outcome in asked]
    finder: Callable[..., tuple[int, list[Suspect]]] = {
        OutputKind.LABEL: _classes,
        OutputKind.NUMBER: _numbers,
        OutputKind.TAGS: _spans,
    }[predictions[0].kind]
    count, suspects = finder(results, dataset, part, asked, top)
    return LabelErrors(
        part,
        dataset.sources[part],
        tuple(outcome.rung for outcome in asked),
        dataset.num(part),
        count,
        tuple(suspects),
    )


def able(results: Results, metric: Metric) -> list[Outcome]:
    """The rungs that say more than the baseline does, by their scores on validation."""
    sign = 1 if metric.greater_is_better else -1

    def score(outcome: Outcome) -> float:
        valid = _said(outcome, "valid")
        return sign * metric.score(valid.target, valid.output(metric))

    finished = results.finished()
    least = max((score(outcome) for outcome in finished if outcome.rung == BASELINE), default=-math.inf)
    return [outcome for outcome in finished if outcome.rung != BASELINE and score(outcome) > least]


def _said(outcome: Outcome, part: str) -> Predictions:
    found: Predictions = getattr(outcome, part)
    return found


# ------------------------------------------------------------------------------------------------ of classes


def doubts(target: NDArray[np.int64], probabilities: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Target (N,), probabilities (N, K) -> how doubtful each label is (N,), and whether it is suspected (N,).

    A label's doubt is 1 less its probability. It is suspected where another class is most probable, and at least as
    probable as it is on average among its own examples, or as `_SURE`: of rungs that are hardly ever wrong, half of the
    examples are below the average.

    Source: Northcutt, Jiang & Chuang (2021), Confident learning: estimating uncertainty in dataset labels, without the
    pruning by counts. Labels of classes that training had not are left alone.
    """
    rows, seen = np.arange(len(target)), target >= 0
    labels = np.maximum(target, 0)
    doubt = 1 - probabilities[rows, labels]
    num_classes = probabilities.shape[1]
    own = np.bincount(labels[seen], 1 - doubt[seen], minlength=num_classes)
    counts = np.bincount(labels[seen], minlength=num_classes)
    thresholds = np.where(counts > 0, own / np.maximum(counts, 1), 1.0)  # (K,)
    said = probabilities.argmax(1)
    is_suspect = seen & (said != target) & (probabilities[rows, said] >= np.minimum(thresholds, _SURE)[said])
    return np.where(seen, doubt, 0.0), is_suspect


def pooled(results: Results, asked: Sequence[Outcome], part: str) -> Floats:
    """What the rungs say together of a part: the weighted geometric mean of their calibrated probabilities (N, K).

    Weights are those of the least log-loss on what rungs are chosen by, drawn towards equal ones: a weak rung spoils
    equal weights, and the best rungs alone know less than all (`benchmarks/label_errors.py`).
    """
    folds = common_repeats(results.outcomes)
    learned = [outcome.fits("valid", folds)[0] for outcome in asked]
    temperatures = [fit_temperature(each.target, _probabilities(each)) for each in learned]
    rows = _to_learn_from(learned[0])
    logs = [_logs(_probabilities(each)[rows], T) for each, T in zip(learned, temperatures, strict=True)]
    weights = _weights(learned[0].target[rows], np.stack(logs))
    summed = np.zeros(_probabilities(_said(asked[0], part)).shape)
    for outcome, temperature, weight in zip(asked, temperatures, weights, strict=True):
        if weight > 0:
            summed += weight * _logs(_probabilities(_said(outcome, part)), temperature)
    return np.asarray(special.softmax(summed, axis=1))


def _to_learn_from(said: Predictions) -> NDArray[np.int64]:
    """Rows of labels that training had, evenly chosen where they are more than weights need (M,)."""
    seen = np.flatnonzero(said.target >= 0)
    most = max(_LEAST_LEARNED, _MOST_VALUES // _probabilities(said).shape[1])
    return seen[np.linspace(0, len(seen) - 1, most).astype(np.int64)] if len(seen) > most else seen


def _probabilities(said: Predictions) -> NDArray[Any]:
    assert said.probabilities is not None
    return said.probabilities


def _logs(probabilities: NDArray[Any], temperature: float) -> Floats:
    """Probabilities (N, K), a rung's temperature -> logarithms of the calibrated ones (N, K)."""
    return np.asarray(np.log(np.maximum(tempered(probabilities, temperature), np.finfo(np.float64).tiny)))


def _weights(target: NDArray[np.int64], logs: Floats) -> Floats:
    """Target (N,), log-probabilities (R, N, K) -> weights of the rungs (R,), none below 0.

    Source: the logarithmic opinion pool (Genest & Zidek 1986), by log-loss with a ridge towards equal weights.
    """
    equal = np.full(len(logs), 1 / len(logs))
    of_truth = logs[:, np.arange(len(target)), target]  # (R, N)

    def loss(weights: Floats) -> tuple[float, NDArray[Any]]:
        summed = np.tensordot(weights, logs, 1)
        off = weights - equal
        value = (special.logsumexp(summed, axis=1) - weights @ of_truth).mean() + _RIDGE / 2 * off @ off
        expected = np.einsum("nk,rnk->r", special.softmax(summed, axis=1), logs) / len(target)
        return float(value), expected - of_truth.mean(1) + _RIDGE * off

    if not len(target):
        return equal
    found = optimize.minimize(loss, equal, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(logs))
    return np.asarray(found.x)


def _classes(
    results: Results, dataset: Dataset, part: str, asked: Sequence[Outcome], top: int
) -> tuple[int, list[Suspect]]:
    mean = pooled(results, asked, part)
    target = _said(asked[0], part).target
    doubt, is_suspect = doubts(target, mean)
    chosen, count = _first(doubt, is_suspect, top)
    names = [str(name) for name in dataset.classes] if dataset.classes is not None else []
    labels, rows, said = dataset.targets(part), dataset.row_numbers(part), mean.argmax(1)
    return count, [
        Suspect(
            int(rows[i]),
            str(labels[i]),
            names[said[i]],
            float(doubt[i]),
            tuple(o.rung for o in asked if _said(o, part).prediction[i] == said[i]),
            example_text(dataset, part, int(i)),
        )
        for i in chosen
    ]


def _first(doubt: Floats, is_suspect: NDArray[np.bool_], top: int) -> tuple[NDArray[np.int64], int]:
    """The suspects of the highest doubt, and how many there are."""
    suspects = np.flatnonzero(is_suspect)
    return suspects[np.argsort(-doubt[suspects], kind="stable")[:top]], len(suspects)


# ------------------------------------------------------------------------------------------------ of numbers


def _numbers(
    results: Results, dataset: Dataset, part: str, asked: Sequence[Outcome], top: int
) -> tuple[int, list[Suspect]]:
    del results
    target = np.asarray(_said(asked[0], part).target, dtype=np.float64)
    said = [np.asarray(_said(outcome, part).prediction, dtype=np.float64) for outcome in asked]
    off = np.stack([_distances(target - each) for each in said])  # (R, N)
    is_agreed = (off > 0).all(0) | (off < 0).all(0)
    nearest = np.where(is_agreed, np.abs(off).min(0), 0.0)
    chosen, count = _first(nearest, nearest >= _FAR, top)
    mean, rows = np.mean(said, axis=0), dataset.row_numbers(part)
    rungs = tuple(outcome.rung for outcome in asked)
    return count, [
        Suspect(
            int(rows[i]),
            number_text(float(target[i])),
            number_text(float(mean[i])),
            float(nearest[i]),
            rungs,
            example_text(dataset, part, int(i)),
        )
        for i in chosen
    ]


def _distances(residuals: Floats) -> Floats:
    """Residuals (N,) -> in units of a typical one (N,)."""
    sizes = np.abs(residuals)
    for share in _SHARES:
        typical = float(np.quantile(sizes, share))
        if typical > 0:
            return np.asarray(residuals / (typical / special.ndtri((1 + share) / 2)))
    return np.zeros_like(residuals)  # nearly all are exact, and nothing tells how far off the others may be


# -------------------------------------------------------------------------------------------------- of spans


def _spans(
    results: Results, dataset: Dataset, part: str, asked: Sequence[Outcome], top: int
) -> tuple[int, list[Suspect]]:
    del results
    said = [_said(outcome, part) for outcome in asked]
    found = span_suspects(said[0].target, [each.prediction for each in said], said[0].tags)
    rows, inputs = dataset.row_numbers(part), dataset.inputs(part)
    rungs = tuple(outcome.rung for outcome in asked)
    shown = []
    for each in found[:top]:
        example: Any = inputs[each.sentence].as_py()
        tokens = example["tokens"] if isinstance(example, dict) else example
        words = " ".join(tokens[each.start : each.end])
        label, other = (f"{words}: {type_ or 'none'}" for type_ in (each.label, each.said))
        text = example_text(dataset, part, each.sentence)
        shown.append(Suspect(int(rows[each.sentence]), label, other, each.doubt, rungs, text))
    return len(found), shown
