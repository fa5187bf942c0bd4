"""The page's sections beyond the score, of a run made by hand."""

import json
import re

import numpy as np
import pyarrow as pa
import pytest

from rungwise.data import prepare
from rungwise.evaluation import Predictions, Results, append_record, write_json, write_predictions
from rungwise.report import Format, write_report

NUM_ROWS = 1200
WRONG = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Of two rungs that are too unsure, worse in one town, and contradict one label: its folder and that row."""
    run = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    town = rng.choice(["北京", "<上海>"], NUM_ROWS)
    table = pa.table(
        {"size": rng.normal(size=NUM_ROWS), "town": town, "kind": rng.choice(["a", "b"], NUM_ROWS)}
    )
    dataset = prepare(table, target="kind", folder=run / "data")
    for order, rung in enumerate(["baseline", "svm", "mlp"]):
        row = {"type": "rung", "rung": rung, "order": order, "status": "done", "reason": None}
        append_record(run, {**row, "num_train_predicted": 50})
        for part in ("valid", "test", "train"):
            target = (dataset.targets(part) == "b").astype(np.int64)
            where = np.array(dataset.inputs(part)["town"].to_pylist())
            is_right = rng.random(len(target)) < np.where(where == "北京", 0.99, 0.8)
            said = np.where(is_right, target, 1 - target) if order else np.zeros(len(target), np.int64)
            sure = np.where(is_right, 0.7, 0.6)
            if part == "test" and order:
                said[WRONG], sure[WRONG] = 1 - target[WRONG], 0.99
            probabilities = np.where(
                said[:, None] == 1, np.column_stack([1 - sure, sure]), np.column_stack([sure, 1 - sure])
            )
            write_predictions(run, rung, part, Predictions(target, said, probabilities))
    config = {
        "task": "tabular-classification",
        "metric": "accuracy",
        "budget": 9.0,
        "seed": 0,
        "settings": {},
    }
    write_json(run / "config.json", config | {"environment": {"python": "3.11", "packages": {}}})
    return run, int(dataset.row_numbers("test")[WRONG])


@pytest.fixture(scope="module")
def page(run):
    return write_report(Results(run[0])).read_text(encoding="utf-8"), run[1]


def test_reliability_is_drawn_for_each_rung_but_the_baseline(page):
    assert page[0].count('aria-label="reliability of ') == 2
    assert "is the temperature by validation" in page[0]


def test_the_worst_slices_are_listed_and_escaped(page):
    assert "<td>&lt;上海&gt;</td>" in page[0]
    assert "are clearly worse than the rest" in page[0]


def test_suspected_labels_are_listed_with_their_rows(page):
    section = page[0].split('id="label-errors"')[1]
    assert f'<th scope="row"><bdi>{page[1]}</bdi></th>' in section
    assert "2 of 2" in section


def test_the_leaderboard_has_the_gap_to_train(page):
    assert "Train gap" in page[0]


def test_json_has_calibration_slices_and_suspected_labels_as_their_commands_do(run):
    told = json.loads(write_report(Results(run[0]), Format.JSON).read_text(encoding="utf-8"))
    assert [row["rung"] for row in told["calibration"]] == ["svm", "mlp"]
    assert {"temperature", "is_clear", "before", "after"} <= told["calibration"][0].keys()
    assert told["calibration"][0]["before"]["confidence"] < told["calibration"][0]["before"]["accuracy"]
    worse = [each for each in told["slices"]["slices"] if each["is_worse"]]
    assert [(each["column"], each["value"]) for each in worse] == [("town", "<上海>")]
    assert told["slices"]["rung"] == told["verdict"]["recommended"]
    assert told["label_errors"]["suspects"][0]["row"] == run[1]


def test_markdown_has_calibration_slices_and_suspected_labels_under_headings(run):
    page = write_report(Results(run[0]), Format.MARKDOWN).read_text(encoding="utf-8")
    for pattern in (
        r"## Slices\n\nWhere `svm` is worst, .*\n\n\| Column \|",
        rf"## Labels to look at\n\n(?s:.*?)\n\| {run[1]} \| ",
        r"## Calibration\n\nIn %\. ECE (?s:.*?)\| \*\*`svm`\*\* \|",
    ):
        assert re.search(pattern, page), pattern
