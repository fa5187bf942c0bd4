"""What a worker does once rungs are fitted, where models of roles are to find predicates themselves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rungwise.artifacts import is_model_folder, load_model
from rungwise.data import Dataset
from rungwise.data.predicates import joined_predicates
from rungwise.errors import TrainingError
from rungwise.estimators import RungTagger, learn_finder
from rungwise.evaluation.outcomes import Results
from rungwise.evaluation.predicates import PredicateScores, finder_f1, role_f1
from rungwise.evaluation.records import read_records
from rungwise.evaluation.terms import Terms
from rungwise.evaluation.verdict import verdict
from rungwise.ladder.folder import Paths
from rungwise.ladder.jobs import Job
from rungwise.ladder.resume import read_config

__all__ = ["identify_predicates", "is_identified"]

_FIT_SHARE = 0.7
"""Of the job's seconds, what learning may take; the rest is for models to be loaded, saved and asked."""


def identify_predicates(job: Job) -> dict[str, Any]:
    """Learns what finds predicates, on training data alone, puts it into every model of the run, and measures it."""
    paths, started = Paths(Path(job.run)), time.monotonic()
    dataset, results = Dataset.open(paths.data), Results(paths.run)
    terms = Terms.parse(**read_config(paths).get("terms", {}))
    chosen = verdict(results, job.settings["metric"], terms).recommended
    outcome = next((each for each in results.outcomes if each.rung == chosen), None)
    if outcome is None or outcome.test is None:
        raise TrainingError("no rung finished, so there is no model that needs them")
    folders = [folder for folder in sorted(paths.model("").iterdir()) if is_model_folder(folder)]
    models = {folder.name: load_model(folder) for folder in folders}
    taggers = {name: model for name, model in models.items() if isinstance(model, RungTagger)}
    before = _last_scores(paths.run)
    finder = next((each.finder_ for each in taggers.values() if each.finder_ is not None), None)
    is_cut = bool(before and before["is_cut"])
    if finder is None:
        limit = _FIT_SHARE * job.seconds
        parts = dataset.inputs("train"), dataset.inputs("valid")
        finder = learn_finder(*parts, seed=job.seed, time_limit=limit)
        is_cut = finder.deadline_hit_
    for name, model in taggers.items():
        if model.finder_ is None:
            model.finder_ = finder
            model.save(paths.model(name))
    test = dataset.inputs("test")
    given, found = role_f1(taggers[outcome.rung], test, outcome.test)
    scores = PredicateScores(
        rung=outcome.rung,
        valid=finder_f1(finder, dataset.inputs("valid")),
        test=finder_f1(finder, test),
        num_sentences=len(joined_predicates(test)[0]),
        given=given,
        found=found,
        is_cut=is_cut,
    )
    return {"scores": scores.to_dict(), "seconds": time.monotonic() - started}


def is_identified(run: Path) -> bool:
    """Whether a run's models find predicates."""
    return _last_scores(run) is not None


def _last_scores(run: Path) -> dict[str, Any] | None:
    records = [record for record in read_records(run) if record["type"] == "predicates"]
    return next((record["scores"] for record in reversed(records) if record.get("scores")), None)
