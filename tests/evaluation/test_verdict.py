import json
import re

import pytest

from rungwise.evaluation import Results, append_record, verdict, write_json


def test_the_cheapest_rung_close_to_the_best_is_recommended(make_run):
    run = make_run({"baseline": (0.5, 0.5), "tfidf-logistic": (0.9, 0.88), "bert": (0.91, 0.96)})
    found = verdict(Results(run), "accuracy")
    assert (found.recommended, found.best) == ("tfidf-logistic", "bert")
    assert re.fullmatch(
        r"Take `tfidf-logistic`: 88\.0 % accuracy on test \(8\d\.\d to 9\d\.\d\)\. "
        r"`bert` is \d\.\d points better on test \(95 % interval \d\.\d to \d+\.\d\), "
        r"and costs 10× the training, 2× the size and 3× the latency\. "
        r"A difference under \d\.\d points could not have been shown by this test set\.",
        found.sentence,
    ), found.sentence
    assert found.difference is not None
    assert found.difference.low > 0
    assert found.warnings == ()


def test_the_choice_does_not_look_at_test(make_run):
    found = verdict(Results(make_run({"svm": (0.9, 0.6), "lstm": (0.8, 0.99)})), "accuracy")
    assert found.recommended == found.best == "svm"


def test_a_best_rung_that_is_worse_on_test_is_said_to_be(make_run):
    found = verdict(Results(make_run({"svm": (0.9, 0.92), "lstm": (0.91, 0.85)})), "accuracy")
    assert found.recommended == "svm"
    assert re.search(
        r"`lstm`, the best on validation, is \d\.\d points worse on test \(95 % interval −", found.sentence
    )


def test_the_best_rung_is_recommended_where_no_cheaper_one_is_close(make_run):
    found = verdict(
        Results(make_run({"baseline": (0.5, 0.5), "svm": (0.7, 0.7), "lstm": (0.9, 0.9)})), "accuracy"
    )
    assert found.recommended == "lstm"
    assert "It is the best on validation, and no cheaper rung is close: on test it is" in found.sentence
    assert "points better than `svm` (95 % interval" in found.sentence
    assert (found.difference, found.costs) == (None, {})


def test_a_best_rung_that_loses_its_lead_on_test_is_said_to(make_run):
    found = verdict(Results(make_run({"svm": (0.7, 0.9), "lstm": (0.9, 0.89)})), "accuracy")
    assert re.search(
        r"It was the best on validation; on test it is 1\.0 point worse than `svm`", found.sentence
    )


def test_the_cheapest_rung_can_be_the_best(make_run):
    found = verdict(Results(make_run({"svm": (0.9, 0.9), "lstm": (0.7, 0.7)})), "accuracy")
    assert found.sentence.endswith("It is the cheapest rung, and the best on validation.")


def test_nothing_beats_the_baseline(make_run):
    found = verdict(Results(make_run({"baseline": (0.6, 0.6), "svm": (0.61, 0.59)})), "accuracy")
    assert found.recommended == "baseline"
    assert found.sentence.startswith("Nothing beats the trivial baseline clearly: `baseline` has ")
    assert "`svm` is not clearly better than the trivial baseline" in found.warnings[0]


def test_the_baseline_can_be_the_best(make_run):
    found = verdict(Results(make_run({"baseline": (0.7, 0.7), "svm": (0.4, 0.4)})), "accuracy")
    assert found.sentence.endswith("No other rung is better on validation.")
    assert found.over_baseline is None


def test_a_recommended_rung_that_does_not_beat_the_baseline_on_test_is_warned_of(make_run):
    found = verdict(Results(make_run({"baseline": (0.6, 0.6), "svm": (0.8, 0.61)})), "accuracy")
    assert found.recommended == "svm"
    assert found.warnings[0].startswith(
        "`svm` is not clearly better than the trivial baseline: it is 1.0 point better"
    )


def test_only_one_rung_finished(make_run):
    run = make_run({"svm": (0.9, 0.9)})
    append_record(
        run, {"type": "rung", "rung": "vit", "order": 3, "status": "failed", "reason": "out of memory"}
    )
    found = verdict(Results(run), "accuracy")
    assert found.sentence.startswith("Take `svm`, the only rung that finished: ")
    assert found.warnings == ("Without a score: `vit` (out of memory).",)


def test_nothing_finished(tmp_path):
    append_record(
        tmp_path,
        {"type": "rung", "rung": "svm", "order": 0, "status": "skipped", "reason": "no time was left"},
    )
    append_record(
        tmp_path, {"type": "rung", "rung": "vit", "order": 1, "status": "interrupted", "reason": None}
    )
    found = verdict(Results(tmp_path), "accuracy")
    assert found.recommended is None
    assert found.sentence == "No rung finished, so there is nothing to recommend."
    assert found.warnings == ("Without a score: `svm` (no time was left) and `vit` (interrupted).",)


def test_rungs_that_the_budget_stopped_are_warned_of(make_run):
    run = make_run({"svm": (0.9, 0.9), "lstm": (0.9, 0.9)})
    append_record(run, {"type": "rung", "rung": "lstm", "order": 1, "status": "deadline", "reason": None})
    found = verdict(Results(run), "accuracy")
    assert (
        "`lstm` was stopped by the budget; a new run with a larger one may change the verdict."
        in found.warnings
    )


@pytest.mark.parametrize("metric", ["error", "log-loss", "f1"])
def test_better_is_positive_whichever_way_the_metric_runs(make_run, metric):
    found = verdict(Results(make_run({"svm": (0.7, 0.7), "lstm": (0.9, 0.9)})), metric)
    assert found.recommended == "lstm"
    assert found.valid_differences["svm"].mean > 0


def test_verdict_is_json(make_run):
    run = make_run({"svm": (0.9, 0.9), "lstm": (0.91, 0.91)})
    found = verdict(Results(run), "accuracy")
    write_json(run / "verdict.json", found.to_dict())
    stored = json.loads((run / "verdict.json").read_text(encoding="utf-8"))
    assert stored["sentence"] == found.sentence
    assert stored["valid_differences"]["svm"]["standard_error"] >= 0
