"""A folder of a stranger's either predicts or is a `ModelError`, quickly, whatever is in it."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from edits import GOLDEN, draw, judge, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rungwise as rw
from rungwise.artifacts import load_model
from rungwise.errors import ModelError, RungwiseError

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json"))
MOST_SECONDS = 10
"""Of a case; they take some hundredths, and a second where torch is first imported."""

FOLDERS = st.binary(min_size=8, max_size=100).map(draw)
"""A golden folder and edits of it."""


@pytest.mark.parametrize("file", CORPUS, ids=[file.stem for file in CORPUS])
def test_what_a_stranger_may_try_is_refused_with_a_sentence(file, tmp_path):
    tried = json.loads(file.read_text("utf-8"))
    write(tried["case"], tried["edits"], tmp_path / "model")
    start = time.monotonic()
    with pytest.raises(ModelError) as error:
        load_model(tmp_path / "model")
    assert time.monotonic() - start < MOST_SECONDS
    assert tried["sentence"] in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers overflow in some of a stranger's models
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(folder=FOLDERS)
def test_an_edited_folder_predicts_or_is_a_model_error(folder, tmp_path_factory):
    case, edits = folder
    path = tmp_path_factory.mktemp("hostile") / "model"
    write(case, edits, path)
    assert judge(path) in ("loaded", "refused"), json.dumps(folder)


@pytest.mark.parametrize("kind", ["pipe", "deep", "words", "journal"])
def test_a_folder_that_looks_like_a_run_is_no_way_around(kind, tmp_path):
    folder = shutil.copytree(GOLDEN / "linear-svm-text-label", tmp_path / "model")
    (folder / "journal.jsonl").touch()
    config = folder / "config.json"
    if kind == "pipe":
        config.unlink()
        os.mkfifo(config)
    elif kind == "deep":
        config.write_text("[" * 100_000)
    elif kind == "words":
        (folder / "model.safetensors").unlink()
        config.write_text('{"schema_version": 1, "settings": "ab"}')
    else:
        (folder / "model.safetensors").unlink()
        (folder / "journal.jsonl").write_text('{"a":' * 100_000)
    with pytest.raises(RungwiseError):
        rw.load(folder)


def test_a_small_file_that_declares_a_large_array_is_not_read(tmp_path, monkeypatch):
    folder = shutil.copytree(GOLDEN / "linear-svm-text-label", tmp_path / "model")
    file, size = folder / "model.safetensors", 2**33
    stored = file.read_bytes()
    length = int.from_bytes(stored[:8], "little")
    header, data = json.loads(stored[8 : 8 + length]), stored[8 + length :]
    header["zzz"] = {"dtype": "U8", "shape": [size], "data_offsets": [len(data), len(data) + size]}
    text = json.dumps(header).encode()
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text + data)
        stream.truncate(8 + len(text) + len(data) + size)
    monkeypatch.setattr("rungwise.artifacts.folder.read_arrays", lambda file: pytest.fail("it was read"))
    with pytest.raises(ModelError, match=r"nothing says what 'zzz' .* is for|too many for the"):
        load_model(folder)
