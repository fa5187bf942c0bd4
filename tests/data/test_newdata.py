"""New rows in the form that a model learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from rungwise.data import Dataset, inputs_for, prepare
from rungwise.errors import DataError


def table(num_rows: int = 60) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": range(num_rows),
            "a": np.arange(num_rows) ** 2 / 8,
            "b": ["u", "v", "w"] * (num_rows // 3),
            "day": pd.date_range("2020-01-01", periods=num_rows).strftime("%d.%m.%Y"),
            "label": ["yes", "no"] * (num_rows // 2),
        }
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    table().to_csv(tmp_path / "d.csv", index=False)
    return prepare(tmp_path / "d.csv")


def test_the_training_file_itself_gives_the_training_inputs(tmp_path: Path, dataset: Dataset) -> None:
    new = inputs_for(dataset, tmp_path / "d.csv")
    for _ in range(2):  # it can be iterated again
        whole = pa.concat_tables(list(new))
        rows = pa.array(dataset.row_numbers("test") - 1)
        assert whole.schema.equals(dataset.inputs("test").schema, check_metadata=True)
        assert whole.take(rows).equals(dataset.inputs("test"))
    assert len(new) == 60
    assert not new.notes


def test_columns_may_come_in_any_order_with_others_and_without_those_ignored(dataset: Dataset) -> None:
    frame = table()[["day", "b", "a"]].assign(more=1)
    new = inputs_for(dataset, frame)
    assert pa.concat_tables(list(new)).column_names == ["a", "b", "day"]
    assert new.notes[0].message == "the table: left out more, which the model doesn't know."


def test_dates_may_be_written_in_another_form(dataset: Dataset) -> None:
    frame = table().assign(day=pd.date_range("2020-01-01", periods=60))
    assert pa.concat_tables(list(inputs_for(dataset, frame))).equals(
        pa.concat_tables(list(inputs_for(dataset, table())))
    )
    typed = prepare(frame)
    (batch,) = inputs_for(typed, table())
    assert batch.equals(next(iter(inputs_for(typed, frame))))


def test_bad_new_data_are_named(tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"the table: it lacks the columns 'a', 'day'; it has b\."):
        inputs_for(dataset, table()[["b"]])
    table().astype({"a": object}).replace({"a": {2.0: "oops"}}).to_csv("n.csv", index=False)
    with pytest.raises(DataError, match=r"n\.csv, row 5, column 'a': 'oops' isn't a number\."):
        list(inputs_for(dataset, "n.csv"))
    with pytest.raises(DataError, match="the array: the model takes tables, this isn't one"):
        inputs_for(dataset, np.zeros((2, 4, 4), np.uint8))


def test_texts() -> None:
    texts = [f"some words of text {i}" for i in range(60)]
    dataset = prepare(pd.DataFrame({"said": texts, "label": ["a", "b"] * 30}))
    for data in (["new words", "more"], pd.DataFrame({"said": ["new words", "more"], "other": [1, 2]})):
        (batch,) = inputs_for(dataset, data)
        assert batch.to_pylist() == ["new words", "more"]


def test_lines_of_a_text_file_are_texts(tmp_path: Path) -> None:
    texts = [f"some words of text {i}" for i in range(60)]
    dataset = prepare(pd.DataFrame({"label": ["a", "b"] * 30, "said": texts}))
    (tmp_path / "new.txt").write_text("one text, with a comma\n\nand another\n", encoding="utf-8")
    [batch] = inputs_for(dataset, tmp_path / "new.txt")
    assert batch.to_pylist() == ["one text, with a comma", "and another"]
    with pytest.raises(DataError, match="no such file"):
        inputs_for(dataset, str(tmp_path / "none.txt"))


def test_labels_alone_are_no_texts() -> None:
    texts = [f"some words of text {i}" for i in range(60)]
    dataset = prepare(pd.DataFrame({"said": texts, "label": ["a", "b"] * 30}))
    with pytest.raises(DataError, match="it lacks the columns 'said'; it has label"):
        inputs_for(dataset, pd.DataFrame({"label": ["a"]}))


def test_images(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 6, 6), dtype=np.uint8)
    grey = prepare((pixels, [0, 1, 2] * 10))
    colour = prepare((np.stack([pixels] * 3, axis=-1), [0, 1, 2] * 10))
    Image.fromarray(pixels[0]).convert("RGB").resize((12, 12), Image.Resampling.NEAREST).save(
        tmp_path / "a.png"
    )
    (one,) = inputs_for(grey, tmp_path / "a.png")
    assert one.shape == (1, 6, 6, 1)
    (same,) = inputs_for(grey, np.stack([pixels] * 3, axis=-1))
    np.testing.assert_array_equal(same[..., 0], pixels)
    (three,) = inputs_for(colour, pixels)
    assert three.shape == (30, 6, 6, 3)
    new = inputs_for(colour, tmp_path)
    assert new.source.table.column("file").to_pylist() == [str(tmp_path / "a.png")]
    with pytest.raises(
        DataError, match=r"the images are \(6, 4\) \(height, width\), the model takes \(4, 5, 1\)"
    ):
        inputs_for(prepare((pixels[:, :4, :5], [0, 1, 2] * 10)), np.zeros((2, 6, 4), np.uint8))
