import numpy as np
import pandas as pd
import pytest

from rungwise.data import are_even, fold, num_folds, prepare


def table(num_rows=200):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=num_rows), "who": np.arange(num_rows) // 4})
    return frame.assign(target=np.where(rng.random(num_rows) < 0.2, "rare", "common"))


def folds_of(dataset):
    return [fold(dataset, number) for number in range(1, num_folds(dataset) + 1)]


def xs(fold, part):
    return set(fold.inputs(part)["x"].to_numpy().tolist())


def test_each_row_of_train_is_set_aside_once_and_the_rest_is_learned_from():
    dataset = prepare(table())
    folds = folds_of(dataset)
    assert len(folds) == 7  # 140 rows, 20 at a time
    pool = xs(dataset, "train")
    aside = [xs(fold, "aside") for fold in folds]
    assert set.union(*aside) == pool
    assert sum(map(len, aside)) == dataset.num("train")
    for fold, rows in zip(folds, aside, strict=True):
        assert xs(fold, "train") == pool - rows
        assert fold.num("train") == len(fold.targets("train")) == len(pool) - len(rows)
        assert abs(fold.num("aside") - 20) <= 1
        assert xs(fold, "test") == xs(dataset, "test")
        assert xs(fold, "valid") == xs(dataset, "valid")
        share = (fold.targets("aside") == "rare").mean()
        assert share == pytest.approx((dataset.targets("train") == "rare").mean(), abs=0.06)


def test_folds_are_the_same_each_time():
    dataset = prepare(table())
    assert [xs(f, "aside") for f in folds_of(dataset)] == [xs(f, "aside") for f in folds_of(dataset)]


def test_groups_stay_together():
    dataset = prepare(table(), group="who")
    for fold in folds_of(dataset):
        groups = {part: set(fold.groups(part).tolist()) for part in ("train", "aside", "test")}
        assert not groups["aside"] & groups["train"]
        assert not groups["aside"] & groups["test"]


def test_equal_texts_stay_together():
    texts = [f"text of number {i % 60}" for i in range(240)]
    for fold in folds_of(prepare((texts, ["a", "b"] * 120))):
        assert not set(fold.inputs("aside").to_pylist()) & set(fold.inputs("train").to_pylist())


def test_images_and_numbers_have_folds_too():
    images = np.random.default_rng(0).integers(0, 255, (120, 4, 4), dtype=np.uint8)
    fold = folds_of(prepare((images, np.arange(120) % 2)))[0]
    assert fold.inputs("train").shape == (fold.num("train"), 4, 4, 1)
    assert fold.targets("aside").shape == (fold.num("aside"),)
    numbers = table().assign(target=np.linspace(0, 1, 200))
    assert folds_of(prepare(numbers))[0].targets("train").dtype == np.float64


def test_no_class_is_lost_from_what_is_learned_from():
    frame = table(300)
    frame.loc[:5, "target"] = "seldom"
    dataset = prepare(frame)
    for fold in folds_of(dataset):
        assert set(fold.targets("train")) == set(dataset.classes)


def test_few_large_groups_cannot_be_set_aside():
    assert are_even(prepare(table(), group="who"))
    sizes = table(500).assign(who=np.repeat([0, 1, 2, 3, 4, 5], [200, 120, 60, 50, 40, 30]))
    assert not are_even(prepare(sizes, group="who"))


def test_whose_the_validation_part_is():
    assert not prepare(table()).has_own_valid
    assert prepare(table(), valid=table(60)).has_own_valid
