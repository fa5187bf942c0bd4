"""Whole climbs in worker processes, on data that scikit-learn carries."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

import rungwise as rw
from rungwise.errors import ConfigError, RunError, UnknownNameError
from rungwise.evaluation import read_predictions, read_records
from rungwise.evaluation.next_steps import next_steps
from rungwise.ladder import Ladder, Status
from rungwise.ladder.folder import locked
from rungwise.ladder.jobs import Job
from rungwise.ladder.processes import SpawnLauncher

RUNGS = ["logistic-regression", "mlp"]
QUICK = {"mlp": {"epochs": 3}}


@pytest.fixture(scope="module")
def frame():
    return load_iris(as_frame=True).frame.assign(
        target=lambda f: f.target.map({0: "山鸢尾", 1: "变色", 2: "维吉尼亚"})
    )


@pytest.fixture(scope="module")
def climbed(frame, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "iris"
    return Ladder(rungs=RUNGS, budget="1h", out=out, settings=QUICK).fit(frame, "target")


def test_the_leaderboard_has_a_row_for_each_rung_cheapest_first(climbed):
    board = climbed.leaderboard()
    assert board.rung.tolist() == ["baseline", "logistic-regression", "mlp"]
    assert (board.status == "done").all()
    assert (board.score_test_low <= board.score_test).all()
    measured = ["fit_time", "fit_cpu_time", "pred_time", "latency", "model_bytes", "peak_memory_bytes"]
    assert (board[measured] > 0).all(axis=None)
    assert board.expected_memory_bytes.between(
        0.3 * board.peak_memory_bytes, 3 * board.peak_memory_bytes
    ).all()
    assert board.parameters[1] == 15  # four features and a bias for each of three classes


def test_the_run_folder_holds_what_the_docs_say(climbed):
    names = {path.name for path in climbed.run.iterdir()}
    assert names >= {
        "config.json",
        "data",
        "journal.jsonl",
        "models",
        "predictions",
        "logs",
        "metrics.json",
        "leaderboard.csv",
        "verdict.json",
        "report.html",
    }
    metrics = json.loads((climbed.run / "metrics.json").read_text())
    assert [row["class"] for row in metrics["mlp"]["test"]["classes"]] == ["变色", "山鸢尾", "维吉尼亚"]


def test_load_gives_the_recommended_model_unless_told(climbed, frame):
    recommended = rw.load(climbed.run)
    assert recommended.rung_name == climbed.verdict.recommended == "logistic-regression"
    assert recommended.score(frame.drop(columns="target"), frame.target) > 0.9
    assert rw.load(climbed.run, rung="mlp").rung_name == "mlp"


def test_stored_predictions_are_those_of_the_stored_model(climbed):
    stored = pd.read_parquet(climbed.run / "predictions" / "mlp.test.parquet")
    again = climbed.model("mlp").predict_proba(climbed.dataset.inputs("test"))
    np.testing.assert_allclose(np.stack(stored.probabilities), again, atol=1e-6)


def test_a_seed_decides_every_prediction(climbed, frame, tmp_path):
    again = Ladder(rungs=RUNGS, budget="1h", out=tmp_path / "again", settings=QUICK, workers=1).fit(
        frame, "target"
    )
    for file in sorted((climbed.run / "predictions").iterdir()):
        assert file.read_bytes() == (again.run / "predictions" / file.name).read_bytes(), file.name


def test_a_rung_that_fails_is_a_row_with_its_reason(frame, tmp_path):
    settings = {"mlp": {"learning_rate": 1e30, "clip_norm": 1e30}}
    ladder = Ladder(rungs=["mlp"], budget="30s", out=tmp_path / "run", settings=settings).fit(frame, "target")
    row = ladder.leaderboard().set_index("rung").loc["mlp"]
    assert row.status == "failed"
    assert "try a learning_rate under 1e+29" in row.reason
    assert ladder.verdict.recommended == "baseline"


def test_a_worker_that_is_killed_costs_only_its_own_row(frame, tmp_path):
    def kill_the_network(step):
        for state in step.states:
            if state.rung == "mlp" and state.status is Status.RUNNING:
                with suppress(ProcessLookupError):  # killed already, and not yet seen to be
                    os.kill(state.worker.pid, signal.SIGKILL)

    ladder = Ladder(rungs=RUNGS, budget="30s", out=tmp_path / "run")
    ladder.prepare(frame, "target")
    board = ladder.climb(kill_the_network).leaderboard().set_index("rung")
    assert board.status.to_dict() == {"baseline": "done", "logistic-regression": "done", "mlp": "failed"}
    assert board.reason["mlp"] == "its process was killed, most likely for want of memory"


def test_a_stopped_climb_goes_on_where_it_was(frame, tmp_path):
    def stop_after_one(step):
        if any(state.status is Status.DONE for state in step.states):
            raise KeyboardInterrupt

    ladder = Ladder(rungs=RUNGS, budget="300s", out=tmp_path / "run", settings=QUICK, workers=1)
    ladder.prepare(frame, "target")
    with pytest.raises(KeyboardInterrupt):
        ladder.climb(stop_after_one)
    assert ladder.leaderboard().status.tolist() == ["done", "interrupted", "interrupted"]
    first = (ladder.run / "predictions" / "baseline.test.parquet").stat().st_mtime_ns
    resumed = Ladder.open(ladder.run).climb()
    assert resumed.leaderboard().status.tolist() == ["done", "done", "done"]
    assert (resumed.leaderboard().latency > 0).all()
    assert (ladder.run / "predictions" / "baseline.test.parquet").stat().st_mtime_ns == first


def test_a_budget_too_small_still_gives_the_cheapest_rungs(frame, tmp_path):
    ladder = Ladder(budget="0.5s", out=tmp_path / "run", workers=1).fit(frame, "target")
    board = ladder.leaderboard()
    assert board.status.iloc[0] in ("done", "deadline")
    assert "skipped" in set(board.status)
    assert ladder.verdict.recommended is not None


def test_a_run_is_never_overwritten(climbed, frame):
    with pytest.raises(RunError, match=r"exists and isn't empty; choose another --out"):
        Ladder(out=climbed.run).prepare(frame, "target")


def test_what_is_no_run_is_not_said_to_be_one(frame, tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(RunError, match="choose another --out, or delete it, as it holds no run"):
        Ladder(out=tmp_path).prepare(frame, "target")


def test_data_that_can_not_be_used_leave_a_folder_as_it_was(frame, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    for out in (tmp_path / "there", tmp_path / "link", tmp_path / "new"):
        with pytest.raises(UnknownNameError, match="column 'nothing' is unknown"):
            Ladder(out=out).prepare(frame, "nothing")
    assert list((tmp_path / "there").iterdir()) == []
    assert not (tmp_path / "new").exists()


def test_names_may_be_odd(frame, tmp_path):
    data = tmp_path / "a\nb\udcff.csv"
    frame.to_csv(data, index=False)
    out = tmp_path / "a 'b'" / "虹膜"
    ladder = Ladder(rungs=["baseline"], budget="60s", out=out).fit(data, "target")
    assert ladder.leaderboard().status.tolist() == ["done"]
    assert Ladder.open(out).leaderboard().status.tolist() == ["done"]
    with pytest.raises(RunError, match="isn't a name that every library can write to"):
        Ladder(out=tmp_path / "a\nb").prepare(frame, "target")


def test_settings_of_a_rung_that_will_not_climb_are_refused(frame, tmp_path):
    with pytest.raises(ConfigError, match="settings are given for lstm, which won't climb"):
        Ladder(out=tmp_path / "run", settings={"lstm": {"epochs": 1}}).prepare(frame, "target")
    with pytest.raises(UnknownNameError, match="rung 'smv' is unknown; did you mean 'svm'"):
        Ladder(out=tmp_path / "run", settings={"smv": {"epochs": 1}}).prepare(frame, "target")


def test_words_are_tagged_from_pretrained_weights(tmp_path):
    small = {"hidden_size": 8, "num_layers": 2, "num_heads": 1, "intermediate_size": 8, "epochs": 1}
    rw.BERTClassifier(**small).fit(["a good film", "a bad film"] * 2, ["good", "bad"] * 2).save(
        tmp_path / "w"
    )
    lines = "".join(f"in O\nRome B-CITY\nnow{number} O\n\n" for number in range(40))
    (tmp_path / "a.conll").write_text(lines, encoding="utf-8")
    ladder = Ladder(
        rungs=["bert"],
        budget="60s",
        out=tmp_path / "run",
        settings={"bert": {"pretrained": str(tmp_path / "w"), "tuning_epochs": 1}},
    ).fit(tmp_path / "a.conll")
    assert ladder.leaderboard().status.tolist() == ["done", "done"]
    with pytest.raises(ConfigError, match="bert: pooling='max': each word has a tag of its own"):
        Ladder(rungs=["bert"], out=tmp_path / "no", settings={"bert": {"pooling": "max"}}).prepare(
            tmp_path / "a.conll"
        )


def test_what_is_no_run_is_said_to_be_none(tmp_path):
    with pytest.raises(RunError, match="is neither a run's folder nor a model's"):
        rw.load(tmp_path)
    with pytest.raises(RunError, match="is no run's folder"):
        Ladder.open(tmp_path)


def test_a_model_that_a_run_lacks_is_refused_with_those_it_has(climbed):
    with pytest.raises(
        RunError, match="rung 'svm' has no model; these have: baseline, logistic-regression, mlp"
    ):
        climbed.model("svm")
    with pytest.raises(UnknownNameError, match="rung 'nosuch' is unknown"):
        rw.load(climbed.run, "nosuch")


def test_workers_start_without_forking_too(monkeypatch, frame, tmp_path):
    made = []
    for module in ("climb", "run"):
        monkeypatch.setattr(
            f"rungwise.ladder.{module}.make_launcher",
            lambda logs: made.append(SpawnLauncher(logs)) or made[-1],
        )
    ladder = Ladder(rungs=["baseline"], budget="60s", out=tmp_path / "run").fit(frame, "target")
    assert ladder.leaderboard().status.tolist() == ["done"]
    assert len(made[0]._workers) == 2, "a fit and its latency"


def test_a_worker_of_its_own_interpreter_ends_with_the_command(frame, tmp_path):
    ladder = Ladder(rungs=["mlp"], out=tmp_path / "run")
    ladder.prepare(frame, "target")
    settings = {"epochs": 1_000_000, "patience": 1_000_000}
    job = Job(kind="fit", run=str(ladder.run), rung="mlp", settings=settings, seconds=600)
    job.write()
    launcher = SpawnLauncher(ladder.paths.logs)
    worker = launcher.start(job.file)
    while not job.progress_file.exists():
        assert worker.exit_code() is None
        time.sleep(0.05)
    worker._process.stdin.close()
    assert worker._process.wait(timeout=10) == -signal.SIGKILL
    launcher.close()


def test_of_two_commands_that_begin_one_run_the_second_is_refused(frame, tmp_path, monkeypatch):
    (tmp_path / "run" / "logs").mkdir(parents=True)
    monkeypatch.setattr("rungwise.ladder.run.new_folder", lambda out, data: out)  # as it was a moment ago
    with pytest.raises(RunError, match="has just been begun by another command"):
        Ladder(out=tmp_path / "run").prepare(frame, "target")
    assert (tmp_path / "run" / "logs").exists()


def test_the_climb_leaves_no_process_behind(climbed):
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in listing.splitlines() if str(climbed.run) in line]


def test_a_plain_script_without_a_main_guard_climbs(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import rungwise as rw\n"
        "from sklearn.datasets import load_iris\n"
        f"ladder = rw.Ladder(rungs=['baseline'], budget=60, out={str(tmp_path / 'run')!r})\n"
        "print(ladder.fit(load_iris(as_frame=True).frame, 'target').leaderboard().rung.tolist())\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "['baseline']"
    assert Path(tmp_path / "run" / "report.html").exists()


def test_a_ladder_that_was_not_climbed_says_so():
    with pytest.raises(RunError, match="hasn't been climbed yet; call `fit` first"):
        Ladder().leaderboard()


def test_rungs_that_are_no_list_are_refused():
    with pytest.raises(ConfigError, match=r"rungs is 'textcnn'; give a list of names: \['textcnn'\]"):
        Ladder(rungs="textcnn")


def test_two_commands_do_not_climb_in_one_folder(climbed):
    with locked(climbed.run / "journal.jsonl"), pytest.raises(RunError, match="is in use by another command"):
        Ladder.open(climbed.run).climb()


def test_a_damaged_config_is_named(climbed, tmp_path):
    (tmp_path / "journal.jsonl").touch()
    for text, problem in (
        ("{", "is damaged: Expecting"),
        ('{"schema_version": 1}', "is damaged \\(KeyError: 'task'"),
    ):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(RunError, match=problem):
            Ladder.open(tmp_path)


def test_a_device_that_is_not_there_is_refused(frame, tmp_path):
    with pytest.raises(ConfigError, match="device 'foo' can't be used here"):
        Ladder(device="foo", out=tmp_path / "run").prepare(frame, "target")
    assert not (tmp_path / "run").exists()


def test_a_ladder_that_is_prepared_and_left_leaves_no_process(frame, tmp_path):
    ladder = Ladder(rungs=["baseline"], out=tmp_path / "run")
    ladder.prepare(frame, "target")
    pid = ladder._launcher.pid
    del ladder
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_rungs_are_chosen_by_parts_of_train(frame, tmp_path):
    options = {"rungs": ["logistic-regression"], "budget": "60s", "workers": 1}
    ladder = Ladder(**options, out=tmp_path / "run", folds=3).fit(frame, "target")
    board = ladder.leaderboard().set_index("rung")
    assert board.num_seeds.tolist() == [1, 1]
    stored = [read_predictions(ladder.run, f"baseline@{fold}", "valid") for fold in (1, 2, 3)]
    assert [len(each.target) for each in stored] == [15, 15, 15]
    again = Ladder.open(ladder.run)
    assert again.folds == 3
    before = again.verdict.to_dict()
    (ladder.run / "predictions" / "logistic-regression@2.valid.parquet").unlink()
    assert again.climb().verdict.to_dict() == before  # what is lost is fitted again, to the same
    alone = Ladder(**options, out=tmp_path / "alone", folds=0).fit(frame, "target")
    assert alone.leaderboard().score_test.tolist() == board.score_test.tolist()


def test_folds_that_the_budget_is_too_short_for_are_said_to_be_missing(frame, tmp_path, monkeypatch):
    options = {"rungs": ["logistic-regression", "svm"], "workers": 1}
    ladder = Ladder(**options, budget="60s", out=tmp_path / "enough")
    ladder.prepare(frame, "target")
    assert (ladder.folds, ladder.folds_forgone) == (7, 0)
    monkeypatch.setattr("rungwise.ladder.plan._FOLD_FLOPS", 0)
    ladder = Ladder(**options, budget="60s", out=tmp_path / "run").fit(frame, "target")
    assert (ladder.folds, ladder.folds_forgone) == (0, 5)
    [run] = [record for record in read_records(ladder.run) if record["type"] == "run"]
    assert (run["config"]["folds"], run["config"]["folds_forgone"]) == (0, 5)
    said = "Rungs are chosen by one validation part of 15 rows, as the budget was too short for folds; `--folds 5`"
    again = Ladder.open(ladder.run)
    assert said in " ".join(again.verdict.warnings)
    assert said in (ladder.run / "report.html").read_text(encoding="utf-8").replace("<code>", "`").replace(
        "</code>", "`"
    )
    steps = next_steps(again.verdict, again.results)
    assert "rungwise fit DATA --folds 5 --budget …" in [step.command for step in steps]
    ladder = Ladder(**options, budget="60s", folds=0, out=tmp_path / "none")
    ladder.prepare(frame, "target")
    assert (ladder.folds, ladder.folds_forgone) == (0, 0)  # as the user wants it


def test_folds_that_the_data_cannot_have(frame, tmp_path):
    with pytest.raises(ConfigError, match="folds=40: the data have room for 7 at most"):
        Ladder(folds=40, out=tmp_path / "run").prepare(frame, "target")
    with pytest.raises(
        ConfigError, match="folds=3: with several seeds rungs are chosen by the validation part"
    ):
        Ladder(folds=3, seeds=2, out=tmp_path / "run").prepare(frame, "target")
    with pytest.raises(ConfigError, match="folds=3: the validation part is given"):
        Ladder(folds=3, out=tmp_path / "run").prepare(frame, "target", valid=frame)
    with pytest.raises(ConfigError, match="folds is -1; it must be at least 0"):
        Ladder(folds=-1)
