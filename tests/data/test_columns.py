"""What columns are taken for, and what their values become."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from rungwise.data.columns import Column
from rungwise.data.conversion import convert
from rungwise.data.inference import NUMBERS_ROWS, ignore_reason, infer, mean_words
from rungwise.errors import DataError
from rungwise.kinds import ColumnKind

NUMBER, CATEGORY, DATE, TEXT = ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.DATE, ColumnKind.TEXT


def strings(values: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", " 2 ", "-3.5", "+4", "1e-3", ".5", "NA", "", "?", None], NUMBER),
        (["007", "012", "123"], CATEGORY),
        (["1", "2", "x", "y"], CATEGORY),
        (["red", "blue", "red"], CATEGORY),
        (["true", "false", "true"], CATEGORY),
        (["2020-01-31", "2020-02-01", ""], DATE),
        (["2020-01-31T10:00:00Z", "2020-02-01T00:00:00Z"], DATE),
        (["2020-01-31 10:00:00.25"], DATE),
        (["31.1.2020", "01.02.2020"], DATE),
        (["12/31/2020", "01/02/2020"], DATE),
        (["31/12/2020", "01/02/2020"], DATE),
        (["2020年1月31日"], DATE),
        (["a film to remember", "not one bit of it"], TEXT),
        (["这部电影真的很好看", "完全不值得一看"], TEXT),
        (["one of many words"] * 9, CATEGORY),
        (["", "NA", None], NUMBER),
    ],
)
def test_kinds_of_text_files(values: list[str | None], kind: ColumnKind) -> None:
    column = infer("a", strings(values), parse=True)
    assert column.kind is kind
    assert column.reason


def test_days_and_months_that_can_be_swapped_are_said() -> None:
    assert "the day might come first" in infer("a", strings(["01/02/2020", "03/04/2020"]), parse=True).reason
    assert "the day" not in infer("a", strings(["01/22/2020", "03/04/2020"]), parse=True).reason


def test_strings_of_typed_sources_are_not_parsed() -> None:
    column = infer("a", strings(["1", "2"]), parse=False)
    assert column.kind is CATEGORY
    assert column.reason == "strings, 2 distinct in 2"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([1, 2]), NUMBER),
        (pa.array([1.5]), NUMBER),
        (pa.array([None]), NUMBER),
        (pa.array([True]), CATEGORY),
        (pa.array(["x"]).dictionary_encode(), CATEGORY),
        (pa.array([datetime.date(2020, 1, 1)]), DATE),
        (pa.array([datetime.datetime(2020, 1, 1)]), DATE),
    ],
)
def test_kinds_of_types(values: pa.Array, kind: ColumnKind) -> None:
    assert infer("a", pa.chunked_array([values]), parse=False).kind is kind


def test_types_that_cannot_be_used() -> None:
    with pytest.raises(
        DataError, match=r"column 'a': its type list<.*> can't be used; numbers, strings, booleans"
    ):
        infer("a", pa.chunked_array([pa.array([[1]])]), parse=False)


def test_numbers() -> None:
    column = Column("a", NUMBER, "")
    assert convert(pa.array([" 1", "+2.5", "NA", "-1e3", None]), column).to_pylist() == [
        1,
        2.5,
        None,
        -1000,
        None,
    ]
    assert convert(pa.array([1.5, np.nan]), column).to_pylist() == [1.5, None]
    assert convert(pa.array([True, None]), column).to_pylist() == [1, None]


def test_categories() -> None:
    column = Column("a", CATEGORY, "")
    assert convert(pa.array([" x ", "?", None]), column).to_pylist() == ["x", None, None]
    assert convert(pa.array([1.0, np.nan, 2.0]), column).to_pylist() == ["1", None, "2"]
    assert convert(pa.array([1, 2]), column).to_pylist() == ["1", "2"]
    assert convert(pa.array([True]), column).to_pylist() == ["true"]
    assert convert(pa.array(["u", None]).dictionary_encode(), column).to_pylist() == ["u", None]


def test_dates() -> None:
    day = datetime.datetime(2020, 2, 1)
    assert convert(pa.array(["1.2.2020", ""]), Column("a", DATE, "", "%d.%m.%Y")).to_pylist() == [day, None]
    assert convert(pa.array(["2020-02-01"]), Column("a", DATE, "")).to_pylist() == [day]
    assert convert(pa.array([day.date()]), Column("a", DATE, "")).to_pylist() == [day]
    zoned = pa.array([pd.Timestamp("2020-02-01T01:00+01:00")])
    assert convert(zoned, Column("a", DATE, "")).to_pylist() == [day]


def test_texts_keep_everything() -> None:
    assert convert(pa.array([" NA ", None]), Column("a", TEXT, "")).to_pylist() == [" NA ", ""]


@pytest.mark.parametrize(
    ("values", "column", "message"),
    [
        (["1", "", "x"], Column("a", NUMBER, ""), "row 3, column 'a': 'x' isn't a number."),
        (["1", "1e999"], Column("a", NUMBER, ""), "row 2, column 'a': '1e999' isn't finite."),
        (
            ["1.2.2020", "x" * 99],
            Column("a", DATE, "", "%d.%m.%Y"),
            f"row 2, column 'a': '{'x' * 39}…' isn't a date",
        ),
        ([datetime.date(2020, 1, 1)], Column("a", NUMBER, ""), "column 'a': dates can't be numbers."),
        ([datetime.date(2020, 1, 1)], Column("a", TEXT, ""), "column 'a': dates can't be text."),
        ([1], Column("a", DATE, ""), "column 'a': values of type int64 aren't dates."),
    ],
)
def test_values_of_another_kind_are_named(values: list[object], column: Column, message: str) -> None:
    with pytest.raises(DataError) as caught:
        convert(pa.array(values), column)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "kind", "values", "reason"),
    [
        ("a", NUMBER, [1.0] * 9, "every value is 1.0"),
        ("a", CATEGORY, ["x"] * 9, "every value is 'x'"),
        ("a", NUMBER, [1.0] * 9 + [None], None),
        ("a", NUMBER, list(np.arange(30.0)), NUMBERS_ROWS),
        ("a", NUMBER, list(np.arange(30.0) ** 2), None),
        ("user_id", NUMBER, list(np.arange(30.0) ** 2), NUMBERS_ROWS),
        ("PassengerId", NUMBER, list(np.arange(30.0) ** 2), NUMBERS_ROWS),
        ("humid", NUMBER, list(np.arange(30.0) ** 2), None),
        (
            "a",
            CATEGORY,
            [f"u{i}" for i in range(30)],
            "its values name the rows: almost every one is distinct",
        ),
        ("a", CATEGORY, [f"u{i % 20}" for i in range(30)], None),
        ("a", TEXT, ["same"] * 9, None),
    ],
)
def test_columns_that_tell_nothing(
    name: str, kind: ColumnKind, values: list[object], reason: str | None
) -> None:
    assert ignore_reason(Column(name, kind, ""), pa.chunked_array([pa.array(values)])) == reason


def test_words() -> None:
    assert mean_words(pa.array(["two words", "one"])) == 1.5
    assert mean_words(pa.array(["好看ok"])) == 3
