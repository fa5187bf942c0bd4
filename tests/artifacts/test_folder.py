"""Model folders are written whole, say what can't be read, and are read without trust."""

import hashlib
import math
import os
import re
import shutil

import numpy as np
import pytest
from edits import GOLDEN

import rungwise as rw
from rungwise.artifacts import folder as folders
from rungwise.artifacts import load_model, save_model
from rungwise.errors import DataError, ModelError

TABLE, TEXT, IMAGE = "linear-regression-table-number", "textcnn-text-label", "logistic-regression-image-label"


@pytest.fixture
def model(tmp_path):
    """A copy of a golden folder that may be changed."""
    return shutil.copytree(GOLDEN / TABLE, tmp_path / "model")


def test_every_file_has_its_hash_as_sha256sum_writes_it():
    lines = (GOLDEN / TEXT / "SHA256SUMS").read_text().splitlines()
    sums = dict(re.fullmatch(r"([0-9a-f]{64})  (\S+)", line).group(2, 1) for line in lines)
    files = {file.name: file for file in (GOLDEN / TEXT).iterdir() if file.name != "SHA256SUMS"}
    assert sums == {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}


def test_a_model_takes_the_place_of_another_with_all_its_files(tmp_path):
    path = shutil.copytree(GOLDEN / TEXT, tmp_path / "model")
    save_model(load_model(GOLDEN / TABLE), path)
    assert {file.name for file in path.iterdir()} == {file.name for file in (GOLDEN / TABLE).iterdir()}
    assert load_model(path).rung_name == "linear-regression"


@pytest.mark.parametrize("name", ["model.safetensors", "README.md", "SHA256SUMS"])
def test_a_disk_that_is_full_leaves_the_model_that_was_there(model, monkeypatch, name):
    before = {file.name: file.read_bytes() for file in model.iterdir()}

    def fill(replace):
        def write(file, *arguments):
            if file.name == name:
                raise OSError(28, "No space left on device")
            replace(file, *arguments)

        return write

    monkeypatch.setattr(folders, "replace_file", fill(folders.replace_file))
    monkeypatch.setattr(folders, "replace_text", fill(folders.replace_text))
    with pytest.raises(OSError, match="No space left"):
        save_model(load_model(GOLDEN / TEXT), model)
    assert {file.name: file.read_bytes() for file in model.iterdir()} == before


def test_what_a_machine_that_stopped_left_behind_is_no_model_and_is_written_over(model):
    (model / ".new").mkdir()
    (model / "config.json").rename(model / ".new" / "config.json")
    with pytest.raises(ModelError, match=r"is no model folder: it has no config\.json"):
        load_model(model)
    save_model(load_model(GOLDEN / TABLE), model)
    assert not (model / ".new").exists()
    assert load_model(model).rung_name == "linear-regression"


def test_a_folder_with_something_else_in_it_is_left_alone(model):
    (model / "thesis.tex").write_text("")
    with pytest.raises(ModelError, match="exists and is no model folder"):
        save_model(load_model(GOLDEN / TABLE), model)


@pytest.mark.parametrize("name", ["model.zip", "model.pkl", "model.pt", "model.joblib"])
def test_archives_and_pickles_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match="is an archive or a pickle; a model is a folder"):
        load_model(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "size"), [("config.json", 2**23), ("state.json", 2**25), ("model.safetensors", 2**34)]
)
def test_files_of_more_than_a_model_has_are_not_read(model, name, size):
    os.truncate(model / name, size + 1)
    with pytest.raises(ModelError, match=rf"has {size + 1} bytes; more than {size} aren't read"):
        load_model(model)


def test_a_name_that_no_file_can_have_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match="can't be read"):
        load_model(tmp_path / "a\0b")


def test_a_model_that_could_not_be_loaded_is_not_saved(tmp_path):
    broken = load_model(GOLDEN / TABLE)
    broken.learner_.scores.weights[0] = np.nan
    with pytest.raises(ModelError, match=r"isn't saved: its 'scores/weights' holds numbers .* not finite"):
        save_model(broken, tmp_path / "model")
    wordy = load_model(GOLDEN / TEXT)
    wordy.classes_ = np.array(["a", "b" * 2**23])
    with pytest.raises(ModelError, match=r"isn't saved: its config\.json would be larger than what is read"):
        save_model(wordy, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_infinite_settings_are_stored(tmp_path):
    X = np.arange(12.0).reshape(6, 2)
    model = rw.MLPRegressor(epochs=1, clip_norm=math.inf, time_limit=math.inf, random_state=0).fit(X, X[:, 0])
    loaded = load_model(model.save(tmp_path / "model"))
    assert loaded.clip_norm == loaded.time_limit == math.inf


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["a", "b"]),
        np.array([2, 7], dtype=np.uint8),
        np.array([True, False]),
        np.array([0.0, 2.0], dtype=np.float32),
        np.array(["b", "aa"], dtype=object),
    ],
    ids=["str", "int", "bool", "float", "object"],
)
def test_classes_come_back_as_they_were(tmp_path, labels):
    X = np.arange(8.0).reshape(8, 1)
    model = rw.LogisticClassifier().fit(X, np.tile(labels, 4))
    loaded = load_model(model.save(tmp_path / "model"))
    assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.predict(X).tolist() == model.predict(X).tolist()


def test_images_of_another_size_are_a_data_error():
    with pytest.raises(DataError, match=r"images are 8×9×1 .* but the model was fitted on 8×8×1"):
        load_model(GOLDEN / IMAGE).predict(np.zeros((2, 8, 9), np.uint8))


def test_images_that_no_model_could_be_loaded_for_are_a_data_error_at_fit():
    images = np.zeros((2, 4097, 4096), np.uint8)
    with pytest.raises(DataError, match=r"images have 16781312 values each, more than 16777216; resize them"):
        rw.BaselineClassifier().fit(images, ["a", "b"])


def test_many_landmarks_are_compared_with_fewer_images_at_a_time(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8)).astype(np.uint8)
    model = load_model(GOLDEN / "hog-svm-image-label")
    expected = model.predict_proba(images)
    monkeypatch.setattr("rungwise.rungs.traditional.hog_svm._MOST_LIKENESSES", 20)
    np.testing.assert_allclose(model.predict_proba(images), expected, rtol=1e-5)


def test_a_model_of_more_arrays_than_are_read_is_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MOST_ARRAYS", 3)
    with pytest.raises(ModelError, match=r"isn't saved: it has \d+ arrays, more than 3"):
        save_model(load_model(GOLDEN / TEXT), tmp_path / "model")


def test_a_reason_is_one_line_that_no_terminal_obeys(tmp_path):
    path = shutil.copytree(GOLDEN / TABLE, tmp_path / "model")
    state = (path / "state.json").read_text().replace("$array", "$array\\u001b[2J\\n")
    (path / "state.json").write_text(state)
    with pytest.raises(ModelError) as error:
        load_model(path)
    assert str(error.value).isprintable()


def test_a_temperature_is_kept_and_one_that_cannot_be_is_refused(tmp_path):
    model = load_model(GOLDEN / TEXT)
    assert model.temperature_ == 1  # it was written before there were any
    model.temperature_ = 1.7
    folder = save_model(model, tmp_path / "model")
    assert load_model(folder).temperature_ == 1.7
    texts = ["good", "文"]
    plain, mended = (each.predict_proba(texts) for each in (load_model(GOLDEN / TEXT), load_model(folder)))
    assert (plain.argmax(1) == mended.argmax(1)).all()
    assert not np.allclose(plain, mended)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"temperature": 1.7', '"temperature": 0'))
    with pytest.raises(ModelError, match=r"'temperature' is 0; it must be a number from 0\.01 to 100"):
        load_model(folder)
