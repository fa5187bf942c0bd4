"""From any source to a dataset: what is inferred, checked, split, said and written."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from rungwise.data import Dataset, prepare, read_notes, told_twins
from rungwise.errors import ConfigError, DataError, UnknownNameError
from rungwise.kinds import ColumnKind, InputKind, OutputKind

TABLE_LABEL = (InputKind.TABLE, OutputKind.LABEL)
TABLE_NUMBER = (InputKind.TABLE, OutputKind.NUMBER)
TEXT_LABEL = (InputKind.TEXT, OutputKind.LABEL)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def table(num_rows: int = 60, **more: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"a": rng().normal(size=num_rows).round(3), "b": ["u", "v", "w"] * (num_rows // 3)})
    for name, values in more.items():
        frame[name] = values
    frame["label"] = ["yes", "no"] * (num_rows // 2)
    return frame


def csv(folder: Path, name: str, frame: pd.DataFrame) -> str:
    frame.to_csv(folder / name, index=False)
    return name


def messages(dataset: Dataset) -> str:
    return "\n".join(f"{note.level}: {note.message}" for note in dataset.notes)


def kinds(dataset: Dataset) -> dict[str, str]:
    return {column.name: column.kind.value for column in dataset.schema}


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# ------------------------------------------------------------------------------------------------ inference


def test_a_mixed_table(tmp_path: Path) -> None:
    frame = table(
        id=range(60),
        day=[f"2020-01-{1 + i % 28:02d}" for i in range(60)],
        text=[f"some free text number {i}" for i in range(60)],
        one="same",
    )
    frame.loc[3, ["a", "b", "day"]] = None
    dataset = prepare(csv(tmp_path, "d.csv", frame))
    assert dataset.pair == TABLE_LABEL
    assert kinds(dataset) == {
        "a": "number",
        "b": "category",
        "id": "ignore",
        "day": "date",
        "text": "text",
        "one": "ignore",
    }
    inputs = dataset.inputs("train")
    assert {f.name: f.metadata[b"kind"].decode() for f in inputs.schema} == {
        "a": "number",
        "b": "category",
        "day": "date",
        "text": "text",
    }
    assert dataset.num("train") == inputs.num_rows == 42
    assert "info: Missing values of 60: a 1, b 1, day 1." in messages(dataset)
    assert all(column.reason for column in dataset.schema)
    together = {row: label for part in ("train", "valid", "test") for row, label in _rows(dataset, part)}
    assert together == dict(enumerate(frame["label"], 1))


def _rows(dataset: Dataset, part: str) -> list[tuple[int, str]]:
    return list(zip(dataset.row_numbers(part).tolist(), dataset.targets(part).tolist(), strict=True))


@pytest.mark.parametrize(
    "texts",
    [
        [f"a review of film number {i}" for i in range(60)],
        [f"第{i}部电影真的很好看" for i in range(60)],
        [f"Name{i}" for i in range(60)],
    ],
)
def test_texts(texts: list[str]) -> None:
    dataset = prepare(pd.DataFrame({"id": range(60), "said": texts, "mood": [0, 1] * 30}))
    assert dataset.pair == TEXT_LABEL
    assert dataset.text_columns == ("said",)
    assert set(dataset.inputs("train").to_pylist()) <= set(texts)


def test_several_texts_become_one() -> None:
    frame = pd.DataFrame(
        {
            "title": [f"the title of {i}" for i in range(60)],
            "body": [f"and the body of {i}" for i in range(60)],
        }
    )
    dataset = prepare((frame, ["a", "b"] * 30))
    assert dataset.pair == TEXT_LABEL
    row = dataset.row_numbers("test")[0] - 1
    assert dataset.inputs("test")[0].as_py() == f"the title of {row}\nand the body of {row}"


def test_long_texts_dominate_and_what_stands_beside_is_said() -> None:
    frame = table(text=[f"{i} " + "many words " * 20 for i in range(60)])
    dataset = prepare(frame)
    assert dataset.pair == TEXT_LABEL
    assert "free text in 'text' dominates; a, b left out" in messages(dataset)
    assert prepare(frame, pair=TABLE_LABEL).pair == TABLE_LABEL
    assert kinds(prepare(frame, columns={"text": ColumnKind.IGNORE})) == {
        "a": "number",
        "b": "category",
        "text": "ignore",
    }


def test_texts_can_be_asked_for() -> None:
    frame = pd.DataFrame(
        {"a": [1.5, 2.5] * 30, "word": [f" w{i % 20} " for i in range(60)], "y": ["a", "b"] * 30}
    )
    dataset = prepare(frame, pair=TEXT_LABEL)
    assert set(dataset.inputs("train").to_pylist()) <= set(frame["word"])
    with pytest.raises(DataError, match="no column holds text"):
        prepare(frame[["a", "y"]], pair=TEXT_LABEL)


@pytest.mark.parametrize(
    ("targets", "kind", "dtype"),
    [
        (["a", "b"] * 30, "label", np.str_),
        ([0, 1] * 30, "label", np.int64),
        ([1.0, 2.0] * 30, "label", np.int64),
        ([True, False] * 30, "label", np.bool_),
        (pd.Categorical(["a", "b"] * 30), "label", np.str_),
        (range(60), "number", np.float64),
        ([0.5, 1.5] * 30, "number", np.float64),
    ],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_kinds_of_targets(tmp_path: Path, targets: Any, kind: str, dtype: type, as_file: bool) -> None:
    frame = table(y=targets).drop(columns="label")
    dataset = prepare(csv(tmp_path, "d.csv", frame) if as_file else frame)
    assert dataset.target == "y"
    assert dataset.pair[1] == kind
    if as_file and dtype is np.bool_:
        dtype = np.str_
    assert dataset.targets("test").dtype.type is dtype
    if dataset.classes is not None:
        assert set(dataset.classes.tolist()) == set(dataset.targets("train").tolist())


def test_whole_numbers_can_be_classes_or_numbers() -> None:
    frame = table(grade=[3, 4, 5] * 20).drop(columns="label")
    assert "info: If distances between the numbers in 'grade' matter, use" in messages(prepare(frame))
    assert prepare(frame, pair=TABLE_NUMBER).targets("test").dtype == np.float64
    assert prepare(table(y=range(60)), target="y", pair=TABLE_NUMBER).classes is None


def test_the_target_is_found_by_name_else_the_last() -> None:
    assert "The target is 'label': by its name" in messages(prepare(table()[["label", "a", "b"]]))
    renamed = table().rename(columns={"label": "what"})
    assert "The target is 'what': the last column" in messages(prepare(renamed))
    assert "The target is 'b': given" in messages(prepare(renamed, target="b"))


def test_numbers_with_signs_are_pointed_at(tmp_path: Path) -> None:
    dataset = prepare(csv(tmp_path, "d.csv", table(price=[f"$ {i},234.50" for i in range(60)])))
    assert kinds(dataset)["price"] == "category"
    message = (
        "'price' is taken for a category: its numbers have commas or signs, such as '$ 0,234.50'; write them"
    )
    assert message in messages(dataset)


def test_row_numbers_are_kept_when_they_are_all_there_is() -> None:
    assert kinds(prepare(pd.DataFrame({"x": range(60), "y": np.arange(60) * 0.5}))) == {"x": "number"}


# ----------------------------------------------------------------------------------------------------- split


def test_the_seed_decides_the_split_and_nothing_else() -> None:
    one, same, other = (prepare(table(), seed=seed) for seed in (0, 0, 1))
    assert one.split_hash == same.split_hash != other.split_hash
    assert one.fingerprint == same.fingerprint == other.fingerprint
    assert (one.row_numbers("test") == same.row_numbers("test")).all()
    assert one.fingerprint != prepare(table().replace({"b": {"u": "U"}})).fingerprint


def test_the_global_generator_is_not_touched() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[union-attr] # noqa: NPY002
    prepare(table())
    assert (before == np.random.get_state()[1]).all()  # noqa: NPY002


def test_a_file_and_a_frame_give_the_same(tmp_path: Path) -> None:
    assert prepare(csv(tmp_path, "d.csv", table())).fingerprint == prepare(table()).fingerprint


def test_the_users_parts_are_honoured(tmp_path: Path) -> None:
    train, valid, test = (
        csv(tmp_path, f"{part}.csv", table(n)) for part, n in (("t", 60), ("v", 12), ("e", 18))
    )
    both = prepare(train, valid=valid, test=test)
    assert [both.num(part) for part in ("train", "valid", "test")] == [60, 12, 18]
    assert both.sources == {"train": "t.csv", "valid": "v.csv", "test": "e.csv"}
    assert both.row_numbers("test").tolist() == list(range(1, 19))
    one = prepare(train, test=test)
    assert [one.num(part) for part in ("train", "valid", "test")] == [54, 6, 18]
    assert "info: valid cut from t.csv: stratified by class, seed 0." in messages(one)


def test_parts_may_come_in_different_formats(tmp_path: Path) -> None:
    frame = table(day=pd.date_range("2020-01-01", periods=60))
    frame.to_parquet(tmp_path / "d.parquet")
    dataset = prepare("d.parquet", test=csv(tmp_path, "t.csv", frame))
    assert dataset.inputs("test").column("day").to_pylist()[0] == datetime.datetime(2020, 1, 1)
    assert kinds(dataset) == {"a": "number", "b": "category", "day": "date"}


def test_groups_are_not_torn() -> None:
    dataset = prepare(table(who=[f"p{i // 5}" for i in range(60)]), group="who")
    assert kinds(dataset)["who"] == "ignore"
    groups = [set((dataset.row_numbers(part) - 1) // 5) for part in ("train", "valid", "test")]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    for part in ("train", "valid", "test"):
        numbers = dataset.groups(part)
        assert numbers is not None
        assert numbers.tolist() == ((dataset.row_numbers(part) - 1) // 5).tolist()
    assert "who" not in dataset.inputs("train").column_names
    assert prepare(table()).groups("test") is None


def test_time_runs_from_train_to_test(tmp_path: Path) -> None:
    days = pd.date_range("2020-01-01", periods=60)[::-1].strftime("%d.%m.%Y")
    dataset = prepare(csv(tmp_path, "d.csv", table(day=days)), time="day")
    assert dataset.row_numbers("test").max() < dataset.row_numbers("train").min()
    assert kinds(dataset)["day"] == "date"


def test_equal_texts_are_on_one_side() -> None:
    texts = [f"text of number {i % 30}" for i in range(60)]
    dataset = prepare((texts, ["a", "b"] * 30))
    parts = [set(dataset.inputs(part).to_pylist()) for part in ("train", "valid", "test")]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    assert "info: 30 of 60 inputs repeat another one exactly" in messages(dataset)


def test_equal_texts_may_part_when_asked_and_are_counted_then() -> None:
    texts = [f"text of number {i % 30}" for i in range(60)]
    dataset = prepare((texts, ["a", "b"] * 30), split_duplicates=True)
    assert set(dataset.inputs("train").to_pylist()) & set(dataset.inputs("test").to_pylist())
    assert "test rows have the same input as a row of train" in messages(dataset)
    train = set(dataset.inputs("train").to_pylist())
    num_twins = sum(text in train for text in dataset.inputs("test").to_pylist())
    assert told_twins(read_notes(dataset.folder), "test") == (num_twins, dataset.num("test"))


def test_duplicates_across_parts_are_counted(tmp_path: Path) -> None:
    dataset = prepare(csv(tmp_path, "d.csv", table()), test=csv(tmp_path, "t.csv", table()[:12]))
    assert "12 of 12 test rows have the same input as a row of train." not in messages(
        dataset
    )  # some are in valid
    assert "test rows have the same input as a row of train." in messages(dataset)


def test_rare_and_unseen_classes_are_named(tmp_path: Path) -> None:
    frame = table()
    frame.loc[:1, "label"] = "rare"
    assert "warning: 1 classes of fewer than 3 examples are in train alone: 'rare'." in messages(
        prepare(frame)
    )
    other = table()
    other.loc[0, "label"] = "new"
    dataset = prepare(frame, test=other)
    assert "warning: test has classes that train lacks, so their rows count as wrong: 'new'." in messages(
        dataset
    )
    other["label"] = "new"
    with pytest.raises(DataError, match="test has none of train's classes: it has 'new', and train "):
        prepare(frame, test=other)
    assert "new" in dataset.targets("test")
    assert dataset.classes is not None
    assert "new" not in dataset.classes


def test_rows_without_target_are_dropped_only_when_asked() -> None:
    frame = table(y=[np.nan, 0.5, 1.5] * 20)
    dataset = prepare(frame, target="y", drop_missing_target=True)
    assert "warning: 20 of 60 rows dropped: they have no target." in messages(dataset)
    assert sum(dataset.num(part) for part in ("train", "valid", "test")) == 40


def test_large_parts_are_capped_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("assign", "split"):
        monkeypatch.setattr(f"rungwise.data.{module}.MAX_TEST_ROWS", 7)
    dataset = prepare(table())
    assert dataset.num("test") == 7
    assert "test has 7 rows: more would cost time and judge no better." in messages(dataset)


# ---------------------------------------------------------------------------------------------- the folder


def test_a_dataset_can_be_opened_again(tmp_path: Path) -> None:
    made = prepare(table(), folder=tmp_path / "data")
    opened = Dataset.open(tmp_path / "data")
    assert opened.pair == made.pair
    assert opened.schema == made.schema
    assert opened.notes == made.notes
    assert opened.inputs("valid").equals(made.inputs("valid"))
    assert opened.classes is not None
    assert opened.classes.tolist() == ["no", "yes"]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "dataset.json",
        "test",
        "train",
        "valid",
    ]


def test_a_dataset_is_never_overwritten(tmp_path: Path) -> None:
    prepare(table(), folder=tmp_path / "data")
    with pytest.raises(DataError, match=r"data: the folder holds a dataset already; choose another."):
        prepare(table(), folder=tmp_path / "data")


def test_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no prepared dataset can be read from it"):
        Dataset.open(tmp_path)
    (tmp_path / "dataset.json").write_text('{"schema_version": 99}', encoding="utf-8")
    with pytest.raises(DataError, match="schema version 99 can't be read, only 1"):
        Dataset.open(tmp_path)
    for damaged in ('{"schema_version": 1}', '{"schema_version": 1, "pair": ["word", "label"]}'):
        (tmp_path / "dataset.json").write_text(damaged, encoding="utf-8")
        with pytest.raises(DataError, match=r"dataset\.json: it isn't a whole description of a dataset \("):
            Dataset.open(tmp_path)
    (tmp_path / "dataset.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(DataError, match="no prepared dataset can be read from it"):
        Dataset.open(tmp_path)
    with pytest.raises(DataError, match=r"part 'dev' is unknown; known are train, valid, test."):
        prepare(table()).inputs("dev")


def test_many_batches_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    one = prepare(table())
    for module in ("pool", "writing"):
        monkeypatch.setattr(f"rungwise.data.{module}.BATCH_ROWS", 7)
    many = prepare(table())
    assert many.fingerprint == one.fingerprint
    assert many.inputs("train").column("a").num_chunks > 1
    assert many.inputs("train").to_pylist() == one.inputs("train").to_pylist()


def test_images() -> None:
    images = rng().integers(0, 256, (30, 6, 6), dtype=np.uint8)
    images[10] = images[20]
    dataset = prepare((images, np.arange(30) % 3))
    assert dataset.pair == (InputKind.IMAGE, OutputKind.LABEL)
    assert dataset.image_shape == (6, 6, 1)
    for part in ("train", "valid", "test"):
        rows = dataset.row_numbers(part) - 1
        np.testing.assert_array_equal(dataset.inputs(part)[..., 0], images[rows])
        np.testing.assert_array_equal(dataset.targets(part), rows % 3)
        assert (10 in rows) == (20 in rows)


def test_images_of_other_parts_are_made_alike_and_it_is_said() -> None:
    pixels = rng().integers(0, 256, (30, 6, 6), dtype=np.uint8)
    train = (pixels, np.arange(30) % 3)
    dataset = prepare(train, test=(np.zeros((3, 9, 9), np.uint8), [0, 1, 2]))
    assert dataset.inputs("test").shape == (3, 6, 6, 1)
    assert "info: 3 images of 9 × 9 become 6 × 6." in messages(dataset)
    with pytest.raises(
        DataError, match=r"images are \(6, 6, 3\) \(height, width, channels\), those of the array \(6,"
    ):
        prepare(train, test=(np.zeros((3, 6, 6, 3), np.uint8), [0, 1, 2]))


def test_image_folders_with_parts(tmp_path: Path) -> None:
    for part, num in (("train", 9), ("val", 3)):
        for label in ("a", "b"):
            (tmp_path / "i" / part / label).mkdir(parents=True)
            for number in range(num):
                pixels = rng().integers(0, 256, (4, 4, 3), dtype=np.uint8) + np.uint8(number)
                Image.fromarray(pixels).save(tmp_path / "i" / part / label / f"{number}.png")
    dataset = prepare("i")
    assert dataset.num("valid") == 6
    assert dataset.classes is not None
    assert dataset.classes.tolist() == ["a", "b"]
    with pytest.raises(DataError, match=r"i: it brings its own valid part; leave `--valid` out."):
        prepare("i", valid="i")


# ------------------------------------------------------------------------------------------------------ errors


ERRORS: dict[str, tuple[Mapping[str, list[Any]], str]] = {
    "one column": (
        {"a": [1, 2]},
        "d.csv: there is one column (a); a target and something to predict it from",
    ),
    "one class": (
        {"a": [1, 2, 1], "y": ["x"] * 3},
        "d.csv, column 'y': every row has the target 'x'; at least two",
    ),
    "no class": ({"a": [1, 2, 1], "y": [""] * 3}, "d.csv, column 'y': every row has no target"),
    "all missing": (
        {"a": [1, 2, 1], "b": [None] * 3, "y": ["x", "y", "x"]},
        "d.csv, column 'b': every value is missing; fill it, or leave it out: `--column b=ignore`.",
    ),
    "mixed": (
        {"a": [*range(39), "oops"], "y": ["x", "y"] * 20},
        "d.csv, row 40, column 'a': 'oops' isn't a number. Correct it, or say what the column holds:"
        " `--column a=category`, or leave it out: `--column a=ignore`.",
    ),
    "mixed dates": (
        {"a": [*["2020-01-01", "2021-02-02"] * 20, "2020-13-01"], "y": [*["x", "y"] * 20, "x"]},
        "d.csv, row 41, column 'a': '2020-13-01' isn't a date like the others (%Y-%m-%d). Correct it",
    ),
    "mixed target": (
        {"a": [1, 2] * 20, "y": [*range(39), "oops"]},
        "d.csv, row 40, column 'y': 'oops' isn't a number. Correct it, or choose a classification with `--task`.",
    ),
    "missing target": (
        {"a": [1, 2] * 20, "y": [0.5] * 30 + [None] * 10},
        "d.csv, row 31, column 'y': the target is missing here, the first of 10 such rows; fill it, leave such"
        " rows out with `--drop-missing-target`, or name another target with `--target`.",
    ),
    "infinite": (
        {"a": ["1", "1e999"] * 20, "y": ["x", "y"] * 20},
        "d.csv, row 2, column 'a': '1e999' isn't finite.",
    ),
    "nothing left": (
        {"a": [1, 1] * 20, "y": ["x", "y"] * 20},
        "d.csv: no column is left to predict from ('a': every value is 1.0).",
    ),
    "names as classes": (
        {"a": [1, 2] * 20, "y": [f"c{i}" for i in range(40)]},
        "d.csv, column 'y': 40 classes in 40 rows are too many to learn; choose another `--target`",
    ),
    "two rows": (
        {"a": [1, 2], "y": ["x", "y"]},
        "d.csv: 2 rows are too few to cut parts for validation and test",
    ),
    "three classes, four rows": (
        {"a": [1, 2, 1, 2], "y": ["x", "y", "z", "x"]},
        "d.csv: no rows are left for valid: there are too few, their classes are too rare",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_bad_data_are_named(tmp_path: Path, case: str) -> None:
    columns, message = ERRORS[case]
    with pytest.raises(DataError) as caught:
        prepare(csv(tmp_path, "d.csv", pd.DataFrame(columns)))
    assert message in str(caught.value)


def test_bad_values_of_other_parts_are_named_there(tmp_path: Path) -> None:
    train, test = csv(tmp_path, "d.csv", table()), table().astype({"a": object})
    test.loc[5, "a"] = "oops"
    with pytest.raises(DataError, match=r"t.csv, row 6, column 'a': 'oops' isn't a number."):
        prepare(train, test=csv(tmp_path, "t.csv", test))
    with pytest.raises(DataError, match=r"t.csv: it lacks columns of d.csv: 'b', 'label'; it has a\."):
        prepare(train, test=csv(tmp_path, "t.csv", table()[["a"]]))
    with_more = prepare(train, test=csv(tmp_path, "t.csv", table(more=1)))
    assert "info: t.csv: left out more, which d.csv lacks." in messages(with_more)
    with pytest.raises(DataError, match="columns of one name differ in type"):
        prepare(table(), test=table().assign(a=pd.Timestamp("2020-01-01")))
    with pytest.raises(DataError, match=r"it holds images and the table doesn't, or the other way round."):
        prepare(table(), test=np.zeros((3, 4, 4), np.uint8))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"target": "lable"},
            UnknownNameError,
            "the table: column 'lable' is unknown; did you mean 'label'?",
        ),
        (
            {"columns": {"c": "number"}},
            UnknownNameError,
            "the table: column 'c' is unknown; known: a, b, label.",
        ),
        ({"group": "c"}, UnknownNameError, "the table: column 'c' is unknown"),
        ({"time": "c"}, UnknownNameError, "the table: column 'c' is unknown"),
        (
            {"columns": {"a": "float"}},
            ConfigError,
            "a=float: a column's kind is one of number, category, date, text",
        ),
        (
            {"columns": {"label": "text"}},
            ConfigError,
            "column 'label' is the target, so it can't be anything else",
        ),
        (
            {"group": "a", "time": "b", "test_size": 3},
            ConfigError,
            "can't both say how to split; give one; test_size=3",
        ),
        (
            {"pair": ("table", "word")},
            ConfigError,
            "'word' is not a valid OutputKind: a pair is one of table, text",
        ),
        ({"pair": ("image", "label")}, DataError, "the table: it holds a table, not images."),
        ({"time": "b"}, DataError, "column 'b': a time is a date or a number, 'u' is neither."),
        ({"pair": TABLE_NUMBER}, DataError, "the table, row 1, column 'label': 'yes' isn't a number."),
        (
            {"columns": {"b": "number"}},
            DataError,
            "row 1, column 'b': 'u' isn't a number. Correct it, or say",
        ),
        ({"encoding": "x"}, ConfigError, "encoding 'x' is unknown"),
    ],
)
def test_bad_settings_are_named(
    tmp_path: Path, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    source = csv(tmp_path, "d.csv", table()) if "encoding" in settings else table()
    with pytest.raises(error) as caught:
        prepare(source, **settings)
    assert message in str(caught.value)


@pytest.mark.parametrize("setting", ["group", "time"])
def test_groups_and_times_must_be_known(setting: str) -> None:
    frame = table(g=[None, 1.5, 2.5] * 20)
    with pytest.raises(
        DataError, match="row 1, column 'g': the value is missing, so it isn't clear which part"
    ):
        prepare(frame, **{setting: "g"})


def test_a_column_of_lists_can_be_left_out() -> None:
    frame = table(lists=[[1, 2]] * 60)
    with pytest.raises(
        DataError, match=r"column 'lists': its type list<.*Leave it out: `--column lists=ignore`."
    ):
        prepare(frame)
    assert kinds(prepare(frame, columns={"lists": ColumnKind.IGNORE}))["lists"] == "ignore"


def test_images_need_labels() -> None:
    with pytest.raises(DataError, match="the array: the images have no labels; put those of each class"):
        prepare(np.zeros((3, 4, 4), np.uint8))


def test_empty_texts_are_kept_and_said() -> None:
    texts = ["", " ", *[f"some words of text {i}" for i in range(58)]]
    dataset = prepare((texts, ["a", "b"] * 30))
    assert "warning: 2 of 60 texts are empty; they are kept." in messages(dataset)


def test_arrow_tables_of_many_chunks() -> None:
    whole = pa.Table.from_pandas(table())
    assert (
        prepare(pa.concat_tables([whole.slice(0, 7), whole.slice(7)])).fingerprint
        == prepare(table()).fingerprint
    )


@pytest.mark.parametrize(("num_rare", "is_said"), [(20, True), (60, False)])
def test_classes_that_are_very_unequal_are_said_with_what_to_do(num_rare: int, is_said: bool) -> None:
    frame = pd.DataFrame({"a": np.arange(400.0), "label": ["no"] * (400 - num_rare) + ["yes"] * num_rare})
    notes = [note.message for note in prepare(frame, target="label").notes]
    said = [note for note in notes if note.startswith("The classes are unequal: in train 'no' has")]
    assert len(said) == is_said
    assert all("`--metric macro-f1`" in note and "`--class-weight balanced`" in note for note in said)
