"""What is refused because no honest data are like it: each cap, made small here, with how to go round it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from rungwise.data import prepare, read
from rungwise.data.limits import batch_rows
from rungwise.errors import ConfigError, DataError

Write = Callable[[Path], None]


def text(content: str) -> Write:
    return lambda file: file.write_text(content, encoding="utf-8") and None


def zipped(content: bytes) -> Write:
    return lambda file: file.write_bytes(gzip.compress(content)) and None


def bomb(file: Path) -> None:
    """A string of 100,000 characters that every row has, which Parquet holds once."""
    values = pa.DictionaryArray.from_arrays(np.zeros(5000, np.int32), ["x" * 100_000])
    pa.parquet.write_table(pa.table({"text": values}), file, store_schema=False)


def picture(width: int, height: int) -> Write:
    return lambda file: Image.new("1", (width, height)).save(file)


def labels(file: Path) -> None:
    file.write_text("a,label\n" + f"1,{'x' * 301}\n2,y\n" * 9, encoding="utf-8")


CASES = {
    "a row": (
        {"separated.BLOCK_BYTES": (64, 128), "separated.MAX_RECORD_BYTES": 128},
        "d.csv",
        text("a,b\n1," + "x" * 1000 + "\n"),
        "a row is longer than 128 bytes; probably a quotation mark isn't closed, else shorten it.",
    ),
    "a line": (
        {"jsonlines.MAX_RECORD_BYTES": 100, "jsonlines.JSON_BYTES": 64},
        "d.jsonl",
        text('{"a": "' + "x" * 1000 + '"}\n'),
        "a line is longer than 100 bytes; shorten it, or write one object a line.",
    ),
    "columns": (
        {"limits.MAX_COLUMNS": 2},
        "d.csv",
        text("a,b,c\n1,2,3\n"),
        "3 columns are more than the 2 that can be read; leave some out.",
    ),
    "keys": (
        {"limits.MAX_JSON_KEYS": 2},
        "d.jsonl",
        text('{"a": 1}\n{"b": 1}\n{"c": 1}\n'),
        "its 3 different keys are more than the 2 that can be read; write the data as CSV or Parquet,",
    ),
    "a header": (
        {"separated.HEAD_BYTES": (4, 8)},
        "d.csv",
        text("long name,b\n1,2\n"),
        "the header is longer than 8 bytes; shorten its names.",
    ),
    "a name": ({}, "d.csv", text("x" * 200_000 + ",b\n1,2\n"), "a name in the header is longer than 131,072"),
    "gzip": (
        {"limits.FREE_EXPANSION_BYTES": 10_000},
        "d.csv.gz",
        zipped(b"a,b\n" + b"1,2\n" * 1_000_000),
        "; if that is meant, decompress it (`gunzip`) and name the file that this gives.",
    ),
    "gzip of JSON": (
        {"limits.FREE_EXPANSION_BYTES": 10_000},
        "d.jsonl.gz",
        zipped(b'{"a": 1}\n' * 1_000_000),
        "if that is meant, decompress it",
    ),
    "IDX": (
        {"limits.FREE_EXPANSION_BYTES": 10_000},
        "train-images-idx3-ubyte.gz",
        zipped(bytes((0, 0, 8, 3)) + np.array((1000, 28, 28), ">u4").tobytes() + bytes(784_000)),
        "if that is meant, decompress it",
    ),
    "IDX pixels": (
        {"limits.MAX_IMAGE_PIXELS": 10},
        "train-images-idx3-ubyte",
        lambda file: file.write_bytes(bytes((0, 0, 8, 3)) + np.array((1, 4, 3), ">u4").tobytes() + bytes(12)),
        "its 3 × 4 pixels are more than the 10, and 65,535 a side, that can be read; shrink the image,",
    ),
    "Parquet": (
        {"limits.FREE_EXPANSION_BYTES": 10_000},
        "d.parquet",
        bomb,
        "if that is meant, write it without compression and without dictionaries.",
    ),
    "pixels": (
        {"limits.MAX_IMAGE_PIXELS": 99},
        "d.png",
        picture(10, 10),
        "its 10 × 10 pixels are more than the 99",
    ),
    "a side": (
        {},
        "d.png",
        picture(1, 65_536),
        "its 1 × 65,536 pixels are more than the 134,217,728, and 65,535",
    ),
    "labels": (
        {},
        "d.csv",
        labels,
        "the class 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…' has a name of more than 300",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_cap_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    caps, name, write, message = CASES[case]
    for cap, value in caps.items():
        monkeypatch.setattr(f"rungwise.data.{cap}", value)
    write(tmp_path / name)
    with pytest.raises(DataError) as caught:
        prepare(tmp_path / name)
    assert message in str(caught.value)


def test_an_image_that_claims_billions_of_pixels_is_not_decoded(tmp_path: Path) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = (65_535).to_bytes(4, "big") * 2 + bytes((1, 0, 0, 0, 0))
    file = tmp_path / "d.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))))
    with pytest.raises(
        DataError, match="its claimed pixels are more than the 134,217,728, and 65,535 a side"
    ):
        read(file)


@pytest.mark.parametrize("size", [0, -1, 4097, 10**9])
def test_images_are_resized_to_what_can_be_held(size: int) -> None:
    with pytest.raises(
        ConfigError, match=rf"image_size={size} must be a whole number of pixels from 1 to 4096"
    ):
        read(np.zeros((1, 2, 2), np.uint8), image_size=size)


def test_batches_have_fewer_rows_where_rows_are_long() -> None:
    assert [batch_rows(1000, values) for values in (0, 1, 1 << 20, 1 << 30)] == [1000, 1000, 16, 1]


def test_json_rows_of_many_keys_are_read_in_smaller_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rungwise.data.jsonlines.BATCH_VALUES", 4)
    rows = [{f"k{number}": str(number)} for number in range(20)]
    lines = "\n".join(f'{{"{key}": "{value}"}}' for row in rows for key, value in row.items())
    (tmp_path / "d.jsonl").write_text(lines, encoding="utf-8")
    read_back = read(tmp_path / "d.jsonl").table.to_pylist()
    assert [{key: value for key, value in row.items() if value is not None} for row in read_back] == rows


def test_large_parquet_strings_are_written_in_smaller_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rungwise.data.parquet.DECODED_BYTES", 1_000_000)
    bomb(tmp_path / "d.parquet")
    table = read(tmp_path / "d.parquet").table
    assert table.num_rows == 5000
    assert max(chunk.nbytes for chunk in table.column(0).chunks) <= 1_000_000
