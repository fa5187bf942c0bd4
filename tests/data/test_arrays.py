"""`as_table`, `as_texts`, `as_images`: what estimators are given becomes what learners get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from rungwise.data import as_images, as_table, as_texts
from rungwise.errors import DataError
from rungwise.kinds import ColumnKind


def kinds_of(table: pa.Table) -> dict[str, str]:
    return {field.name: field.metadata[b"kind"].decode() for field in table.schema}


def test_frames_keep_their_names_and_say_their_kinds() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "c": ["x", None],
            "d": pd.to_datetime(["2020-01-01", None]),
            "b": [True, False],
            "k": pd.Categorical(["u", "v"]),
            "t": ["a text of many words", "another text of words"],
            7: [0.5, np.nan],
        }
    )
    table = as_table(frame)
    assert kinds_of(table) == {
        "n": "number",
        "c": "category",
        "d": "date",
        "b": "category",
        "k": "category",
        "t": "text",
        "7": "number",
    }
    assert table.column("7").to_pylist() == [0.5, None]
    assert table.schema.field("d").type == pa.timestamp("us")


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.uint8, bool])
def test_arrays_are_numbers_named_by_position(dtype: type) -> None:
    table = as_table(np.array([[1, 0], [0, 1]], dtype))
    assert table.column_names == ["x0", "x1"]
    assert table.column("x0").to_pylist() in ([1.0, 0.0], ["true", "false"])


def test_arrays_of_objects_are_typed_column_by_column() -> None:
    table = as_table(np.array([[1, "x"], [2.5, "y"]], object))
    assert kinds_of(table) == {"x0": "number", "x1": "category"}


def test_known_kinds_win_and_ignored_columns_go() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    table = as_table(frame, {"a": ColumnKind.CATEGORY, "b": ColumnKind.IGNORE})
    assert kinds_of(table) == {"a": "category"}
    assert kinds_of(as_table(table)) == {"a": "category"}


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1, 2], "this array has 1: shape (2,). Reshape your data with `X.reshape(-1, 1)`"),
        (np.zeros((2, 2, 2)), "a table has two dimensions, this array has 3"),
        (np.zeros((2, 2), complex), "complex data are not supported"),
        (np.array([[1.0], [np.inf]]), "row 2, column 'x0': 'inf' isn't finite."),
        (pa.table([[1], [2]], names=["a", "a"]), "two columns (1 and 2) have this name"),
    ],
)
def test_what_is_no_table(X: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        as_table(X)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "X",
    [
        ["a", None, "b"],
        np.array(["a", None, "b"], object),
        pd.Series(["a", None, "b"]),
        pa.array(["a", None, "b"]),
        pa.chunked_array([["a", None], ["b"]]),
        pd.DataFrame({"t": ["a", None, "b"]}),
        np.array([["a"], [None], ["b"]], object),
    ],
)
def test_texts(X: object) -> None:
    texts = as_texts(X)
    assert texts.type == pa.string()
    assert texts.to_pylist() == ["a", "", "b"]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("one text", "texts are a sequence of strings, got one string; use ['one text']."),
        ([1, 2], "texts are strings, got values of type int64."),
        (["a", 1], "its values are of types that don't go together (int among str)"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), "texts are one column, got 2: a, b."),
    ],
)
def test_what_are_no_texts(X: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        as_texts(X)
    assert message in str(caught.value)


def test_images_of_any_range_become_bytes(tmp_path: Path) -> None:
    grey = np.array([[[0, 255], [51, 102]]], np.uint8)
    for X in (grey, grey[..., None], grey / 255, grey.astype(float), grey.astype(int), grey[..., None] / 255):
        np.testing.assert_array_equal(as_images(X), grey[..., None])
    picture = Image.fromarray(grey[0])
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        as_images([picture, str(tmp_path / "a.png")]), np.stack([grey[0]] * 2)[..., None]
    )


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((2, 3)), "images have the shape (N, H, W) or (N, H, W, C) with C = 1 or 3, got (2, 3)."),
        (np.zeros((1, 2, 2, 4)), "got (1, 2, 2, 4)"),
        (np.full((1, 2, 2), -1.0), "pixels are from 0 to 1 or from 0 to 255, got -1 to -1."),
        (np.full((1, 2, 2), np.nan), "pixels are from 0 to 1 or from 0 to 255, got nan to nan."),
        (np.full((1, 2, 2), "x"), "pixels are numbers, got values of type <U1."),
        ([Image.new("L", (2, 2)), Image.new("L", (3, 3))], "images must be of one size, got 2 sizes"),
    ],
)
def test_what_are_no_images(X: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        as_images(X)
    assert message in str(caught.value)
