import errno
from pathlib import Path

import pytest

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
        (PermissionError(errno.EACCES, "x"), False),
        (OSError(errno.ENOENT, "x", "run/logs/a.log"), False),
        (ValueError("x"), False),
    ],
)
def test_a_disk_that_cannot_be_written_is_told_from_other_errors(error, is_so):
    assert is_disk_error(error, Path("run")) is is_so
