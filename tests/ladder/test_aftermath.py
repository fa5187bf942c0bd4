"""What is measured after the fits, on real runs of tiny images and with scripted workers."""

import json
import time

import numpy as np
import pytest
from sklearn.datasets import load_digits

from rungwise.evaluation import append_record, read_records, write_json
from rungwise.evaluation.records import JOURNAL
from rungwise.ladder import Ladder
from rungwise.ladder.aftermath import Aftermath, Corruptible, plan_examples
from rungwise.ladder.jobs import Job
from rungwise.ladder.limits import Limits


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    return (16 * images[:600].reshape(-1, 8, 8)).clip(0, 255).astype(np.uint8), labels[:600]


@pytest.fixture(scope="module")
def climbed(digits, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "digits"
    return Ladder(rungs=["logistic-regression"], budget="60s", out=out).fit(digits)


def test_every_rung_of_images_is_judged_on_the_same_corrupted_examples(climbed):
    board = climbed.leaderboard().set_index("rung")
    assert board.robustness_clean.tolist() == pytest.approx(board.score_test.tolist())
    assert 0.3 < board.robustness["logistic-regression"] < board.robustness_clean["logistic-regression"]
    records = [r for r in read_records(climbed.run) if r["type"] == "robustness"]
    assert {r["num_examples"] for r in records} == {climbed.dataset.num("test")}


def test_what_answers_cost_is_measured_of_every_rung_and_kept(climbed):
    frame = climbed.costs(price_per_hour=0.4).set_index("rung")
    assert frame.index.tolist() == ["baseline", "logistic-regression"]
    for name in ("latency", "latency_p95", "throughput", "start_time", "million_energy", "million_price"):
        assert (frame[name] > 0).all(), name
    assert set(frame["throughput_provenance"]) == {"measured"}
    assert set(frame["million_price_provenance"]) == {"estimated"}
    again = Ladder.open(climbed.run)
    assert again.costs()["throughput"].tolist() == frame["throughput"].tolist()
    assert set(again.costs()["million_price_provenance"]) == {"unavailable"}
    board = climbed.leaderboard().set_index("rung")
    assert board["throughput"].tolist() == frame["throughput"].tolist()


def test_texts_are_judged_too(tmp_path):
    texts = [f"a {word} film number {number}" for number in range(60) for word in ("good", "bad")]
    ladder = Ladder(rungs=["linear-svm"], budget="60s", out=tmp_path / "films")
    board = ladder.fit((texts, ["good", "bad"] * 60)).leaderboard().set_index("rung")
    assert board.robustness["linear-svm"] < board.robustness_clean["linear-svm"] == 1
    (record,) = [
        r for r in read_records(ladder.run) if r["type"] == "robustness" and r["rung"] == "linear-svm"
    ]
    assert record["scores"]["capitals"] == [1] * 5
    page = (ladder.run / "report.html").read_text(encoding="utf-8")
    section = page[page.index('id="robustness"') :].partition("</section>")[0]
    assert section.count('<svg class="chart" role="img"') == 4
    assert "test texts" in section
    assert ">lost words, 20\u00a0%</span>" in section


def sentences_with_tags(num):
    """Names of people before their doings, and places behind them."""
    names, places = ["Ada", "Grace", "Alan", "Kurt"], ["Paris", "Rome", "Wien", "Oslo"]
    for number in range(num):
        first, second = names[number % 4], places[(number + number // 4) % 4]
        tokens = ["yesterday", first, "went", "slowly", "to", second, f"nr{number}", "."]
        yield {"tokens": tokens, "tags": ["O", "B-PER", "O", "O", "O", "B-LOC", "O", "O"]}


def climb_sentences(rows, folder):
    file = folder / "some.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Ladder(rungs=["hmm"], budget="60s", out=folder / "run").fit(file)


def check_robustness_of_sentences(ladder, metric_name):
    (record,) = [r for r in read_records(ladder.run) if r["type"] == "robustness" and r["rung"] == "hmm"]
    board = ladder.leaderboard().set_index("rung")
    assert record["metric"] == metric_name
    assert record["clean"] == pytest.approx(board.score_test["hmm"])
    ends = [record["intervals"]["clean"], *record["intervals"]["scores"]["typos"]]
    for value, (low, high) in zip([record["clean"], *record["scores"]["typos"]], ends, strict=True):
        assert low <= value <= high
    assert ends[0] == pytest.approx(
        board.loc["hmm", ["score_test_low", "score_test_high"]].tolist(), abs=0.02
    )
    assert list(record["scores"]) == ["typos", "capitals", "lost words", "other words"]
    assert record["scores"]["typos"][4] < record["scores"]["typos"][0] <= record["clean"]
    assert record["num_examples"] == ladder.dataset.num("test")
    assert not ladder.paths.corrupted.exists()
    page = (ladder.run / "report.html").read_text(encoding="utf-8")
    section = page[page.index('id="robustness"') :].partition("</section>")[0]
    assert section.count('<svg class="chart" role="img"') == 4
    assert "test sentences" in section
    assert ">lost words, 20\u00a0%</span>" in section
    assert "One sentence" not in section, "of spans, a sentence is no fixed share"


def test_sentences_are_judged_too(tmp_path):
    ladder = climb_sentences(sentences_with_tags(200), tmp_path)
    check_robustness_of_sentences(ladder, "span-f1")


def test_sentences_with_predicates_are_judged_too(tmp_path):
    rows = []
    for number, row in enumerate(sentences_with_tags(200)):
        verb, role = [("went", "A0"), ("fell", "A1")][number % 2]
        tokens = [verb if token == "went" else token for token in row["tokens"]]
        tags = ["O", f"B-{role}", "B-V", "O", "B-LOC", "I-LOC", "O", "O"]
        rows.append({"tokens": tokens, "predicate": 2, "tags": tags})
    check_robustness_of_sentences(climb_sentences(rows, tmp_path), "argument-f1")


def test_examples_that_could_not_be_corrupted_are_the_reason(tmp_path):
    def start(job):
        assert job.kind == "corruption"
        job.write()
        write_json(job.result_file, {"status": "failed", "reason": "out of memory"})
        return Hanging()

    aftermath = make_aftermath(tmp_path, start, seconds=1.5)
    job = Job(kind="fit", run=str(tmp_path), rung="cnn")
    aftermath.measure_robustness([job], Corruptible(20, 21, 1e-6, is_stored=True))
    assert reasons(tmp_path) == {"cnn": "the examples weren't corrupted: out of memory"}


def test_going_on_measures_what_is_missing_and_nothing_twice(climbed):
    journal = climbed.run / JOURNAL
    before = {r["rung"]: r for r in read_records(climbed.run) if r["type"] == "robustness"}
    lines = journal.read_bytes().splitlines(keepends=True)
    lost = b'"type":"robustness","rung":"baseline"'
    journal.write_bytes(b"".join(line for line in lines if lost not in line))
    Ladder.open(climbed.run).climb()
    added = journal.read_bytes().splitlines()[len(lines) - 1 :]
    assert [lost in line for line in added] == [True, False], "and the end of the climb"
    assert {r["rung"]: r for r in read_records(climbed.run) if r["type"] == "robustness"} == before


def make_aftermath(run, start, *, seconds):
    """After the fit of one rung that predicts a thousand examples a second."""
    record = {"type": "rung", "rung": "cnn", "predict_seconds": 1.0, "num_predicted": 1000}
    append_record(run, record)
    (run / "logs").mkdir()
    limits = Limits(
        [],
        start=time.monotonic(),
        budget=seconds,
        results_seconds=lambda _: 0.0,
        num_unmeasured=0,
        is_corruptible=True,
        num_workers=1,
        free_memory=None,
    )
    return Aftermath(run, limits, 1, start=start, observe=lambda _: None)


class Hanging:
    """A worker that never ends by itself."""

    pid, killed = 0, False

    def exit_code(self):
        return None

    def kill(self):
        self.killed = True


def reasons(run):
    return {r["rung"]: r["reason"] for r in read_records(run) if r["type"] == "robustness"}


def test_where_no_time_is_left_nothing_is_begun_and_the_reason_is_said(tmp_path):
    aftermath = make_aftermath(tmp_path, start=None, seconds=1.0)
    aftermath.measure_robustness([Job(kind="fit", run=str(tmp_path), rung="cnn")], Corruptible(500, 26, 1e-6))
    assert reasons(tmp_path) == {"cnn": "no time was left to predict 50 examples 26 times"}


def test_what_takes_longer_than_the_budget_is_ended_in_time(tmp_path):
    worker = Hanging()

    def start(job):
        assert (job.kind, job.num_examples) == ("robustness", 20)
        job.write()
        return worker

    aftermath = make_aftermath(tmp_path, start, seconds=1.5)
    began = time.monotonic()
    aftermath.measure_robustness([Job(kind="fit", run=str(tmp_path), rung="cnn")], Corruptible(20, 26, 1e-6))
    assert time.monotonic() - began < 2
    assert worker.killed
    assert reasons(tmp_path) == {"cnn": "the budget ended before it was measured"}


def test_as_many_examples_as_there_is_time_for_and_the_same_for_all():
    paces = {"baseline": 2e-5, "svm": 2e-2, "cnn": 0.2}
    plan = {"least": 50, "most": 1000, "num_workers": 2}
    assert plan_examples(paces, seconds=1000.0, **plan) == (1000, ["cnn", "svm", "baseline"])
    count, _ = plan_examples(paces, seconds=100.0, **plan)
    assert 50 < count < 1000
    assert count * 0.2 < 100, "the slowest rung alone"
    assert plan_examples(paces, seconds=4.0, **plan)[1] == ["svm", "baseline"]
    assert plan_examples(paces, seconds=0.1, **plan) == (50, [])
    assert plan_examples(paces, seconds=100.0, once=0.1, **plan)[0] < count


def test_the_start_of_the_first_prediction_is_not_taken_for_the_pace(tmp_path):
    aftermath = make_aftermath(tmp_path, lambda _: Hanging(), seconds=1.5)
    append_record(tmp_path, {"type": "rung", "rung": "svm", "predict_seconds": 2.0, "num_predicted": 20})
    append_record(tmp_path, {"type": "latency", "rung": "svm", "latency_seconds": 1e-4})
    aftermath.measure_robustness([Job(kind="fit", run=str(tmp_path), rung="svm")], Corruptible(20, 26, 1e-6))
    assert reasons(tmp_path) == {"svm": "the budget ended before it was measured"}
