import errno
import json
from pathlib import Path

import pytest

from rungwise.evaluation.records import write_json
from rungwise.files import is_disk_error, replace_file, replace_text


def test_a_file_is_replaced_as_a_whole(tmp_path):
    file = tmp_path / "a.txt"
    replace_text(file, "一")
    replace_text(file, "二")
    assert file.read_text(encoding="utf-8") == "二"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_is_as_it_was_if_writing_fails(tmp_path):
    file = tmp_path / "a.txt"
    replace_text(file, "before")

    def half(part):
        part.write_text("hal")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_file(file, half)
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EROFS, "x"), True),
        (RuntimeError("I/O error: No space left on device (os error 28)"), True),
        (PermissionError(errno.EACCES, "x", "run/logs/a.log"), True),
        (PermissionError(errno.EACCES, "x", "data/a.csv"), False),
        (PermissionError(errno.EACCES, "x"), True),
        (OSError(errno.ENOENT, "x", "run/logs/a.log"), False),
        (ValueError("x"), False),
    ],
)
def test_a_disk_that_cannot_be_written_is_told_from_other_errors(error, is_so, monkeypatch):
    monkeypatch.setattr("rungwise.files._can_write", lambda folder: False)
    assert is_disk_error(error, Path("run")) is is_so


def test_a_disk_that_is_full_elsewhere_is_another_matter(tmp_path):
    for error in (
        OSError(errno.ENOSPC, "x"),
        OSError(errno.ENOSPC, "x", "/elsewhere"),
        RuntimeError("No space left on device"),
    ):
        assert is_disk_error(error)
        assert not is_disk_error(error, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        replace_text(tmp_path / "nowhere" / "a.txt", "x")
    assert error.value.filename == str(tmp_path / "nowhere" / "a.txt")


def test_a_name_that_is_no_text_is_written_as_json_has_it(tmp_path):
    write_json(tmp_path / "a.json", {"name": "a\udcff"})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"name": "a\udcff"}
