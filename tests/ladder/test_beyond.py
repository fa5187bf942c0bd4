"""What a run is asked beyond its scores, from Python, on a table of towns of which one is hard."""

import shutil

import numpy as np
import pandas as pd
import pytest

import rungwise as rw
from rungwise.artifacts import verify_model
from rungwise.errors import ConfigError, RunError, UnknownNameError
from rungwise.evaluation import read_predictions
from rungwise.ladder import Ladder
from rungwise.ladder.folder import locked

NUM_ROWS = 600


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    rng = np.random.default_rng(0)
    size, town = rng.normal(size=NUM_ROWS), rng.choice(["北京", "上海", "广州"], NUM_ROWS)
    is_large = size + np.where(town == "上海", 3.0, 0.2) * rng.normal(size=NUM_ROWS) > 0
    frame = pd.DataFrame(
        {"size": size, "town": town, "height": size + 1, "kind": np.where(is_large, "大", "小")}
    )
    file = tmp_path_factory.mktemp("data") / "towns.csv"
    frame.to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def climbed(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "towns"
    ladder = Ladder(rungs=["logistic-regression", "svm"], budget="60s", folds=0, out=out)
    return ladder.fit(source, "kind", columns={"town": "ignore"})


@pytest.fixture
def run(climbed, tmp_path):
    """A copy that may be changed."""
    return shutil.copytree(climbed.run, tmp_path / "run")


def test_the_leaderboard_has_the_score_on_what_was_learned_from(climbed):
    board = climbed.leaderboard().set_index("rung")
    said = read_predictions(climbed.run, "svm", "train")
    train = (said.target == said.prediction).mean()
    assert board.score_train["svm"] == pytest.approx(train)
    assert board.gap["svm"] == pytest.approx(train - board.score_test["svm"])
    by_loss = climbed.results.metric("log-loss")
    assert by_loss.score(said.target, said.output(by_loss)) > 0  # any metric can be asked


def test_a_column_that_was_no_feature_is_sliced_by(climbed):
    found = climbed.slices(["town"], rung="svm")
    assert sorted(each.value for each in found.slices) == sorted(["北京", "上海", "广州"])
    assert [each.value for each in found.slices if each.is_worse] == ["上海"]
    assert sum(each.num_examples for each in found.slices) == climbed.dataset.num("test")
    assert found.rung == "svm"


def test_without_a_column_all_of_the_run_are_tried_but_the_target(climbed):
    found = climbed.slices()
    assert found.columns == ("size", "height")
    assert found.rung == climbed.verdict.recommended
    assert climbed.slices(["kind", "size"]).columns == ("kind", "size")


def test_an_unknown_column_is_refused_with_those_that_there_are(climbed):
    with pytest.raises(UnknownNameError, match="column 'twon' is unknown; did you mean 'town'"):
        climbed.slices(["twon"])


def test_a_file_that_has_changed_is_not_sliced_by(run, source):
    before = source.read_bytes()
    try:
        source.write_bytes(before + b"\n")
        with pytest.raises(RunError, match=r"'town' was no feature, so it stands in .*changed since.*size"):
            Ladder.open(run).slices(["town"])
        source.unlink()
        with pytest.raises(RunError, match="is no longer there; put the file back"):
            Ladder.open(run).slices(["town"])
    finally:
        source.write_bytes(before)


@pytest.fixture
def clear(monkeypatch):
    """Whatever a temperature does is more than chance."""
    monkeypatch.setattr("rungwise.evaluation.calibration._CLEAR", -1.0)


def test_a_model_whose_temperature_is_1_but_for_chance_is_left_as_it_is(run):
    card = (run / "models" / "svm" / "README.md").read_text()
    [found] = Ladder.open(run).calibrate("svm")
    assert not found.is_clear
    assert rw.load(run / "models" / "svm").temperature_ == 1
    assert (run / "models" / "svm" / "README.md").read_text() == card


@pytest.mark.usefixtures("clear")
def test_a_model_is_calibrated_and_predicts_the_same(run):
    ladder = Ladder.open(run)
    inputs = ladder.dataset.inputs("test")
    before = ladder.model("svm")
    [found] = ladder.calibrate("svm")
    after = rw.load(run / "models" / "svm")
    assert after.temperature_ == found.temperature != 1
    assert (after.predict(inputs) == before.predict(inputs)).all()
    assert after.predict_proba(inputs).max(1).mean() == pytest.approx(found.after.confidence, abs=1e-5)
    assert before.predict_proba(inputs).max(1).mean() == pytest.approx(found.before.confidence, abs=1e-5)
    assert verify_model(run / "models" / "svm").is_ok
    assert "Probabilities are calibrated" in (run / "models" / "svm" / "README.md").read_text()
    assert Ladder.open(run).model("logistic-regression").temperature_ == 1
    assert ladder.calibrate("svm") == [found]  # from what the run has stored, not from the model
    assert "## Intended use" in (run / "models" / "svm" / "README.md").read_text()
    ladder.calibrate("svm", reset=True)
    assert rw.load(run / "models" / "svm").temperature_ == 1


@pytest.mark.usefixtures("clear")
def test_a_run_at_work_and_a_missing_model_are_not_calibrated(run):
    with locked(run / "journal.jsonl"), pytest.raises(RunError, match="in use by another command"):
        Ladder.open(run).calibrate("svm")
    shutil.rmtree(run / "models" / "svm")
    with pytest.raises(RunError, match="has no model of svm; `--resume` fits it again"):
        Ladder.open(run).calibrate()


def test_label_errors_are_rows_of_the_file(climbed, source):
    found = climbed.label_errors(top=3)
    assert found.source == str(source)
    frame = pd.read_csv(source)
    for each in found.suspects:
        assert frame.kind[each.row - 1] == each.label != each.said
    assert climbed.label_errors("valid").part == "valid"


def test_a_metric_without_a_meaning_within_one_class_is_refused_for_the_target(climbed):
    with pytest.raises(
        ConfigError, match=r"'f1' isn't defined within one class of 'kind'.*accuracy, error, log-loss"
    ):
        climbed.slices(["kind"], metric="f1")
