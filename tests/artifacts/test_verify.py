"""`verify_model` says of each file whether it is as it was written, and whether the model loads."""

import hashlib
import json
import shutil

import pytest
from edits import GOLDEN

from rungwise.artifacts import model_folders, verify_model
from rungwise.errors import ModelError

CASE = "linear-svm-text-label"


@pytest.fixture
def model(tmp_path):
    """A copy of a golden folder that may be changed."""
    return shutil.copytree(GOLDEN / CASE, tmp_path / "model")


def change(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_a_whole_model_is_ok(model):
    found = verify_model(model)
    assert found.is_ok
    assert set(found.files.values()) == {"ok"}
    assert (found.schema_version, found.rung) == (1, "linear-svm")
    assert found.parameters > 100
    assert found.bytes > 1000
    assert found.sentence() == f"{model} is as it was written, and loads."


@pytest.mark.parametrize("name", ["README.md", "model.safetensors", "state.json"])
def test_a_changed_file_is_named(model, name):
    change(model / name)
    found = verify_model(model)
    assert not found.is_ok
    assert found.files[name] == "changed"
    assert f"{model} isn't as it was written: {name} is changed" in found.sentence()


def test_a_missing_file_and_a_link_are_named(model):
    (model / "README.md").unlink()
    (model / "state.json").rename(model.parent / "state.json")
    (model / "state.json").symlink_to(model.parent / "state.json")
    found = verify_model(model)
    assert found.bad_files == ["README.md", "state.json"]
    assert found.files["README.md"] == "missing"
    assert found.files["state.json"] == "changed"
    assert "is a link" in found.problem


def test_a_file_that_no_one_reads_may_be_added_and_one_that_is_read_may_not(model):
    (model / "notes.txt").write_text("mine")
    assert verify_model(model).files["notes.txt"] == "not listed"
    assert verify_model(model).is_ok
    (model / "tokenizer.json").write_text("{}")
    assert verify_model(model).bad_files == ["tokenizer.json"]


def test_a_model_with_right_hashes_that_does_not_load_says_why(model):
    state = json.loads((model / "state.json").read_text())
    state["linear"]["temperature"] = -1
    (model / "state.json").write_text(json.dumps(state))
    lines = [
        f"{hashlib.sha256((model / name).read_bytes()).hexdigest()} *{name}\n"
        for name in ("README.md", "config.json", "model.safetensors", "state.json")
    ]
    (model / "SHA256SUMS").write_text("".join(lines))
    found = verify_model(model)
    assert not found.bad_files
    assert "is as it was written, but doesn't load" in found.sentence()
    assert "'temperature' is -1" in found.sentence()


def test_a_model_without_hashes_can_not_be_verified(model):
    (model / "SHA256SUMS").unlink()
    with pytest.raises(ModelError, match="has no SHA256SUMS, so there is nothing to compare with"):
        verify_model(model)


@pytest.mark.parametrize("line", ["", "x  config.json", f"{'0' * 64}  ../../etc/passwd", f"{'0' * 64}  a\0b"])
def test_hashes_of_files_elsewhere_are_refused(model, line):
    (model / "SHA256SUMS").write_text(f"{line}\n")
    with pytest.raises(ModelError, match="isn't a hash and the name of a file beside it"):
        verify_model(model)


def test_a_run_is_all_of_its_models(model, tmp_path):
    run = tmp_path / "run"
    assert model_folders(model) == [model]
    (run / "models").mkdir(parents=True)
    with pytest.raises(ModelError, match="is a run that has no model yet"):
        model_folders(run)
    shutil.copytree(model, run / "models" / "b")
    shutil.copytree(model, run / "models" / "a")
    (run / "models" / "c").symlink_to(model)
    assert model_folders(run) == [run / "models" / "a", run / "models" / "b"]


def test_a_model_within_a_model_does_not_stand_for_it(model):
    shutil.copytree(model, model / "models" / "b")
    change(model / "README.md")
    assert model_folders(model) == [model]
    assert not verify_model(model).is_ok
