import json
import os

import pytest

from rungwise.errors import RunError
from rungwise.evaluation import append_record, read_records, write_json

FIRST = {"type": "rung", "rung": "lstm", "status": "failed", "reason": "磁盘已满", "score": 0.1 + 0.2}
SECOND = {"type": "rung", "rung": "lstm", "status": "done"}


def test_a_record_is_read_as_it_was_written(tmp_path):
    append_record(tmp_path, FIRST)
    assert read_records(tmp_path) == [FIRST]


def test_the_last_record_of_a_rung_replaces_the_earlier_ones(tmp_path):
    latency = {"type": "latency", "rung": "lstm", "latency_seconds": 0.1}
    for record in (FIRST, {"type": "start"}, latency, {"type": "start"}, SECOND):
        append_record(tmp_path, record)
    assert read_records(tmp_path) == [{"type": "start"}, latency, {"type": "start"}, SECOND]


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_torn_last_line_is_left_out_and_cut_off(tmp_path, kept):
    append_record(tmp_path, FIRST)
    whole = (tmp_path / "journal.jsonl").read_bytes()
    append_record(tmp_path, SECOND | {"rung": "gru"})
    content = (tmp_path / "journal.jsonl").read_bytes()
    torn = whole + content[len(whole) :][:kept]
    (tmp_path / "journal.jsonl").write_bytes(torn)
    assert read_records(tmp_path) == [FIRST]
    append_record(tmp_path, SECOND)
    assert read_records(tmp_path) == [SECOND]


@pytest.mark.parametrize("number", [1, 2])
def test_a_damaged_line_is_an_error(tmp_path, number):
    append_record(tmp_path, FIRST)
    append_record(tmp_path, SECOND)
    file = tmp_path / "journal.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    lines[number - 1] = lines[number - 1].replace("lstm", "lstn")
    file.write_text("".join(lines))
    with pytest.raises(
        RunError, match=f"journal.jsonl is damaged in line {number}; restore the file, or start a new run"
    ):
        read_records(tmp_path)


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path, monkeypatch):
    append_record(tmp_path, FIRST)
    before = (tmp_path / "journal.jsonl").read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    with pytest.raises(OSError, match="No space left on device"):
        append_record(tmp_path, SECOND)
    assert (tmp_path / "journal.jsonl").read_bytes() == before


def test_a_folder_without_a_journal_is_no_run(tmp_path):
    with pytest.raises(RunError, match="is no run folder; `rungwise fit` makes one"):
        read_records(tmp_path)


def test_what_json_has_no_number_for_is_null(tmp_path):
    append_record(tmp_path, {"type": "rung", "rung": "lstm", "history": [{"train_loss": float("nan")}]})
    assert read_records(tmp_path)[0]["history"] == [{"train_loss": None}]
    write_json(tmp_path / "metrics.json", {"字": (float("inf"), 1)})
    text = (tmp_path / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"字": [None, 1]}
    assert "字" in text
