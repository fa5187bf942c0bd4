"""What each rung of a run came to: its record, its predictions, and their scores with intervals."""

# N examples, B resamples

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.data import Note, read_notes
from rungwise.errors import ConfigError, RunError
from rungwise.evaluation.grown import Grown, read_growth
from rungwise.evaluation.intervals import (
    Difference,
    FoldError,
    Score,
    difference,
    fold_error,
    furthest,
    score,
)
from rungwise.evaluation.predicates import predicate_sentences
from rungwise.evaluation.predictions import (
    Predictions,
    fit_name,
    has_predictions,
    joined,
    read_predictions,
)
from rungwise.evaluation.records import read_records
from rungwise.evaluation.resampling import Bounds, Floats, influences, resample
from rungwise.evaluation.robustness import Robustness, robustness_of
from rungwise.kinds import OutputKind
from rungwise.metrics import Metric, metric, rarer_class

__all__ = ["BASELINE", "PARTS", "Judged", "Outcome", "Results", "common_repeats", "run_metric"]

PARTS = ("valid", "test")

BASELINE = "baseline"
"""The rung that looks at no input."""

_PREDICTED = {OutputKind.LABEL: "classes", OutputKind.NUMBER: "numbers", OutputKind.TAGS: "tags"}

_NO_SCORE = Score(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Outcome:
    """One rung of a run.

    Attributes:
        rung: its name.
        record: its record in the journal, with what answers cost where that was measured, `core_power` of the machine,
            and `robustness_reason` where robustness wasn't.
        valid: what it said of the validation part; None if it didn't get so far.
        test: what it said of the test part.
        repeats: what further fits said of the two parts: number → both.
        num_folds: how many of those were to say it of parts of train that were set aside; 0 where they are of seeds.
        num_train: rows that it learned from; 0 where an earlier version didn't say.
        robustness: its scores on corrupted examples; None where they weren't measured.
        train: what it said of some rows that it learned from; None where there was no time, or in an earlier version.
        folds_forgone: parts of train that rungs would have been chosen by, had the budget not been too short for them.
    """

    rung: str
    record: dict[str, Any]
    valid: Predictions | None
    test: Predictions | None
    repeats: Mapping[int, tuple[Predictions, Predictions]] = field(default_factory=dict)
    num_folds: int = 0
    num_train: int = 0
    robustness: Robustness | None = None
    train: Predictions | None = None
    folds_forgone: int = 0

    @property
    def is_finished(self) -> bool:
        """Whether it has predictions to be judged by."""
        return self.valid is not None and self.test is not None

    def fits(self, part: str, folds: Collection[int]) -> tuple[Predictions, ...]:
        """What a finished rung said of a part, once for each seed, the model's own before all.

        Args:
            part: "valid" or "test".
            folds: numbers of those that stand in for the validation part, if any.
        """
        if self.num_folds:
            return (joined(self.parts_of(part, folds)),)
        number = PARTS.index(part)
        return (getattr(self, part), *(both[number] for both in self.repeats.values()))

    def parts_of(self, part: str, folds: Collection[int]) -> list[Predictions]:
        """What was said of a part, or of each of the folds that stand in for it."""
        if part == "valid" and self.num_folds and folds:
            return [self.repeats[fold][0] for fold in folds]
        return [getattr(self, part)]


def read_outcomes(run_folder: Path) -> list[Outcome]:
    """The rungs of a run, cheapest first.

    Raises:
        RunError: if the journal or a file of predictions can't be read.
    """
    records = read_records(run_folder)
    answers = {record["rung"]: record for record in records if record["type"] == "latency"}
    corrupted = {record["rung"]: record for record in records if record["type"] == "robustness"}
    config: dict[str, Any] = next((r["config"] for r in records if r["type"] == "run"), {})
    num_folds = int(config.get("folds") or 0)
    outcomes = []
    for record in sorted((r for r in records if r["type"] == "rung"), key=lambda r: r["order"]):
        rung = record["rung"]
        valid, test = _read_both(run_folder, record) or (None, None)
        repeats = [r for r in records if r["type"] == "repeat" and r["rung"] == rung]
        if num_folds:  # one that was cut short is no fold like the others
            repeats = [r for r in repeats if r["status"] == "done"]
        further = {r["repeat"]: _read_both(run_folder, r) for r in repeats}
        outcomes.append(
            Outcome(
                rung,
                {
                    "latency_seconds": None,
                    "core_power": config.get("core_power"),
                    **answers.get(rung, {}),
                    "robustness_reason": corrupted.get(rung, {}).get("reason"),
                    **record,
                },
                valid,
                test,
                {number: both for number, both in further.items() if both is not None},
                num_folds,
                config.get("rows", {}).get("train", 0),
                robustness_of(corrupted.get(rung, {})),
                _read_train(run_folder, record) if valid is not None else None,
                config.get("folds_forgone", 0),
            )
        )
    return outcomes


def _read_train(run_folder: Path, record: dict[str, Any]) -> Predictions | None:
    """What the fit of a record said of some rows of train, if it was asked."""
    if not record.get("num_train_predicted"):
        return None
    return read_predictions(run_folder, record["rung"], "train")


def _read_both(run_folder: Path, record: dict[str, Any]) -> tuple[Predictions, Predictions] | None:
    """What the fit of a record said of the validation and the test part, if it got so far."""
    name = fit_name(record["rung"], record.get("repeat", 0))
    if record["status"] not in ("done", "deadline") or not has_predictions(run_folder, name):
        return None
    return read_predictions(run_folder, name, "valid"), read_predictions(run_folder, name, "test")


def run_metric(name: str, outcomes: Sequence[Outcome]) -> Metric:
    """The metric of that name for a run: where it has a positive class, the same one for every part.

    Raises:
        UnknownNameError: if there is no such metric.
        ConfigError: if it doesn't fit what the run predicts.
    """
    known = next((outcome.valid for outcome in outcomes if outcome.valid is not None), None)
    if known is None:
        return metric(name)
    positive = rarer_class(known.target) if known.kind is OutputKind.LABEL else None
    chosen = metric(name, positive=positive, tags=known.tags)
    if known.kind is not chosen.output:
        raise ConfigError(
            f"metric {name!r} doesn't fit: this run predicts {_PREDICTED[known.kind]}; `rungwise tasks` lists its "
            "metrics."
        )
    if chosen.is_binary and known.probabilities is not None and known.probabilities.shape[1] != 2:
        raise ConfigError(
            f"metric {name!r} is for two classes, and there are {known.probabilities.shape[1]}; take macro-{name}."
        )
    return chosen


@dataclass(frozen=True)
class Judged:
    """The finished rungs on one part, all on the same resamples.

    Attributes:
        metric: what they are judged by.
        target: (N,).
        outputs: rung → what the metric looks at, of each seed that it was fitted with, the first being the model's.
        values: rung → the score of each seed (K,).
        scores: rung → the same on each resample (K, B).
        bounds: rung → the ends of the interval of its model's score, where percentiles of its scores won't do.
        clusters: (N,), numbers of examples that were drawn together; None where each was by itself.
        folds: how many examples there are of each fold, one after the other; empty where there are no folds.
        num_train: that a fold learned from.
    """

    metric: Metric
    target: Any
    outputs: dict[str, tuple[Any, ...]]
    values: dict[str, Floats]
    scores: dict[str, Floats]
    bounds: dict[str, Bounds | None]
    clusters: NDArray[np.int64] | None = None
    folds: tuple[int, ...] = ()
    num_train: int = 0
    _influences: dict[str, list[Floats]] = field(default_factory=dict, init=False)

    @property
    def num_drawn(self) -> int:
        """How many examples, or clusters of them, a resample draws."""
        return len(self.target) if self.clusters is None else len(np.unique(self.clusters))

    @property
    def is_folded(self) -> bool:
        """Whether the examples are of folds that stand in for the validation part."""
        return bool(self.folds)

    @property
    def num_seeds(self) -> int:
        """The most that a rung was fitted with."""
        return max(map(len, self.values.values()), default=0)

    def score(self, rung: str) -> Score:
        """The score of a rung's model with its interval; NaN for a rung that has no predictions."""
        if rung not in self.outputs:
            return _NO_SCORE
        value, scores, bounds = float(self.values[rung][0]), self.scores[rung][0], self.bounds[rung]
        return score(self.metric, self.num_drawn, value, scores, bounds)

    def mean(self, rung: str) -> float:
        """The mean of a rung's scores over its seeds."""
        return float(self.values[rung].mean())

    def difference(self, first: str, second: str) -> Difference:
        """By how much the first rung is better than the second, over their seeds."""
        values, scores = ((of[first], of[second]) for of in (self.values, self.scores))
        on_folds = self._on_folds(first, second) if len(self.folds) > 1 else None
        moved = self._moved(first), self._moved(second)
        most = furthest(self.metric, *moved, len(self.target))
        return difference(self.metric, len(self.target), self.num_drawn, values, scores, most, on_folds)

    def _moved(self, rung: str) -> list[Floats]:
        """By how much each example, or cluster of them, moves the score of each seed."""
        if rung not in self._influences:
            self._influences[rung] = [
                influences(self.metric, self.target, output, self.clusters) for output in self.outputs[rung]
            ]
        return self._influences[rung]

    def _on_folds(self, first: str, second: str) -> FoldError:
        """How sure their difference is by what it is on each fold."""
        ends = np.cumsum(self.folds)
        rows = [slice(end - size, end) for end, size in zip(ends, self.folds, strict=True)]
        own, others = (
            np.array([self.metric.score(self.target[some], self.outputs[rung][0][some]) for some in rows])
            for rung in (first, second)
        )
        return fold_error(own - others, self.num_train, max(self.folds))


class Results:
    """What a run came to, read once; each metric is judged once.

    Attributes:
        run_folder: of the run.
        outcomes: of the rungs, cheapest first.
        predicates: sentences on how predicates are found, where they are to be.

    Args:
        run_folder: of the run.

    Raises:
        RunError: if the journal or a file of predictions can't be read.
    """

    def __init__(self, run_folder: Path) -> None:
        self.run_folder, self.outcomes = run_folder, read_outcomes(run_folder)
        self.predicates = predicate_sentences(read_records(run_folder))
        self._judged: dict[tuple[str, str], Judged] = {}

    @cached_property
    def all_growth(self) -> list[Grown]:
        """The fits on parts of train, those of other widths too; see `read_growth`."""
        return read_growth(self.run_folder)

    @property
    def growth(self) -> list[Grown]:
        """The fits on parts of train of models as wide as the run's."""
        return [grown for grown in self.all_growth if not grown.width]

    @cached_property
    def notes(self) -> list[Note]:
        """On the run's data.

        Raises:
            DataError: if their description is damaged.
        """
        return read_notes(self.run_folder / "data")

    def metric(self, name: str) -> Metric:
        """The metric of that name, for what the run predicts; see `run_metric`."""
        return run_metric(name, self.outcomes)

    def finished(self, rung: str | None = None) -> list[Outcome]:
        """The rungs that have predictions, cheapest first, or one of them.

        Raises:
            RunError: if none has, or that rung hasn't.
        """
        finished = [outcome for outcome in self.outcomes if outcome.is_finished]
        if not finished:
            raise RunError(f"{self.run_folder}: no rung finished, so there are no predictions to look at.")
        chosen = [outcome for outcome in finished if rung in (None, outcome.rung)]
        if not chosen:
            have = ", ".join(outcome.rung for outcome in finished)
            raise RunError(f"{self.run_folder}: rung {rung!r} has no predictions; these have: {have}.")
        return chosen

    def fitting_metrics(self, names: Sequence[str]) -> list[Metric]:
        """Those of these names that are for what the run predicts.

        Raises:
            UnknownNameError: if there is no such metric.
        """
        found = []
        for name in names:
            with suppress(ConfigError):
                found.append(self.metric(name))
        return found

    def judge(self, part: str, metrics: Sequence[Metric]) -> list[Judged]:
        """The finished rungs on a part by each metric: those not judged yet in one pass of the bootstrap."""
        new = [each for each in metrics if (part, each.name) not in self._judged]
        if new:
            self._judged |= {(part, by.metric.name): by for by in judge(self.outcomes, part, new)}
        return [self._judged[part, each.name] for each in metrics]


def common_repeats(outcomes: Sequence[Outcome]) -> list[int]:
    """Numbers of the further fits, such as of folds, that every finished rung has."""
    known = [set(outcome.repeats) for outcome in outcomes if outcome.is_finished]
    return sorted(set.intersection(*known)) if known else []


def judge(
    outcomes: Sequence[Outcome], part: str, metrics: Sequence[Metric], *, seed: int = 0
) -> list[Judged]:
    """The finished rungs on a part by each metric, from one pass of the bootstrap."""
    finished = [outcome for outcome in outcomes if outcome.is_finished]
    folds = common_repeats(outcomes)
    fits = {outcome.rung: outcome.fits(part, folds) for outcome in finished}
    if not fits:
        return [Judged(metric, np.empty(0), {}, {}, {}, {}) for metric in metrics]
    is_folded = part == "valid" and finished[0].num_folds > 0 and bool(folds)
    sizes = tuple(len(each.target) for each in finished[0].parts_of(part, folds)) if is_folded else ()
    num_train = finished[0].num_train - max(sizes, default=0)
    first = next(iter(fits.values()))[0]
    target, clusters = first.target, first.clusters
    outputs = [
        {rung: tuple(p.output(metric) for p in said) for rung, said in fits.items()} for metric in metrics
    ]
    pairs = [
        (metric, output)
        for metric, by_rung in zip(metrics, outputs, strict=True)
        for said in by_rung.values()
        for output in said
    ]
    drawn = iter(zip(*resample(target, pairs, seed=seed, clusters=clusters), strict=True))
    judged = []
    for by, by_rung in zip(metrics, outputs, strict=True):
        values = {rung: np.array([by.score(target, o) for o in said]) for rung, said in by_rung.items()}
        own = {rung: [next(drawn) for _ in said] for rung, said in by_rung.items()}
        scores = {rung: np.stack([each for each, _ in said]) for rung, said in own.items()}
        bounds = {rung: said[0][1] for rung, said in own.items()}
        judged.append(Judged(by, target, by_rung, values, scores, bounds, clusters, sizes, num_train))
    return judged
