"""Runs that were stopped go on as if nothing had happened, or say what has changed."""

import json
import os
import shutil
import signal
from contextlib import suppress

import pytest
from sklearn.datasets import load_iris

import rungwise as rw
from rungwise.artifacts import load_checkpoint
from rungwise.errors import RunError
from rungwise.evaluation import append_record, read_predictions, read_records
from rungwise.ladder import Ladder, Status, worker
from rungwise.ladder.energy import EnergyMeter
from rungwise.ladder.jobs import Job
from rungwise.ladder.resume import check_unchanged, elapsed, renew_budget

RUNGS = ["logistic-regression", "mlp"]
QUICK = {"mlp": {"epochs": 3}}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "iris.csv"
    load_iris(as_frame=True).frame.to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def finished(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "iris"
    return Ladder(rungs=RUNGS, budget="60s", out=out, settings=QUICK, seeds=3).fit(source, "target")


@pytest.fixture
def stopped(finished, tmp_path):
    """A copy of the finished run whose mlp has no result yet."""
    run = tmp_path / "run"
    shutil.copytree(finished.run, run)
    for result in (run / "logs").glob("mlp*.result"):
        result.unlink()
    lines = (run / "journal.jsonl").read_text().splitlines(keepends=True)
    (run / "journal.jsonl").write_text(
        "".join(line for line in lines if '"mlp"' not in line or '"run"' in line)
    )
    return run


def replace_in(file, before, after):
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_a_rung_that_is_missing_is_fitted_again_to_the_same_bits(stopped, finished):
    shutil.rmtree(stopped / "models" / "mlp")
    Ladder.open(stopped).climb()
    for name in (
        "models/mlp/model.safetensors",
        "predictions/mlp.test.parquet",
        "predictions/mlp@2.valid.parquet",
    ):
        assert (stopped / name).read_bytes() == (finished.run / name).read_bytes(), name


def test_the_spread_over_seeds_is_reported(finished):
    board = finished.leaderboard().set_index("rung")
    assert board.num_seeds.tolist() == [3, 3, 3]
    assert board.score_test_std["baseline"] == 0
    assert board.score_test_std["mlp"] > 0
    seeds = {r["seed"] for r in read_records(finished.run) if r.get("rung") == "mlp" and "seed" in r}
    assert len(seeds) == 3
    assert sorted(path.name for path in (finished.run / "models").iterdir()) == ["baseline", *RUNGS]
    assert "Over seeds" in (finished.run / "report.html").read_text(encoding="utf-8")


def test_a_changed_config_is_refused_with_what_differs(stopped):
    replace_in(stopped / "config.json", '"seed": 0', '"seed": 1')
    with pytest.raises(
        RunError, match=r"config\.json was changed since the run began: seed was 0 and is 1\. Undo"
    ):
        Ladder.open(stopped).climb()


def test_a_changed_copy_of_the_data_is_refused(stopped):
    with (stopped / "data" / "train" / "table.arrow").open("r+b") as file:
        file.seek(400)
        file.write(b"\x01\x02\x03")
    with pytest.raises(RunError, match="its copy of the data was changed since the run began"):
        Ladder.open(stopped).climb()


def test_changed_data_are_refused_with_what_differs(stopped, source):
    before, times = source.read_text(), source.stat()
    try:
        source.write_text(before + "5.1,3.5,1.4,0.2,0\n")
        with pytest.raises(
            RunError,
            match=r"iris\.csv changed since the run began: the number of \w+ rows was \d+ and is \d+",
        ):
            Ladder.open(stopped).climb()
        assert not (stopped / ".again").exists()
        source.write_text(before)  # another time, the same content
        Ladder.open(stopped).climb()
    finally:
        source.write_text(before)
        os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_data_that_are_gone_are_not_missed(stopped, source):
    aside = source.rename(source.with_suffix(".aside"))
    try:
        assert Ladder.open(stopped).climb().leaderboard().status.tolist() == ["done"] * 3
    finally:
        aside.rename(source)


def test_another_environment_is_said(stopped):
    version = json.loads((stopped / "config.json").read_text())["environment"]["packages"]["torch"]
    for name in ("config.json", "journal.jsonl"):
        replace_in(stopped / name, f'"{version}"', '"1.0"')
    lines = (stopped / "journal.jsonl").read_text().splitlines()
    (stopped / "journal.jsonl").unlink()
    for line in lines:
        append_record(stopped, json.loads(line)["record"])
    assert f"torch was '1.0' and is '{version}'" in Ladder.open(stopped).climb().warnings[0]


def test_a_resumed_climb_has_what_is_left_of_the_budget(stopped):
    append_record(stopped, {"type": "climb", "elapsed": 59.9, "budget": 60.0})
    row = Ladder.open(stopped).climb().leaderboard().set_index("rung").loc["mlp"]
    assert (row.status, row.reason) == (
        "skipped",
        "no time was left; --resume with another --budget gives more",
    )
    again = Ladder.open(stopped)
    again.budget = 90.0
    assert again.climb().leaderboard().num_seeds.tolist() == [3, 3, 3]


def test_a_budget_that_a_run_is_given_when_it_goes_on_is_kept(stopped):
    append_record(stopped, {"type": "climb", "elapsed": 59.9, "budget": 60.0})
    again = Ladder.open(stopped)
    again.budget = 90.0
    with pytest.raises(KeyboardInterrupt):
        again.climb(interrupt)
    assert Ladder.open(stopped).budget == 90.0
    assert Ladder.open(stopped).climb().leaderboard().status.tolist() == ["done"] * 3


def test_what_a_rung_that_is_tried_again_takes_is_of_the_budget_given_last(stopped):
    record = next(r for r in read_records(stopped) if r["type"] == "rung" and r["rung"] == "baseline")
    renew_budget(Ladder.open(stopped).paths, 90.0)
    append_record(stopped, record | {"elapsed": 33.0})
    assert elapsed(Ladder.open(stopped).paths, read_records(stopped)) == 33.0


def interrupt(step):
    raise KeyboardInterrupt


def test_why_a_rung_failed_stays_though_there_is_no_time_to_try_again(stopped):
    reason = "the loss was nan"
    record = next(r for r in read_records(stopped) if r["type"] == "rung")
    append_record(stopped, record | {"rung": "mlp", "order": 2, "status": "failed", "reason": reason})
    append_record(stopped, {"type": "climb", "elapsed": 59.9, "budget": 60.0})
    row = Ladder.open(stopped).climb().leaderboard().set_index("rung").loc["mlp"]
    assert (row.status, row.reason) == ("failed", reason)


def test_data_of_which_a_part_is_gone_are_said_to_have_changed(finished, source, tmp_path):
    parts = {name: shutil.copy(source, tmp_path / f"{name}.csv") for name in ("train", "test")}
    ladder = Ladder(rungs=["baseline"], budget="60s", out=tmp_path / "run")
    ladder.prepare(parts["train"], "target", test=parts["test"], split_duplicates=True)
    parts["test"].unlink()
    parts["train"].write_text("other\n1\n")
    [warning] = check_unchanged(ladder.paths, ladder.dataset)
    assert f"{parts['train']} may have changed since the run began" in warning


def test_a_journal_of_another_version_is_said_to_be(stopped):
    (stopped / "journal.jsonl").write_bytes(b"")
    with pytest.raises(RunError, match="doesn't say how it was begun"):
        Ladder.open(stopped).climb()


def test_a_worker_that_is_lost_once_begins_again(source, tmp_path, finished):
    killed = []

    def kill_once(step):
        for state in step.states:
            if state.rung == "mlp" and state.status is Status.RUNNING and not killed:
                killed.append(os.kill(state.worker.pid, signal.SIGKILL))

    ladder = Ladder(rungs=RUNGS, budget="60s", out=tmp_path / "run", settings=QUICK)
    ladder.prepare(source, "target")
    assert ladder.climb(kill_once).leaderboard().status.tolist() == ["done"] * 3
    assert killed
    name = "predictions/mlp.test.parquet"
    assert (ladder.run / name).read_bytes() == (finished.run / name).read_bytes()


def test_a_launcher_that_is_lost_is_replaced(source, tmp_path):
    killed = []

    def kill_once(step):
        if not killed and any(state.status is Status.RUNNING for state in step.states):
            killed.append(True)
            with suppress(ProcessLookupError):  # it may be replaced for want of an answer on a busy machine
                os.kill(launcher.pid, signal.SIGKILL)

    ladder = Ladder(rungs=RUNGS, budget="60s", out=tmp_path / "run", settings=QUICK)
    ladder.prepare(source, "target")
    launcher = ladder._launcher
    assert ladder.climb(kill_once).leaderboard().status.tolist() == ["done"] * 3
    assert killed


def test_the_time_that_a_climb_took_is_in_its_journal(finished):
    records = read_records(finished.run)
    [climb] = [record for record in records if record["type"] == "climb"]
    assert climb["elapsed"] > max(record.get("total_seconds", 0.0) for record in records)


def test_the_best_model_of_a_fit_that_had_to_be_ended_is_rescued(source, tmp_path, finished):
    ladder = Ladder(rungs=["mlp"], budget="60s", out=tmp_path / "run", settings={"mlp": {"epochs": 5000}})
    dataset = ladder.prepare(source, "target")
    job = Job(kind="rescue", run=str(ladder.run), rung="mlp", seconds=9.0)
    job.checkpoint_file.parent.mkdir()

    def stop_when_kept(fraction, score):
        if job.checkpoint_file.exists() and load_checkpoint(job.checkpoint_file).history_:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        rw.MLPClassifier(random_state=job.seed, epochs=5000, patience=5000).fit(
            dataset.inputs("train"),
            dataset.targets("train"),
            validation=(dataset.inputs("valid"), dataset.targets("valid")),
            report=stop_when_kept,
            checkpoint=job.checkpoint_file,
        )
    record = worker.fit(job)
    assert (record["status"], record["reason"]) == ("deadline", "stopped by its share of the budget, 9 s")
    assert record["fit_seconds"] > 0.9, "a checkpoint comes after a second"
    assert record["fit_cpu_seconds"] > 0
    assert record["notes"] == []
    assert len(record["history"]) >= 1
    stored = read_predictions(ladder.run, "mlp", "test")
    assert (stored.target == stored.prediction).mean() > 0.5
    assert ladder.model("mlp").epochs == 5000


def test_the_counters_of_energy_are_looked_at_while_a_rung_is_fitted(finished, tmp_path, monkeypatch):
    shutil.copytree(finished.run, tmp_path / "run")
    seen = []

    class Meter(EnergyMeter):
        def __enter__(self):
            seen.append("begins")
            return super().__enter__()

        def __exit__(self, *error):
            seen.append("ends")
            super().__exit__(*error)

    fitted = worker._fitted
    monkeypatch.setattr(worker, "EnergyMeter", Meter)
    monkeypatch.setattr(worker, "_fitted", lambda job, data: seen.append("fits") or fitted(job, data))
    worker.fit(Job(kind="fit", run=str(tmp_path / "run"), rung="baseline", seconds=9.0))
    assert seen == ["begins", "fits", "ends"]


def test_a_result_that_nobody_journaled_counts(stopped, finished):
    for result in (finished.run / "logs").glob("mlp*.result"):
        shutil.copy(result, stopped / "logs")
    before = (stopped / "models" / "mlp" / "config.json").stat().st_mtime_ns
    assert Ladder.open(stopped).climb().leaderboard().status.tolist() == ["done"] * 3
    assert (stopped / "models" / "mlp" / "config.json").stat().st_mtime_ns == before


def test_a_result_whose_files_are_gone_is_made_again(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished.run, run)
    name = "predictions/mlp.test.parquet"
    (run / name).write_bytes(b"")
    Ladder.open(run).climb()
    assert (run / name).read_bytes() == (finished.run / name).read_bytes()


def test_what_a_reboot_leaves_half_written_is_no_obstacle(stopped):
    (stopped / "logs" / "clock.json").write_bytes(b"")
    (stopped / ".again" / "data").mkdir(parents=True)
    (stopped / "config.json").unlink()
    assert Ladder.open(stopped).climb().leaderboard().status.tolist() == ["done"] * 3
    assert (stopped / "config.json").exists()
