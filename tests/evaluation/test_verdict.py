import json
import re
from dataclasses import replace

import numpy as np
import pytest

from rungwise.errors import ConfigError, DataError
from rungwise.evaluation import (
    Predictions,
    Results,
    Terms,
    append_record,
    read_predictions,
    verdict,
    write_json,
    write_predictions,
)
from rungwise.evaluation.limits import Nearest
from rungwise.evaluation.terms import Cost
from rungwise.language import Language


def test_the_cheapest_rung_close_to_the_best_is_recommended(make_run):
    run = make_run({"baseline": (0.5, 0.5), "tfidf-logistic": (0.9, 0.88), "bert": (0.91, 0.96)})
    found = verdict(Results(run), "accuracy")
    assert (found.recommended, found.best) == ("tfidf-logistic", "bert")
    assert re.fullmatch(
        r"Take `tfidf-logistic`: 88\.0 % accuracy on test \(8\d\.\d to 9\d\.\d\)\. "
        r"It is the cheapest rung within one standard error \(\d\.\d points\) of `bert`, the best on validation, "
        r"being 1\.0 point behind there\. "
        r"On test `bert` is \d\.\d points better \(95 % interval \d\.\d to \d+\.\d\), "
        r"at 10× the training, 2× the size and 3× the latency\. "
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
    assert re.search(r"On test `lstm` is \d\.\d points worse \(95 % interval −", found.sentence)


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


# ------------------------------------------------------------------------------------------------- other terms

RATES = {"baseline": (0.5, 0.5), "svm": (0.86, 0.86), "lstm": (0.9, 0.9), "bert": (0.91, 0.96)}


def by(make_run, **terms):
    return verdict(Results(make_run(RATES)), "accuracy", Terms.parse(**terms))


def test_a_wider_margin_takes_a_cheaper_rung_and_none_takes_the_best(make_run):
    assert by(make_run).recommended == "lstm"
    wide = by(make_run, margin=0.06)
    assert wide.recommended == "svm"
    assert wide.margin == 0.06
    assert (
        "the cheapest rung within the margin of 6.0 points of `bert`, the best on validation" in wide.sentence
    )
    assert by(make_run, margin=0).recommended == "bert"


def test_the_cheapest_is_what_has_least_of_the_cost_that_matters(make_run):
    run = make_run(RATES)
    append_record(run, {"type": "latency", "rung": "svm", "latency_seconds": 0.5})
    found = verdict(Results(run), "accuracy", Terms.parse(margin=0.06, cost="latency"))
    assert found.recommended == "lstm"
    assert "It is the rung with the least latency within the margin" in found.sentence
    assert found.front == ("baseline", "lstm", "bert")
    append_record(run, {"type": "latency", "rung": "lstm", "latency_seconds": 0.6})
    assert verdict(Results(run), "accuracy", Terms.parse(margin=0.06, cost="latency")).recommended == "bert"


def test_rungs_beyond_the_limits_are_not_taken_and_what_they_would_bring_is_said(make_run):
    found = by(make_run, max_latency="5ms")  # baseline 1 ms, svm 3 ms, lstm 9 ms, bert 27 ms
    assert (found.recommended, found.best) == ("svm", "svm")
    assert found.beyond == {
        "lstm": "its latency is 9 ms, over 5 ms",
        "bert": "its latency is 27 ms, over 5 ms",
    }
    assert re.search(
        r"`bert`, the best of all on validation, is beyond the limits \(its latency is 27 ms, over 5 ms\); "
        r"on test it is 10\.0 points better \(95 % interval \d",
        found.sentence,
    ), found.sentence


def test_the_baseline_alone_within_the_limits(make_run):
    found = by(make_run, max_size="100B")
    assert found.recommended == "baseline"
    assert found.sentence.startswith("Take `baseline`: ")
    assert "No other rung is within the limits." in found.sentence


def test_where_no_rung_is_within_the_limits_the_nearest_is_named(make_run):
    found = by(make_run, max_size="1B")  # the baseline has 100 B
    assert found.recommended is None
    assert found.sentence.startswith(
        "No rung is within the limits, so there is nothing to recommend: `baseline` ("
    )
    assert found.sentence.endswith("Nearest to 1 B of size is `baseline` with 100 B, 99 B too much.")
    assert found.nearest == (Nearest(Cost.SIZE, 1, "baseline", 100, ()),)


def test_each_limit_has_its_nearest_or_what_is_within(make_run):
    run = make_run({"svm": (0.9, 0.9), "lstm": (0.95, 0.95)})
    append_record(run, {"type": "latency", "rung": "svm", "latency_seconds": 0.02})
    limits = Terms.parse(max_latency="3ms", max_size="100B")  # the lstm has 3 ms and 200 B, the svm 100 B
    found = verdict(Results(run), "accuracy", limits)
    assert found.recommended is None
    assert found.sentences[1:] == ("Within 3 ms of latency: `lstm`.", "Within 100 B of size: `svm`.")
    found = verdict(Results(run), "accuracy", Terms.parse(max_latency="2.999ms"))
    assert found.sentences[1] == "Nearest to 2.999 ms of latency is `lstm` with 3 ms, 1 µs too much."
    assert found.sentences[1].said(Language.CHINESE) == "延迟最接近 2.999 ms 的是 `lstm`：3 ms，超出 1 µs。"


def test_a_limit_of_what_was_never_measured_says_so(make_run):
    run = make_run({"svm": (0.9, 0.9)})
    append_record(run, {"type": "latency", "rung": "svm", "latency_seconds": None})
    found = verdict(Results(run), "accuracy", Terms.parse(max_latency="1s"))
    assert found.sentences[1] == "No rung's latency was measured."
    assert found.nearest == (Nearest(Cost.LATENCY, 1, None, None, ()),)


def test_a_cost_that_was_not_measured_is_beyond_its_limit(make_run):
    run = make_run({"svm": (0.9, 0.9), "bert": (0.95, 0.95)})
    append_record(run, {"type": "rung", "rung": "bert", "order": 1, "status": "done", "reason": None})
    found = verdict(Results(run), "accuracy", Terms.parse(max_size="1MB"))
    assert found.beyond == {"bert": "its size wasn't measured"}


def test_an_interval_without_zero_among_many_comparisons(make_run):
    rates = {"baseline": (0.5, 0.5), **dict.fromkeys(("svm", "lstm", "gru", "vit", "cnn"), (0.85, 0.85))}
    found = verdict(Results(make_run({**rates, "bert": (0.86, 0.9)})), "accuracy")
    assert found.recommended == "svm"
    comparison = next(each for each in found.comparisons if each.rung == "bert")
    assert comparison.difference.low > 0
    assert comparison.p_value < 0.05 < comparison.adjusted
    assert re.search(r"Among 6 comparisons that isn't clear \(p = 0\.\d+ by Holm\)\.", found.sentence)


def test_validation_too_small_to_show_what_test_shows(make_run):
    found = verdict(Results(make_run({"baseline": (0.6, 0.6), "hmm": (0.61, 0.9)})), "accuracy")
    assert found.recommended == "baseline"
    assert found.warnings[0].startswith(
        "On test `hmm` is 30.0 points better than the trivial baseline (95 % int"
    )
    assert "its 400 examples are too few to choose by" in found.warnings[0]


def test_seeds_add_to_the_error_of_a_difference(make_run):
    rates = {"svm": (0.8, 0.8), "lstm": (0.9, 0.9)}
    alone = verdict(Results(make_run(rates)), "accuracy")
    found = verdict(Results(make_run(rates | {"lstm@1": (0.8, 0.8), "lstm@2": (0.7, 0.7)})), "accuracy")
    assert (alone.recommended, found.recommended) == ("lstm", "svm")
    [comparison] = found.comparisons
    assert comparison.difference.mean == pytest.approx(0.0)  # 90, 80 and 70 % against 80 %
    assert comparison.difference.standard_error > 0.1 / 3**0.5  # of three scores whose deviation is 0.1
    assert (
        comparison.difference.low < -0.2 < 0.2 < comparison.difference.high
    )  # Student's, two degrees of freedom
    assert comparison.test == "bootstrap"


def folded(make_run, rates):
    """A run that says that its repeats are folds."""
    run = make_run(rates)
    append_record(run, {"type": "run", "config": {"folds": 2, "rows": {"train": 2400}}})
    return run


def test_the_choice_goes_by_the_folds_and_the_judgement_by_the_model(make_run):
    rates = {"svm": (0.7, 0.8), "lstm": (0.99, 0.9)}
    folds = {"svm@1": (0.8, 0.1), "lstm@1": (0.79, 0.2), "svm@2": (0.8, 0.1), "lstm@2": (0.82, 0.2)}
    assert verdict(Results(make_run(rates)), "accuracy").recommended == "lstm"
    found = verdict(Results(folded(make_run, rates | folds)), "accuracy")
    assert found.recommended == "svm"
    assert found.valid_differences["svm"].mean == pytest.approx(0.005)  # of -0.01 and 0.02
    assert found.comparisons[0].difference.mean == pytest.approx(0.1)  # of the models on test
    by_fold = np.std([-0.01, 0.02], ddof=1) * np.sqrt(1 / 2 + 400 / 2000)
    assert found.valid_differences["svm"].standard_error >= by_fold - 1e-12
    assert found.warnings == ()


def test_folds_that_not_every_rung_has_do_not_count(make_run):
    rates = {"svm": (0.8, 0.8), "lstm": (0.82, 0.9), "svm@1": (0.8, 0.1), "svm@2": (0.8, 0.1)}
    found = verdict(Results(folded(make_run, rates | {"lstm@1": (0.99, 0.2)})), "accuracy")
    assert found.valid_differences["svm"].mean == pytest.approx(0.19)
    assert "Rungs are chosen by 1 part of train: on more `lstm` has no result." in found.warnings


def test_a_rung_without_folds_leaves_the_validation_part_to_choose_by(make_run):
    rates = {"svm": (0.8, 0.8), "lstm": (0.82, 0.9), "svm@1": (0.8, 0.1)}
    found = verdict(Results(folded(make_run, rates)), "accuracy")
    assert found.valid_differences["svm"].mean == pytest.approx(0.02)
    assert (
        "Rungs are chosen by the validation part: on more `svm` and `lstm` have no result." in found.warnings
    )
    assert (found.chosen_on, found.num_folds) == ("validation", 0)


def test_few_groups_in_test_are_warned_of(make_run):
    run = make_run({"svm": (0.8, 0.8), "lstm": (0.9, 0.9)})
    for rung in ("svm", "lstm"):
        test = read_predictions(run, rung, "test")
        write_predictions(run, rung, "test", replace(test, clusters=np.arange(len(test.target)) % 4))
    found = verdict(Results(run), "accuracy")
    assert "The test part has 4 groups: over so few, intervals are rough." in found.warnings
    assert {each.test for each in found.comparisons} == {"bootstrap"}
    for rung in ("svm", "lstm"):
        test = read_predictions(run, rung, "test")
        write_predictions(run, rung, "test", replace(test, clusters=np.zeros(len(test.target), np.int64)))
    found = verdict(Results(run), "accuracy")
    assert found.sentence.endswith("can't show any difference: all its examples are drawn together.")
    assert not any(each.is_clear for each in found.comparisons)
    write_json(run / "verdict.json", found.to_dict())
    assert (
        json.loads((run / "verdict.json").read_text(encoding="utf-8"))["comparisons"][0]["difference"]["low"]
        is None
    )


def test_a_margin_that_lets_the_baseline_through_is_said_to(make_run):
    found = by(make_run, margin=0.5)
    assert found.recommended == "baseline"
    assert found.sentence.startswith("Take `baseline`: ")
    assert found.warnings[0].startswith(
        "The margin lets the trivial baseline through: on test `bert` is 46.0 points"
    )
    with pytest.raises(
        ConfigError, match=r"margin 5 would give up all of accuracy, at most 1; one point is 0\.01"
    ):
        by(make_run, margin=5)


def test_a_difference_over_groups_is_no_wider_than_groups_make_it(make_run):
    run = make_run({"svm": (0.8, 0.8), "lstm": (0.9, 0.9)})
    for rung in ("svm", "lstm"):
        test = read_predictions(run, rung, "test")
        write_predictions(run, rung, "test", replace(test, clusters=np.arange(len(test.target)) % 8))
    [found] = verdict(Results(run), "accuracy").comparisons
    assert found.difference.high - found.difference.low < 0.2
    assert found.difference.smallest < 0.1


def test_a_rung_that_knows_what_it_learned_from_much_better_than_test_is_said_to(make_run):
    run = make_run({"baseline": (0.5, 0.5), "svm": (0.8, 0.8)})
    target = np.arange(200) % 2
    for right, is_said in ((200, True), (170, False)):
        prediction = np.where(np.arange(200) < right, target, 1 - target)
        write_predictions(run, "svm", "train", Predictions(target, prediction, np.eye(2)[prediction]))
        append_record(
            run,
            {
                "type": "rung",
                "rung": "svm",
                "order": 1,
                "status": "done",
                "reason": None,
                "num_train_predicted": 200,
            },
        )
        warnings = " ".join(map(str, verdict(Results(run), "accuracy").warnings))
        said = "`svm` has 100.0 % accuracy on examples that it learned from, 20.0 points better than on test"
        assert (said in warnings) == is_said


# ----------------------------------------------------------------------------------------- energy and price

ANSWERS = {"answer_energy": {"cpu_joules": None, "gpu_joules": 0.0}, "batch_size": 256}


def answered(run, **rates):
    """The run, with so many examples a second by each rung."""
    for rung, rate in rates.items():
        answers = {"throughput": rate, "answer_cpu_seconds": 1 / rate, "latency_seconds": 0.001, **ANSWERS}
        append_record(run, {"type": "latency", "rung": rung, **answers})
    return Results(run)


@pytest.mark.parametrize(("cost", "least"), [("energy", "the least energy"), ("price", "the lowest price")])
def test_what_predictions_take_can_be_saved(make_run, cost, least):
    results = answered(make_run(RATES), baseline=1e6, svm=100, lstm=1000, bert=10)
    found = verdict(results, "accuracy", Terms.parse(margin=0.06, cost=cost, price_per_hour=0.36))
    assert (found.recommended, found.best) == ("lstm", "bert")
    assert f"It is the rung with {least} within the margin" in found.sentence
    assert f"and 100× the {cost}" in found.sentence
    assert (
        "At 0.36 an hour, a million predictions in batches cost about 0.1 by `lstm` and about 10 by `bert`."
        in (found.sentence)
    )
    assert found.front == ("baseline", "lstm", "bert")


def test_costs_that_are_alike_leave_the_choice_to_the_ladder(make_run):
    run = make_run(RATES)
    for rung, seconds in (("svm", 0.00104), ("lstm", 0.001), ("bert", 0.002)):
        append_record(run, {"type": "latency", "rung": rung, "latency_seconds": seconds})
    found = verdict(Results(run), "accuracy", Terms.parse(margin=0.06, cost="latency"))
    assert found.recommended == "svm"
    assert "It is the rung with about the least latency within" in found.sentence
    assert found.front == ("lstm", "bert"), "others are beaten by one that costs about as much"
    append_record(run, {"type": "latency", "rung": "svm", "latency_seconds": 0.0011})
    found = verdict(Results(run), "accuracy", Terms.parse(margin=0.06, cost="latency"))
    assert found.recommended == "lstm"
    assert "It is the rung with the least latency within" in found.sentence


def test_a_best_rung_that_costs_as_much_as_one_before_it_is_not_the_cheapest(make_run):
    run = make_run({"svm": (0.9, 0.9), "lstm": (0.7, 0.7)})
    for rung, seconds in (("svm", 0.00102), ("lstm", 0.001)):
        append_record(run, {"type": "latency", "rung": rung, "latency_seconds": seconds})
    found = verdict(Results(run), "accuracy", Terms.parse(cost="latency"))
    assert found.recommended == "svm"
    assert found.sentence.endswith("It is the rung with the least latency, and the best on validation.")


def test_a_cost_that_was_not_measured_leaves_the_choice_to_the_ladder_and_says_so(make_run):
    found = verdict(
        Results(make_run({"svm": (0.9, 0.9), "lstm": (0.9, 0.9)})), "accuracy", Terms.parse(cost="energy")
    )
    assert found.recommended == "svm"
    assert "least energy" not in found.sentence
    assert "The energy of `svm` wasn't measured: the order of the ladder decided." in found.warnings


def test_a_limit_that_reads_as_what_is_over_it_has_more_digits(make_run):
    run = make_run({"svm": (0.9, 0.9), "lstm": (0.9, 0.9)})
    found = verdict(Results(run), "accuracy", Terms.parse(max_latency="2.999ms"))
    assert found.beyond["lstm"] == "its latency is 3 ms, over 2.999 ms"


def test_latencies_that_others_disturbed_are_warned_of_where_they_decide(make_run):
    run = make_run({"svm": (0.9, 0.9), "lstm": (0.9, 0.9)})
    append_record(run, {"type": "latency", "rung": "svm", "latency_seconds": 0.001, "core_share": 0.5})
    [said] = verdict(Results(run), "accuracy", Terms.parse(cost="latency")).warnings
    assert said.startswith("Others worked on the machine while answers of `svm` were timed")
    assert not verdict(Results(run), "accuracy", Terms.parse(cost="size")).warnings


def test_test_rows_that_train_has_too_are_warned_of_whether_a_rung_is_recommended_or_not(make_run):
    run = make_run({"baseline": (0.5, 0.5), "svm": (0.9, 0.9)})
    message = "40 of 400 test rows have the same input as a row of train."
    (run / "data").mkdir()
    write_json(run / "data" / "dataset.json", {"notes": [{"level": "warning", "message": message}]})
    for terms in (Terms(), Terms(max_size=1)):
        found = verdict(Results(run), "accuracy", terms)
        assert found.warnings[0] == f"{message[:-1]}: scores on test may be too good."
        assert found.to_dict()["warnings"] == found.warnings


def test_a_damaged_description_of_the_data_is_told(make_run):
    run = make_run({"svm": (0.9, 0.9)})
    (run / "data").mkdir()
    (run / "data" / "dataset.json").write_text("{}")
    with pytest.raises(DataError, match="is damaged"):
        verdict(Results(run), "accuracy")
