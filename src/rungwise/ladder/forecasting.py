"""What more data would bring to a run: the fits for it, and what is written of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rungwise import registry
from rungwise.data import Dataset
from rungwise.errors import ConfigError, RunError
from rungwise.evaluation import Outlook, Results, Verdict, outlook
from rungwise.evaluation.outcomes import BASELINE
from rungwise.evaluation.outlook import FORECAST
from rungwise.evaluation.records import JOURNAL, read_records, write_json
from rungwise.ladder.folder import Paths, full_disk_said, locked, num_cores
from rungwise.ladder.growth import GrowthStep, grow, growth_budget, plan_growth
from rungwise.ladder.jobs import Job
from rungwise.ladder.plan import parse_budget
from rungwise.ladder.widths import plan_widths
from rungwise.metrics import Metric

__all__ = ["check_forecast", "forecast_rungs", "grow_run", "write_outlook"]


def check_forecast(by: Metric, to: float, until: float | None) -> None:
    """Sees that what is to be forecast can be.

    Raises:
        ConfigError: if it can't.
    """
    if not isinstance(to, int | float) or not math.isfinite(to) or to <= 1:
        raise ConfigError(f"to {to!r} must be a number above 1: 4 forecasts four times the run's data.")
    if until is None:
        return
    if not isinstance(until, int | float) or not math.isfinite(until):
        raise ConfigError(f"until {until!r} must be a score of {by.title}.")
    if by.is_share and not 0 < until <= 1:
        raise ConfigError(f"until {until!r} is no score of {by.title}, which is at most 1: 0.95 is 95 %.")


def forecast_rungs(results: Results, rungs: Sequence[str] | None) -> list[str]:
    """The rungs that were asked for, or all that a forecast is of use for, cheapest first.

    Raises:
        UnknownNameError: if there is no such rung.
        RunError: if one has no result in this run, or none has.
    """
    finished = [o.rung for o in results.outcomes if o.is_finished and o.rung != BASELINE]
    if not finished:
        raise RunError(
            f"{results.run_folder} has no rung with a result to forecast; `rungwise fit --resume` goes on with it."
        )
    for name in rungs or ():
        registry.check_name(name, finished)
        if name not in finished:
            raise RunError(
                f"{results.run_folder}: rung {name!r} has no result to forecast; these have: {', '.join(finished)}."
            )
    return [name for name in finished if rungs is None or name in rungs]


def grow_run(
    paths: Paths,
    dataset: Dataset,
    jobs: Sequence[Job],
    budget: str | float | None,
    workers: int | None,
    *,
    sizes: bool,
    observe: Callable[[GrowthStep], None] | None,
) -> int:
    """Fits rungs on the parts of train that they haven't been fitted on, then in other sizes if that is asked for.

    Args:
        paths: of the run.
        dataset: the run's.
        jobs: of the run's own fits.
        budget: seconds or such as "2m"; twice what the climb took when None; 0 for no fits.
        workers: fits side by side; as many as there are cores for when None.
        sizes: whether rungs are fitted in other sizes too.
        observe: is shown the fits many times a second.

    Returns:
        Fits that there was no time for.

    Raises:
        ConfigError: if the budget is no time.
        RunError: if another command uses the folder, or the disk is full.
    """
    if budget == 0:
        return len(_planned(read_records(paths.run), jobs, dataset, sizes))
    with locked(paths.run / JOURNAL), full_disk_said(paths.run):
        records = read_records(paths.run)
        seconds = growth_budget(records) if budget is None else parse_budget(budget)
        planned = _planned(records, jobs, dataset, sizes)
        num_workers = workers or max(1, num_cores() // max(job.num_threads for job in jobs))
        return grow(
            paths, planned, budget=seconds, num_workers=num_workers, observe=observe or (lambda _: None)
        )


def _planned(
    records: Sequence[Mapping[str, Any]], jobs: Sequence[Job], dataset: Dataset, sizes: bool
) -> list[Job]:
    widths = plan_widths(records, jobs, dataset) if sizes else []
    return [*plan_growth(records, jobs, dataset), *widths]


def write_outlook(
    results: Results,
    by: Metric,
    rungs: Sequence[str],
    to: float,
    until: float | None,
    found: Verdict,
    *,
    num_left: int,
) -> Outlook:
    """What more data would bring, which is written to `forecast.json` too."""
    told = outlook(
        results,
        by,
        times=to,
        until=until,
        rungs=rungs,
        recommended=found.recommended,
        beyond=found.beyond,
        num_left=num_left,
    )
    write_json(results.run_folder / FORECAST, asdict(told))
    return told
