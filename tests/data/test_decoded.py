"""The pixels of large folders are kept for the next run, and whatever is wrong with what is kept is passed over."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rungwise.data import decoded, images, read


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six images in two classes, and a cache for folders of so many."""
    monkeypatch.setenv("RUNGWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoded, "LEAST_FILES", 6)
    for number in range(6):
        file = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9), 20 * number).save(file)
    return tmp_path / "photos"


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Grows by a file whenever a folder is decoded."""
    made: list[Path] = []
    whole = images._decode_all

    def noted(files: list[Path], to: Path, size: int | None) -> str:
        made.append(to)
        return whole(files, to, size)

    monkeypatch.setattr(images, "_decode_all", noted)
    return made


def kept(photos: Path) -> list[Path]:
    return sorted((photos.parent / "cache" / "images").glob("*"))


def test_a_folder_is_decoded_once(photos: Path, decodings: list[Path]) -> None:
    first, second = read(photos), read(photos)
    assert len(decodings) == 1
    np.testing.assert_array_equal(first.images, second.images)
    assert first.notes == second.notes
    assert first.table.equals(second.table)
    read(photos, image_size=4)
    assert len(decodings) == len(kept(photos)) == 2


def test_small_folders_are_not_kept(photos: Path, decodings: list[Path]) -> None:
    (photos / "a" / "0.png").unlink()
    read(photos)
    read(photos)
    assert len(decodings) == 2
    assert kept(photos) == []


def test_changed_files_are_decoded_anew(photos: Path, decodings: list[Path]) -> None:
    read(photos)
    Image.new("L", (9, 9), 255).save(photos / "a" / "0.png")
    found = read(photos).images
    assert found is not None
    assert found[0, 0, 0, 0] == 255
    Image.new("L", (9, 9), 1).save(photos / "a" / "7.png")
    read(photos)
    assert len(decodings) == 3


def test_files_that_change_while_they_are_read_are_not_kept(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = images._decode_all

    def meddle(files: list[Path], to: Path, size: int | None) -> str:
        os.utime(files[0], (1, 1))
        return whole(files, to, size)

    monkeypatch.setattr(images, "_decode_all", meddle)
    read(photos)
    assert kept(photos) == []


def spoil_pixels(entry: Path) -> None:
    data = bytearray((entry / "images.npy").read_bytes())
    data[-1] ^= 1
    (entry / "images.npy").write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_pixels,
        lambda entry: (entry / "images.npy").write_bytes(b""),
        lambda entry: (entry / "images.npy").unlink(),
        lambda entry: (entry / "facts.json").write_text("[1]"),
        lambda entry: (entry / "facts.json").write_text("{"),
        lambda entry: (shutil.rmtree(entry), entry.write_text("no folder")),
    ],
    ids=["a bit", "emptied", "no pixels", "other facts", "half the facts", "a file"],
)
def test_what_is_damaged_is_passed_over(photos: Path, decodings: list[Path], spoil) -> None:
    first = read(photos)
    pixels = np.array(first.images)
    spoil(kept(photos)[0])
    np.testing.assert_array_equal(read(photos).images, pixels)
    assert len(decodings) == 2


@pytest.mark.parametrize("way", ["a file", "no home", "disk full"])
def test_a_cache_that_cannot_be_used_is_no_error(
    photos: Path, decodings: list[Path], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    match way:
        case "a file":
            (photos.parent / "cache").write_text("-")
        case "no home":
            monkeypatch.delenv("RUNGWISE_CACHE")
            monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
            monkeypatch.setattr(Path, "home", classmethod(lambda cls: (_ for _ in ()).throw(RuntimeError)))
        case "disk full":

            def full(*_: object) -> None:
                raise OSError(28, "No space left on device")

            monkeypatch.setattr(shutil, "copyfile", full)
    assert [read(photos).num_rows, read(photos).num_rows] == [6, 6]
    assert len(decodings) == 2
    assert kept(photos) == []


def test_another_run_that_was_faster_is_no_error(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = images._decode_all

    def overtaken(files: list[Path], to: Path, size: int | None) -> str:
        monkeypatch.setattr(images, "_decode_all", whole)
        read(photos)
        return whole(files, to, size)

    monkeypatch.setattr(images, "_decode_all", overtaken)
    np.testing.assert_array_equal(read(photos).images, read(photos).images)
    assert [file.name for file in kept(photos)[0].iterdir()] != []
    assert len(kept(photos)) == 1


def test_what_was_used_longest_ago_makes_room(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (4, 5):
        read(photos, image_size=size)
    old, new = sorted(kept(photos), key=lambda entry: (entry / "images.npy").stat().st_size)
    os.utime(old, (1, 1))
    os.utime(new, (2, 2))
    read(photos, image_size=4)  # it is used again, and so the younger
    size = sum(file.stat().st_size for entry in (old, new) for file in entry.iterdir())
    monkeypatch.setattr(decoded, "MOST_BYTES", size + 100)
    read(photos, image_size=6)
    assert old in kept(photos)
    assert new not in kept(photos)
    monkeypatch.setattr(decoded, "MOST_BYTES", 100)
    before = kept(photos)
    read(photos, image_size=7)
    assert kept(photos) == before
