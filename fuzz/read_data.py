"""Feeds bytes to every reader of data, to `prepare` and to `inputs_for`; anything but a named error is a finding.

The first byte chooses the reader, the second how it is called; the others are what the file holds.
A finding is an exception that isn't a RungwiseError, a warning, a crash, more than 5 s of the CPU, or more than 2 GiB.

In an environment of its own, since atheris needs a Python that it is built for (3.11 here):

    python3.11 -m venv fuzzing && fuzzing/bin/pip install atheris -e .
    fuzzing/bin/python fuzz/read_data.py --seeds corpus
    fuzzing/bin/python fuzz/read_data.py corpus -max_total_time=3600 -timeout=60 -rss_limit_mb=2048 -max_len=8192

A finding is written to `crash-…`; `fuzz/read_data.py crash-…` runs it once more. Those that were fixed stand in
`tests/data/corpus`, which pytest replays without atheris.
"""

from __future__ import annotations

import datetime
import decimal
import gzip
import importlib
import io
import json
import os
import shutil
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    import atheris

    PLUGINS = ("Bmp", "Gif", "Jpeg", "Png", "Ppm", "Tiff", "WebP")
    with atheris.instrument_imports(include=["rungwise.data", "PIL"]):
        for module in ("rungwise.data", *(f"PIL.{plugin}ImagePlugin" for plugin in PLUGINS)):
            importlib.import_module(module)

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from PIL import Image

from rungwise.data import Dataset, inputs_for, prepare, read
from rungwise.errors import RungwiseError

NUM_ROWS = 30
MAX_SECONDS = 5.0
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-16", "gb18030", "cp1252", "utf-32", "utf-7")

Build = Callable[[Path, bytes], Any]
"""(an empty folder, bytes) -> what to read."""


def _file(name: str) -> Build:
    def build(folder: Path, data: bytes) -> Any:
        (folder / name).write_bytes(data)
        return folder / name

    return build


def _zipped(name: str) -> Build:
    return lambda folder, data: _file(name)(folder, gzip.compress(data, 1))


def _image(name: str) -> Build:
    """An image beside others that are whole."""

    def build(folder: Path, data: bytes) -> Any:
        for label in "ab":
            (folder / label).mkdir()
            for number in range(6):
                Image.new("L", (4, 4), 40 * number + (label == "b")).save(folder / label / f"{number}.bmp")
        (folder / "a" / name).write_bytes(data)
        return folder

    return build


def _idx(folder: Path, data: bytes) -> Any:
    """Images and labels: two bytes say where the labels begin."""
    cut = 2 + int.from_bytes(data[:2], "little")
    (folder / "train-images-idx3-ubyte").write_bytes(data[2:cut])
    (folder / "train-labels-idx1-ubyte").write_bytes(data[cut:])
    return folder


def _objects(_: Path, data: bytes) -> Any:
    """Columns of odd values, a byte a value, in the form that the first byte says."""
    form, data = data[0] % 5 if data else 0, data[1:].ljust(NUM_ROWS, b"\0")
    columns = [
        [_VALUES[byte % len(_VALUES)] for byte in data[start : start + NUM_ROWS]]
        for start in range(0, len(data) - NUM_ROWS + 1, NUM_ROWS)
    ]
    names = [*_NAMES, *map(str, range(len(columns)))][: len(columns)]
    labels = ["x", "y"] * (NUM_ROWS // 2)
    match form:
        case 0:
            return dict(zip(names, columns, strict=True)) | {"label": labels}
        case 1:
            frame = pd.DataFrame(dict(enumerate([*columns, labels])), dtype=object)
            return frame.set_axis(pd.Index([*names, "label"], dtype=object), axis=1)
        case 2:
            rows = np.empty((NUM_ROWS, len(columns)), object)
            for number, column in enumerate(columns):
                rows[:, number] = pd.Series(column, dtype=object).to_numpy()
            return rows, labels
        case 3:
            return columns[0], labels
        case _:
            return np.arange(NUM_ROWS)[:, None], columns[0]


def _tables(_: Path, data: bytes) -> Any:
    """What an Arrow stream holds."""
    try:
        return pa.ipc.open_stream(io.BytesIO(data)).read_all()
    except (pa.ArrowException, OSError, ValueError):
        return pa.table({})


_VALUES: tuple[Any, ...] = (
    *(0, 1, -1, 1.5, "", "u", "v", "NA", "2020-01-02", "12", None, True, False, float("nan"), float("inf")),
    *(
        2**63,
        10**400,
        b"x",
        [1],
        {"a": 1},
        1j,
        decimal.Decimal("1.5"),
        decimal.Decimal("Infinity"),
        "\ud800",
        "\0",
    ),
    *(
        datetime.date(2020, 1, 1),
        datetime.datetime(9999, 12, 31),
        datetime.time(1),
        datetime.timedelta(1),
        object,
    ),
    *(pd.NaT, pd.NA, np.datetime64("1677-01-01"), np.float16(2), "ein langer Text mit vielen Worten", "a\nb"),
)

_NAMES = ("a", "b", "d", "", "label", "a\ud800")

READERS: tuple[Build, ...] = (
    _file("d.csv"),
    _file("d.tsv"),
    _file("d.jsonl"),
    _file("d.parquet"),
    _file("d.csv.gz"),
    _zipped("d.csv.gz"),
    _zipped("d.jsonl.gz"),
    _image("x.png"),
    _image("x.jpg"),
    _image("x.tif"),
    _image("x.gif"),
    _idx,
    _objects,
    _tables,
    _file("d.csv"),
    _file("d.jsonl"),
)


def learned() -> list[Dataset]:
    """Datasets that models learned from: of a table, of texts and of images."""
    labels = ["yes", "no"] * (NUM_ROWS // 2)
    days = pd.date_range("2020-01-01", periods=NUM_ROWS)
    table = pd.DataFrame({"a": np.arange(NUM_ROWS) ** 2 % 7, "b": [*"uvw"] * 10, "d": days, "label": labels})
    texts = pd.DataFrame(
        {"c": [f"some words of the text {number}" for number in range(NUM_ROWS)], "label": labels}
    )
    images = np.arange(NUM_ROWS * 16).reshape(NUM_ROWS, 4, 4) % 251
    return [prepare(table), prepare(texts), prepare((images, labels))]


def try_bytes(data: bytes, folder: Path, datasets: list[Dataset]) -> None:
    """Reads what the bytes stand for.

    Args:
        data: the reader, how it is called, and the content.
        folder: an empty one.
        datasets: what `learned` gives.

    Raises:
        Exception: if there is a finding.
    """
    if len(data) < 2:
        return
    how = data[1]
    source = READERS[data[0] % len(READERS)](folder, data[2:])
    encoding = ENCODINGS[how % len(ENCODINGS)]
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            match how // len(ENCODINGS) % 4:
                case 0 | 1:
                    read(source, encoding=encoding)
                case 2:
                    prepare(source, encoding=encoding).check()
                case _:
                    for _ in inputs_for(datasets[how % 3], source, encoding=encoding):
                        pass
        except RungwiseError:
            pass
    seconds = time.process_time() - start
    if seconds > MAX_SECONDS:
        raise RuntimeError(f"{seconds:.1f} s")


# ---------------------------------------------------------------------------------------------------- seeds


def _csv(delimiter: str = ",") -> bytes:
    rows = [["a", "b", "d", "label"]]
    rows += [
        [str(number**2 % 7), "uvw"[number % 3], f"2020-01-{1 + number:02d}", "xy"[number % 2]]
        for number in range(NUM_ROWS)
    ]
    return "\n".join(delimiter.join(row) for row in rows).encode()


def _jsonl() -> bytes:
    rows = [
        {"a": n**2 % 7, "b": "uvw"[n % 3], "d": f"2020-01-{1 + n:02d}", "label": "xy"[n % 2]}
        for n in range(20)
    ]
    return "\n".join(map(json.dumps, rows)).encode()


def _table() -> pa.Table:
    return pa.table(
        {
            "a": np.arange(12) ** 2 % 7 * 1.5,
            "b": pa.array([*"uvw"] * 4).dictionary_encode(),
            "d": pa.array(range(12), pa.timestamp("us", "UTC")),
            "e": pa.array([decimal.Decimal(number) for number in range(12)]),
            "l": [[1, 2]] * 12,
            "label": [*"xy"] * 6,
        }
    )


def _parquets() -> list[bytes]:
    out = []
    for options in (
        {},
        {"compression": "none", "row_group_size": 5, "store_schema": False},
        {"compression": "gzip", "data_page_version": "2.0", "write_page_checksum": True},
        {"use_dictionary": False, "compression": "none", "column_encoding": {"label": "DELTA_BYTE_ARRAY"}},
    ):
        stream = io.BytesIO()
        pyarrow.parquet.write_table(_table(), stream, **options)
        out.append(stream.getvalue())
    return out


def _pictures(kind: str, modes: str) -> list[bytes]:
    out = []
    for mode in modes.split():
        stream = io.BytesIO()
        Image.new(mode, (5, 7)).save(stream, kind)
        out.append(stream.getvalue())
    return out


def seeds() -> list[tuple[int, bytes]]:
    """Small whole files, each with the number of its reader."""
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, _table().schema) as writer:
        writer.write_table(_table())
    images = struct.pack(">IIII", 0x0803, 20, 3, 3) + bytes(number % 251 for number in range(180))
    labels = struct.pack(">II", 0x0801, 20) + bytes([0, 1] * 10)
    quoted = b'a,text,label\n1,"one, ""two""\nthree",x\n' * 3 + b"2,four,y\n"
    found = [
        (0, _csv()),
        (1, _csv("\t")),
        (14, _csv(";")),
        (2, _jsonl()),
        (15, b'{"a": 1}\n{"a": null, "b": true}\n'),
    ]
    found += [(0, _csv().decode().encode(encoding)) for encoding in ("utf-16", "utf-32", "utf-8-sig")]
    found += [(4, gzip.compress(_csv())), (5, _csv()), (6, _jsonl()), (14, quoted)]
    found += [(3, parquet) for parquet in _parquets()]
    found += [(7, png) for png in _pictures("PNG", "1 L P LA RGB RGBA I;16")]
    found += [(8, jpeg) for jpeg in _pictures("JPEG", "L RGB CMYK")]
    found += [(9, tiff) for tiff in _pictures("TIFF", "1 L P RGB RGBA I;16 F CMYK LAB")]
    found += [(10, gif) for gif in _pictures("GIF", "1 L P")]
    found += [(7, other) for kind in ("BMP", "PPM", "WEBP") for other in _pictures(kind, "RGB")]
    found += [(11, struct.pack("<H", len(images)) + images + labels)]
    found += [(12, bytes(range(90))), (12, b"\1" + bytes([5, 6] * 30)), (13, stream.getvalue())]
    return found


# -------------------------------------------------------------------------------------------------- the fuzzer


def _write_seeds(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, (reader, content) in enumerate(seeds()):
        for how in (0, 16, 24, 25, 26):
            (folder / f"{number:03d}-{how}").write_bytes(bytes([reader, how]) + content)


def main() -> None:
    """Writes seeds, or fuzzes until it is stopped."""
    if sys.argv[1:2] == ["--seeds"]:
        _write_seeds(Path(sys.argv[2]))
        return
    tmpfs = Path("/dev/shm")
    base = Path(tempfile.mkdtemp(prefix="rungwise-fuzz-", dir=tmpfs if tmpfs.exists() else None))
    tempfile.tempdir = str(base)  # of what is read
    os.environ["OMP_NUM_THREADS"] = "1"
    datasets = learned()

    def one_input(data: bytes) -> None:
        folder = base / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try_bytes(data, folder, datasets)

    try:
        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
