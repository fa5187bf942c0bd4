import json
import re
from dataclasses import asdict, replace

import numpy as np
import pytest

from rungwise.evaluation import (
    Outlook,
    Results,
    append_record,
    outlook,
    read_records,
    verdict,
    write_json,
    write_predictions,
)
from rungwise.evaluation.families import LIMITED
from rungwise.evaluation.intervals import Score
from rungwise.evaluation.outlook import FORECAST, TIMES, Ahead, _seed, outlook_as_asked
from rungwise.evaluation.outlook_text import (
    ahead_sentence,
    outlook_sentences,
    refusal_sentences,
    rows_text,
    times_text,
)
from rungwise.evaluation.predictions import growth_name
from rungwise.evaluation.sizes import SizeOutlook
from rungwise.language import Language
from rungwise.metrics import metric

NUM_TRAIN = 1600
SIZES = [round(NUM_TRAIN / 2 ** (step / 2)) for step in range(1, 9)]


def falling(now, limit, c):
    return lambda n: limit + (now - limit) * (n / NUM_TRAIN) ** -c


CURVES = {
    "baseline": lambda n: 0.5,
    "svm": falling(0.16, 0.155, 0.7),
    "mlp": falling(0.18, 0.02, 0.5),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory, make_grown_run):
    return Results(make_grown_run(tmp_path_factory.mktemp("grown"), CURVES, NUM_TRAIN, SIZES))


def test_rungs_are_forecast_but_for_the_baseline(results):
    found = outlook(results, results.metric("accuracy"))
    assert [each.rung for each in found.rungs] == ["svm", "mlp"]
    assert found.best == "mlp"
    assert found.num_train == NUM_TRAIN
    svm, mlp = found.rungs
    assert svm.at.low < 1 - CURVES["svm"](4 * NUM_TRAIN) < svm.at.high
    assert mlp.at.value == pytest.approx(1 - CURVES["mlp"](4 * NUM_TRAIN), abs=0.02)
    assert mlp.sizes == (*SIZES[::-1], NUM_TRAIN)
    assert len(mlp.grid) == len(mlp.curve)
    json.dumps(mlp.family)


def test_a_rung_that_is_behind_now_is_forecast_to_pass(results):
    by = results.metric("accuracy")
    found = outlook(results, by)
    [crossing] = found.crossings
    assert (crossing.rung, crossing.passed) == ("mlp", "svm")
    assert NUM_TRAIN < crossing.rows.value < 2.5 * NUM_TRAIN
    assert crossing.rows.low <= crossing.rows.value <= crossing.rows.high
    sentences = " ".join(outlook_sentences(by, found))
    assert "`mlp` passes `svm` at about" in sentences


def test_how_much_data_a_score_takes(results):
    by = results.metric("accuracy")
    found = outlook(results, by, until=0.88)
    svm, mlp = found.until
    assert not np.isfinite(svm.rows.value)
    true = NUM_TRAIN * (0.16 / 0.10) ** 2
    assert mlp.rows.low < true < mlp.rows.high
    sentences = " ".join(outlook_sentences(by, found))
    assert "`mlp` reaches 88.0 % accuracy at about" in sentences
    assert "`svm` doesn't reach 88.0 % accuracy within 8 times the data." in sentences


def test_where_a_curve_levels_off_is_said_only_of_those_that_do(results):
    by = results.metric("accuracy")
    found = outlook(results, by, until=0.88)
    svm, mlp = found.rungs
    assert (svm.limit is not None) == (svm.family in LIMITED)
    limited = replace(found, rungs=(replace(svm, limit=0.85), mlp))
    said = "`svm` doesn't reach 88.0 % accuracy within 8 times the data: its curve levels off at 85.0 %."
    assert said in outlook_sentences(by, limited)


def test_the_verdict_says_what_four_times_the_data_would_change(results):
    found = verdict(results, "accuracy")
    assert found.recommended == "svm"
    assert found.forecast.startswith("With four times the data the forecast puts `mlp` ")
    assert " points ahead (" in found.forecast
    assert found.sentence.endswith(found.forecast)


def test_a_verdict_without_fits_on_parts_of_train_says_nothing_of_more_data(make_run):
    run = make_run({"baseline": (0.5, 0.5), "svm": (0.8, 0.8)})
    assert verdict(Results(run), "accuracy").forecast == ""


def test_a_curve_that_rises_is_refused_and_said_so(tmp_path, make_grown_run):
    rising = {"baseline": lambda n: 0.5, "svm": lambda n: 0.2 * (n / NUM_TRAIN) ** 0.3}
    results = Results(make_grown_run(tmp_path, rising, NUM_TRAIN, SIZES))
    by = results.metric("accuracy")
    found = outlook(results, by, until=0.9)
    assert found.best is None
    assert found.rungs[0].at is None
    assert outlook_sentences(by, found) == []
    assert refusal_sentences(found) == [
        "`svm` has no forecast: its errors grow with the data, by more than chance."
    ]


def test_a_fit_that_the_budget_cut_is_no_last_point(tmp_path, make_grown_run):
    run = make_grown_run(tmp_path, CURVES, NUM_TRAIN, SIZES)
    append_record(run, next(r for r in read_records(run) if r.get("rung") == "mlp") | {"status": "deadline"})
    found = outlook(Results(run), Results(run).metric("accuracy"))
    assert found.best == "svm"
    assert found.rungs[-1].refusal.startswith("its own fit was stopped by the budget")


def test_other_metrics_are_forecast_too(results):
    by = results.metric("log-loss")
    for each in outlook(results, by).rungs:
        assert each.at.low <= each.at.value <= each.at.high < each.now * 1.4


@pytest.mark.parametrize(
    ("recommended", "beyond", "said"),
    [
        ("svm", (), "puts `mlp` "),
        ("mlp", (), "puts `mlp` "),
        ("mlp", ("svm",), None),
        ("svm", ("mlp",), None),
        (None, ("mlp",), None),
    ],
)
def test_only_rungs_within_the_limits_take_part(results, recommended, beyond, said):
    by = results.metric("accuracy")
    told = outlook(results, by, recommended=recommended, beyond=beyond)
    assert told.best not in beyond
    assert told.leader not in beyond
    assert len(told.rungs) == 2
    sentences = " ".join(outlook_sentences(by, told))
    assert said in sentences if said else " ahead" not in sentences


@pytest.mark.parametrize(
    ("other", "is_now", "said"),
    [
        ("svm", False, "puts `mlp` 2.0 points ahead (1.0 to 3.0)."),
        ("svm", True, "still has `mlp` 2.0 points ahead of `svm` (1.0 to 3.0)."),
        ("knn", False, "puts `mlp` 2.0 points ahead of `knn`, the next (1.0 to 3.0)."),
        ("knn", True, "still has `mlp` 2.0 points ahead of `knn`, the next (1.0 to 3.0)."),
    ],
)
def test_who_is_ahead_now_is_told_from_who_will_be(results, other, is_now, said):
    ahead = Ahead("mlp", other, Score(0.02, 0.01, 0.03), is_now)
    sentence = ahead_sentence(results.metric("accuracy"), ahead, "svm", 4.0)
    assert sentence == f"With four times the data the forecast {said}"


def test_fits_that_there_was_no_time_for_are_counted(results):
    by = results.metric("accuracy")
    said = "7 fits were left out for want of time: `rungwise forecast RUN --budget …` makes them."
    assert outlook_sentences(by, outlook(results, by, num_left=7))[-1] == said
    assert said not in outlook_sentences(by, outlook(results, by))


def test_rungs_of_the_same_ending_draw_differently():
    assert len({_seed(rung) for rung in ("linear-svm", "hog-svm", "nb-svm", "lenet", "densenet")}) == 5


@pytest.mark.parametrize("name", ["accuracy", "roc-auc"])
def test_shares_and_areas_stay_within_one(tmp_path, make_grown_run, name):
    curves = {"baseline": lambda n: 0.5, "svm": falling(0.01, 0.0, 0.5), "mlp": lambda n: 0.97}
    results = Results(make_grown_run(tmp_path, curves, NUM_TRAIN, SIZES))
    for each in outlook(results, results.metric(name)).rungs:
        for band in each.curve:
            assert 0 <= band.low <= band.value <= band.high <= 1


def test_numbers_of_rows_and_times_are_rounded_for_people():
    assert rows_text(12345.6) == "12,000 rows"
    assert rows_text(87.4) == "87 rows"
    assert times_text(4.0) == "four times"
    assert times_text(2.5) == "2.5 times"


def test_fits_of_other_widths_make_a_law_and_no_points_of_the_curve(tmp_path, make_grown_run, classified):
    run = make_grown_run(tmp_path, {"baseline": lambda n: 0.5, "mlp": CURVES["mlp"]}, NUM_TRAIN, SIZES)
    for fit in [r for r in read_records(run) if r["type"] == "growth"]:
        append_record(run, fit | {"parameters": 4000})
        for width, parameters, worse in ((16, 1000, 1.5), (128, 16000, 0.8)):
            name = growth_name("mlp", fit["num_rows"], 0, width)
            for part in ("valid", "test"):
                rate = 1 - worse * CURVES["mlp"](fit["num_rows"])
                target = np.random.default_rng(0).integers(0, 2, 400)
                write_predictions(run, name, part, classified(target, rate, seed=1))
            wide = {"width": width, "parameters": parameters, "repeat": f"{fit['num_rows']}.0.{width}"}
            append_record(run, fit | wide)
    results = Results(run)
    found = outlook(results, results.metric("accuracy"))
    [law] = found.sizes
    assert law.num_fits == 3 * len(SIZES) + 1
    assert law.at.value < law.limit.value
    for band in (law.at, law.limit, law.at_balanced, law.balanced):
        assert band.low <= band.value <= band.high
        assert band.low < band.high
    assert law.balanced.low == 0 or law.balanced.low >= 1000 / 8
    assert law.balanced.high == np.inf or law.balanced.high <= 8 * 16000
    assert len(found.rungs[0].sizes) == len(SIZES) + 1
    [told] = [each for each in outlook_sentences(metric("accuracy"), found) if "scaling law" in each]
    start = r"By its scaling law from 25 fits `mlp` comes to \d\d\.\d % \(95 % band \d\d\.\d to \d\d\.\d\) with four"
    assert re.match(start, told), told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "`mlp` comes to 90.0 % (95 % band 80.0 to 95.0) with twice the data and its 4 k parameters; 8 k parameters "
            "(1 k to 60 k) are in balance with so much data, for 92.0 % (85.0 to 96.0).",
        ),
        (
            {"is_beyond": True},
            "comes to 90.0 % (95 % band 80.0 to 95.0) with twice the data and its 4 k parameters; the size in balance",
        ),
        (
            {"balanced": None},
            "with twice the data and its 4 k parameters it comes to 90.0 % (95 % band 80.0 to 95.0).",
        ),
        ({"balanced": Score(8e3, 0, 6e4)}, "8 k parameters (up to 60 k) are"),
        ({"balanced": Score(8e3, 1e3, np.inf)}, "8 k parameters (from 1 k on) are"),
        ({"balanced": Score(8e3, 0, np.inf)}, "8 k parameters (interval unknown) are"),
        ({"at": None}, "`mlp` has too few fits of several sizes for a scaling law (25)."),
    ],
)
def test_a_size_is_told_with_how_much_data_it_is_for(changes, said):
    size = SizeOutlook(
        "mlp",
        25,
        None,
        4000.0,
        at=Score(0.9, 0.8, 0.95),
        balanced=Score(8e3, 1e3, 6e4),
        at_balanced=Score(0.92, 0.85, 0.96),
    )
    nothing = dict.fromkeys(("rungs", "crossings", "until"), ()) | dict.fromkeys(
        ("recommended", "leader", "best", "ahead")
    )
    nothing |= {"metric": "accuracy", "times": 2.0, "num_train": 100}
    told = Outlook(**nothing | {"sizes": (replace(size, **changes),)})
    [sentence] = outlook_sentences(metric("accuracy"), told)
    assert said in sentence
    assert ("数据为两倍时" in sentence.said(Language.CHINESE)) == ("twice the data" in sentence)


def test_what_was_asked_for_is_asked_again(tmp_path, make_grown_run):
    results = Results(make_grown_run(tmp_path, CURVES, NUM_TRAIN, SIZES))
    by = results.metric("accuracy")
    found = outlook(results, by, times=2, until=0.9, recommended="svm")
    write_json(tmp_path / FORECAST, asdict(found))
    assert outlook_as_asked(results, by, "svm") == found
    other = outlook_as_asked(results, results.metric("log-loss"), "svm")
    assert (other.times, other.until) == (2, ())
    (tmp_path / FORECAST).write_text("{")
    assert outlook_as_asked(results, by, "svm").times == TIMES


def test_the_gain_is_surer_than_the_scores(results):
    for each in outlook(results, results.metric("accuracy")).rungs:
        assert each.gain.value == pytest.approx(each.at.value - each.now)
        assert each.gain.high - each.gain.low < each.at.high - each.at.low


def test_the_best_is_held_against_the_recommended_one_else_the_next(results):
    by = results.metric("accuracy")
    assert outlook(results, by, recommended="svm").ahead.other == "svm"
    assert outlook(results, by, recommended="mlp").ahead.other == "svm"
    told = outlook(results, by, recommended="svm")
    assert outlook_sentences(by, told)[0].startswith(
        "With four times the data `svm` is forecast to be better by"
    )
    assert " puts `mlp` " in outlook_sentences(by, told)[1]
    chinese = [each.said(Language.CHINESE) for each in outlook_sentences(by, told)]
    assert not any(" the " in each for each in chinese)
