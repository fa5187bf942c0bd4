"""A run from Python: `Ladder(...).fit(data, target=...)`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from rungwise.data import Dataset, prepare
from rungwise.errors import RunError
from rungwise.evaluation import Outlook, Terms, append_record, read_records
from rungwise.evaluation.records import JOURNAL
from rungwise.fitting import Precision
from rungwise.kinds import ColumnKind
from rungwise.ladder.aftermath import corruptible
from rungwise.ladder.choices import (
    Settings,
    check_asked,
    check_identifies,
    check_metric,
    parse_class_weight,
    with_class_weight,
)
from rungwise.ladder.climb import Climb
from rungwise.ladder.folder import (
    Paths,
    circumstances,
    discard_folder,
    full_disk_said,
    locked,
    new_folder,
    num_cores,
)
from rungwise.ladder.forecasting import check_forecast, forecast_rungs, grow_run, write_outlook
from rungwise.ladder.growth import GrowthStep
from rungwise.ladder.jobs import Job
from rungwise.ladder.plan import facts_of, from_random, parse_budget, plan_folds, plan_rungs
from rungwise.ladder.processes import Launcher, make_launcher
from rungwise.ladder.results import results_seconds, write_results
from rungwise.ladder.resume import (
    SCHEMA_VERSION,
    begin,
    check_unchanged,
    elapsed,
    last_budget,
    left_to_do,
    read_config,
    renew_budget,
    source_stamps,
)
from rungwise.ladder.states import Step
from rungwise.ladder.view import RunView
from rungwise.metrics import metric
from rungwise.rung import Cost
from rungwise.tasks import task, task_for
from rungwise.training.devices import check_device
from rungwise.training.precision import resolve_precision
from rungwise.training.seeds import sub_seed
from rungwise.training.threads import resolve_threads

__all__ = ["Ladder"]


class Ladder(RunView):
    """Trains the rungs of a task on one dataset and says which one pays.

    Args:
        task: such as "text-classification"; inferred from the data when None.
        rungs: names of those that climb; all that accept the task when None.
        up_to: the last rung that climbs, in order of cost.
        budget: for the whole climb: seconds, or such as "10m".
        metric: that rungs are compared by; the task's own when None.
        seed: of the split and of every rung.
        seeds: how often each rung is fitted, each time from another seed; its spread over them is reported.
        folds: parts of train that rungs are chosen by in place of the validation part, set aside one after another,
            each from a fit of its own; when None, several where data are few and fits are cheap, else none.
        out: the run's folder; a new one under `runs/` when None.
        device: a torch device name, such as "cpu", "cuda" or "mps".
        precision: "auto", "fp32" or "bf16".
        workers: rungs side by side; as many as there are cores when None.
        settings: rung -> setting -> value, where they differ from the rung's defaults.
        margin: how far a rung may be behind the best on validation, in the metric's unit, to be recommended where it is
            cheaper: 0.01 is one point of accuracy; one standard error of the difference when None.
        cost: of which the recommended rung is to have least: "train", "size", "latency", "energy" or "price"; the
            order of the ladder, which is that of expected training, when None.
        max_latency: that a prediction for one example may take with it, such as "5ms", or in seconds.
        max_size: that its model may have, such as "20MB", or in bytes.
        price_per_hour: of the machine, in any currency, for the price of a million predictions.
        class_weight: "balanced" lets each class count as much as any other in the training of the rungs that can.
        identify_predicates: whether models of semantic roles learn to find predicates in sentences without.

    Raises:
        ConfigError: if the budget, the precision, the class weight, a term or the number of workers can't be used.
        UnknownNameError: if there is no such task, rung or metric.
    """

    def __init__(
        self,
        task: str | None = None,
        *,
        rungs: Sequence[str] | None = None,
        up_to: str | None = None,
        budget: str | float = "10m",
        metric: str | None = None,
        seed: int = 0,
        seeds: int = 1,
        folds: int | None = None,
        out: str | Path | None = None,
        device: str = "cpu",
        precision: str = "auto",
        workers: int | None = None,
        settings: Settings | None = None,
        margin: float | None = None,
        cost: str | None = None,
        max_latency: str | float | None = None,
        max_size: str | float | None = None,
        price_per_hour: float | None = None,
        class_weight: str = "none",
        identify_predicates: bool = False,
    ) -> None:
        self.task, self.metric, self.seed, self.device, self.precision = task, metric, seed, device, precision
        self.rungs, self.up_to, self.identify_predicates = rungs, up_to, identify_predicates
        self.settings: Settings = dict(settings or {})
        self.budget, self.class_weight = parse_budget(budget), parse_class_weight(class_weight)
        self.workers, self.seeds, self.folds = workers, seeds, folds
        limits = {"max_latency": max_latency, "max_size": max_size}
        self.terms = Terms.parse(margin=margin, cost=cost, price_per_hour=price_per_hour, **limits)
        self.warnings: list[str] = []
        self.out = None if out is None else Path(out)
        self._launcher: Launcher | None = None
        check_asked(task, metric, rungs=rungs, precision=precision, workers=workers, seeds=seeds, folds=folds)

    # ------------------------------------------------------------------------------------------ the climb

    def fit(self, data: Any, target: str | None = None, **options: Any) -> Self:
        """`prepare` and `climb` in one call; the options are `prepare`'s."""
        self.prepare(data, target, **options)
        return self.climb()

    def prepare(
        self,
        data: Any,
        target: str | None = None,
        *,
        valid: Any = None,
        test: Any = None,
        columns: Mapping[str, ColumnKind | str] | None = None,
        group: str | None = None,
        time: str | None = None,
        encoding: str = "utf-8",
        drop_missing_target: bool = False,
        split_duplicates: bool = False,
        image_size: int | None = None,
    ) -> Dataset:
        """Reads, infers, checks and splits the data into a new run's folder, and plans the climb.

        Args:
            data: a file, a folder, or a frame, table or arrays in memory.
            target: the column to predict.
            valid: data to choose by; cut from `data` when None.
            test: data to judge by; cut from `data` when None.
            columns: kinds of columns, where the inferred ones won't do.
            group: a column whose values may not stand on both sides of the split.
            time: a column to split by: the newest rows are the test.
            encoding: of text files.
            drop_missing_target: whether rows without a target are dropped, and counted, rather than refused.
            split_duplicates: whether equal texts or images may stand in several parts of the split.
            image_size: pixels of a side that images are resized to.

        Raises:
            DataError: if the data can't be used.
            RunError: if the folder exists.
            ConfigError: if the task and the data don't fit.
        """
        was_there = self.out is not None and self.out.exists()
        self._paths = Paths(new_folder(self.out, data))
        reading: dict[str, Any] = {
            "target": target,
            "columns": {name: ColumnKind(kind) for name, kind in (columns or {}).items()},
            "group": group,
            "time": time,
            "encoding": encoding,
            "drop_missing_target": drop_missing_target,
            "split_duplicates": split_duplicates,
            "image_size": image_size,
        }
        sources = {"train": data, "valid": valid, "test": test}
        try:
            self.paths.logs.mkdir()
        except FileExistsError:
            raise RunError(
                f"{self.run} has just been begun by another command; choose another --out."
            ) from None
        try:
            self._launcher = make_launcher(self.paths.logs)  # it has imports to do meanwhile
            weakref.finalize(self, self._launcher.close)  # where no climb comes
            self.dataset = prepare(
                **sources,
                **reading,
                pair=None if self.task is None else task(self.task).pair,
                seed=self.seed,
                folder=self.paths.data,
            )
            self._plan(can_fold=time is None and not self.dataset.has_own_valid)
            begin(self.paths, self._config(data) | {"sources": source_stamps(sources), "reading": reading})
        except BaseException:
            if self._launcher is not None:
                self._launcher.close()
            with suppress(OSError):  # what is raised already says more
                discard_folder(self.paths.run, is_kept=was_there)  # nothing was paid for yet
            raise
        return self.dataset

    def _plan(self, *, can_fold: bool) -> None:
        chosen = task_for(self.dataset.pair)
        self.task = chosen.name
        self.metric = self.metric or chosen.default_metric
        check_metric(self.metric, chosen, self.dataset)
        self.terms.check(metric(self.metric))
        if self.identify_predicates:
            check_identifies(self.dataset)
        self.plan = plan_rungs(self.dataset, rungs=self.rungs, up_to=self.up_to, settings=self.settings)
        weighed = with_class_weight(self.class_weight, self.plan, self.dataset.pair, self.settings)
        self.settings, warnings = weighed
        self.warnings = [*warnings, *from_random(self.plan, self.settings)]
        self.num_workers = min(self.workers or num_cores(), len(self.plan))
        self.folds, self.folds_forgone = plan_folds(
            self.dataset, self.plan, self.folds, budget=self.budget, can_fold=can_fold, seeds=self.seeds
        )
        check_device(self.device)
        self.precision = resolve_precision(Precision(self.precision), self.device)
        self.num_threads = resolve_threads(num_cores()) if self.num_workers == 1 else 1

    def climb(self, observe: Callable[[Step], None] | None = None) -> Self:
        """Fits the rungs that have no result yet and writes the leaderboard, the verdict and the page.

        Args:
            observe: is shown the climb several times a second.

        Raises:
            KeyboardInterrupt: after saving what is finished.
            RunError: if another command climbs in this folder, the run was changed since it began, or the disk is full.
        """
        with locked(self.paths.run / JOURNAL), full_disk_said(self.paths.run):
            launcher, self._launcher = self._launcher, None
            if launcher is None:  # it was begun by another command
                self.warnings = check_unchanged(self.paths, self.dataset)
            if self.budget != last_budget(self.paths):
                renew_budget(self.paths, self.budget)
            records = read_records(self.paths.run)
            folds = self.folds or 0
            fits, unmeasured, uncorrupted = left_to_do(
                self.paths, records, list(self.plan), self.seeds, folds
            )
            num_known = len(self.plan) * (self.seeds + folds) - len(fits)
            climb = Climb(
                self.paths,
                [self._job(*fit) for fit in fits],
                unmeasured=[self._job(rung) for rung in unmeasured],
                uncorrupted=[self._job(rung) for rung in uncorrupted],
                corruptible=corruptible(self.dataset),
                identifying=self.metric if self.identify_predicates else None,
                facts=facts_of(self.plan, self.dataset),
                budget=self.budget,
                elapsed=elapsed(self.paths, records),
                results_seconds=lambda num_new: results_seconds(self.dataset, num_known + num_new),
                num_workers=self.num_workers,
                observe=observe or (lambda _: None),
                launcher=launcher,
            )
            try:
                climb.run()
            except BaseException:
                with suppress(Exception):  # what is raised already says more
                    self.write_results()
                raise
            self.write_results()
            append_record(
                self.paths.run, {"type": "climb", "elapsed": climb.elapsed(), "budget": self.budget}
            )
        return self

    def forecast(
        self,
        to: float = 4.0,
        *,
        budget: str | float | None = None,
        until: float | None = None,
        rungs: Sequence[str] | None = None,
        metric: str | None = None,
        sizes: bool = False,
        observe: Callable[[GrowthStep], None] | None = None,
    ) -> Outlook:
        """What more data would bring: fits the rungs on parts of train that grow, unless that is done, and forecasts.

        Args:
            to: how often the run's data.
            budget: for the fits, seconds or such as "2m"; twice what the climb took when None; 0 for none.
            until: a score, to say how much data each rung needs for it.
            rungs: those that are looked at; all that have a model, but for the baseline, when None.
            metric: what scores are; the run's when None.
            sizes: whether rungs that can be wider or narrower are fitted so too, for a law of size and data.
            observe: is shown the fits many times a second.

        Raises:
            ConfigError: if a number can't be used, or the metric doesn't fit the run.
            UnknownNameError: if there is no such rung or metric.
            RunError: if no rung has a model, another command uses the folder, its data are gone, or the disk is full.
        """
        by = self.results.metric(metric or str(self.metric))
        chosen = forecast_rungs(self.results, rungs)
        check_forecast(by, to, until)
        jobs = [self._job(rung) for rung in chosen]
        left = grow_run(self.paths, self.dataset, jobs, budget, self.workers, sizes=sizes, observe=observe)
        self._results = None
        found = self.verdict if by.name == self.metric else self.verdict_by(metric=by.name)
        told = write_outlook(self.results, by, chosen, to, until, found, num_left=left)
        with locked(self.paths.run / JOURNAL), full_disk_said(self.paths.run):
            self.write_results()  # the verdict and the page have the forecast
        return told

    def write_results(self) -> None:
        """Writes `metrics.json`, `leaderboard.csv`, `verdict.json` and `report.html` from the journal."""
        self._results = None
        write_results(self.results, task(str(self.task)), str(self.metric), self.terms, self.dataset)

    @classmethod
    def open(cls, run: str | Path) -> Self:
        """The ladder of a run's folder, to look at, or to `climb` on.

        Raises:
            RunError: if it is no run's folder.
        """
        paths = Paths(Path(run))
        config = read_config(paths)
        names = ("task", "budget", "metric", "seed", "seeds", "device", "precision", "workers", "settings")
        try:
            ladder = cls(**{name: config[name] for name in names})
            ladder.plan = {rung: Cost(**cost) for rung, cost in config["plan"].items()}
            ladder.num_workers, ladder.num_threads = config["num_workers"], config["num_threads"]
            ladder.folds = config.get("folds", 0)  # runs of earlier versions have neither these
            ladder.identify_predicates = bool(config.get("identify_predicates", False))
            ladder.terms = Terms.parse(**config.get("terms", {}))  # nor these
        except (KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{paths.config} is damaged ({type(error).__name__}: {error}).") from None
        ladder._paths, ladder.budget = paths, last_budget(paths)
        ladder.dataset = Dataset.open(paths.data)
        return ladder

    # ----------------------------------------------------------------------------------------------- parts

    def _job(self, rung: str, repeat: int = 0) -> Job:
        return Job(
            kind="fit",
            run=str(self.paths.run),
            rung=rung,
            repeat=repeat,
            is_fold=repeat > 0 and self.seeds == 1,
            split_seed=self.seed,
            settings=dict(self.settings.get(rung, {})),
            seed=sub_seed(self.seed, rung, repeat) if repeat else sub_seed(self.seed, rung),
            device=self.device,
            precision=self.precision,
            num_threads=self.num_threads,
        )

    def _config(self, data: Any) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "data": str(data) if isinstance(data, str | Path) else type(data).__name__,
            "task": self.task,
            "metric": self.metric,
            "target": self.dataset.target,
            "pair": self.dataset.pair,
            "seed": self.seed,
            "seeds": self.seeds,
            "folds": self.folds,
            "folds_forgone": self.folds_forgone,
            "rows": {part: self.dataset.num(part) for part in ("train", "valid", "test")},
            "budget": self.budget,
            "device": self.device,
            "precision": self.precision,
            "workers": self.workers,
            "num_workers": self.num_workers,
            "num_threads": self.num_threads,
            "settings": self.settings,
            "identify_predicates": self.identify_predicates,
            "terms": self.terms.to_dict(),
            "plan": {rung: asdict(cost) for rung, cost in self.plan.items()},
            "fingerprint": self.dataset.fingerprint,
            "split_hash": self.dataset.split_hash,
            **circumstances(),
        }
