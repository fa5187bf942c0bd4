import numpy as np
import pandas as pd
import pytest

from rungwise.data import STARTS, prepare, subset, subsets

SEED = 3


def table(num_rows=200):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=num_rows), "who": np.arange(num_rows) // 4})
    return frame.assign(target=np.where(rng.random(num_rows) < 0.2, "rare", "common"))


def xs(portion, part):
    return set(portion.inputs(part)["x"].to_numpy().tolist())


def test_smaller_parts_are_within_larger_ones_and_the_rest_is_aside():
    dataset = prepare(table())
    smaller = set()
    for num_rows in (20, 50, 100):
        part = subset(dataset, num_rows, 0, SEED)
        assert part.num("train") == num_rows
        assert smaller < xs(part, "train")
        smaller = xs(part, "train")
        assert xs(part, "aside") == xs(dataset, "train") - smaller
        assert xs(part, "test") == xs(dataset, "test")
        assert xs(part, "valid") == xs(dataset, "valid")


def test_classes_have_their_share_in_every_part():
    dataset = prepare(table())
    share = (dataset.targets("train") == "rare").mean()
    for num_rows in (20, 50, 100):
        assert (subset(dataset, num_rows, 0, SEED).targets("train") == "rare").mean() == pytest.approx(
            share, abs=1 / num_rows
        )


def test_draws_and_seeds_differ_and_are_the_same_each_time():
    dataset = prepare(table())
    drawn = [xs(subset(dataset, 50, *which), "train") for which in ((0, SEED), (1, SEED), (0, 4), (0, SEED))]
    assert drawn[0] == drawn[3]
    assert len({frozenset(rows) for rows in drawn}) == 3


def test_draws_are_far_from_one_another():
    dataset = prepare(table())
    num_rows = dataset.num("train")
    parts = [subset(dataset, round(0.7 * num_rows), draw, SEED) for draw in range(len(STARTS))]
    assert set.union(*(xs(part, "aside") for part in parts)) == xs(dataset, "train")
    assert not xs(parts[0], "aside") & xs(parts[1], "aside")
    small = [xs(subset(dataset, num_rows // 4, draw, SEED), "train") for draw in range(len(STARTS))]
    assert sum(map(len, small)) - len(set.union(*small)) <= len(STARTS)


def test_groups_stay_together():
    part = subset(prepare(table(), group="who"), 50, 0, SEED)
    assert not set(part.groups("train").tolist()) & set(part.groups("aside").tolist())
    assert abs(part.num("train") - 50) <= 2


def test_equal_texts_stay_together():
    texts = [f"text of number {i % 60}" for i in range(240)]
    part = subset(prepare((texts, ["a", "b"] * 120)), 40, 0, SEED)
    assert not set(part.inputs("aside").to_pylist()) & set(part.inputs("train").to_pylist())


def test_of_many_rows_some_are_judged_on(monkeypatch):
    monkeypatch.setattr(subsets, "MOST_JUDGED", 10)
    dataset = prepare(table())
    part = subset(dataset, 50, 0, SEED)
    assert part.num("test") == part.num("aside") == 10
    assert xs(part, "test") < xs(dataset, "test")
