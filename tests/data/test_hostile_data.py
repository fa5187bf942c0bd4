"""Files, folders and objects that are broken or hostile: a named error or a note, never anything else."""

from __future__ import annotations

import csv
import decimal
import importlib.util
import io
import json
import os
import re
import socket
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from rungwise.data import inputs_for, prepare, read
from rungwise.errors import ConfigError, DataError, RungwiseError
from rungwise.kinds import ColumnKind

HERE = Path(__file__).parent
LABELS = ["x", "y"] * 30
ROWS = "".join(f"{number**2 % 7},{'uvw'[number % 3]},{LABELS[number]}\n" for number in range(60))
JSON_ROWS = "".join(json.dumps({"a": number, "label": LABELS[number]}) + "\n" for number in range(60))

posix_only = pytest.mark.skipif(os.name != "posix", reason="POSIX alone has such files")


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def error_of(call: Callable[..., Any], *args: Any, **options: Any) -> str:
    with pytest.raises(RungwiseError) as caught:
        call(*args, **options)
    return str(caught.value)


# ----------------------------------------------------------------------------------------------------- texts


@pytest.mark.parametrize(
    "encoding",
    [
        *("hex", "zip", "base64", "bz2", "rot13", "uu", "quopri", "idna", "punycode", "undefined"),
        *("unicode_escape", "", "\0", "a\0b", "../x", "é", "x" * 10_000),
    ],
)
def test_what_is_no_encoding_of_text_is_named(encoding: str) -> None:
    for name, content in (("d.csv", "a,label\n" + ROWS), ("d.jsonl", JSON_ROWS)):
        Path(name).write_text(content, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"is unknown; for example utf-8, gb18030, cp1252 and utf-16"):
            read(name, encoding=encoding)


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-32", "utf-16-le", "utf-8-sig", "utf-7", "gb18030", "cp037"]
)
def test_encodings_of_text_are_read(encoding: str) -> None:
    Path("d.csv").write_bytes(("a,b,label\n" + ROWS).encode(encoding))
    Path("d.jsonl").write_bytes(JSON_ROWS.encode(encoding))
    assert read("d.csv", encoding=encoding).table.column_names == ["a", "b", "label"]
    assert read("d.jsonl", encoding=encoding).num_rows == 60


TEXTS = {
    "a wrong encoding without its mark": (
        "d.csv",
        b"a,b\n1,2\n",
        "utf-16",
        "it can't be decoded as utf-16 (UTF-16",
    ),
    "half a character": ("d.csv", b"\x05", "utf-32", "byte 0 (0x05) isn't utf-32"),
    "UTF-32": (
        "d.csv",
        "a,b\n1,2\n".encode("utf-32"),
        "utf-8",
        "it seems to be UTF-32: add `--encoding utf-32`.",
    ),
    "mixed encodings": (
        "d.csv",
        "a,b\né,2\n".encode() + b"\xe9,3\n",
        "utf-8",
        "row 2: byte 9 (0xe9) isn't utf-8",
    ),
    "surrogates": ("d.csv", b"a,b\n\xed\xa0\x80,1\n", "utf-8", "row 1: byte 4 (0xed) isn't utf-8"),
    "a zero behind the head": (
        "d.csv",
        b"a,b\n" + b"1,2\n" * 90 + b"3,\0\n",
        "utf-8",
        "row 91: byte 366 is zero",
    ),
    "a zero in UTF-16": (
        "d.csv",
        "a,b\n1,\0\n".encode("utf-16"),
        "utf-16",
        "a character is zero, so it isn't text",
    ),
    "a quotation mark open in the header": ("d.csv", b'a,"b\n1,2\n', "utf-8", "isn't closed in the header"),
    "a quotation mark open to the end": (
        "d.csv",
        b'a,b\n"1,2\n3,4\n',
        "utf-8",
        "a quotation mark isn't closed",
    ),
    "names that clash once filled": ("d.csv", b"Unnamed: 1,\n1,2\n", "utf-8", "(1 and 2) have this name"),
    "a header alone": ("d.csv", b"a,b", "utf-8", "the file has a header, but no rows."),
    "depths of arrays": (
        "d.jsonl",
        b'{"a": ' + b"[" * 100_000,
        "utf-8",
        "row 1, column 'a': its values are lists",
    ),
    "depths of objects": (
        "d.jsonl",
        b'{"a":' * 99_999,
        "utf-8",
        "row 1, column 'a': its values are lists or objects",
    ),
    "null": (
        "d.jsonl",
        b"null\nnull\n",
        "utf-8",
        "row 1: the line isn't a JSON object (it has 'n' at byte 0).",
    ),
    "a number": (
        "d.jsonl",
        b'{"a": 1}\n5\n',
        "utf-8",
        "row 2: the line isn't a JSON object (it has '5' at byte 1).",
    ),
    "lines": ("d.jsonl", b'{\n"a": 1\n}\n', "utf-8", "it isn't closed; `jq -c .` writes one object a line"),
    "an open string": (
        "d.jsonl",
        b'{"a": "1}\n{"a": 2}\n',
        "utf-8",
        "row 1: the line isn't a JSON object (Invalid",
    ),
    "a nested value": (
        "d.jsonl",
        b'{"a": 1}\n{"b": {"c": 1}}\n',
        "utf-8",
        "row 2, column 'b': its values are lists",
    ),
    "a key twice": (
        "d.jsonl",
        b'{"a": 1, "a": 2}\n',
        "utf-8",
        "row 1: the line isn't a JSON object (Column(/a) was",
    ),
    "a lone surrogate": (
        "d.jsonl",
        b'{"a": "\\ud800"}\n',
        "utf-8",
        "row 1: the line isn't a JSON object (The surr",
    ),
    "a number too big": (
        "d.jsonl",
        b'{"a": 1e999}\n',
        "utf-8",
        "row 1: the line isn't a JSON object (Number too big",
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_broken_text_is_named(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    for module in ("separated", "jsonlines"):
        monkeypatch.setattr(f"rungwise.data.{module}.HEAD_BYTES", (300, 300))
    name, content, encoding, message = TEXTS[case]
    Path(name).write_bytes(content)
    assert message in error_of(read, name, encoding=encoding)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 10_000])
def test_numbers_that_are_not_finite_are_named_as_they_stand(number: str) -> None:
    Path("d.csv").write_text("a,label\n" + "".join(f"{i},{LABELS[i]}\n" for i in range(60)) + f"{number},x\n")
    assert f"d.csv, row 61, column 'a': '{number[:10]}"[:30] in error_of(prepare, "d.csv")


def test_lone_returns_end_lines() -> None:
    Path("d.csv").write_text("a,b,label\n" + ROWS, encoding="utf-8", newline="\r")
    assert read("d.csv").num_rows == 60


def test_dates_in_json_lines_keep_their_form() -> None:
    days = ["2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"]
    Path("d.jsonl").write_text("".join(f'{{"day": "{day}"}}\n' for day in days), encoding="utf-8")
    assert read("d.jsonl").table.column("day").to_pylist() == days


def test_numbers_too_large_for_whole_numbers_are_classes_by_their_text() -> None:
    rows = [f"{number % 5},{2**63 + number % 2 * 4096}\n" for number in range(60)]
    Path("d.csv").write_text("a,label\n" + "".join(rows), encoding="utf-8")
    dataset = prepare("d.csv")
    assert dataset.classes is not None
    assert dataset.classes.tolist() == ["9223372036854775808", "9223372036854779904"]


# -------------------------------------------------------------------------------- what isn't a file, or no image


def class_folders(folder: Path) -> Path:
    for label in "ab":
        (folder / label).mkdir(parents=True)
        for number in range(6):
            Image.new("L", (8, 8), 20 * number + (label == "b")).save(folder / label / f"{number}.png")
    return folder


@posix_only
@pytest.mark.parametrize("name", ["d.csv", "d.jsonl", "d.parquet", "d.png", "d", "train-images-idx3-ubyte"])
def test_a_pipe_a_socket_and_a_device_are_named(name: str) -> None:
    os.mkfifo(name)
    message = "it is a folder, a pipe, a socket, a device or a link to nothing, no file"
    assert message in error_of(read, name)
    Path(name).unlink()
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(name)
        assert message in error_of(read, name)
    Path(name).unlink()
    Path(name).symlink_to("/dev/zero")
    assert message in error_of(read, name)
    Path(name).unlink()
    Path(name).symlink_to("nowhere")
    assert "it is a link to nothing" in error_of(read, name)


@posix_only
def test_odd_things_in_a_folder_of_images_are_counted(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "im")
    os.mkfifo(folder / "a" / "pipe.png")
    (folder / "a" / "dangling.png").symlink_to("nowhere")
    (folder / "a" / "loop.png").symlink_to("loop.png")
    (folder / "a" / "up").symlink_to("..")
    (folder / "b" / "endless.png").symlink_to("/dev/zero")
    source = read(folder)
    assert source.num_rows == 12
    assert f"{folder}: 4 files that aren't images are left out." in [note.message for note in source.notes]


@posix_only
def test_names_that_are_not_utf_8_are_escaped(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "im")
    try:
        (folder / "b").rename(os.fsdecode(os.fsencode(folder) + b"/\xff"))
    except OSError:
        pytest.skip("the file system refuses such names")
    dataset = prepare(folder, folder=tmp_path / "data")
    assert dataset.classes is not None
    assert dataset.classes.tolist() == ["\\udcff", "a"]
    assert "\\udcfe.csv: there is no such file" in error_of(read, "\udcfe.csv")


def test_two_folders_of_one_part_are_named(tmp_path: Path) -> None:
    class_folders(tmp_path / "im" / "train")
    for name in ("val", "validation"):
        class_folders(tmp_path / "im" / name)
    assert "im: 'val' and 'validation' are both the valid part; merge or rename one." in error_of(
        read, Path("im")
    )


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(*chunks: bytes) -> bytes:
    pixels = chunk(b"IDAT", zlib.compress(bytes(72)))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def saved(mode: str, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (8, 8)).save(stream, kind, **options)
    return stream.getvalue()


BOMB = zlib.compress(bytes(1 << 24), 9)
BAD_IMAGES = {
    "empty": b"",
    "a web page": b"<html>",
    "cut": png()[:-30],
    "no pixels": png()[: 8 + 25] + chunk(b"IEND", b""),
    "no size": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(8) + b"\x08\0\0\0\0") + chunk(b"IEND", b""),
    "a bomb in a profile": png(chunk(b"iCCP", b"x\0\0" + BOMB)),
    "a bomb in a text": png(chunk(b"zTXt", b"x\0\0" + BOMB)),
    "a program for PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n",
}


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_a_bad_image_is_named(tmp_path: Path, case: str) -> None:
    folder = class_folders(tmp_path / "im")
    (folder / "a" / "bad.png").write_bytes(BAD_IMAGES[case])
    message = error_of(read, folder)
    assert "bad.png: no whole image can be read" in message
    assert message.endswith("; replace or remove it.")


@pytest.mark.parametrize(
    "content",
    [
        *(saved(mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *(saved(mode, "TIFF") for mode in ("1", "I", "F", "CMYK", "YCbCr", "LAB", "I;16", "PA")),
        saved("RGB", "GIF"),
        saved("RGB", "WEBP"),
        saved("P", "PNG", transparency=b"\0\1\2"),
        saved("RGB", "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
        saved("P", "GIF", save_all=True, append_images=[Image.new("P", (8, 8), 9)]),
    ],
)
def test_images_of_any_kind_are_read_whatever_they_are_called(tmp_path: Path, content: bytes) -> None:
    folder = class_folders(tmp_path / "im")
    (folder / "a" / "odd.png").write_bytes(content)
    assert read(folder).num_rows == 13


@pytest.mark.parametrize(("value", "pixel"), [(np.nan, 0), (np.inf, 255), (-np.inf, 0), (-5, 0), (0.5, 128)])
def test_pixels_that_are_not_finite(tmp_path: Path, value: float, pixel: int) -> None:
    Image.fromarray(np.full((2, 2), value, np.float32)).save(tmp_path / "d.tif")
    images = read(tmp_path / "d.tif").images
    assert images is not None
    assert images.ravel().tolist() == [pixel] * 4


def test_large_images_are_flattened_band_by_band(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (30, 20, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "d.png")
    whole = read(tmp_path / "d.png").images
    monkeypatch.setattr("rungwise.data.pictures.LARGE_PIXELS", 70)
    assert np.array_equal(read(tmp_path / "d.png").images, whole)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (b"\0\0\x08\x03\0", b"", "the file is damaged (it ends in its header)"),
        (
            b"\0\0\x08\x03" + b"\xff" * 12,
            b"",
            "the file is damaged (it claims the shape (4294967295, 4294967295,",
        ),
        (
            b"\0\0\x08\x03" + struct.pack(">III", 20, 2, 2) + bytes(79),
            b"",
            "it ends before the last of its images",
        ),
        (
            b"\0\0\x08\x03" + struct.pack(">III", 20, 2, 2) + bytes(80),
            b"\0\0\x08\x01" + struct.pack(">I", 20) + bytes(21),
            "it has more labels than the 20 that it claims",
        ),
    ],
)
def test_idx_headers_that_lie_are_named(tmp_path: Path, images: bytes, labels: bytes, message: str) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(images)
    if labels:
        (tmp_path / "train-labels-idx1-ubyte").write_bytes(labels)
    assert message in error_of(read, tmp_path)


# --------------------------------------------------------------------------------------------------- typed data


def odd_columns() -> dict[str, pa.Array]:
    num = 60
    return {
        "struct": pa.array([{"x": 1}] * num),
        "list": pa.array([[1]] * num),
        "map": pa.array([[("k", 1)]] * num, pa.map_(pa.string(), pa.int64())),
        "time": pa.array([1] * num, pa.time64("us")),
        "duration": pa.array([1] * num, pa.duration("us")),
        "binary": pa.array([b"\xff"] * num),
        "fixed binary": pa.array([b"\xff"] * num, pa.binary(1)),
        "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)] * num, pa.binary(16))),
    }


@pytest.mark.parametrize("name", odd_columns())
def test_types_that_cannot_be_used_are_named_and_can_be_ignored(name: str) -> None:
    table = pa.table({"a": np.arange(60) % 7, "odd": odd_columns()[name], "label": LABELS})
    pa.parquet.write_table(table, "d.parquet")
    for data in ("d.parquet", table):
        for options in ({}, {"target": "odd"}, {"group": "odd"}, {"time": "odd"}):
            message = error_of(prepare, data, **options)
            assert "column 'odd': its type " in message, options
            assert " can't be used; numbers, strings, booleans and dates can." in message
        for kind in (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.TEXT, ColumnKind.DATE):
            assert "column 'odd': its type " in error_of(prepare, data, columns={"odd": kind})
        assert prepare(data, columns={"odd": ColumnKind.IGNORE}).num("train")


@pytest.mark.parametrize(
    "values",
    [
        pa.array([float(number % 3) for number in range(60)], pa.float16()),
        pa.array([decimal.Decimal(number % 3) for number in range(60)], pa.decimal256(76, 20)),
        pa.array(["u", "v", "w"] * 20, pa.string_view()),
        pa.array(["u", "v", "w"] * 20, pa.large_string()),
        pa.array([2**63 + number % 3 for number in range(60)], pa.uint64()),
        pa.array([True, False, None] * 20).dictionary_encode(),
        pa.array([-(2**31), 2**31 - 1, 0] * 20, pa.date32()),
        pa.array([0, 1, 2] * 20, pa.timestamp("us", "Europe/Berlin")),
    ],
    ids=lambda values: str(values.type),
)
def test_types_that_can_be_used_are_read_from_parquet_and_memory(values: pa.Array) -> None:
    table = pa.table({"a": np.arange(60) % 7, "odd": values, "label": LABELS})
    pa.parquet.write_table(table, "d.parquet")
    assert prepare("d.parquet").fingerprint == prepare(table).fingerprint


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN"])
def test_strings_of_parquet_in_any_encoding_are_read(encoding: str) -> None:
    table = pa.table({"a": ["abc", "abd", None] * 1000, "b": ["x", "y", "z"] * 1000})
    pa.parquet.write_table(table, "d.parquet", use_dictionary=["b"], column_encoding={"a": encoding})
    assert read("d.parquet").table.equals(table)


def test_a_zone_that_is_not_known_is_named() -> None:
    zone = pa.array([0, 1, 2] * 20, pa.timestamp("us", "Nowhere/Land"))
    table = pa.table({"a": np.arange(60) % 7, "odd": zone, "label": LABELS})
    message = error_of(prepare, table, columns={"odd": ColumnKind.CATEGORY})
    assert "column 'odd': its values of type timestamp[us, tz=Nowhere/Land] can't be category (" in message


def test_arrow_buffers_that_lie_are_named() -> None:
    lying = pa.array([b"\xff", b"x"]).cast(pa.string(), safe=False)
    assert "its Arrow data are damaged (" in error_of(read, pa.table({"a": lying, "label": [1, 2]}))


OBJECTS: dict[str, tuple[Callable[[], Any], str]] = {
    "nothing": (lambda: None, "there are no data to learn from"),
    "a number": (lambda: np.array(5), "the array: it has no rows."),
    "ragged rows": (lambda: [[1, 2], [3]], "rows must be of one length"),
    "a ragged dict": (
        lambda: {"a": [1, 2], "b": [1]},
        "a dict of columns holds sequences of one length each",
    ),
    "a dict of scalars": (lambda: {"a": 1}, "a dict of columns holds sequences of one length each"),
    "records": (lambda: np.zeros(60, [("a", "i4")]), "texts are strings, got values of type [('a', '<i4')]"),
    "quadruple precision": (
        lambda: np.zeros((9, 2), np.longdouble),
        f"values of type {np.dtype('g')} can't be used",
    ),
    "complex": (lambda: pd.DataFrame({"a": [1j] * 9, "b": range(9)}), "its values of type complex"),
    "objects": (
        lambda: pd.DataFrame({"a": [object()] * 9, "b": range(9)}),
        "values of type object can't be used",
    ),
    "huge integers": (
        lambda: {"a": [10**400] * 9, "b": [1] * 9},
        "column 'a': its values of type int can't be used",
    ),
    "infinite decimals": (
        lambda: {"a": [decimal.Decimal("inf")] * 9, "b": [1] * 9},
        "values of type Decimal can't",
    ),
    "mixed dates": (
        lambda: {"a": [np.datetime64(1, "D"), np.float16(2)], "b": [1, 2]},
        "(float16 among datetime64)",
    ),
    "intervals": (
        lambda: pd.DataFrame({"a": pd.interval_range(0, 9), "b": range(9)}),
        "its type extension<pandas.interval",
    ),
    "names twice": (
        lambda: pd.DataFrame(np.eye(3), columns=[1, "1", "x"]),
        "two columns (1 and 2) have this name",
    ),
    "letters alone in pairs": (lambda: np.array([["\ud800", "x"]] * 9), "values of type <U1 can't be used"),
    "their like in y": (lambda: (np.eye(2), ["\ud800", "x"]), "its values can't be used ('utf-8' codec"),
    "paths to nothing": (lambda: ([Path("no.png")] * 2, [0, 1]), "no.png: there is no such file."),
    "no name": (
        lambda: pd.DataFrame([[1]], columns=pd.Index(["\ud800"], dtype=object)),
        "this name isn't text",
    ),
    "y of two columns": (
        lambda: (np.eye(60), np.zeros((60, 2))),
        "y is one target a row, got an array of shape (60",
    ),
    "y that is a set": (lambda: (np.eye(2), {1, 2}), "y is a sequence of targets, got a set."),
    "y that is missing": (lambda: (np.eye(2), None), "y is a sequence of targets, got a NoneType."),
    "y named as a column": (
        lambda: (pd.DataFrame({"a": LABELS}), pd.Series(LABELS, name="a")),
        "X has a column of y's",
    ),
    "images of two sizes": (
        lambda: ([Image.new("L", (8 + number % 2, 8)) for number in range(60)], LABELS),
        "images must be of one size, got 2 sizes",
    ),
}


@pytest.mark.parametrize("case", OBJECTS)
def test_odd_objects_are_named(case: str) -> None:
    build, message = OBJECTS[case]
    assert message in error_of(prepare, build())


def test_classes_that_end_with_a_zero_are_named() -> None:
    message = error_of(prepare, pd.DataFrame({"a": range(60), "label": ["x", "x\0"] * 30}))
    assert "row 2, column 'label': the class 'x\\x00' ends with a zero character; remove it." in message


@pytest.mark.parametrize(
    "y", [pd.Categorical(LABELS), pd.Index(LABELS), pa.array(LABELS), tuple(LABELS), np.c_[LABELS]]
)
def test_targets_of_any_kind_of_sequence_are_read(y: Any) -> None:
    assert read((np.eye(60), y)).table.column("target").to_pylist() == LABELS


def test_columns_that_cannot_be_used_beside_text_files() -> None:
    Path("d.csv").write_text(
        "a,l,label\n" + "".join(f"{n % 7},[1],{LABELS[n]}\n" for n in range(60)), encoding="utf-8"
    )
    typed = pa.table({"a": np.arange(60) % 7, "l": [[1]] * 60, "label": LABELS})
    for train, valid in (("d.csv", typed), (typed, "d.csv")):
        message = error_of(prepare, train, valid=valid)
        assert "the table, column 'l': its type list<item: int64> can't be used" in message
        assert prepare(train, valid=valid, columns={"l": ColumnKind.IGNORE}).num("valid") == 60


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"seed": -1}, "seed=-1 must be"),
        ({"seed": "x"}, "seed='x'"),
        ({"valid_size": "x"}, "valid_size='x' must"),
    ],
)
def test_settings_of_another_type_are_named(settings_: dict[str, Any], message: str) -> None:
    assert message in error_of(prepare, pd.DataFrame({"a": range(60), "label": LABELS}), **settings_)


@pytest.mark.parametrize(
    "odd", [[[1]] * 3, [1j] * 3, [b"\xff"] * 3, [{"x": 1}] * 3, pd.to_timedelta([1, 2, 3])]
)
@pytest.mark.parametrize("name", ["a", "b", "d"])
def test_odd_new_data_are_named(name: str, odd: Any) -> None:
    days = pd.date_range("2020-01-01", periods=60)
    dataset = prepare(
        pd.DataFrame({"a": np.arange(60) % 7, "b": ["u", "v", "w"] * 20, "d": days, "label": LABELS})
    )
    new = {"a": [1, 2, 3], "b": ["u", "v", "w"], "d": days[:3], name: odd}
    assert f"column '{name}': its " in error_of(lambda: list(inputs_for(dataset, new)))


def test_long_values_are_cut_in_messages() -> None:
    assert len(error_of(prepare, {"a": ["x" * 100_000, "y"] * 30, "label": ["z" * 100_000] * 60})) < 500
    wide = {f"c{number}": ["1"] * 30 for number in range(500)}
    assert len(error_of(prepare, wide)) < 1500


# -------------------------------------------------------------------------------------------------------- fuzzing


def fuzzer() -> ModuleType:
    """`fuzz/read_data.py`, which needs atheris only when it is run."""
    spec = importlib.util.spec_from_file_location("read_data", HERE.parents[1] / "fuzz" / "read_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FUZZER = fuzzer()
SEEDS = [(reader, content) for reader, content in FUZZER.seeds()]


@pytest.fixture(scope="module")
def learned() -> list[Any]:
    with warnings.catch_warnings():
        return FUZZER.learned()  # type: ignore[no-any-return]


@pytest.mark.parametrize("file", sorted((HERE / "corpus").iterdir()), ids=lambda file: file.name)
def test_what_was_found_once_stays_fixed(tmp_path: Path, learned: list[Any], file: Path) -> None:
    FUZZER.try_bytes(file.read_bytes(), tmp_path, learned)


@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_seeds_are_whole(tmp_path: Path, learned: list[Any], number: int) -> None:
    reader, content = SEEDS[number]
    FUZZER.try_bytes(bytes([reader, 0]) + content, tmp_path, learned)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A seed with a few bytes changed, dropped or put in."""
    reader, content = draw(st.sampled_from(SEEDS))
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = start + draw(st.sampled_from([0, 0, 1, 1, 4, 20]))
        data[start:stop] = draw(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from([b'"', b"\n", b"{", b"[", b"\xff\xff\xff\xff", b"1e999"]),
            )
        )
    return bytes([reader, draw(st.sampled_from([0, 3, 16, 24, 25, 26]))]) + bytes(data)


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=mutated())
def test_mutated_files_end_in_named_errors(
    tmp_path_factory: pytest.TempPathFactory, learned: list[Any], data: bytes
) -> None:
    FUZZER.try_bytes(data, tmp_path_factory.mktemp("case"), learned)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6)


@settings(max_examples=50, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read_back(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    with (tmp_path / "d.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([("first", "second"), *rows])
    table = read(tmp_path / "d.csv").table
    assert list(zip(*table.to_pydict().values(), strict=True)) == rows


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, width=32), CELLS
)


@settings(max_examples=50, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["a", "b", 'q"\\', "ü"]), VALUES), min_size=1, max_size=6)
)
def test_what_the_json_module_writes_is_read_back_or_named(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    try:
        table = read(tmp_path / "d.jsonl").table
    except DataError as error:
        assert re.search("make them one type|Number too big|no keys", str(error))  # noqa: PT017
        return
    assert table.num_rows == len(rows)
    for row, found in zip(rows, table.to_pylist(), strict=True):
        strings = {key: value for key, value in row.items() if isinstance(value, str)}
        assert {key: found[key] for key in strings} == strings
