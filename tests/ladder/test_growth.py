"""Fits on parts of train after the climb, and the forecast that they are for."""

import json
import shutil

import pytest
from sklearn.datasets import load_breast_cancer

from rungwise.errors import ConfigError, RunError, UnknownNameError
from rungwise.evaluation import Results, append_record, read_records
from rungwise.ladder import Ladder, growth
from rungwise.ladder.folder import locked
from rungwise.ladder.growth import growth_budget, growth_sizes, plan_growth
from rungwise.ladder.jobs import Job
from rungwise.ladder.widths import plan_widths, widths_of

DRAWS, NUM_ROWS = 2, 300


@pytest.fixture(scope="module", autouse=True)
def fewer_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growth, "DRAWS", DRAWS)
        yield


@pytest.fixture(scope="module")
def climbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "cancer"
    frame = load_breast_cancer(as_frame=True).frame[:NUM_ROWS]
    return Ladder(rungs=["logistic-regression"], budget="60s", folds=0, out=out).fit(frame, "target")


@pytest.fixture(scope="module")
def grown(climbed, tmp_path_factory):
    run = tmp_path_factory.mktemp("grown") / "cancer"
    shutil.copytree(climbed.run, run)
    ladder = Ladder.open(run)
    return ladder, ladder.forecast(budget="60s")


def growth_of(run):
    return [record for record in read_records(run) if record["type"] == "growth"]


def test_every_part_of_train_is_fitted_and_journaled(grown):
    ladder, found = grown
    sizes = growth_sizes(ladder.dataset.num("train"), 2)
    records = growth_of(ladder.run)
    assert len(records) == len(sizes) * DRAWS
    assert {record["status"] for record in records} == {"done"}
    assert found.rungs[0].sizes == (*map(float, sizes[::-1]), ladder.dataset.num("train"))
    assert json.loads((ladder.run / "forecast.json").read_text())["num_train"] == found.num_train
    assert not list((ladder.run / "logs" / "growth").glob("*.result"))


def test_the_verdict_and_the_page_have_the_forecast(grown, climbed):
    ladder, found = grown
    told = json.loads((ladder.run / "verdict.json").read_text(encoding="utf-8"))
    assert told["forecast"] == ladder.verdict.forecast
    page = (ladder.run / "report.html").read_text(encoding="utf-8")
    assert 'aria-labelledby="forecast"' in page
    assert 'aria-labelledby="forecast"' not in (climbed.run / "report.html").read_text(encoding="utf-8")
    assert found.num_left == 0


def test_asked_again_nothing_is_fitted_and_the_same_comes_out(grown, monkeypatch):
    ladder, found = grown
    monkeypatch.setattr("rungwise.ladder.growth.make_launcher", lambda _: pytest.fail("it fits again"))
    assert Ladder.open(ladder.run).forecast(budget="60s") == found
    assert ladder.forecast(to=8, budget=0).times == 8


def test_a_fit_whose_record_is_lost_is_planned_again(grown):
    ladder, _ = grown
    records, jobs = read_records(ladder.run), [ladder._job("logistic-regression")]
    assert plan_growth(records, jobs, ladder.dataset) == []
    lost = growth_of(ladder.run)[-1]
    [again] = plan_growth([each for each in records if each != lost], jobs, ladder.dataset)
    assert (again.num_rows, again.draw) == (lost["num_rows"], lost["draw"])


def test_the_models_and_the_results_of_the_climb_stay(grown, climbed):
    for name in ("models/logistic-regression/model.safetensors", "leaderboard.csv", "metrics.json"):
        assert (grown[0].run / name).read_bytes() == (climbed.run / name).read_bytes()
    assert grown[0].verdict.recommended == climbed.verdict.recommended


def test_without_time_for_fits_there_are_too_few_sizes(climbed):
    found = climbed.forecast(budget=0)
    assert found.rungs == ()
    assert found.best is None
    assert found.num_left == DRAWS * len(growth_sizes(climbed.dataset.num("train"), 2))


def test_fits_that_say_most_for_their_time_come_first(climbed):
    jobs = plan_growth(read_records(climbed.run), [climbed._job("logistic-regression")], climbed.dataset)
    assert [job.draw for job in jobs] == sorted(job.draw for job in jobs) or jobs[-1].draw > 0
    firsts = [job.num_rows for job in jobs if job.draw == 0]
    assert jobs[: len(firsts)] == [job for job in jobs if job.draw == 0]
    assert len({(job.num_rows, job.draw) for job in jobs}) == len(jobs)


def test_a_failed_fit_is_a_record_with_its_reason_and_no_point(climbed, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(climbed.run, run)
    fit = {"num_rows": 100, "draw": 0, "status": "failed", "reason": "one class"}
    append_record(run, {"type": "growth", "rung": "logistic-regression", "repeat": "100.0", **fit})
    assert Results(run).growth == []


def test_sizes_fall_by_the_root_of_two_down_to_a_few_rows_and_rows_of_each_class():
    assert growth_sizes(800, 0) == [566, 400, 283, 200, 141, 100, 71, 50]
    assert growth_sizes(120, 0) == [85, 60, 42, 30]
    assert growth_sizes(800, 20) == [566, 400, 283, 200, 141, 100]
    assert min(growth_sizes(80_000, 0)) == 5000


def test_the_budget_is_twice_the_climbs_where_none_is_named():
    assert growth_budget([{"type": "climb", "elapsed": 100.0}]) == 200
    assert growth_budget([]) == 20


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"to": 1}, ConfigError, "to 1 must be a number above 1: 4 forecasts four times the run's data."),
        ({"to": float("nan")}, ConfigError, "to nan must be a number above 1"),
        ({"until": 95}, ConfigError, "until 95 is no score of accuracy, which is at most 1: 0.95 is 95 %."),
        ({"until": "x"}, ConfigError, "until 'x' must be a score of accuracy."),
        ({"budget": "soon"}, ConfigError, "budget 'soon' is no time"),
        ({"metric": "rmse"}, ConfigError, "metric 'rmse' doesn't fit"),
        ({"rungs": ["logistic"]}, UnknownNameError, "did you mean 'logistic-regression'"),
        (
            {"rungs": ["mlp"]},
            RunError,
            "rung 'mlp' has no result to forecast; these have: logistic-regression.",
        ),
    ],
)
def test_what_cannot_be_forecast_is_said(climbed, asked, error, said):
    with pytest.raises(error) as caught:
        climbed.forecast(**asked)
    assert said in str(caught.value)


def test_a_run_in_use_by_another_command_is_left_alone(climbed):
    with locked(climbed.run / "journal.jsonl"), pytest.raises(RunError, match="is in use by another command"):
        climbed.forecast()


def test_a_run_without_results_has_nothing_to_forecast(climbed, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(climbed.run, run)
    shutil.rmtree(run / "predictions")
    with pytest.raises(RunError, match="has no rung with a result to forecast"):
        Ladder.open(run).forecast()


def test_rungs_with_a_hidden_size_are_fitted_wider_and_narrower(climbed):
    job = Job(kind="fit", run=str(climbed.run), rung="mlp", settings={"hidden_size": 64})
    planned = plan_widths([], [job], climbed.dataset)
    assert {part.width for part in planned} == {16, 32, 128}
    assert all(part.settings == {"hidden_size": part.width} for part in planned)
    assert len({part.name for part in planned}) == len(planned)
    known = {"type": "growth", "rung": "mlp", "repeat": f"{planned[0].num_rows}.0.{planned[0].width}"}
    assert len(plan_widths([known], [job], climbed.dataset)) == len(planned) - 1


def test_rungs_without_one_and_pretrained_ones_have_one_size():
    assert widths_of("logistic-regression", {}) == []
    assert widths_of("mlp", {}) == [64, 128, 512]
