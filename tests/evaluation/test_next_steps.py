"""What to do next: only what the facts of a run bear out."""

import math

import pytest

from rungwise.evaluation import Difference, Results, Terms, append_record, verdict
from rungwise.evaluation.next_steps import needed_examples, next_steps


def steps(run, **terms):
    results = Results(run)
    found = next_steps(verdict(results, "accuracy", Terms.parse(**terms)), results)
    return [f"{step.text} {step.command}".strip() for step in found]


def test_a_clear_run_says_what_to_predict_with_and_how_to_look_ahead(make_run):
    run = make_run({"baseline": (0.5, 0.5), "svm": (0.7, 0.7), "lstm": (0.9, 0.9)})
    assert steps(run) == [
        f"Predict with `lstm`, whose model is kept in the run: rungwise predict {run} NEW_DATA",
        "Find out what more data would bring; it fits the rungs on growing parts of what there is: "
        f"rungwise forecast {run}",
    ]


def test_a_best_rung_that_is_surely_better_may_be_taken_all_the_same(make_run):
    run = make_run({"svm": (0.9, 0.88), "bert": (0.91, 0.96)})
    [_, second, *_] = steps(run)
    assert second.startswith("If 8.0 points (95 % interval ")
    assert second.endswith(
        f"are worth its cost to you, take `bert` instead: rungwise predict {run} NEW_DATA --rung bert"
    )


def test_rungs_that_the_test_part_cannot_tell_apart_ask_for_more_of_it(make_run):
    [_, second, *_] = steps(make_run({"svm": (0.9, 0.88), "lstm": (0.905, 0.89)}))
    assert second.startswith(
        "To tell `svm` from `lstm`, test on more: the 1.0 point between them would show with about "
    )
    assert second.endswith(" test examples; there are 400.")


def difference(mean, smallest):
    return Difference(mean, smallest / 2, smallest / 2, mean - smallest, mean + smallest, smallest, 0.5)


def test_a_difference_shows_where_its_standard_error_is_half_of_it():
    seen = difference(0.01, 0.02)
    assert needed_examples(400, seen) == 1600
    assert needed_examples(400, difference(0.03, 0.02)) is None
    assert needed_examples(400, difference(0.0001, 0.02)) is None
    assert needed_examples(400, difference(0.01, math.inf)) is None


@pytest.mark.parametrize(
    ("status", "said"), [("failed", "Fit what has no score yet, `bert`"), ("skipped", "Fit what")]
)
def test_what_has_no_score_is_gone_on_with(make_run, status, said):
    run = make_run({"svm": (0.9, 0.9)})
    append_record(
        run, {"type": "rung", "rung": "bert", "order": 9, "status": status, "reason": "no time was left"}
    )
    [step] = [step for step in steps(run) if said in step]
    assert step.endswith(f"rungwise fit --resume {run} --budget …")


def test_what_was_not_measured_can_be(make_run):
    run = make_run({"svm": (0.9, 0.9)})
    append_record(run, {"type": "robustness", "rung": "svm", "reason": "no time was left"})
    assert any("corrupted inputs, which wasn't done (no time was left)" in step for step in steps(run))


def test_limits_that_nothing_keeps_can_be_widened_to_the_nearest_rung(make_run):
    run = make_run({"baseline": (0.5, 0.5), "svm": (0.9, 0.9)})  # 1 and 3 ms, 100 and 200 B
    [step] = steps(run, max_latency="900us", max_size="1B")
    assert step == (
        "Allow as much as `baseline` takes, which needs least more. Nothing has to be fitted again:"
        f" rungwise verdict {run} --max-latency 1ms --max-size 100B"
    )
    [step] = steps(run, max_latency="2us")
    assert step.endswith("--max-latency 1ms")


def test_what_widens_the_limits_lets_that_rung_in(make_run):
    run = make_run({"svm": (0.9, 0.9), "lstm": (0.95, 0.95)})
    append_record(run, {"type": "latency", "rung": "svm", "latency_seconds": 0.0123456})
    [step] = steps(run, max_latency="1ms")
    assert step.endswith("--max-latency 3ms")  # of the lstm
    append_record(run, {"type": "latency", "rung": "lstm", "latency_seconds": 0.0123457})
    [step] = steps(run, max_latency="1ms")
    assert step.endswith("--max-latency 12.4ms")
    assert verdict(Results(run), "accuracy", Terms.parse(max_latency="12.4ms")).recommended is not None


def test_a_rung_that_other_terms_recommend_is_named_to_predict_with(make_run):
    run = make_run({"svm": (0.7, 0.7), "lstm": (0.9, 0.9)})
    results = Results(run)
    found = verdict(results, "accuracy", Terms.parse(margin=0.5))
    assert found.recommended == "svm"
    commands = [next_steps(found, results, own)[0].command for own in (None, "svm", "lstm", "")]
    plain = f"rungwise predict {run} NEW_DATA"
    assert commands == [plain, plain, f"{plain} --rung svm", f"{plain} --rung svm"]
