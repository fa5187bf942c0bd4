import json
import shutil
import sys
from pathlib import Path

import pytest

from rungwise.cli import main

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"


@pytest.fixture
def verify(monkeypatch, capsys):
    """Runs the command: its exit code, what it prints, and its error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["rungwise", "verify", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def run_folder(tmp_path):
    """Two models of a run, one of which was changed."""
    for case in ("linear-svm-text-label", "baseline-text-label"):
        shutil.copytree(GOLDEN / case, tmp_path / "run" / "models" / case)
    (tmp_path / "run" / "models" / "linear-svm-text-label" / "README.md").write_text("other words")
    return tmp_path / "run"


def test_a_whole_model_exits_with_0(verify):
    code, out, err = verify(GOLDEN / "lstm-text-label")
    assert (code, err) == (0, "")
    assert "ok          tokenizer.json" in out
    assert "lstm-text-label is as it was written, and loads." in out
    assert "schema 1, lstm: " in out


def test_every_model_of_a_run_is_looked_at_and_one_that_changed_exits_with_2(verify, run_folder):
    code, out, err = verify(run_folder)
    assert code == 2
    assert "changed     README.md" in out
    assert "baseline-text-label is as it was written, and loads." in out
    assert err.startswith("error: ")
    assert "linear-svm-text-label isn't as it was written: README.md is changed" in err
    assert err.count("\n") == 1


def test_a_model_that_is_half_written_does_not_hide_the_others(verify, run_folder):
    (run_folder / "models" / "baseline-text-label" / "config.json").unlink()
    code, out, err = verify(run_folder)
    assert code == 2
    assert "baseline-text-label" in err
    assert "linear-svm-text-label isn't as it was written" in err
    assert "changed     README.md" in out


def test_json_for_machines(verify, run_folder):
    code, out, _ = verify(run_folder, "--json")
    assert code == 2
    baseline, svm = json.loads(out)
    assert (baseline["is_ok"], svm["is_ok"]) == (True, False)
    assert svm["files"]["README.md"] == "changed"
    assert (svm["rung"], svm["schema_version"]) == ("linear-svm", 1)


@pytest.mark.parametrize("name", ["nowhere", "file.zip"])
def test_what_is_no_model_is_one_sentence(verify, tmp_path, name):
    (tmp_path / "file.zip").write_bytes(b"")
    code, out, err = verify(tmp_path / name)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "Traceback" not in err
