"""What is made from large texts is made once, whoever asks, and always right."""

from __future__ import annotations

import json
import multiprocessing
import time

import pyarrow as pa
import pytest

from rungwise.preprocessing import kept
from rungwise.preprocessing.kept import made_once
from rungwise.preprocessing.vocabulary import train_tokenizer

TEXTS = ["a good film", "一部好电影", "a bad film"] * 3


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNGWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "LEAST_BYTES", 1)


def column(texts=TEXTS):
    return pa.chunked_array([texts])


def never():
    pytest.fail("it was made again")


def test_it_is_made_once_for_the_same_texts_however_they_are_cut_into_chunks():
    assert made_once(column(), "so", lambda: "made", str) == "made"
    assert made_once(pa.chunked_array([TEXTS[:2], TEXTS[2:]]), "so", never, str) == "made"


@pytest.mark.parametrize(("texts", "how"), [(TEXTS[::-1], "so"), (TEXTS, "otherwise"), (TEXTS[1:], "so")])
def test_other_texts_and_other_ways_make_another(texts, how):
    made_once(column(), "so", lambda: "made", str)
    assert made_once(column(texts), how, lambda: "another", str) == "another"


def test_small_texts_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "LEAST_BYTES", 2**22)
    assert made_once(column(), "so", lambda: "made", str) == "made"
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RUNGWISE_CACHE", str(tmp_path / "file"))
    assert made_once(column(), "so", lambda: "made", str) == "made"


def test_a_failure_to_make_it_is_raised_and_keeps_nothing():
    with pytest.raises(ZeroDivisionError):
        made_once(column(), "so", lambda: str(1 / 0), str)
    assert made_once(column(), "so", lambda: "made", str) == "made"


@pytest.mark.parametrize("error", [OSError, RuntimeError, UnicodeError])
def test_what_fails_is_not_tried_twice(error):
    tries = []

    def make():
        tries.append(error)
        raise error("no")

    with pytest.raises(error):
        made_once(column(), "so", make, str)
    assert len(tries) == 1


@pytest.mark.parametrize(
    "damage", [b"", b"\x00\xff", b"{", b"[1]", b'{"a": 0}', b'{"[PAD]": 0, "[UNK]": "1"}']
)
def test_a_damaged_file_is_made_again(tmp_path, damage):
    first = train_tokenizer(column(), vocab_size=50, min_frequency=1)
    (file,) = (tmp_path / "cache" / "tokenizers").glob("*.json")
    vocabulary = json.loads(file.read_text("utf-8"))
    file.write_bytes(damage)
    assert train_tokenizer(column(), vocab_size=50, min_frequency=1).to_str() == first.to_str()
    assert json.loads(file.read_text("utf-8")) == vocabulary


def test_the_oldest_go(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "_MOST_FILES", 3)
    for number in range(6):
        made_once(column(), str(number), lambda: "made", str)
    assert len(list((tmp_path / "cache" / "tokenizers").glob("*.json"))) == 3


def _slowly(queue):
    def make():
        time.sleep(0.3)
        queue.put("made")
        return "made"

    kept.LEAST_BYTES = 1
    made_once(column(), "so", make, str)


def test_of_two_processes_one_makes_it():
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_slowly, args=(queue,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert queue.get(timeout=5) == "made"
    assert queue.empty()


def test_a_kept_tokenizer_is_the_one_that_was_trained(tmp_path):
    first = train_tokenizer(column(), vocab_size=50, min_frequency=1)
    second = train_tokenizer(column(), vocab_size=50, min_frequency=1)
    assert list((tmp_path / "cache" / "tokenizers").glob("*.json"))
    assert first.to_str() == second.to_str()
