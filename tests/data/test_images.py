"""Folders of images and IDX files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rungwise.data import read
from rungwise.data.images import _default_size
from rungwise.data.pictures import decode
from rungwise.errors import DataError


def picture(file: Path, value: int = 0, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).convert(mode).save(file)


def idx(file: Path, array: np.ndarray, magic: bytes | None = None) -> None:
    header = (magic or bytes((0, 0, 8, array.ndim))) + np.array(array.shape, ">u4").tobytes()
    data = header + array.astype(np.uint8).tobytes()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)


def test_class_folders(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "deep" / "1.png", 10)
    picture(tmp_path / "dog" / "1.jpg", 20)
    (tmp_path / "dog" / "notes.txt").write_text("-", encoding="utf-8")
    source = read(tmp_path)
    assert source.images is not None
    assert source.images.shape == (2, 8, 8, 3)
    assert source.table.column("label").to_pylist() == ["cat", "dog"]
    assert source.images[0, 0, 0, 0] == 10
    messages = [note.message for note in source.notes]
    assert f"{tmp_path}: 1 file that isn't an image is left out." in messages
    assert "2 images of 8 px (shorter side) become 8 × 8, in colour; `--image-size` sets another." in messages


def test_part_folders(tmp_path: Path) -> None:
    for part, num in (("train", 3), ("val", 2), ("test", 1)):
        for number in range(num):
            picture(tmp_path / part / "a" / f"{number}.png")
    assert read(tmp_path).parts == {"train": range(3), "valid": range(3, 5), "test": range(5, 6)}


def test_a_test_folder_without_labels_is_left_out_and_said(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "a" / "1.png")
    picture(tmp_path / "test" / "1.png")
    source = read(tmp_path)
    assert source.parts == {"train": range(1)}
    assert (
        f"{tmp_path / 'test'}: no images in class sub-folders, so it is left out." in source.notes[0].message
    )


def test_flat_images_and_single_ones_have_no_labels(tmp_path: Path) -> None:
    picture(tmp_path / "b.png")
    picture(tmp_path / "a.png")
    assert read(tmp_path).table.column_names == ["file"]
    assert read(tmp_path).table.column("file").to_pylist() == [
        str(tmp_path / "a.png"),
        str(tmp_path / "b.png"),
    ]
    assert read(tmp_path / "a.png").num_rows == 1


def test_sizes_and_channels(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", size=(200, 100), mode="L")
    picture(tmp_path / "b.png", size=(150, 300), mode="1")
    large = read(tmp_path).images
    assert large is not None
    assert large.shape == (2, 125, 125, 1)
    asked = read(tmp_path, image_size=20).images
    assert asked is not None
    assert asked.shape == (2, 20, 20, 1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "I;16"])
def test_every_mode_keeps_its_brightness(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((4, 4), 65535, np.uint16))
    elif mode in ("I", "F"):
        image = Image.new(mode, (4, 4), 255)
    else:
        image = Image.new("RGB", (4, 4), "white").convert(mode)
    pixels = decode(image)
    assert pixels.shape[2] == (1 if mode in ("1", "L", "LA", "I", "F", "I;16") else 3)
    assert (pixels == 255).all()


def test_transparent_is_white_and_pictures_stand_upright() -> None:
    assert (decode(Image.new("RGBA", (2, 2), (0, 0, 0, 0))) == 255).all()
    turned = Image.new("L", (4, 2))
    turned.getexif()[0x0112] = 6
    assert decode(turned).shape == (4, 2, 1)


def upright() -> Image.Image:
    """A picture of which each quarter has another brightness."""
    pixels = np.zeros((16, 24), np.uint8)
    pixels[:8, 12:], pixels[8:, :12], pixels[8:, 12:] = 80, 160, 240
    return Image.fromarray(pixels)


TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF's orientation -> how an upright picture stands in a file that has it."""


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
def test_pictures_stand_upright_whatever_way_the_camera_was_held(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    turn, exif = TURNS[orientation], Image.Exif()
    exif[0x0112] = orientation
    held = upright() if turn is None else upright().transpose(turn)
    held.save(tmp_path / f"1.{suffix}", exif=exif, quality=95)
    pixels = decode(tmp_path / f"1.{suffix}").mean(2)
    assert pixels.shape == (16, 24)
    assert np.abs(pixels - np.asarray(upright())).max() < 12
    small = decode(tmp_path / f"1.{suffix}", size=4).mean(2)
    assert np.abs(small[::3, ::3] - [[0, 80], [160, 240]]).max() < 25


def test_a_folder_of_every_kind_of_picture(tmp_path: Path) -> None:
    red = Image.new("RGB", (40, 30), (200, 0, 0))
    clear = Image.new("P", (30, 30), 1)
    clear.putpalette([0, 0, 0, 200, 0, 0])
    pictures = {
        "grey.png": (Image.new("L", (20, 50), 90), {}),
        "alpha.png": (Image.new("LA", (9, 9), (90, 255)), {}),
        "rgba.png": (Image.new("RGBA", (30, 90), (200, 0, 0, 255)), {}),
        "palette.png": (clear, {"transparency": 0}),
        "deep.png": (Image.fromarray(np.full((30, 20), 90 * 257, np.uint16)), {}),
        "cmyk.jpg": (red.convert("CMYK"), {"quality": 95}),
        "progressive.jpg": (red.resize((400, 300)), {"progressive": True}),
        "moving.gif": (red, {"save_all": True, "append_images": [Image.new("RGB", (40, 30), "blue")]}),
        "pages.tiff": (red, {"save_all": True, "append_images": [Image.new("L", (9, 9), 255)]}),
    }
    for name, (image, options) in pictures.items():
        image.save(tmp_path / name, **options)
    source = read(tmp_path, image_size=12)
    assert source.images is not None
    assert source.images.shape == (len(pictures), 12, 12, 3)
    for file, image in zip(source.table.column("file").to_pylist(), source.images, strict=True):
        is_grey = Path(file).stem in ("grey", "alpha", "deep")
        wanted = (90, 90, 90) if is_grey else (200, 0, 0)
        assert np.abs(image.astype(int) - wanted).max() <= 3, file


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rough = Image.fromarray(rng.integers(0, 255, (30, 40, 3), np.uint8)).resize((800, 600))
    rough.save(tmp_path / "1.jpg", quality=95)
    rough.save(tmp_path / "1.png")
    fast, whole = (decode(tmp_path / f"1.{suffix}", size=64).astype(int) for suffix in ("jpg", "png"))
    assert np.abs(fast - whole).mean() < 3


@pytest.mark.parametrize(
    ("number", "side", "expected", "why"),
    [
        (396, 128, 128, ""),
        (20, 500, 224, ", since larger ones would take long"),
        (2_000, 500, 128, ", since so many would take long"),
        (10_000, 500, 64, ", since so many would take long"),
        (10**6, 500, 64, ", since so many would take long"),
        (10**6, 28, 28, ""),
        (2_000, 100, 100, ""),
    ],
)
def test_the_more_images_the_smaller_they_become(number: int, side: int, expected: int, why: str) -> None:
    size, said = _default_size(np.full(number, side))
    assert size == expected
    assert said.startswith(why)
    assert said.endswith("; `--image-size` sets another")


def test_idx_files_bring_their_test_set(tmp_path: Path) -> None:
    images = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    idx(tmp_path / "train-images-idx3-ubyte.gz", images)
    idx(tmp_path / "train-labels-idx1-ubyte.gz", np.array([1, 0, 1]))
    idx(tmp_path / "t10k-images-idx3-ubyte.gz", images[:2])
    idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.array([0, 0]))
    for path in (tmp_path, tmp_path / "train-images-idx3-ubyte.gz"):
        source = read(path)
        assert source.images is not None
        np.testing.assert_array_equal(source.images[..., 0], np.concatenate([images, images[:2]]))
        assert source.table.column("label").to_pylist() == [1, 0, 1, 0, 0]
        assert source.parts == {"train": range(3), "test": range(3, 5)}
    resized = read(tmp_path, image_size=6).images
    assert resized is not None
    assert resized.shape == (5, 6, 6, 1)


def test_idx_without_labels_or_compression(tmp_path: Path) -> None:
    idx(tmp_path / "t10k-images.idx3-ubyte", np.zeros((2, 3, 3)))
    source = read(tmp_path / "t10k-images.idx3-ubyte")
    assert source.num_rows == 2
    assert source.table.num_columns == 0


def test_bad_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there are no images in it \(known are \.bmp.*\) and no IDX files"):
        read(tmp_path)
    picture(tmp_path / "a" / "1.png")
    picture(tmp_path / "2.png")
    with pytest.raises(DataError, match=r"2\.png: the image stands beside class sub-folders \(a\); move it"):
        read(tmp_path)
    (tmp_path / "2.png").unlink()
    data = (tmp_path / "a" / "1.png").read_bytes()
    for bad in (b"no image", data[:40], data[:-30]):
        (tmp_path / "a" / "3.png").write_bytes(bad)
        with pytest.raises(DataError, match=r"3\.png: no (whole )?image can be read"):
            read(tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="train: there are no images in class sub-folders"):
        read(tmp_path)


def test_bad_idx_files_are_named(tmp_path: Path) -> None:
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    idx(images, np.zeros((3, 2, 2)), magic=b"\x89PNG")
    with pytest.raises(DataError, match="an IDX file of bytes with 3 dimensions: it begins with 89 50 4e 47"):
        read(tmp_path)
    images.write_bytes(bytes((0, 0, 8, 3)) + b"\xff" * 12)
    with pytest.raises(
        DataError, match=r"the file is damaged \(it claims the shape \(4294967295, 4294967295"
    ):
        read(tmp_path)
    idx(images, np.zeros((3, 2, 2)))
    idx(labels, np.zeros(2))
    with pytest.raises(
        DataError, match="train-labels-idx1-ubyte: 2 labels for 3 images of train-images-idx3-ubyte"
    ):
        read(tmp_path)
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(DataError, match="train-images-idx3-ubyte: the file is damaged"):
        read(tmp_path)
    idx(tmp_path / "other-images-idx3-ubyte", np.zeros((3, 2, 2)))
    with pytest.raises(DataError, match=r"there are several train sets \(other-images-idx3-ubyte, train-"):
        read(tmp_path)
