"""What more data would bring to a run: the forecasts of its rungs beside each other."""

# K sizes, S samples

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rungwise.evaluation.curves import error_of, learning_curves, score_of
from rungwise.evaluation.families import Floats
from rungwise.evaluation.forecast import SAMPLES, Forecast, forecast, weighed_together
from rungwise.evaluation.intervals import Score
from rungwise.evaluation.outcomes import BASELINE, Results
from rungwise.evaluation.sizes import SizeOutlook, size_outlooks
from rungwise.language import Message, say
from rungwise.metrics import Metric

__all__ = [
    "FORECAST",
    "FURTHEST",
    "TIMES",
    "Crossing",
    "Forecasts",
    "Outlook",
    "RungOutlook",
    "Until",
    "outlook",
    "outlook_as_asked",
]

FORECAST = "forecast.json"
"""The file of a run that has its outlook."""

TIMES = 4.0
"""Times the data of the run that are forecast where nothing else is asked."""

FURTHEST = 8.0
"""Times the data of the run up to which forecasts were held against real fits."""

_LIKELY = 0.8
"""How often among the samples a rung passes another by then, to be told."""

_CUT = say(
    "its own fit was stopped by the budget, so that its last size says more of time than of data; fit again with more "
    "`--budget`"
)

_STEPS = 73
_TAILS = (2.5, 97.5)


@dataclass(frozen=True)
class RungOutlook:
    """A rung's forecast.

    Attributes:
        rung: its name.
        now: its score now by its curve, which is judged on test and on the rows of train that its parts leave aside.
        sizes: rows of the fits that its curve is made of, the last being the run's own.
        scores: the curve's scores.
        family: the family of curves that counts most; see `families`.
        parameters: of that family, the likeliest.
        weights: family → its weight.
        at: its score at as many rows as were asked for; None where it is refused.
        gain: by how much that is better than now, positive where it is; its band has no share of what the rows that
            judge leave open, as they are the same.
        limit: the score at which it levels off; None where it is refused, flat, or a power law, which has no limit.
        grid: rows from those of the smallest fit to the furthest, for a picture.
        curve: the score that is expected there, with its band.
        refusal: why there is no forecast.
    """

    rung: str
    now: float
    sizes: tuple[float, ...]
    scores: tuple[float, ...]
    family: str | None = None
    parameters: dict[str, float] | None = None
    weights: dict[str, float] | None = None
    at: Score | None = None
    gain: Score | None = None
    limit: float | None = None
    grid: tuple[float, ...] = ()
    curve: tuple[Score, ...] = ()
    refusal: Message | None = None


@dataclass(frozen=True)
class Ahead:
    """By how much one rung is forecast to be better than another at as many rows as were asked for.

    Attributes:
        rung: the one that is forecast to be best.
        other: the recommended one; the next best where that is the best, or has no forecast.
        difference: positive where the first is better.
        is_now: whether the first is better now.
    """

    rung: str
    other: str
    difference: Score
    is_now: bool


@dataclass(frozen=True)
class Crossing:
    """Where a rung is forecast to pass the one that is best now.

    Attributes:
        rung: the one that is behind now.
        passed: the best now.
        rows: to learn from, where that is; infinite ends are beyond the furthest size.
        chance: the share of the samples in which it is ahead at the furthest size.
    """

    rung: str
    passed: str
    rows: Score
    chance: float


@dataclass(frozen=True)
class Until:
    """How many rows a rung needs to reach a score; infinite where the furthest size doesn't."""

    rung: str
    score: float
    rows: Score


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What more data would bring.

    Attributes:
        metric: what the rungs are judged by.
        times: how often the run's data is forecast.
        num_train: rows that the run's own fits learned from.
        rungs: each rung's forecast, cheapest first.
        recommended: the rung that the best is held against.
        leader: the rung that is best now, of those with a forecast; None if all are refused.
        best: the rung that is forecast to be best, None if all are refused.
        ahead: by how much that is, None where there is no other.
        crossings: rungs that are behind now and forecast to pass.
        until: rows to reach a score, where one was asked for.
        sizes: what the size of each rung brings that was fitted in several.
        num_left: fits on parts of train that there was no time for.
    """

    metric: str
    times: float
    num_train: int
    rungs: tuple[RungOutlook, ...]
    recommended: str | None
    leader: str | None
    best: str | None
    ahead: Ahead | None
    crossings: tuple[Crossing, ...]
    until: tuple[Until, ...]
    sizes: tuple[SizeOutlook, ...] = ()
    num_left: int = 0


class Forecasts:
    """The forecasts of a run by one metric, and samples of them on common resamples of the test part.

    Args:
        results: of the run.
        by: the metric.
        rungs: those that are looked at; all when None.
        beyond: rungs that can't be taken, being too slow or too large: they are forecast, and held against no other.
    """

    def __init__(
        self,
        results: Results,
        by: Metric,
        rungs: Sequence[str] | None = None,
        beyond: Collection[str] = (),
    ) -> None:
        self.by, self.beyond = by, beyond
        self.curves = {
            rung: curve
            for rung, curve in learning_curves(results, by).items()
            if rung != BASELINE and (rungs is None or rung in rungs)
        }
        cut = {o.rung for o in results.outcomes if o.record["status"] == "deadline"}
        self.forecasts = weighed_together(
            {
                rung: Forecast(curve, refusal=_CUT) if rung in cut else forecast(curve)
                for rung, curve in self.curves.items()
            }
        )
        self.num_train = results.growth[0].num_all if results.growth else 0
        self.now = {rung: _now(found, by) for rung, found in self.forecasts.items()}
        [judged] = results.judge("test", [by])
        self.levels = {
            rung: _levels(judged.scores[rung][0], by, curve.level) for rung, curve in self.curves.items()
        }

    @property
    def told(self) -> dict[str, Forecast]:
        """Those that aren't refused."""
        return {rung: found for rung, found in self.forecasts.items() if found.refusal is None}

    @property
    def rivals(self) -> dict[str, Forecast]:
        """Those of them that can be taken."""
        return {rung: found for rung, found in self.told.items() if rung not in self.beyond}

    def sample(self, rung: str, times: Any) -> Floats:
        """Multiples of the data (K,) -> errors that may come (S, K); sample s of all rungs goes together."""
        found = self.forecasts[rung]
        sizes = np.asarray(times, float) * found.curve.sizes[-1]
        return found.sample(sizes, seed=_seed(rung), levels=self.levels[rung])

    def band(self, rung: str, times: Sequence[float]) -> list[Score]:
        """Scores at multiples of the data."""
        found = self.forecasts[rung]
        values = score_of(self.by, found.at(np.asarray(times) * found.curve.sizes[-1]))
        ends = np.sort(np.percentile(score_of(self.by, self.sample(rung, times)), _TAILS, axis=0), axis=0)
        return [
            Score(float(value), float(min(low, value)), float(max(high, value)))
            for value, low, high in zip(values, *ends, strict=True)
        ]

    def gain(self, rung: str, times: float) -> Score:
        """By how much a rung is better at a multiple of the data than now."""
        now, then = self.forecasts[rung].at(np.array([1.0, times]) * self.num_train)
        samples = self.sample(rung, [1.0, times])
        return _banded(float(now - then), samples[:, 0] - samples[:, 1])

    def ahead(self, recommended: str | None, times: float) -> Ahead | None:
        """By how much the best at a multiple of the data is better than another; None where there is no other."""
        errors = {rung: float(found.at([times * self.num_train])[0]) for rung, found in self.rivals.items()}
        if len(errors) < 2:
            return None
        best, following, *_ = sorted(errors, key=lambda rung: errors[rung])
        other = recommended if recommended in errors and recommended != best else following
        samples = self.sample(other, [times])[:, 0] - self.sample(best, [times])[:, 0]
        is_now = error_of(self.by, self.now[best]) < error_of(self.by, self.now[other])
        return Ahead(best, other, _banded(errors[other] - errors[best], samples), bool(is_now))

    def crossing(self, behind: str, best: str) -> Crossing | None:
        """Where a rung that is behind now passes another; None where it isn't likely to be ahead in the end."""
        times = np.geomspace(1, FURTHEST, _STEPS)
        gaps = self.sample(behind, times) - self.sample(best, times)
        chance = float((gaps[:, -1] < 0).mean())
        if chance < _LIKELY:
            return None
        rows = _first(gaps < 0, times) * self.num_train
        middle = float(np.median(rows))
        low, high = np.percentile(rows, _TAILS, method="nearest")
        return Crossing(behind, best, Score(middle, float(low), float(high)), chance)

    def until(self, rung: str, score: float) -> Until:
        """How many rows the rung needs to reach a score."""
        times = np.geomspace(1, FURTHEST, _STEPS)
        rows = _first(self.sample(rung, times) <= error_of(self.by, score), times) * self.num_train
        low, middle, high = np.percentile(rows, (_TAILS[0], 50, _TAILS[1]), method="nearest")
        return Until(rung, score, Score(float(middle), float(low), float(high)))

    def limit(self, rung: str) -> float | None:
        """The score at which a rung levels off; None where the family that counts most has no limit."""
        limit = self.forecasts[rung].limit
        return None if limit is None else float(score_of(self.by, limit))


def _now(found: Forecast, by: Metric) -> float:
    """The score of the run's own fit, by the curve where there is one: a single fit is a matter of luck."""
    curve = found.curve
    error = curve.errors[-1] if found.refusal is not None else found.at(curve.sizes[-1:])[0]
    return float(score_of(by, error))


def _banded(value: float, samples: Floats) -> Score:
    """A number with the band of its samples (S,)."""
    low, high = np.percentile(samples, _TAILS)
    return Score(value, float(min(low, value)), float(max(high, value)))


def _seed(rung: str) -> int:
    return zlib.crc32(rung.encode())


def _levels(scores: Floats, by: Metric, level: float) -> Floats:
    """Scores on resamples of the test part (S,) -> as logarithms by which the error is off, of this spread (S,)."""
    logs = np.log(np.maximum(error_of(by, scores), 1e-12))[:SAMPLES]
    spread = float(np.std(logs))
    return np.asarray((logs - logs.mean()) * (level / spread if spread > 0 else 0.0))


def _first(is_there: np.ndarray, times: Floats) -> Floats:
    """Whether something is so at multiples of the data (S, K) -> the first of those where it is (S,), else infinity."""
    first = np.where(is_there.any(1), times[is_there.argmax(1)], np.inf)
    return np.asarray(first)


def outlook(
    results: Results,
    by: Metric,
    *,
    times: float = TIMES,
    until: float | None = None,
    rungs: Sequence[str] | None = None,
    recommended: str | None = None,
    beyond: Collection[str] = (),
    num_left: int = 0,
) -> Outlook:
    """What more data would bring to a run.

    Args:
        results: of the run.
        by: the metric.
        times: how often its data.
        until: a score to be reached.
        rungs: those that are looked at; all that have fits on parts of train when None.
        recommended: the rung that the best is held against.
        beyond: see `Forecasts`.
        num_left: see `Outlook`.
    """
    found = Forecasts(results, by, rungs, beyond)
    rivals = list(found.rivals)
    best = min(rivals, key=lambda rung: found.told[rung].at([times * found.num_train])[0], default=None)
    leader = min(rivals, key=lambda rung: error_of(by, found.now[rung]), default=None)
    crossings = [found.crossing(rung, leader) for rung in rivals if leader is not None and rung != leader]
    return Outlook(
        metric=by.name,
        times=times,
        num_train=found.num_train,
        rungs=tuple(_rung(found, rung, times) for rung in found.forecasts),
        recommended=recommended,
        leader=leader,
        best=best,
        ahead=found.ahead(recommended, times),
        crossings=tuple(each for each in crossings if each is not None),
        until=tuple(found.until(rung, until) for rung in found.told) if until is not None else (),
        sizes=tuple(size_outlooks(results, by, times, found.curves, found.levels)),
        num_left=num_left,
    )


def outlook_as_asked(
    results: Results, by: Metric, recommended: str | None, beyond: Collection[str] = ()
) -> Outlook | None:
    """The outlook on as much data, and for such a score, as a run's forecast was last asked for.

    None where no rung was fitted on parts of train.
    """
    if not results.growth:
        return None
    try:
        asked = json.loads((results.run_folder / FORECAST).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the fits are there, and it takes no more
        asked = {}
    scores = [each["score"] for each in asked.get("until", ()) if asked["metric"] == by.name]
    return outlook(
        results,
        by,
        times=asked.get("times", TIMES),
        until=scores[0] if scores else None,
        recommended=recommended,
        beyond=beyond,
        num_left=asked.get("num_left", 0),
    )


def _rung(found: Forecasts, rung: str, times: float) -> RungOutlook:
    told = found.forecasts[rung]
    curve = told.curve
    scores = tuple(float(score) for score in score_of(found.by, curve.errors))
    sizes = tuple(float(size) for size in curve.sizes)
    if told.refusal is not None:
        return RungOutlook(rung, found.now[rung], sizes, scores, refusal=told.refusal)
    grid = np.geomspace(curve.sizes[0] / curve.sizes[-1], max(FURTHEST, times), _STEPS)
    return RungOutlook(
        rung,
        found.now[rung],
        sizes,
        scores,
        told.family,
        told.parameters,
        told.weights,
        found.band(rung, [times])[0],
        found.gain(rung, times),
        found.limit(rung),
        tuple(float(size) for size in grid * curve.sizes[-1]),
        tuple(found.band(rung, list(grid))),
    )
