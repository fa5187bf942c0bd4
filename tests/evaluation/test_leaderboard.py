import numpy as np
import pandas as pd
import pytest

from rungwise.errors import ConfigError, RunError, UnknownNameError
from rungwise.evaluation import (
    Predictions,
    Results,
    append_record,
    leaderboard,
    read_predictions,
    scores,
    write_predictions,
)
from rungwise.evaluation.leaderboard import COLUMNS
from rungwise.tasks import task


def test_rows_are_the_rungs_cheapest_first_with_intervals(make_run):
    run = make_run({"svm": (0.8, 0.8), "lstm": (0.9, 0.9)})
    append_record(
        run, {"type": "rung", "rung": "vit", "order": 0.5, "status": "failed", "reason": "out of memory"}
    )
    table = leaderboard(Results(run), "accuracy")
    assert tuple(table.columns) == COLUMNS
    assert list(table["rung"]) == ["svm", "vit", "lstm"]
    done = table.iloc[2]
    assert done["score_test_low"] < done["score_test"] < done["score_test_high"]
    assert done["score_val_low"] < done["score_val"] < done["score_val_high"]
    assert (done["fit_cpu_time"], done["latency"], done["model_bytes"]) == (10, 0.003, 200)
    failed = table.iloc[1]
    assert (failed["status"], failed["reason"]) == ("failed", "out of memory")
    assert failed.drop(["rung", "status", "reason"]).isna().all()


def test_the_record_of_a_rung_that_was_cut_short_counts_if_it_predicted(make_run):
    run = make_run({"svm": (0.8, 0.8), "lstm": (0.9, 0.9)})
    append_record(run, {"type": "rung", "rung": "lstm", "order": 1, "status": "interrupted", "reason": None})
    append_record(run, {"type": "rung", "rung": "svm", "order": 0, "status": "deadline", "reason": None})
    assert list(leaderboard(Results(run), "accuracy")["score_test"].isna()) == [False, True]


def test_a_metric_that_does_not_fit_is_an_error(make_run):
    run = make_run({"svm": (0.8, 0.8)})
    with pytest.raises(ConfigError, match="metric 'rmse' doesn't fit: this run predicts classes"):
        leaderboard(Results(run), "rmse")
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        leaderboard(Results(run), "acuracy")


def test_a_run_where_nothing_finished_has_a_leaderboard(tmp_path):
    append_record(
        tmp_path, {"type": "rung", "rung": "svm", "order": 0, "status": "skipped", "reason": "no time"}
    )
    table = leaderboard(Results(tmp_path), "accuracy")
    assert pd.isna(table.loc[0, "score_test"])
    assert scores(Results(tmp_path), ("accuracy",)) == {}


def test_predictions_are_read_as_they_were_written(tmp_path):
    probabilities = np.array([[0.25, 0.75, 0], [0.5, 0.25, 0.25]], np.float32)
    write_predictions(
        tmp_path, "svm", "test", Predictions(np.array([-1, 0]), np.array([1, 0]), probabilities)
    )
    found = read_predictions(tmp_path, "svm", "test")
    assert found.target.tolist() == [-1, 0]
    assert found.prediction.tolist() == [1, 0]
    assert np.array_equal(found.probabilities, probabilities)


def test_damaged_predictions_are_a_named_error(tmp_path):
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "svm.test.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match=r"svm.test.parquet can't be read .*; fit the rung 'svm' again"):
        read_predictions(tmp_path, "svm", "test")


def test_scores_hold_every_metric_of_the_task_and_every_class(make_run):
    run = make_run({"svm": (0.8, 0.8), "lstm": (0.9, 0.9)})
    metrics = task("text-classification").metrics
    found = scores(Results(run), metrics, ["ham", "spam"])
    assert sorted(found) == ["lstm", "svm"]
    part = found["lstm"]["test"]
    assert sorted(part) == sorted([*metrics, "classes"])
    assert part["error"]["value"] == pytest.approx(1 - part["accuracy"]["value"])
    assert part["roc-auc"]["low"] <= part["roc-auc"]["value"] <= part["roc-auc"]["high"]
    assert [row["class"] for row in part["classes"]] == ["ham", "spam"]
    table = leaderboard(Results(run), "accuracy")
    assert part["accuracy"]["low"] == table.iloc[1]["score_test_low"]


def test_metrics_of_two_classes_are_left_out_where_there_are_three(tmp_path):
    rng = np.random.default_rng(0)
    append_record(tmp_path, {"type": "rung", "rung": "svm", "order": 0, "status": "done"})
    for part in ("valid", "test"):
        probabilities = rng.dirichlet(np.ones(3), 60)
        predictions = Predictions(rng.integers(0, 3, 60), probabilities.argmax(1), probabilities)
        write_predictions(tmp_path, "svm", part, predictions)
    found = scores(Results(tmp_path), task("text-classification").metrics)
    assert "f1" not in found["svm"]["test"]
    assert "macro-f1" in found["svm"]["test"]
    with pytest.raises(ConfigError, match="'f1' is for two classes, and there are 3; take macro-f1"):
        leaderboard(Results(tmp_path), "f1")


def test_numbers_have_scores(tmp_path):
    rng = np.random.default_rng(0)
    append_record(tmp_path, {"type": "rung", "rung": "svm", "order": 0, "status": "done"})
    for part in ("valid", "test"):
        target = rng.normal(size=60)
        write_predictions(tmp_path, "svm", part, Predictions(target, target + 0.1))
    found = scores(Results(tmp_path), task("tabular-regression").metrics)["svm"]["test"]
    assert sorted(found) == ["mae", "r2", "rmse"]
    assert found["rmse"]["value"] == pytest.approx(0.1)
