import json
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_iris

from rungwise.cli import main
from rungwise.cli.options import LANGUAGES
from rungwise.cli.report import FORMATS
from rungwise.language import Language
from rungwise.report import Format


def rungwise(*arguments, cwd):
    command = [sys.executable, "-m", "rungwise", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    frame = load_iris(as_frame=True).frame
    frame.assign(target=frame.target.map({0: "山鸢尾", 1: "变色", 2: "维吉尼亚"})).to_csv(
        folder / "flowers.csv", index=False
    )
    frame.drop(columns="target").to_csv(folder / "new.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def fitted(folder):
    done = rungwise(
        "fit",
        "flowers.csv",
        "--target",
        "target",
        "--rungs",
        "logistic-regression",
        "--budget",
        "60s",
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_fit_prints_what_it_inferred_the_leaderboard_and_the_verdict(fitted):
    for part in (
        "tabular-classification",
        "column  petal length (cm): number",
        "baseline → logistic-regression",
        "Take `logistic-regression`",
        "runs/flowers/report.html",
        "rungwise predict runs/flowers NEW_DATA",
    ):
        assert part in fitted.stdout, part


def test_fit_prints_json_for_machines(folder):
    done = rungwise("fit", "flowers.csv", "--rungs", "baseline", "--budget", "60s", "--json", cwd=folder)
    result = json.loads(done.stdout)
    assert [row["rung"] for row in result["leaderboard"]] == ["baseline"]
    assert result["verdict"]["recommended"] == "baseline"
    assert "baseline: done" in done.stderr


def test_leaderboard_and_report_read_the_run(folder, fitted):
    assert "logistic-regression ←" in rungwise("leaderboard", "runs/flowers", cwd=folder).stdout
    assert (
        "log-loss"
        in rungwise("leaderboard", "runs/flowers", "--metric", "log-loss", cwd=folder).stdout.lower()
    )
    assert rungwise("report", "runs/flowers", cwd=folder).stdout.strip() == "runs/flowers/report.html"


def test_a_run_is_reported_in_other_forms_and_in_chinese(folder, fitted):
    def told(*arguments):
        done = rungwise(*arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert (
        told("report", "runs/flowers", "--format", "md", "--lang", "zh").strip() == "runs/flowers/report.md"
    )
    page = (folder / "runs" / "flowers" / "report.md").read_text(encoding="utf-8")
    assert "**选用 `logistic-regression`：" in page
    verdict = told("verdict", "runs/flowers", "--lang", "zh")
    assert "选用 `logistic-regression`：" in verdict
    assert "接下来做什么\n1. 用 `logistic-regression` 预测" in verdict
    steps = json.loads(told("verdict", "runs/flowers", "--json"))["next_steps"]
    assert steps[0]["command"] == "rungwise predict runs/flowers NEW_DATA"
    card = folder / "runs" / "flowers" / "models" / "logistic-regression" / "README.md"
    assert "## Intended use" in card.read_text(encoding="utf-8")
    told("verify", "runs/flowers")
    done = rungwise("report", "runs/flowers", "--rung", "svm", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: rung 'svm' is for a model card, and this is format 'html'")


def test_options_name_every_language_and_form():
    assert tuple(Language) == LANGUAGES
    assert tuple(Format) == FORMATS


def test_a_run_is_asked_again_by_other_terms(folder, fitted):
    said = rungwise("verdict", "runs/flowers", "--cost", "size", "--margin", "0.05", cwd=folder).stdout
    assert said.startswith("Take `logistic-regression`: ")
    assert "beside logistic-regression, on test" in said
    done = rungwise("verdict", "runs/flowers", "--max-size", "1B", "--json", cwd=folder)
    found = json.loads(done.stdout)
    assert (done.returncode, found["recommended"], found["nearest"][0]["rung"]) == (3, None, "baseline")
    assert set(found["beyond"]) == {"baseline", "logistic-regression"}
    assert found["terms"]["max_size"] == 1


def test_costs_are_shown_with_how_they_are_known(folder, fitted):
    said = rungwise("costs", "runs/flowers", "--price-per-hour", "0.4", cwd=folder)
    assert said.returncode == 0, said.stderr
    for part in (
        "to train",
        "to keep and start",
        "to ask about one example",
        "p99",
        "throughput",
        "price: ~ at 0.4 an hour, as if",
    ):
        assert part in said.stdout, part
    amounts = json.loads(rungwise("costs", "runs/flowers", "--json", cwd=folder).stdout)
    assert set(amounts) == {"baseline", "logistic-regression"}
    latency, price = (amounts["baseline"][name] for name in ("latency", "million_price"))
    assert (latency["provenance"], latency["unit"]) == ("measured", "s")
    assert price == {
        "unit": "currency",
        "value": None,
        "provenance": "unavailable",
        "note": "give what an hour of the machine costs: --price-per-hour",
    }


def test_a_price_is_needed_to_choose_by_it(folder, fitted):
    refused = rungwise("verdict", "runs/flowers", "--cost", "price", cwd=folder)
    assert refused.returncode == 2
    assert "cost 'price' needs a price" in refused.stderr
    refused = rungwise("fit", "flowers.csv", "--cost", "price", "--out", "runs/never", cwd=folder)
    assert "cost 'price' needs a price" in refused.stderr
    assert not (folder / "runs" / "never").exists()
    found = rungwise(
        "verdict", "runs/flowers", "--cost", "price", "--price-per-hour", "0.4", "--json", cwd=folder
    )
    terms = json.loads(found.stdout)["terms"]
    assert (terms["cost"], terms["price_per_hour"]) == ("price", 0.4)
    refused = rungwise("costs", "runs/flowers", "--price-per-hour", "-1", cwd=folder)
    assert "price_per_hour -1.0 must be a number above 0" in refused.stderr


def test_terms_are_part_of_a_run(folder):
    arguments = ("--rungs", "logistic-regression", "--max-latency", "1us", "--out", "runs/limited")
    done = rungwise("fit", "flowers.csv", *arguments, "--budget", "60s", cwd=folder)
    assert "No rung is within the limits, so there is nothing to recommend" in done.stdout
    told = rungwise("verdict", "runs/limited", cwd=folder)
    assert (told.returncode, told.stderr) == (3, "")
    assert "Nearest to 1 µs of latency is `" in " ".join(told.stdout.split())  # whose lines are broken
    way_out = re.search(r"rungwise (verdict runs/limited --max-latency \S+)", told.stdout)
    assert rungwise(*way_out[1].split(), cwd=folder).returncode == 0
    refused = rungwise("verdict", "runs/limited", "--max-latency", "5", cwd=folder)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "max_latency '5' has no unit; write such as 5ms or 0.2s" in refused.stderr
    refused = rungwise("predict", "runs/limited", "flowers.csv", cwd=folder)
    assert refused.returncode == 2
    assert "No rung is within the limits" in refused.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_climb_that_is_told_to_stop_says_how_to_go_on(folder, tmp_path, number):
    arguments = [
        "--rungs",
        "mlp",
        "--set",
        "mlp.epochs=100000",
        "--set",
        "mlp.patience=100000",
        "--out",
        "run",
    ]
    command = [sys.executable, "-m", "rungwise", "fit", str(folder / "flowers.csv"), *arguments]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # children of a shell's `&` ignore it
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    while not (tmp_path / "run" / "logs" / "mlp.fit.progress").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "What was finished is saved. Go on with: rungwise fit --resume run" in output.replace(
        "python -m ", ""
    )
    assert "stopped by the user" in (tmp_path / "run" / "leaderboard.csv").read_text()


def test_what_a_killed_run_has_left_to_do_is_said(folder, fitted):
    shutil.copytree(folder / "runs" / "flowers", folder / "killed")
    journal = folder / "killed" / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text(
        "".join(line for line in lines if '"rung":"logistic' not in line and '"climb"' not in line)
    )
    shown = rungwise("leaderboard", "killed", cwd=folder).stdout
    assert "Not climbed yet: logistic-regression. Go on with: rungwise fit --resume killed" in shown
    resumed = rungwise("fit", "--resume", "killed", "--json", cwd=folder)
    result = json.loads(resumed.stdout)
    assert [row["status"] for row in result["leaderboard"]] == ["done", "done"], resumed.stderr
    assert result["not_climbed"] == result["warnings"] == []


def test_a_run_that_was_changed_is_refused(folder, fitted):
    shutil.copytree(folder / "runs" / "flowers", folder / "changed")
    config = folder / "changed" / "config.json"
    config.write_text(config.read_text().replace('"seed": 0', '"seed": 5'))
    done = rungwise("fit", "--resume", "changed", cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: changed can't go on, config.json was changed since the run began: seed"
    )
    assert "Traceback" not in done.stderr


def test_predict_gives_a_probability_for_each_class(folder, fitted):
    done = rungwise("predict", "runs/flowers", "new.csv", cwd=folder)
    (folder / "stdout.csv").write_text(done.stdout)
    frame = pd.read_csv(folder / "stdout.csv")
    assert frame.columns.tolist() == [
        "prediction",
        "probability 变色",
        "probability 山鸢尾",
        "probability 维吉尼亚",
    ]
    assert frame.filter(like="probability").sum(axis=1).between(0.999, 1.001).all()
    assert len(frame) == 150


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.tsv", "out.jsonl", "out.parquet"])
def test_predict_writes_every_format(folder, fitted, name):
    done = rungwise("predict", "runs/flowers", "new.csv", "--rung", "baseline", "--out", name, cwd=folder)
    assert done.stderr.strip() == f"150 predictions in {name}"
    read = {
        "out.csv": pd.read_csv,
        "out.csv.gz": pd.read_csv,
        "out.tsv": lambda file: pd.read_csv(file, sep="\t"),
        "out.jsonl": lambda file: pd.read_json(file, lines=True),
        "out.parquet": pd.read_parquet,
    }[name]
    assert read(folder / name).prediction.tolist() == ["变色"] * 150


def test_images_climb_with_settings_and_a_column_of_robustness(tmp_path):
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images[:300], digits.target[:300], strict=True)):
        to = tmp_path / "photos" / ("even" if label % 2 == 0 else "odd") / f"{number}.png"
        to.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((15 * image).astype(np.uint8)).save(to)
    settings = ["--class-weight", "balanced", "--set", "lenet.epochs=3", "--set", "lenet.min_steps=0"]
    done = rungwise("fit", "photos", "--rungs", "lenet", "--budget", "60s", *settings, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "robust" in done.stdout
    board = pd.read_csv(tmp_path / "runs/photos/leaderboard.csv").set_index("rung")
    assert 0 < board.robustness["lenet"] < 1
    config = json.loads((tmp_path / "runs/photos/models/lenet/config.json").read_text(encoding="utf-8"))
    assert (config["settings"]["class_weight"], config["settings"]["epochs"]) == ("balanced", 3)
    weights = ["--set", "efficientnet.pretrained=none.pth"]
    done = rungwise("fit", "photos", "--budget", "60s", "--out", "other", *weights, cwd=tmp_path)
    assert (done.returncode, "there is no such file or folder" in done.stderr) == (2, True), done.stderr


def test_inspect_says_what_fit_would_do(folder):
    out = rungwise("inspect", "flowers.csv", cwd=folder).stdout
    assert "task    tabular-classification" in out
    assert "rung    gradient-boosting: about" in out
    assert re.search(r"memory  expected: baseline \d+ MB, .*gradient-boosting \d+ MB", out)
    assert not (folder / "runs" / "flowers-inspect").exists()


def test_rungs_and_tasks_are_listed(folder):
    assert "  lstm " in rungwise("rungs", cwd=folder).stdout
    assert "lstm" not in rungwise("rungs", "--task", "tabular-regression", cwd=folder).stdout
    card = rungwise("rungs", "lstm", cwd=folder).stdout
    for part in ("Hochreiter", "rungwise.LSTMClassifier", "text-classification", "--set lstm.NAME=VALUE"):
        assert part in card
    assert "accuracy (default)" in rungwise("tasks", cwd=folder).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "none.csv"], "none.csv"),
        (["fit", "flowers.csv", "--target", "targt"], "did you mean 'target'"),
        (["fit", "flowers.csv", "--task", "tabular-clasification"], "did you mean 'tabular-classification'"),
        (["fit", "flowers.csv", "--rungs", "resnt"], "rung 'resnt' is unknown"),
        (["fit", "flowers.csv", "--budget", "ten"], "budget 'ten' is no time"),
        (["fit", "flowers.csv", "--metric", "acuracy"], "did you mean 'accuracy'"),
        (
            ["fit", "flowers.csv", "--metric", "f1"],
            "metric 'f1' is for two classes, and there are 3; take macro-f1",
        ),
        (
            ["fit", "flowers.csv", "--metric", "rmse"],
            "metric 'rmse' isn't one of tabular-classification: accuracy",
        ),
        (["fit", "flowers.csv", "--set", "mlp=3"], "must be RUNG.NAME=VALUE"),
        (["fit", "flowers.csv", "--set", "mlp.epoch=3"], "mlp: there is no setting 'epoch'"),
        (["fit", "flowers.csv", "--column", "target=colour"], "must be NAME=KIND"),
        (["fit"], "give DATA, or --resume RUN"),
        (["fit", "--resume", "nowhere"], "nowhere is no run's folder"),
        (["leaderboard", "nowhere"], "nowhere is no run's folder"),
        (["predict", "nowhere", "new.csv"], "nowhere is no run's folder"),
        (
            ["report", "flowers.csv"],
            "flowers.csv is a file, and a run's folder is expected; `rungwise fit flowers.csv` makes one from data",
        ),
        (["fit", "--resume", "flowers.csv"], "flowers.csv is a file, and a run's folder is expected"),
        (
            ["forecast", "runs/flowers", "--rungs", "foo"],
            "rung 'foo' is unknown; known: logistic-regression. `rungwise rungs` lists all",
        ),
        (
            ["predict", "runs/flowers", "new.csv", "--rung", "foo"],
            "rung 'foo' is unknown; known: baseline, logistic-regression. `rungwise rungs` lists all",
        ),
        (
            ["predict", "runs/flowers", "new.csv", "--out", "flowers.csv"],
            "flowers.csv exists; choose another name",
        ),
        (
            ["predict", "runs/flowers", "new.csv", "--out", "no/out.csv"],
            "there is no folder 'no'; make it first",
        ),
        (
            ["predict", "runs/flowers", "new.csv", "--out", "out.xlsx"],
            "a file of predictions ends with one of .csv",
        ),
        (["fit", "--resume", "runs/flowers", "--seed", "3"], "with --resume leave out --seed"),
        (["rungs", "resnt"], "rung 'resnt' is unknown"),
        (["frobnicate"], "No such command 'frobnicate'"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(folder, fitted, arguments, sentence, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["rungwise", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2, said
    assert sentence in said
    assert "Traceback" not in said


def test_a_model_that_has_one_arithmetic_says_so(folder, fitted):
    told = rungwise("predict", "runs/flowers", "flowers.csv", "--precision", "int8", cwd=folder)
    assert told.returncode == 2
    assert "is no network and has one arithmetic alone" in told.stderr


def test_a_climb_goes_on_when_its_reader_has_gone(folder, tmp_path):
    command = [sys.executable, "-m", "rungwise", "fit", str(folder / "flowers.csv"), "--out", "run"]
    process = subprocess.Popen(
        [*command, "--rungs", "logistic-regression"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    told = process.stderr.read().decode()
    process.stderr.close()
    process.wait(timeout=120)
    assert "Traceback" not in told
    board = pd.read_csv(tmp_path / "run" / "leaderboard.csv")
    assert board["status"].tolist() == ["done", "done"]
    assert (tmp_path / "run" / "report.html").exists()


def test_forecast_prints_a_table_and_sentences_or_json(folder, fitted):
    shown = rungwise("forecast", "runs/flowers", "--budget", "20s", "--until", "0.999", cwd=folder)
    for part in ("at 4×", "levels off at", "logistic-regression", "99.9 % accuracy"):
        assert part in shown.stdout, (part, shown.stderr)
    told = json.loads(rungwise("forecast", "runs/flowers", "--budget", "0", "--json", cwd=folder).stdout)
    assert [each["rung"] for each in told["rungs"]] == ["logistic-regression"]
    chinese = rungwise("forecast", "runs/flowers", "--budget", "0", "--lang", "zh", cwd=folder).stdout
    assert "曲线在网页上：runs/flowers/report.html" in chinese
    wrong = rungwise("forecast", "runs/flowers", "--to", "far", cwd=folder)
    assert "'far' is no multiple of the data; write such as 4x." in wrong.stderr
