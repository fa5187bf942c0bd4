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


def xs(portion, part):
    return set(portion.inputs(part)["x"].to_numpy().tolist())


def test_each_row_of_train_is_set_aside_once_and_the_rest_is_learned_from():
    dataset = prepare(table())
    folds = folds_of(dataset)
    assert len(folds) == 7  # 140 rows, 20 at a time
    pool = xs(dataset, "train")
    aside = [xs(part, "aside") for part in folds]
    assert set.union(*aside) == pool
    assert sum(map(len, aside)) == dataset.num("train")
    for part, rows in zip(folds, aside, strict=True):
        assert xs(part, "train") == pool - rows
        assert part.num("train") == len(part.targets("train")) == len(pool) - len(rows)
        assert abs(part.num("aside") - 20) <= 1
        assert xs(part, "test") == xs(dataset, "test")
        assert xs(part, "valid") == xs(dataset, "valid")
        share = (part.targets("aside") == "rare").mean()
        assert share == pytest.approx((dataset.targets("train") == "rare").mean(), abs=0.06)


def test_folds_are_the_same_each_time():
    dataset = prepare(table())
    assert [xs(f, "aside") for f in folds_of(dataset)] == [xs(f, "aside") for f in folds_of(dataset)]


def test_groups_stay_together():
    dataset = prepare(table(), group="who")
    for part in folds_of(dataset):
        groups = {name: set(part.groups(name).tolist()) for name in ("train", "aside", "test")}
        assert not groups["aside"] & groups["train"]
        assert not groups["aside"] & groups["test"]


def test_equal_texts_stay_together():
    texts = [f"text of number {i % 60}" for i in range(240)]
    for part in folds_of(prepare((texts, ["a", "b"] * 120))):
        assert not set(part.inputs("aside").to_pylist()) & set(part.inputs("train").to_pylist())


def test_images_and_numbers_have_folds_too():
    images = np.random.default_rng(0).integers(0, 255, (120, 4, 4), dtype=np.uint8)
    part = folds_of(prepare((images, np.arange(120) % 2)))[0]
    assert part.inputs("train").shape == (part.num("train"), 4, 4, 1)
    assert part.targets("aside").shape == (part.num("aside"),)
    numbers = table().assign(target=np.linspace(0, 1, 200))
    assert folds_of(prepare(numbers))[0].targets("train").dtype == np.float64


def test_no_class_is_lost_from_what_is_learned_from():
    frame = table(300)
    frame.loc[:5, "target"] = "seldom"
    dataset = prepare(frame)
    for part in folds_of(dataset):
        assert set(part.targets("train")) == set(dataset.classes)


def test_few_large_groups_cannot_be_set_aside():
    assert are_even(prepare(table(), group="who"))
    sizes = table(500).assign(who=np.repeat([0, 1, 2, 3, 4, 5], [200, 120, 60, 50, 40, 30]))
    assert not are_even(prepare(sizes, group="who"))


def test_whose_the_validation_part_is():
    assert not prepare(table()).has_own_valid
    assert prepare(table(), valid=table(60)).has_own_valid
