"""Which rung pays: chosen on validation predictions, reported on test.

The recommended rung is the cheapest whose paired bootstrap difference to the best is within one standard
error (the rule of Breiman et al. 1984 for trees). For a share, such as accuracy, one more example counts among the
errors: where two rungs differ in one or two examples, resampling alone can't know how much that is by chance. A rung
that measures dearer than the best in every way is no saving, whatever its formula said, and isn't recommended. Nothing
is chosen by the set that judges it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rungwise.evaluation.intervals import Difference, Score
from rungwise.evaluation.outcomes import Judged, Outcome, Results
from rungwise.evaluation.wording import bounds_text, difference_text, ratio_text, score_text
from rungwise.metrics import Metric

__all__ = ["BASELINE", "Verdict", "verdict"]

BASELINE = "baseline"
"""The rung that looks at no input."""

_COSTS = {"training": "fit_cpu_seconds", "size": "model_bytes", "latency": "latency_seconds"}
"""What the sentence calls a cost → field of the journal's record."""

_ALIKE = 1.05
"""Costs whose ratio is under this aren't worth a word."""


@dataclass(frozen=True)
class Verdict:
    """Which rung to take, and the evidence.

    Attributes:
        metric: what the rungs were judged by.
        recommended: the rung to take; None if none finished.
        best: the rung with the best score on validation.
        score: the recommended rung's, on test.
        difference: by how much the best is better than the recommended on test; None if they are the same.
        over_baseline: by how much the recommended rung, or the best where the baseline itself is recommended,
            is better than the baseline on test; None if there is nothing to compare.
        costs: what the best costs of the recommended rung's training, size and latency, as ratios.
        valid_differences: rung → by how much the best is better on validation, which the choice was made by.
        sentence: the verdict in plain words.
        warnings: what else one should know before trusting it.
    """

    metric: str
    recommended: str | None
    best: str | None
    score: Score | None
    difference: Difference | None
    over_baseline: Difference | None
    costs: dict[str, float]
    valid_differences: dict[str, Difference]
    sentence: str
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For `verdict.json`."""
        return asdict(self)


def verdict(results: Results, metric: str) -> Verdict:
    """The verdict on a run.

    Raises:
        UnknownNameError: if there is no such metric.
        ConfigError: if the metric doesn't fit what the run predicts.
    """
    outcomes, chosen = results.outcomes, results.metric(metric)
    [valid] = results.judge("valid", [chosen])
    finished = [outcome for outcome in outcomes if outcome.is_finished]
    if not finished:
        sentence = "No rung finished, so there is nothing to recommend."
        return Verdict(
            metric,
            None,
            None,
            None,
            None,
            None,
            {},
            {},
            sentence,
            (_unfinished(outcomes),) if outcomes else (),
        )
    [test] = results.judge("test", [chosen])
    best = _best(valid, finished)
    differences = {outcome.rung: valid.difference(best.rung, outcome.rung) for outcome in finished}
    recommended = next(
        o for o in finished if o is best or (_is_close(valid, differences[o.rung]) and _saves(o, best))
    )
    difference = None if recommended is best else test.difference(best.rung, recommended.rung)
    rival = best if recommended.rung == BASELINE else recommended
    has_rival = rival.rung != BASELINE and BASELINE in test.outputs
    over_baseline = test.difference(rival.rung, BASELINE) if has_rival else None
    costs = _costs(best, recommended)
    return Verdict(
        metric=metric,
        recommended=recommended.rung,
        best=best.rung,
        score=test.score(recommended.rung),
        difference=difference,
        over_baseline=over_baseline,
        costs=costs,
        valid_differences=differences,
        sentence=_sentence(valid, test, finished, best, recommended, difference, costs),
        warnings=_warnings(chosen, outcomes, best, recommended, over_baseline),
    )


def _best(valid: Judged, finished: Sequence[Outcome]) -> Outcome:
    """The rung with the best score on validation, the cheapest of equals."""
    sign = 1 if valid.metric.greater_is_better else -1
    values = [sign * valid.score(outcome.rung).value for outcome in finished]
    return finished[values.index(max(values))]


def _is_close(valid: Judged, difference: Difference) -> bool:
    one_example = 1 / len(valid.target) if valid.metric.is_share else 0.0
    return difference.mean <= math.hypot(difference.standard_error, one_example)


def _saves(outcome: Outcome, best: Outcome) -> bool:
    """Whether it costs less than the best in any way that was measured."""
    ratios = _costs(best, outcome).values()
    return not ratios or max(ratios) > 1


def _costs(best: Outcome, other: Outcome) -> dict[str, float]:
    """What the best rung costs of another's training, size and latency, as far as known."""
    ratios = {}
    for name, field in _COSTS.items():
        dear, cheap = best.record.get(field), other.record.get(field)
        if dear and cheap and best is not other:
            ratios[name] = dear / cheap
    return ratios


# ---------------------------------------------------------------------------------------------- in plain words


def _sentence(
    valid: Judged,
    test: Judged,
    finished: Sequence[Outcome],
    best: Outcome,
    recommended: Outcome,
    difference: Difference | None,
    costs: dict[str, float],
) -> str:
    score = score_text(test.metric, test.score(recommended.rung))
    if len(finished) == 1:
        return f"Take `{recommended.rung}`, the only rung that finished: {score}."
    if recommended.rung == BASELINE:
        start = f"Nothing beats the trivial baseline clearly: `{BASELINE}` has {score}."
    else:
        start = f"Take `{recommended.rung}`: {score}."
    if difference is not None:
        return f"{start} {_gain(test.metric, best.rung, difference, costs)} {_limit(test.metric, difference)}"
    if recommended.rung == BASELINE:
        return f"{start} No other rung is better on validation."
    return f"{start} {_lead(valid, test, finished, best)}"


def _lead(valid: Judged, test: Judged, finished: Sequence[Outcome], best: Outcome) -> str:
    """What is said where the best rung is the one to take: how far the best cheaper one on validation is behind."""
    cheaper = [outcome for outcome in finished if outcome.record["order"] < best.record["order"]]
    if not cheaper:
        return "It is the cheapest rung, and the best on validation."
    runner_up = _best(valid, cheaper)
    lead = test.difference(best.rung, runner_up.rung)
    size, bounds = difference_text(test.metric, lead.mean), bounds_text(test.metric, lead)
    how = "better" if lead.mean >= 0 else "worse"
    equals = [o.rung for o in finished if o is not best and valid.difference(best.rung, o.rung).mean == 0]
    if equals:
        start = f"On validation {_listed([f'`{rung}`' for rung in equals])} did as well, at a higher cost;"
    elif lead.low > 0:
        start = "It is the best on validation, and no cheaper rung is close:"
    else:
        start = "It was the best on validation;"
    text = f"{start} on test it is {size} {how} than `{runner_up.rung}` ({bounds})"
    price = "" if runner_up.rung == BASELINE else _price(_costs(best, runner_up))
    return f"{text}{price}. {_limit(test.metric, lead)}"


def _gain(metric: Metric, best: str, difference: Difference, costs: dict[str, float]) -> str:
    """What the best rung gives more, and what it costs more."""
    size, bounds = difference_text(metric, difference.mean), bounds_text(metric, difference)
    if difference.mean > 0:
        gain = f"`{best}` is {size} better on test"
    elif difference.mean == 0:
        gain = f"`{best}`, the best on validation, is no better on test"
    else:
        gain = f"`{best}`, the best on validation, is {size} worse on test"
    return f"{gain} ({bounds}){_price(costs)}."


def _price(costs: dict[str, float]) -> str:
    dearer = [f"{ratio_text(ratio)} the {name}" for name, ratio in costs.items() if ratio > _ALIKE]
    cheaper = [f"{ratio_text(1 / ratio)} less {name}" for name, ratio in costs.items() if ratio < 1 / _ALIKE]
    text = f", and costs {_listed(dearer)}" if dearer else ""
    return f"{text}, {'but' if dearer else 'and costs'} {_listed(cheaper)}" if cheaper else text


def _limit(metric: Metric, difference: Difference) -> str:
    smallest = difference_text(metric, difference.smallest)
    return f"A difference under {smallest} could not have been shown by this test set."


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _warnings(
    metric: Metric,
    outcomes: Sequence[Outcome],
    best: Outcome,
    recommended: Outcome,
    over_baseline: Difference | None,
) -> tuple[str, ...]:
    warnings = []
    if over_baseline is not None and over_baseline.low <= 0:
        rival = best if recommended.rung == BASELINE else recommended
        how = "better" if over_baseline.mean >= 0 else "worse"
        warnings.append(
            f"`{rival.rung}` is not clearly better than the trivial baseline: it is "
            f"{difference_text(metric, over_baseline.mean)} {how} on test ({bounds_text(metric, over_baseline)})."
        )
    cut = [f"`{outcome.rung}`" for outcome in outcomes if outcome.record["status"] == "deadline"]
    if cut:
        verb = "was" if len(cut) == 1 else "were"
        warnings.append(
            f"{_listed(cut)} {verb} stopped by the budget; a new run with a larger one may change the verdict."
        )
    if not all(outcome.is_finished for outcome in outcomes):
        warnings.append(_unfinished(outcomes))
    return tuple(warnings)


def _unfinished(outcomes: Sequence[Outcome]) -> str:
    missing = [outcome for outcome in outcomes if not outcome.is_finished]
    each = [f"`{o.rung}` ({o.record.get('reason') or o.record['status']})" for o in missing]
    return f"Without a score: {_listed(each)}."
