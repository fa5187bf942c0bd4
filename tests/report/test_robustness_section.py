"""The page's section on corrupted images, of a run made by hand."""

import html
import re

import numpy as np
import pytest

from rungwise.data import prepare
from rungwise.evaluation import Predictions, Results, append_record, write_json, write_predictions
from rungwise.evaluation.corruptions import CORRUPTIONS
from rungwise.report import write_report

FALLS = {"baseline": 0.0, "svm": 0.2, "hog-svm": 0.1, "cnn": 0.05}
"""Rung → how much of its score each strength takes."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    images = np.random.default_rng(0).integers(0, 256, (90, 8, 8, 1), dtype=np.uint8)
    return prepare((images, np.arange(90) % 3), folder=tmp_path_factory.mktemp("images") / "data")


@pytest.fixture
def run(dataset, tmp_path):
    (tmp_path / "data").symlink_to(dataset.folder)
    config = {"task": "image-classification", "metric": "accuracy", "budget": 60.0, "settings": {}}
    write_json(tmp_path / "config.json", config)
    return tmp_path


def add_rung(run, dataset, rung, order, robustness):
    costs = {"fit_seconds": 1.0, "fit_cpu_seconds": 10.0**order, "model_bytes": 1000, "parameters": 7}
    record = {"type": "rung", "rung": rung, "order": order, "status": "done", "reason": None, **costs}
    append_record(run, record)
    for part in ("valid", "test"):
        target = dataset.targets(part).astype(np.int64)
        probabilities = np.eye(3)[np.where(np.arange(len(target)) % 4 < order, target, 0)]
        write_predictions(run, rung, part, Predictions(target, probabilities.argmax(1), probabilities))
    append_record(run, {"type": "robustness", "rung": rung, **robustness})


def measured(fall):
    scores = [0.9 - fall * strength for strength in range(1, 6)]
    by_name = {corruption.name: scores for corruption in CORRUPTIONS}
    return {"metric": "accuracy", "num_examples": 18, "clean": 0.9, "scores": by_name}


def with_intervals(fall):
    """Of 5 points on either side."""
    found = measured(fall)
    ends = {name: [(s - 0.05, s + 0.05) for s in scores] for name, scores in found["scores"].items()}
    return {**found, "intervals": {"clean": (0.85, 0.95), "mean": (0.6, 0.8), "scores": ends}}


def test_every_point_has_its_bar_and_the_table_the_intervals(run, dataset):
    for order, rung in enumerate(("svm", "cnn")):
        add_rung(run, dataset, rung, order, with_intervals(0.05 + order / 100))
    section = page_of(run).partition('id="robustness"')[2].partition('id="facts"')[0]
    bars = re.findall(r'<path class="ends ([\w ]+)" d="([^"]*)"', section)
    assert len(bars) == 2 * len(CORRUPTIONS)
    assert all(path.count("V") == 6 for _, path in bars)
    first, second = (float(path.split()[0].removeprefix("M")) for _, path in bars[:2])
    assert 3 < abs(first - second) < 10, "they stand beside each other"
    assert "intervals. As all rungs are asked about the same images" in section
    assert "60.0 to 80.0" in section
    assert "85.0 to 95.0" in section


def test_runs_of_earlier_versions_have_curves_without_bars(run, dataset):
    add_rung(run, dataset, "svm", 0, measured(0.05))
    section = page_of(run).partition('id="robustness"')[2].partition('id="facts"')[0]
    assert "<title>svm</title>" in section
    assert 'class="ends' not in section
    assert "Bars are" not in section


def page_of(run):
    return write_report(Results(run)).read_text(encoding="utf-8")


def test_curves_and_table_show_every_rung_that_was_measured(run, dataset):
    for order, (rung, fall) in enumerate(FALLS.items()):
        add_rung(run, dataset, rung, order, measured(fall))
    add_rung(run, dataset, "vit", 4, {"reason": "no time was left"})
    page = page_of(run)
    section = page[page.index('id="robustness"') : page.index('id="facts"')]
    assert section.count('<svg class="chart" role="img"') == len(CORRUPTIONS)
    assert section.count("<title>hog-svm</title>") == len(CORRUPTIONS)
    assert section.count("<image href=") == 6 * len(CORRUPTIONS)
    assert re.search(r"<code>cnn</code></th>.*<strong>75\.0</strong>", section)
    assert "on 18 test images" in section
    assert "One image is 5.6 points." in section
    assert "<code>vit</code> wasn&#39;t measured: no time was left." in section
    assert "not measured" in section
    assert "Robust" in page[page.index('id="leaderboard"') : page.index('id="errors"')]


def test_of_many_rungs_those_that_can_be_told_apart_have_curves(run, dataset):
    rungs = ["baseline", "svm", "hog-svm", "cnn", "vit", "mlp", "lstm", "textcnn", "nb-svm", "linear-svm"]
    rungs += ["transformer", "simple-rnn"]
    for order, rung in enumerate(rungs):
        add_rung(run, dataset, rung, min(order, 3), measured(order / 100))
    page = page_of(run)
    section = page[page.index('id="robustness"') : page.index('id="facts"')]
    styles = re.findall(r'<li.*?><svg class="chart key".*?<path class="([\w ]+)".*?<code>', section)
    assert len(styles) == len(set(styles)) == 10
    assert "The curves leave out <code>transformer</code>, <code>simple-rnn</code>" in section


def test_a_baseline_that_is_far_off_does_not_press_the_curves_together(run, dataset):
    far = {name: [0.1] * 5 for name in measured(0)["scores"]}
    add_rung(run, dataset, "baseline", 0, {**measured(0), "clean": 0.1, "scores": far})
    add_rung(run, dataset, "svm", 1, measured(0.01))
    add_rung(run, dataset, "cnn", 2, measured(0.01))
    page = page_of(run)
    assert "The curves leave out <code>baseline</code>, which the table has." in page
    assert "<title>baseline</title>" not in page


def test_scores_that_are_not_defined_are_no_trouble(run, dataset):
    nothing = {name: [None] * 5 for name in measured(0)["scores"]}
    add_rung(run, dataset, "cnn", 0, {**measured(0), "clean": None, "scores": nothing})
    page = page_of(run)
    assert 'id="robustness"' in page
    assert "nan" not in page[page.index('id="robustness"') : page.index('id="facts"')]


def test_a_run_that_was_not_measured_has_a_sentence_in_place_of_the_section(run, dataset):
    add_rung(run, dataset, "cnn", 0, {"reason": "no time was left"})
    page = page_of(run)
    assert 'id="robustness"' not in page
    assert "Robustness to corrupted images wasn't measured: no time was left." in html.unescape(page)
