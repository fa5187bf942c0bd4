"""What a climb leaves in the end, all of it from the journal and the stored predictions."""

from __future__ import annotations

from rungwise.data import Dataset
from rungwise.evaluation import Results, Terms, leaderboard, scores, verdict, write_json
from rungwise.files import replace_text
from rungwise.kinds import InputKind
from rungwise.tasks import Task

__all__ = ["results_seconds", "write_results"]

_SECONDS, _OUTPUT_SECONDS = 0.8, 1e-6
"""What writing takes, and for each output for an example, by each fit: Fashion-MNIST's 16,000 examples of ten classes
by five fits took 0.75 CPU seconds, Adult's 9,118 of two classes by five 0.23. Calibration, slices and label errors
take another 0.3 to 0.45."""

_ROW_SECONDS = 3.5e-4
"""For each sentence with a predicate, by each fit, whose roles are told: 5,326 by two took 4.1 CPU seconds in all."""

_IMAGE_SECONDS = 0.6
"""What pictures for the page take, more where inputs are images: 0.4 for 195 photographs of 96 pixels a side."""


def results_seconds(dataset: Dataset, num_fits: int) -> float:
    """About what `write_results` takes."""
    num_outputs = (dataset.num("valid") + dataset.num("test")) * max(2, dataset.num_outputs) * num_fits
    images = _IMAGE_SECONDS if dataset.pair[0] is InputKind.IMAGE else 0.0
    num_rows = dataset.num("valid") + dataset.num("test") if dataset.pair[0] is InputKind.PREDICATE else 0
    return _SECONDS + images + _OUTPUT_SECONDS * num_outputs + _ROW_SECONDS * num_rows * num_fits


def write_results(results: Results, chosen: Task, metric: str, terms: Terms, dataset: Dataset) -> None:
    """Writes `metrics.json`, `leaderboard.csv`, `verdict.json`, `report.html` and the models' cards."""
    from rungwise.report import Content, write_cards, write_report

    run = results.run_folder
    classes = [str(name) for name in dataset.classes] if dataset.classes is not None else []
    write_json(run / "metrics.json", scores(results, chosen.metrics, classes))
    replace_text(run / "leaderboard.csv", leaderboard(results, metric).to_csv(index=False))
    write_json(run / "verdict.json", verdict(results, metric, terms).to_dict())
    write_report(results)
    write_cards(Content.read(results))
