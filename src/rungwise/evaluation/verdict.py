"""Which rung pays: chosen on validation predictions (`choice`), judged on test."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from rungwise.evaluation.choice import choose, cost_ratios, front_of
from rungwise.evaluation.data_warnings import data_warnings
from rungwise.evaluation.intervals import Difference, Score
from rungwise.evaluation.limits import Nearest, nearest, nearest_sentence
from rungwise.evaluation.outcomes import BASELINE, Judged, Outcome, Results
from rungwise.evaluation.outlook import TIMES, Forecasts
from rungwise.evaluation.outlook_text import ahead_sentence
from rungwise.evaluation.sentences import (
    VALIDATION,
    Findings,
    nothing_to_take,
    sentences_of,
    unfinished,
    warnings_of,
)
from rungwise.evaluation.significance import Comparison, compare
from rungwise.evaluation.terms import Cost, Terms
from rungwise.language import Message, paragraph
from rungwise.metrics import Metric

__all__ = ["Verdict", "verdict"]

_NOTHING = Message("")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Which rung to take, and the evidence.

    Attributes:
        metric: what the rungs were judged by.
        terms: what they were chosen by beside it.
        recommended: the rung to take; None if none finished, or is within the limits.
        best: the rung with the best score on what the choice is made on, of those within the limits.
        chosen_on: what that is: "validation", or "the folds".
        num_folds: how many those are.
        margin: by how much of the metric the recommended rung might be behind on validation.
        score: the recommended rung's, on test.
        difference: by how much the best is better than the recommended on test; None if they are the same.
        over_baseline: by how much the recommended rung, or the best where the baseline itself is recommended,
            is better than the baseline on test; None if there is nothing to compare.
        costs: what the best costs of the recommended rung's training, size and latency, and of what is to be saved, as
            ratios.
        valid_differences: rung → by how much the best is better on validation, which the choice was made by.
        comparisons: every other rung beside the recommended one, on test.
        beyond: rung → the limits that it isn't within, in words.
        nearest: what comes nearest to each limit, where no rung is within all of them.
        front: the rungs that none beats on test without costing more of what is to be saved, else of training.
        sentences: the verdict in plain words: which rung to take, and why.
        forecast: what more data would change, where rungs have been fitted on parts of train; the last sentence.
        warnings: what else one should know before trusting it.
    """

    metric: str
    terms: Terms
    recommended: str | None = None
    best: str | None = None
    chosen_on: str = VALIDATION
    num_folds: int = 0
    margin: float = 0.0
    score: Score | None = None
    difference: Difference | None = None
    over_baseline: Difference | None = None
    costs: dict[Cost, float]
    valid_differences: dict[str, Difference]
    comparisons: tuple[Comparison, ...] = ()
    beyond: dict[str, str]
    nearest: tuple[Nearest, ...] = ()
    front: tuple[str, ...] = ()
    sentences: tuple[str, ...]
    forecast: Message = _NOTHING
    warnings: tuple[str, ...]

    @property
    def sentence(self) -> Message:
        """The verdict in plain words."""
        return paragraph(self.sentences)

    def to_dict(self) -> dict[str, Any]:
        """For `verdict.json`."""
        return asdict(self) | {"sentence": self.sentence}


def verdict(results: Results, metric: str, terms: Terms | None = None) -> Verdict:
    """The verdict on a run.

    Args:
        results: of the run.
        metric: what rungs are judged by.
        terms: what is asked of a model beside it.

    Raises:
        UnknownNameError: if there is no such metric.
        ConfigError: if the metric doesn't fit what the run predicts, or the margin the metric.
        DataError: if the description of the run's data is damaged.
    """
    terms, chosen, outcomes = terms or Terms(), results.metric(metric), results.outcomes
    terms.check(chosen)
    [valid], [test] = results.judge("valid", [chosen]), results.judge("test", [chosen])
    finished = [outcome for outcome in outcomes if outcome.is_finished]
    choice = choose(valid, finished, terms)
    front = tuple(front_of(test, finished, terms.cost or Cost.TRAIN))
    best, recommended = choice.best, choice.recommended
    if best is None or recommended is None:
        missed = nearest(finished, terms)
        return Verdict(
            metric=metric,
            terms=terms,
            costs={},
            valid_differences={},
            beyond=choice.beyond,
            nearest=missed,
            front=front,
            sentences=(nothing_to_take(choice.beyond), *map(nearest_sentence, missed)),
            warnings=(*data_warnings(results.notes), *unfinished(outcomes)),
        )
    difference = None if recommended is best else test.difference(best.rung, recommended.rung)
    comparisons = compare(test, [outcome.rung for outcome in finished], recommended.rung)
    over_baseline = _over_baseline(test, best, recommended)
    findings = Findings(
        valid, test, finished, terms, choice, best, recommended, difference, over_baseline, comparisons
    )
    forecast = _forecast(results, chosen, recommended.rung, choice.beyond)
    return Verdict(
        metric=metric,
        terms=terms,
        recommended=recommended.rung,
        best=best.rung,
        chosen_on=findings.chosen_on,
        num_folds=len(valid.folds),
        margin=choice.margin,
        score=test.score(recommended.rung),
        difference=difference,
        over_baseline=over_baseline,
        costs=cost_ratios(best, recommended, terms.cost),
        valid_differences=choice.differences,
        comparisons=comparisons,
        beyond=choice.beyond,
        front=front,
        sentences=(*sentences_of(findings), *([forecast] if forecast else [])),
        forecast=forecast,
        warnings=(*data_warnings(results.notes), *warnings_of(findings, outcomes)),
    )


def _forecast(results: Results, by: Metric, recommended: str, beyond: Collection[str]) -> Message:
    """Which rung more data would put ahead; empty where that isn't known of the recommended one."""
    found = Forecasts(results, by, beyond=beyond) if results.growth else None
    ahead = found.ahead(recommended, TIMES) if found is not None and recommended in found.told else None
    return _NOTHING if ahead is None else ahead_sentence(by, ahead, recommended, TIMES)


def _over_baseline(test: Judged, best: Outcome, recommended: Outcome) -> Difference | None:
    rival = best if recommended.rung == BASELINE else recommended
    if rival.rung == BASELINE or BASELINE not in test.outputs:
        return None
    return test.difference(rival.rung, BASELINE)
