"""Runs whose models find predicates: learned, stored in every model, measured once, and asked in every form."""

import json
import time

import pyarrow.parquet as pq
import pytest

import rungwise as rw
from rungwise.artifacts import verify_model
from rungwise.errors import ConfigError, DataError
from rungwise.evaluation import read_records
from rungwise.evaluation.records import JOURNAL
from rungwise.ladder import Ladder
from rungwise.ladder.aftermath import Aftermath
from rungwise.ladder.limits import Limits
from rungwise.ladder.predict import predict_data, write_tables

WHO, DOES = ["Ada", "Max", "Rosa", "小明"], ["sees", "likes", "finds"]


def lines(num):
    for n in range(num):
        tokens = [WHO[n % 4], DOES[n % 3], WHO[(n + 1 + n // 4 % 3) % 4], "and", "sleeps", f"nr{n}"]
        yield {"tokens": tokens, "predicate": 1, "tags": ["B-A0", "B-V", "B-A1", "O", "O", "O"]}
        yield {"tokens": tokens, "predicate": 4, "tags": ["B-A0", "O", "O", "O", "B-V", "O"]}


NEW = [["Max", "finds", "Ada"], ["Ada"], ["Ada", "sleeps"]]
FOUND = [
    [{"predicate": 1, "tags": ["B-A0", "B-V", "B-A1"]}],
    [],
    [{"predicate": 1, "tags": ["B-A0", "B-V"]}],
]


@pytest.fixture(scope="module")
def climbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roles")
    (folder / "roles.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines(90)))
    ladder = Ladder(rungs=["hmm"], budget="60s", out=folder / "run", identify_predicates=True)
    return ladder.fit(folder / "roles.jsonl")


def test_it_is_measured_once_and_said_beside_the_leaderboard(climbed):
    (record,) = [r for r in read_records(climbed.run) if r["type"] == "predicates"]
    assert record["scores"]["test"] > 0.9
    assert record["scores"]["rung"] == climbed.verdict.recommended == "hmm"
    assert record["scores"]["given"] == pytest.approx(climbed.leaderboard().score_test[1])
    assert record["scores"]["num_sentences"] * 2 == climbed.dataset.num("test")
    (sentence,) = climbed.results.predicates
    assert sentence.startswith("Predicates are found with")
    page = (climbed.run / "report.html").read_text(encoding="utf-8")
    assert "Predicates are found with" in page


def test_every_model_of_the_run_finds_them(climbed):
    for rung in ("baseline", "hmm"):
        assert verify_model(climbed.paths.model(rung)).is_ok
        assert climbed.model(rung).finder_ is not None
    assert rw.load(climbed.run).predict(NEW) == FOUND


def predicted(climbed, data, out):
    _, tables = predict_data(climbed.run, data)
    assert write_tables(tables, str(out)) == 3
    return out


def test_new_sentences_get_a_row_for_each_predicate_and_one_without(climbed, tmp_path):
    (tmp_path / "new.jsonl").write_text("".join(json.dumps({"tokens": tokens}) + "\n" for tokens in NEW))
    rows = predicted(climbed, tmp_path / "new.jsonl", tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in rows] == [
        {"tokens": NEW[0], "tags": ["B-A0", "B-V", "B-A1"], "predicate": 1, "sentence": 1},
        {"tokens": NEW[1], "tags": ["O"], "predicate": None, "sentence": 2},
        {"tokens": NEW[2], "tags": ["B-A0", "B-V"], "predicate": 1, "sentence": 3},
    ]
    stored = pq.read_table(predicted(climbed, NEW, tmp_path / "out.parquet"))
    assert stored["predicate"].to_pylist() == [1, None, 1]


def test_new_columns_of_tokens_need_not_mark_predicates(climbed, tmp_path):
    (tmp_path / "new.conll").write_text("".join("\n".join(tokens) + "\n\n" for tokens in NEW))
    out = predicted(climbed, tmp_path / "new.conll", tmp_path / "out.conll").read_text()
    assert out.startswith("Max\t_\tB-A0\nfinds\t*\tB-V\nAda\t_\tB-A1\n\nAda\t_\tO\n\n")
    marked = tmp_path / "new.props"
    marked.write_text("Ada\t-\t*\nfinds\tfind\t(V*)\nMax\t-\t*\n")
    _, tables = predict_data(climbed.run, marked)
    assert next(tables)["predicate"].to_pylist() == [1], "as it was marked"


def test_texts_have_the_characters_of_the_predicate(climbed, tmp_path):
    (tmp_path / "new.jsonl").write_text(
        '{"text": "Max finds Ada"}\n{"text": "Ada"}\n{"text": "Ada sleeps"}\n'
    )
    out = predicted(climbed, tmp_path / "new.jsonl", tmp_path / "out.jsonl").read_text().splitlines()
    spans = [[0, 3, "A0"], [4, 9, "V"], [10, 13, "A1"]]
    assert json.loads(out[0]) == {
        "text": "Max finds Ada",
        "spans": spans,
        "predicate": [4, 9],
        "sentence": 1,
    }
    assert json.loads(out[1]) == {"text": "Ada", "spans": [], "predicate": None, "sentence": 2}


def test_spans_name_the_sentence_and_the_predicate(climbed, tmp_path):
    _, tables = predict_data(climbed.run, NEW)
    assert write_tables(tables, str(tmp_path / "out.csv")) == 3
    assert (tmp_path / "out.csv").read_text().splitlines()[-1] == '3,1,2,"V","sleeps",1'


def test_given_predicates_are_taken_as_they_are(climbed):
    _, tables = predict_data(climbed.run, [(NEW[0], 1)])
    table = next(tables)
    assert table["predicate"].to_pylist() == [1]
    assert "sentence" not in table.column_names


def test_going_on_does_what_is_missing_and_nothing_twice(climbed):
    Ladder.open(climbed.run).climb()
    assert len([r for r in read_records(climbed.run) if r["type"] == "predicates"]) == 1
    journal = climbed.run / JOURNAL
    kept = [
        line for line in journal.read_bytes().splitlines(keepends=True) if b'"type":"predicates"' not in line
    ]
    journal.write_bytes(b"".join(kept))
    before = climbed.results.predicates
    again = Ladder.open(climbed.run)
    assert again.identify_predicates
    again.climb()
    assert again.results.predicates == before


def test_a_run_without_names_the_option(climbed, tmp_path):
    ladder = Ladder(rungs=["baseline"], budget="30s", out=tmp_path / "run")
    ladder.fit(climbed.run.parent / "roles.jsonl")
    assert ladder.results.predicates == []
    with pytest.raises(DataError, match="--identify-predicates"):
        predict_data(ladder.run, NEW)


def test_it_is_for_predicates_alone(tmp_path):
    data = [["Ada", f"sees{n}"] for n in range(40)], [["B-PER", "O"]] * 40
    ladder = Ladder(rungs=["baseline"], out=tmp_path / "run", identify_predicates=True)
    with pytest.raises(ConfigError, match="is for `semantic-role-labeling`"):
        ladder.prepare(data)
    assert not (tmp_path / "run").exists()


class Ended:
    """A worker that leaves nothing."""

    pid = 0

    def exit_code(self):
        return 1

    def kill(self):
        """It has ended."""


@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_where_nothing_comes_of_it_the_reason_is_said(tmp_path, seconds):
    def start(job):
        assert job.kind == "predicates"
        job.write()
        return Ended()

    (tmp_path / "logs").mkdir()
    limits = Limits(
        [],
        start=time.monotonic(),
        budget=seconds,
        results_seconds=lambda _: 0.0,
        num_unmeasured=0,
        is_corruptible=False,
        identifies=True,
        num_workers=1,
        free_memory=None,
    )
    assert limits.fit_ends < limits.ends or seconds == 0
    Aftermath(tmp_path, limits, 1, start=start, observe=lambda _: None).identify_predicates("argument-f1")
    assert read_records(tmp_path)[-1] == {
        "type": "predicates",
        "reason": "no time was left; --resume with another --budget gives more",
    }
