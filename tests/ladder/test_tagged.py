"""Runs on sentences with tags: from files to the leaderboard, and predictions in every form."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rungwise as rw
from rungwise.data import read
from rungwise.errors import ConfigError, DataError
from rungwise.evaluation import read_predictions
from rungwise.ladder import Ladder
from rungwise.ladder.predict import predict_data, write_tables

CITIES, PEOPLE = ("Paris", "Lyon", "Rome", "Oslo", "Bonn"), ("Ada", "Max", "Rosa", "小明", "Emil")


def conll(num):
    names = [(CITIES[n % 5], PEOPLE[n % 4]) for n in range(num)]
    return "".join(f"In O\n{city} B-LOC\nnumber{n} O\n{who} B-PER\n\n" for n, (city, who) in enumerate(names))


def roles(num):
    rows = [
        {"tokens": [who, "sees", city, str(n)], "predicate": 1, "tags": ["B-ARG0", "B-V", "O", "B-ARG1"]}
        for n, (who, city) in enumerate((PEOPLE[n % 5], CITIES[n % 4]) for n in range(num))
        for _ in range(2)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def climbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tagged")
    (folder / "train.conll").write_text(conll(60), encoding="utf-8")
    return Ladder(rungs=["baseline"], budget="60s", out=folder / "run").fit(folder / "train.conll")


def test_a_run_is_scored_by_spans(climbed):
    assert climbed.task == "token-classification"
    assert climbed.metric == "span-f1"
    board = climbed.leaderboard()
    assert board.status.tolist() == ["done"]
    assert board.score_test[0] > 0.9
    metrics = json.loads((climbed.run / "metrics.json").read_text(encoding="utf-8"))["baseline"]["test"]
    assert metrics["span-f1"]["value"] == board.score_test[0]
    assert {row["type"] for row in metrics["types"]} == {"LOC", "PER"}
    assert "span F1" in climbed.verdict.sentence


def test_the_model_of_a_run_is_an_estimator(climbed, tmp_path):
    model = climbed.recommended
    assert model.predict([["In", "Rome"], []]) == [["O", "B-LOC"], []]
    assert rw.load(model.save(tmp_path / "model")).predict([["Rosa"]]) == [["B-PER"]]


def test_scores_of_roles_leave_the_verb_out_on_validation_too(tmp_path):
    (tmp_path / "train.jsonl").write_text(roles(40), encoding="utf-8")
    ladder = Ladder(rungs=["baseline"], budget="60s", out=tmp_path / "run").fit(tmp_path / "train.jsonl")
    assert (ladder.task, ladder.metric) == ("semantic-role-labeling", "argument-f1")
    stored = read_predictions(ladder.run, "baseline", "test")
    assert stored.tags == ("O", "B-ARG0", "I-ARG0", "B-ARG1", "I-ARG1", "B-V", "I-V")
    assert len(set(stored.clusters.tolist())) == len(stored.target) // 2
    metrics = json.loads((ladder.run / "metrics.json").read_text(encoding="utf-8"))["baseline"]
    assert [row["type"] for row in metrics["test"]["types"]] == ["ARG0", "ARG1"]
    valid = ladder.dataset.inputs("valid"), ladder.dataset.targets("valid")
    score = ladder.recommended.score(*valid)
    assert score == pytest.approx(metrics["valid"]["argument-f1"]["value"])
    assert score != 1.0  # which the verb, always right, would hide
    with pytest.raises(DataError, match="takes sentences with a predicate"):
        predict_data(ladder.run, [["a", "b"]])


def predicted(climbed, tmp_path, data, ending):
    out = tmp_path / f"out{ending}"
    _, tables = predict_data(climbed.run, data)
    count = write_tables(tables, str(out))
    return count, out


TEXTS = '{"text": "In Rome, Ada said."}\n{"text": "王 Oslo"}\n'


def test_new_texts_get_spans_of_their_characters(climbed, tmp_path):
    (tmp_path / "new.jsonl").write_text(TEXTS, encoding="utf-8")
    count, out = predicted(climbed, tmp_path, tmp_path / "new.jsonl", ".jsonl")
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert count == 2
    assert rows == [
        {"text": "In Rome, Ada said.", "spans": [[3, 7, "LOC"], [9, 12, "PER"]]},
        {"text": "王 Oslo", "spans": [[2, 6, "LOC"]]},
    ]
    count, out = predicted(climbed, tmp_path, tmp_path / "new.jsonl", ".csv")
    assert count == 2  # sentences, which have three spans
    assert out.read_text(encoding="utf-8").splitlines()[:2] == [
        '"sentence","start","end","type","words"',
        '1,3,7,"LOC","Rome"',
    ]


def test_texts_with_predicates_say_which_and_are_read_again(tmp_path):
    row = {"text": "Ada saw and heard", "tokens": ["Ada", "saw", "and", "heard"], "starts": [0, 4, 8, 12]}
    made = [row | {"predicate": at, "tags": ["B-A0", "O", "O", "O"]} for at in (1, 3)]
    file = tmp_path / "out.jsonl"
    assert write_tables(iter([pa.Table.from_pylist(made)]), str(file)) == 2
    wrote = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [row["predicate"] for row in wrote] == [1, 3]
    assert all(row["text"] == "Ada saw and heard" and row["spans"] == [[0, 3, "A0"]] for row in wrote)
    table = read(file).table
    assert table["predicate"].to_pylist() == [1, 3]
    assert table["tags"].to_pylist() == [["B-A0", "O", "O", "O"]] * 2


def test_new_tokens_get_columns_objects_or_lists(climbed, tmp_path):
    (tmp_path / "new.txt").write_text("In\nRome\n\nAda\n", encoding="utf-8")
    _, out = predicted(climbed, tmp_path, tmp_path / "new.txt", ".conll")
    assert out.read_text(encoding="utf-8") == "In\tO\nRome\tB-LOC\n\nAda\tB-PER\n\n"
    _, out = predicted(climbed, tmp_path, [["In", "Rome"], ["Ada"]], ".jsonl")
    assert json.loads(out.read_text(encoding="utf-8").splitlines()[0]) == {
        "tokens": ["In", "Rome"],
        "tags": ["O", "B-LOC"],
    }
    _, out = predicted(climbed, tmp_path, [["In", "Rome"], ["Ada"]], ".parquet")
    assert pq.read_table(out)["tags"].to_pylist() == [["O", "B-LOC"], ["B-PER"]]
    _, out = predicted(climbed, tmp_path, [["In", "Rome"], ["Ada"]], ".tsv")
    assert out.read_text(encoding="utf-8").splitlines()[1].split("\t") == ["1", "1", "2", '"LOC"', '"Rome"']
    tagged = tmp_path / "tagged.conll"  # tags that are there already, of whatever scheme, aren't looked at
    tagged.write_text("Rome\tX\nAda\tY-Z\n", encoding="utf-8")
    assert predicted(climbed, tmp_path, tagged, ".ndjson")[0] == 1


def test_texts_in_memory_are_cut(climbed):
    _, tables = predict_data(climbed.run, ["In Rome.", "Ada"])
    assert next(tables)["tags"].to_pylist() == [["O", "B-LOC", "O"], ["B-PER"]]


def rungwise(*arguments):
    command = [sys.executable, "-m", "rungwise", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_the_command_line_prints_columns_and_inspects(climbed, tmp_path):
    (tmp_path / "new.jsonl").write_text(TEXTS, encoding="utf-8")
    (tmp_path / "train.txt").write_text(conll(40), encoding="utf-8")
    printed = rungwise("predict", climbed.run, tmp_path / "new.jsonl")
    assert printed.stdout.startswith("In\tO\nRome\tB-LOC\n,\tO\n"), printed.stderr
    seen = rungwise("inspect", tmp_path / "train.txt", "--task", "token-classification")
    assert seen.returncode == 0, seen.stderr
    assert "spans of 2 types: LOC" in seen.stdout


def test_columns_of_tags_need_tags(tmp_path):
    with pytest.raises(ConfigError, match=r"\.conll is for tags of tokens"):
        write_tables(iter([pa.table({"prediction": [1]})]), str(tmp_path / "out.conll"))


def test_classes_of_tags_are_not_weighed(tmp_path):
    (tmp_path / "train.conll").write_text(conll(40), encoding="utf-8")
    ladder = Ladder(rungs=["baseline"], class_weight="balanced", out=tmp_path / "run")
    with pytest.raises(ConfigError, match="tags aren't weighed"):
        ladder.fit(tmp_path / "train.conll")
