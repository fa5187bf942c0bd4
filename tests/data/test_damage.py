"""A prepared dataset whose files were damaged, and one that couldn't be written whole."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rungwise.data import Dataset, prepare
from rungwise.data.source import PartFile
from rungwise.errors import DataError

LABELS = ["a", "b"] * 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 255, (60, 4, 4), np.uint8)
    prepare((images, LABELS), folder=tmp_path / "data")
    return tmp_path / "data"


def test_a_whole_dataset_passes_its_check(folder: Path) -> None:
    Dataset.open(folder).check()


@pytest.mark.parametrize("name", ["train/table.arrow", "valid/images.npy", "test/table.arrow"])
def test_a_changed_byte_is_found(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(DataError, match=rf"{name}: this part of a dataset is damaged \("):
        Dataset.open(folder).check()


@pytest.mark.parametrize("name", ["train/table.arrow", "valid/images.npy"])
@pytest.mark.parametrize("keep", [0, 1, 50, 100, -1])
def test_a_part_that_is_cut_is_named_when_it_is_opened(folder: Path, name: str, keep: int) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:keep])
    with pytest.raises(
        DataError, match=rf"{name}: this part of a dataset is damaged .*; prepare the data again"
    ):
        Dataset.open(folder)


def test_a_part_that_is_missing_or_of_another_dataset_is_named(folder: Path, tmp_path: Path) -> None:
    np.save(folder / "test" / "images.npy", np.zeros((2, 4, 4, 1), np.uint8))
    with pytest.raises(
        DataError, match=r"images\.npy: .*it has the shape \(2, 4, 4, 1\) of uint8, not \(12, 4"
    ):
        Dataset.open(folder)
    (folder / "test" / "images.npy").unlink()
    with pytest.raises(DataError, match=r"test/images\.npy: .*No such file"):
        Dataset.open(folder)
    prepare(pd.DataFrame({"x": range(0, 180, 3), "b": [*LABELS[1:], "a"]}), folder=tmp_path / "other")
    (tmp_path / "other" / "train" / "table.arrow").replace(folder / "train" / "table.arrow")
    with pytest.raises(DataError, match=r"train/table\.arrow: .*its columns are "):
        Dataset.open(folder)


def test_a_description_without_digests_can_be_opened_but_not_checked(folder: Path) -> None:
    manifest = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    del manifest["files"]
    (folder / "dataset.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(DataError, match=r"dataset\.json: .*it lacks the SHA-256 of train/table\.arrow"):
        Dataset.open(folder).check()


def test_a_deep_description_is_named(folder: Path) -> None:
    (folder / "dataset.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(DataError, match="no prepared dataset can be read from it"):
        Dataset.open(folder)


@pytest.mark.parametrize("num_writes", [0, 1, 2, 5, 9])
def test_a_full_disk_is_told_as_it_is_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_writes: int
) -> None:
    written = 0
    write = PartFile.write

    def fail(self: PartFile, data: Any) -> int:
        nonlocal written
        written += 1
        if written > num_writes:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(PartFile, "write", fail)
    for data in (pd.DataFrame({"a": range(0, 180, 3), "label": LABELS}), (np.eye(60)[:, None], LABELS)):
        written = 0
        with pytest.raises(OSError, match="No space left on device"):
            prepare(data, folder=tmp_path / "data")
        assert list((tmp_path / "data").iterdir()) == []


def test_a_failure_to_read_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,label\n1,x\n", encoding="utf-8")
    with pytest.raises(DataError):
        prepare(tmp_path / "d.csv", folder=tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []
