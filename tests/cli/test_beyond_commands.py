"""`calibrate`, `slices` and `label-errors`, on a run made by hand and its data."""

import json

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from rungwise.cli import rungwise
from rungwise.data import prepare
from rungwise.evaluation import Predictions, append_record, write_json, write_predictions
from rungwise.ladder import Ladder

NUM_ROWS = 1500


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of texts in Chinese, whose two rungs are unsure, right but of long texts, and contradict one label."""
    run = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    words = np.array(list("好坏快慢新旧大小"))
    texts = ["".join(rng.choice(words, 5 + n % 40)) + str(n) for n in range(NUM_ROWS)]
    table = pa.table({"评论": texts, "评价": rng.choice(["差评", "好评"], NUM_ROWS)})
    dataset = prepare(table, target="评价", folder=run / "data", columns={"评论": "text"})
    ladder = Ladder("text-classification", rungs=["tfidf-logistic"], out=run)
    config = {
        "schema_version": 1,
        **{
            name: getattr(ladder, name) for name in ("task", "budget", "seed", "seeds", "device", "precision")
        },
        "metric": "accuracy",
        "workers": 1,
        "settings": {},
        "num_workers": 1,
        "num_threads": 1,
        "plan": {},
        "sources": {},
        "terms": {},
    }
    append_record(run, {"type": "run", "config": config})
    write_json(run / "config.json", config)
    for order, rung in enumerate(["baseline", "tfidf-logistic", "textcnn"]):
        append_record(run, {"type": "rung", "rung": rung, "order": order, "status": "done", "reason": None})
        for part in ("valid", "test"):
            target = (dataset.targets(part) == "差评").astype(np.int64)  # classes are sorted
            lengths = np.array([len(text) for text in dataset.inputs(part).to_pylist()])
            is_right = rng.random(len(target)) < np.where(lengths > 30, 0.8, 0.99)
            said = np.where(is_right, target, 1 - target) if order else np.zeros(len(target), np.int64)
            sure = np.where(is_right, 0.7, 0.6)
            if part == "test" and order:
                said[3], sure[3] = 1 - target[3], 0.99
            probabilities = np.column_stack([1 - sure, sure])
            probabilities = np.where(said[:, None] == 1, probabilities, probabilities[:, ::-1])
            write_predictions(run, rung, part, Predictions(target, said, probabilities))
    return run


def asked(*arguments):
    done = CliRunner().invoke(rungwise, [str(each) for each in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_calibrate_shows_each_rung_with_its_temperature(run):
    shown = asked("calibrate", run)
    assert "`tfidf-logistic` and `textcnn` would be right more nearly as often as said." in shown
    assert "--apply` gives models their temperatures" in " ".join(shown.split())
    found = json.loads(asked("calibrate", run, "--rung", "textcnn", "--json"))
    assert [each["rung"] for each in found] == ["textcnn"]
    assert found[0]["temperature"] < 1
    assert found[0]["after"]["ece"] < found[0]["before"]["ece"]
    assert len(found[0]["before"]["bins"]) >= 1


def test_slices_shows_the_worst_and_says_how_many(run):
    shown = asked("slices", run, "--rung", "textcnn")
    assert "> 3" in shown
    assert "clearly worse than the rest (p < 0.05 by Holm)" in " ".join(shown.split())
    assert "差评" in asked("slices", run, "--by", "评价")
    found = json.loads(asked("slices", run, "--rung", "textcnn", "--by", "length", "--json"))
    assert [each["is_worse"] for each in found["slices"]] == [False, False, False, True]
    assert found["columns"] == ["length"]


def test_label_errors_lists_rows_labels_and_texts(run):
    shown = asked("label-errors", run, "--top", "1")
    assert "2 of 2" in shown
    assert "评" in shown
    found = json.loads(asked("label-errors", run, "--top", "1", "--json"))
    dataset = Ladder.open(run).dataset
    [only] = found["suspects"]
    assert only["row"] == dataset.row_numbers("test")[3]
    assert only["label"] == dataset.targets("test")[3]
    assert only["example"] == dataset.inputs("test")[3].as_py()


@pytest.mark.parametrize("command", ["calibrate", "slices", "label-errors"])
def test_each_command_has_help(command):
    assert "RUN" in asked(command, "--help")


def test_apply_and_reset_are_not_for_one_command(run):
    assert "contradict each other" in asked("calibrate", run, "--apply", "--reset")
