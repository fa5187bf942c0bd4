"""What `read` gives for every kind of source."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from rungwise.data import read
from rungwise.data.separated import BLOCK_BYTES
from rungwise.errors import ConfigError, DataError

ROWS = [{"a": "1", "b": "x"}, {"a": "2", "b": "y, z"}]


def rows_of(source: object) -> list[dict[str, object]]:
    return source.table.to_pylist()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.csv", 'a,b\n1,x\n2,"y, z"\n'),
        ("d.tsv", "a\tb\n1\tx\n2\ty, z\n"),
        ("d.csv", '\ufeffa,b\r\n1,x\r\n2,"y, z"\r\n'),
        ("d.csv", "a;b\n1;x\n2;y, z\n"),
        ("d.csv", '\n\na,b\n1,x\n\n2,"y, z"'),
        ("d.jsonl", '{"a": 1, "b": "x"}\n{"a": 2, "b": "y, z"}\n'),
        ("d.ndjson", '\ufeff{"a": 1, "b": "x"}\n\n{"b": "y, z", "a": 2}'),
    ],
)
def test_text_files_come_as_strings(tmp_path: Path, name: str, content: str) -> None:
    file, zipped = tmp_path / name, tmp_path / f"{name}.gz"
    file.write_bytes(content.encode())
    zipped.write_bytes(gzip.compress(content.encode()))
    assert rows_of(read(file)) == ROWS
    assert rows_of(read(str(zipped))) == ROWS
    assert read(file).is_text_file


def test_quoted_line_ends_and_fields_longer_than_a_block(tmp_path: Path) -> None:
    long = "word\n" * (BLOCK_BYTES[0] // 4)
    file = tmp_path / "d.csv"
    file.write_text(f'text,label\n"one\ntwo ""three""",a\n"{long}",b\n', encoding="utf-8")
    assert read(file).table.column("text").to_pylist() == ['one\ntwo "three"', long]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    for name, content in (("d.csv", "文,标\n好,是\n"), ("d.jsonl", '{"文": "好", "标": "是"}\n')):
        (tmp_path / name).write_bytes(content.encode(encoding))
        assert rows_of(read(tmp_path / name, encoding=encoding)) == [{"文": "好", "标": "是"}]


def test_json_keys_may_come_late_or_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rungwise.data.jsonlines.JSON_BYTES", 4)  # a block a line
    (tmp_path / "d.jsonl").write_text('{"a": 1}\n{"b": true, "a": 2.5}\n{"b": null}\n', encoding="utf-8")
    assert rows_of(read(tmp_path / "d.jsonl")) == [
        {"a": "1", "b": None},
        {"a": "2.5", "b": "true"},
        {"a": None, "b": None},
    ]


def test_a_first_row_of_numbers_is_suspected(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("1,2\n3,4\n", encoding="utf-8")
    assert "is taken for the header, but holds numbers (1, 2)" in read(tmp_path / "d.csv").notes[0].message


def test_empty_names_in_a_header_are_filled_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text('a,," "\n1,2,3\n', encoding="utf-8")
    source = read(tmp_path / "d.csv")
    assert source.table.column_names == ["a", "Unnamed: 1", "Unnamed: 2"]
    assert source.notes[0].message.endswith("empty names, which become 'Unnamed: 1', 'Unnamed: 2'.")


def test_a_character_may_be_cut_where_the_head_of_a_file_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len("a,b\n好".encode()) - 1
    monkeypatch.setattr("rungwise.data.separated.HEAD_BYTES", (size, size))
    (tmp_path / "d.csv").write_text("a,b\n好,x\n", encoding="utf-8")
    assert rows_of(read(tmp_path / "d.csv")) == [{"a": "好", "b": "x"}]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {"a": [1, 2], "c": pa.array(["x", "y"]).dictionary_encode(), "t": pd.to_datetime(["2020", None])}
    )
    pa.parquet.write_table(table, tmp_path / "d.parquet")
    read_back = read(tmp_path / "d.parquet").table
    assert read_back.schema.field("a").type == pa.int64()
    assert read_back.column("c").to_pylist() == ["x", "y"]
    assert pa.types.is_timestamp(read_back.schema.field("t").type)


def test_the_files_of_a_source_outlive_the_call_and_go_with_it(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n1,x\n", encoding="utf-8")
    source = read(tmp_path / "d.csv", folder=tmp_path / "space")
    assert (tmp_path / "space" / "source.arrow").exists()
    assert source.table.num_rows == 1


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        pa.table({"a": [1, 2], "b": ["x", "y"]}),
        {"a": np.array([1, 2]), "b": ["x", "y"]},
    ],
)
def test_tables_in_memory(data: object) -> None:
    assert rows_of(read(data)) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_arrays_in_memory() -> None:
    assert read(np.eye(2)).table.column_names == ["x0", "x1"]
    assert read((np.eye(2), [0.5, 1])).table.column_names == ["x0", "x1", "target"]
    assert rows_of(read((["hello", "you"], pd.Series([0, 1], name="mood")))) == [
        {"text": "hello", "mood": 0},
        {"text": "you", "mood": 1},
    ]
    images = read((np.zeros((2, 4, 4), np.uint8), ["a", "b"]))
    assert images.images is not None
    assert images.images.shape == (2, 4, 4, 1)
    assert images.table.column("label").to_pylist() == ["a", "b"]


def write(folder: Path, name: str, content: str | bytes) -> str:
    data = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(data)
    return name


ERRORS = {
    "empty": ("d.csv", "", "d.csv: the file is empty."),
    "byte order mark alone": ("d.csv", "\ufeff\n", "d.csv: the file is empty."),
    "header alone": ("d.csv", "a,b\n", "d.csv: the file has a header, but no rows."),
    "empty json": ("d.jsonl", "\n", "d.jsonl: the file is empty"),
    "an image": ("d.csv", b"\x89PNG\r\n", "d.csv: it isn't what its name says, it is a PNG image"),
    "a spreadsheet": (
        "d.csv",
        b"PK\x03\x04",
        "it is a zip archive or a spreadsheet; export the data as text",
    ),
    "parquet": ("d.csv", b"PAR1\0", "d.csv: it isn't what its name says, it is a Parquet file; export"),
    "binary": ("d.csv", b"a,b\n1,2\n3,\0\n", "d.csv, row 2: byte 10 is zero, so it isn't text"),
    "not parquet": (
        "d.parquet",
        b"a,b\n1,2\n",
        "d.parquet: it isn't what its name says, a whole Parquet file",
    ),
    "not gzip": ("d.csv.gz", b"a,b\n1,2\n", "d.csv.gz: it isn't a whole gzip file"),
    "cut gzip": ("d.csv.gz", gzip.compress(b"a,b\n1,2\n")[:-9], "d.csv.gz: it isn't a whole gzip file"),
    "bad gzip": (
        "d.csv.gz",
        gzip.compress(b"a,b\n1,2\n")[:10] + b"\xff" * 20,
        "d.csv.gz: it isn't a whole gzip file (Error -3",
    ),
    "bad json gzip": (
        "d.jsonl.gz",
        gzip.compress(b'{"a": 1}')[:10] + b"\xff" * 20,
        "it isn't a whole gzip file",
    ),
    "json keys": ("d.jsonl", b'{"\xff": 1}', "d.jsonl, row 1: byte 2 (0xff) isn't utf-8"),
    "names": (
        "d.csv",
        "a,b,a\n1,2,3\n",
        "d.csv, column 'a': two columns (1 and 3) have this name; rename one.",
    ),
    "more fields": ("d.csv", "a,b\n1,2\n\n3,4,5\n", "d.csv, row 2: the row has 3 fields, the header 2;"),
    "fewer fields": ("d.csv", 'a,b\n"1\n",2\n3\n', "d.csv, row 2: the row has 1 fields, the header 2;"),
    "open quote": (
        "d.csv",
        'a,b\n1,2\n3,"4\n5,6\n',
        "d.csv, row 2, column 'b': a quotation mark isn't closed",
    ),
    "open quote before": (
        "d.csv",
        'a,b\n1,2\n"3,4\n5,6\n',
        "d.csv, row 2: a quotation mark isn't closed here",
    ),
    "gbk": (
        "d.csv",
        "a,b\n1,好\n2,很好\n".encode("gb18030"),
        "d.csv, row 1: byte 6 (0xba) isn't utf-8; if the file",
    ),
    "gbk hint": ("d.csv", "a,b\n1,好的\n".encode("gb18030"), "say so: `--encoding gb18030`."),
    "latin hint": ("d.csv", "a,b\n1,é\n".encode("latin-1"), "say so: `--encoding cp1252`."),
    "utf-16": ("d.csv", "a,b\n1,2\n".encode("utf-16"), "it seems to be UTF-16: add `--encoding utf-16`."),
    "latin header": (
        "d.csv",
        "café,b\n1,2\n".encode("latin-1"),
        "d.csv: byte 3 (0xe9) isn't utf-8; if the file is in another encoding, say so: `--encoding cp1252`.",
    ),
    "json encoding": ("d.jsonl", b'{"a": "1"}\n{"a": "\xff"}', "d.jsonl, row 2: byte 18 (0xff) isn't utf-8"),
    "json array": ("d.jsonl", '[{"a": 1}]', "d.jsonl: it holds a JSON array; write one object a line"),
    "json mixed": (
        "d.jsonl",
        '{"a": 1}\n{"a": "x"}\n',
        "d.jsonl, row 2, column 'a': the value is of type string, those before are of type number",
    ),
    "json broken": ("d.jsonl", '{"a": 1}\n{"a"\n', "d.jsonl, row 2: the line isn't a JSON object"),
    "json nested": ("d.jsonl", '{"a": [1]}\n', "d.jsonl, row 1, column 'a': its values are lists or objects"),
    "suffix": ("d.xls", "a", "d.xls: files of type '.xls' can't be read; known are CSV"),
}


def test_parquet_with_broken_strings_is_named(tmp_path: Path) -> None:
    broken = pa.array([b"\xff"]).view(pa.binary()).cast(pa.string(), safe=False)
    pa.parquet.write_table(pa.table({"a": broken}), tmp_path / "d.parquet")
    with pytest.raises(DataError, match=r"d\.parquet: it is damaged \(.*UTF8"):
        read(tmp_path / "d.parquet")


@pytest.mark.parametrize("case", ERRORS)
def test_bad_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    monkeypatch.chdir(tmp_path)
    name, content, message = ERRORS[case]
    with pytest.raises(DataError) as caught:
        read(write(tmp_path, name, content))
    assert message in str(caught.value)


def test_a_bad_byte_is_found_behind_many_blocks(tmp_path: Path) -> None:
    lines = b"text,label\n" + b'"a\nb",x\n' * 50_000
    (tmp_path / "d.csv").write_bytes(lines + b"\xff\xfe,y\n")
    with pytest.raises(DataError, match=rf"row 50001: byte {len(lines)} \(0xff\)"):
        read(tmp_path / "d.csv")


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text(json.dumps({}), encoding="utf-8")
    with pytest.raises(DataError, match=r"there is no such file or folder; did you mean .*reviews\.csv\?"):
        read(tmp_path / "review.csv")


def test_an_unknown_encoding(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="encoding 'latin-x' is unknown; for example utf-8"):
        read(tmp_path / "d.csv", encoding="latin-x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (42, "data of type int can't be read"),
        (pd.DataFrame({"a": []}), "the table: it has no rows."),
        (np.zeros((0, 3)), "the array: it has no rows."),
        ((np.eye(2), [1]), "X has 2 rows, y has 1."),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "column 'a': two columns (1 and 2) have this name"),
        (
            pd.DataFrame({"a": [None, 1, "x"]}),
            "row 3, column 'a': its values are of types that don't go together (str",
        ),
    ],
)
def test_bad_objects_are_named(data: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(data)
    assert message in str(caught.value)


def test_what_the_system_refuses_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "d.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    monkeypatch.setattr("rungwise.data.reading.read_csv", refuse)
    with pytest.raises(DataError, match=r"d\.csv: it can't be read \(Permission denied\)"):
        read(tmp_path / "d.csv")
