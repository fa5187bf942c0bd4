"""What to do next, by the facts of a run: short, and only what they bear out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rungwise.evaluation.forecast import LEAST_POINTS
from rungwise.evaluation.intervals import Difference
from rungwise.evaluation.limits import flags_for_nearest
from rungwise.evaluation.outcomes import BASELINE, Outcome, Results
from rungwise.evaluation.outlook import TIMES, Forecasts
from rungwise.evaluation.outlook_text import gain_sentence
from rungwise.evaluation.verdict import Verdict
from rungwise.evaluation.wording import bounds_text, code, difference_text, listed
from rungwise.language import Message, paragraph, say
from rungwise.metrics import Metric

__all__ = ["NextStep", "needed_examples", "next_steps"]

_MOST_TIMES = 100
"""Of what the test part has: asking for more is no advice."""


@dataclass(frozen=True)
class NextStep:
    """One thing to do.

    Attributes:
        text: what, and why.
        command: what to type for it, if there is anything.
    """

    text: Message
    command: str = ""


def next_steps(found: Verdict, results: Results, own: str | None = None) -> list[NextStep]:
    """What to do after a verdict, the most useful first.

    Args:
        found: the verdict.
        results: of the run that it is on.
        own: what the run's own terms recommend, which `rungwise predict` takes: "" for nothing, and
            the verdict's when None.
    """
    run, metric = str(results.run_folder), results.metric(found.metric)
    return [
        *_take(found, results.outcomes, run, found.recommended if own is None else own),
        *_take_the_best(found, metric, run),
        *_tell_apart(found, metric, results.outcomes),
        *_fold(results.outcomes),
        *_more_data(found, metric, results),
        *_go_on(results.outcomes, run),
        *_measure(results.outcomes, run),
    ]


def needed_examples(num_examples: int, difference: Difference) -> int | None:
    """About how many test examples would show a difference as large as the one that was seen.

    That is where 1.96 standard errors, which shrink with the root of their number, are as large as it: then it shows in
    one of two samples. None where no number of them is worth naming.
    """
    if not (difference.mean and math.isfinite(difference.smallest)):
        return None
    times = (difference.smallest / abs(difference.mean)) ** 2
    return math.ceil(num_examples * times) if 1 < times <= _MOST_TIMES else None


def _take(found: Verdict, outcomes: Sequence[Outcome], run: str, own: str | None) -> Iterator[NextStep]:
    """The model that is recommended, or the limits that would allow one."""
    if found.recommended is not None:
        text = say("Predict with {rung}, whose model is kept in the run:", rung=code(found.recommended))
        which = "" if found.recommended == own else f" --rung {found.recommended}"
        yield NextStep(text, f"rungwise predict {run} NEW_DATA{which}")
    elif wider := flags_for_nearest([each for each in outcomes if each.is_finished], found.terms):
        rung, flags = wider
        text = say(
            "Allow as much as {rung} takes, which needs least more. Nothing has to be fitted again:",
            rung=code(rung),
        )
        yield NextStep(text, f"rungwise verdict {run} {flags}")


def _take_the_best(found: Verdict, metric: Metric, run: str) -> Iterator[NextStep]:
    """The best rung, where it is surely better than the one that is recommended."""
    gain = found.difference
    if gain is None or found.best is None or not gain.low > 0:
        return
    text = say(
        "If {size} ({bounds}) are worth its cost to you, take {best} instead:",
        size=difference_text(metric, gain.mean),
        bounds=bounds_text(metric, gain),
        best=code(found.best),
    )
    yield NextStep(text, f"rungwise predict {run} NEW_DATA --rung {found.best}")


def _tell_apart(found: Verdict, metric: Metric, outcomes: Sequence[Outcome]) -> Iterator[NextStep]:
    """How many examples it takes to tell the recommended rung from the one that comes nearest to beating it."""
    rivals = [each for each in found.comparisons if not each.is_clear and each.difference.mean > 0]
    test = next((outcome.test for outcome in outcomes if outcome.test is not None), None)
    if not rivals or test is None:
        return
    rival = max(rivals, key=lambda each: each.difference.mean)
    count = len(test.target)
    needed = needed_examples(count, rival.difference)
    if needed is not None:
        yield NextStep(
            say(
                "To tell {rung} from {rival}, test on more: the {size} between them would show with about {needed:,} "
                "test examples; there are {count:,}.",
                rung=code(str(found.recommended)),
                rival=code(rival.rung),
                size=difference_text(metric, rival.difference.mean),
                needed=_round(needed),
                count=count,
            )
        )


def _fold(outcomes: Sequence[Outcome]) -> Iterator[NextStep]:
    """How to choose by folds, where the budget was too short for them and the data are few."""
    num_folds = next((outcome.folds_forgone for outcome in outcomes), 0)
    if num_folds:
        text = say(
            "Choose by {folds} parts of train rather than by one validation part: begin a new run as this one, with",
            folds=num_folds,
        )
        yield NextStep(text, f"rungwise fit DATA --folds {num_folds} --budget …")


def _round(number: int) -> int:
    """To two digits: it is a rough figure."""
    step: int = 10 ** max(0, len(str(number)) - 2)
    return math.ceil(number / step) * step


def _more_data(found: Verdict, metric: Metric, results: Results) -> Iterator[NextStep]:
    """Whether more data would help the recommended rung, or how to find that out."""
    rung = found.recommended
    if rung is None or rung == BASELINE:
        return
    if not results.growth:
        yield NextStep(
            say("Find out what more data would bring; it fits the rungs on growing parts of what there is:"),
            f"rungwise forecast {results.run_folder}",
        )
        return
    forecasts = Forecasts(results, metric, [rung])
    if rung not in forecasts.told:
        if rung not in forecasts.forecasts or len(forecasts.forecasts[rung].curve.sizes) < LEAST_POINTS:
            text = say("Go on with the forecast, which has too few fits of {rung} yet:", rung=code(rung))
            yield NextStep(text, f"rungwise forecast {results.run_folder} --budget …")
        return
    gain = forecasts.gain(rung, TIMES)
    if gain.low > 0:
        pays = say("Collect more data.")
    elif gain.value > (gain.value - gain.low) / 2:  # by more than about a standard error
        pays = say("More data is likely to help.")
    else:
        pays = say("More data may not pay.")
    yield NextStep(paragraph([pays, gain_sentence(metric, rung, gain, TIMES)]))


def _go_on(outcomes: Sequence[Outcome], run: str) -> Iterator[NextStep]:
    """Rungs without a result, which a run goes on with, and those that the budget cut, which need a new one."""
    missing = [code(outcome.rung) for outcome in outcomes if not outcome.is_finished]
    if missing:
        text = say("Fit what has no score yet, {rungs}, with more time:", rungs=listed(missing))
        yield NextStep(text, f"rungwise fit --resume {run} --budget …")
    cut = [code(outcome.rung) for outcome in outcomes if outcome.record["status"] == "deadline"]
    if cut:
        yield NextStep(
            say(
                "Give {rungs} time to end: a new run with a larger budget may change the verdict.",
                rungs=listed(cut),
            )
        )


def _measure(outcomes: Sequence[Outcome], run: str) -> Iterator[NextStep]:
    """What hasn't been measured of rungs that have a model."""
    finished = [outcome for outcome in outcomes if outcome.is_finished]
    reasons = [outcome.record["robustness_reason"] for outcome in finished]
    if reason := next(filter(None, reasons), None):
        text = say(
            "Measure how well rungs stand corrupted inputs, which wasn't done ({reason}):", reason=reason
        )
    elif any(outcome.record.get("latency_seconds") is None for outcome in finished):
        text = say("Measure the latency of the rungs that have none:")
    else:
        return
    if all(outcome.is_finished for outcome in outcomes):  # else that command is named already
        yield NextStep(text, f"rungwise fit --resume {run} --budget …")
