import numpy as np
import pyarrow as pa

from rungwise.data import prepare, sample_rows, train_sample


def table(num_rows):
    rng = np.random.default_rng(0)
    size = rng.normal(size=num_rows)
    return pa.table({"size": size, "kind": np.where(size > 0, "a", "b")})


def test_a_sample_is_always_the_same_rows_of_train(tmp_path):
    dataset = prepare(table(500), target="kind", folder=tmp_path / "data")
    first, rows = train_sample(dataset), sample_rows(dataset)
    assert rows.tolist() == sample_rows(dataset).tolist() == sorted(set(rows.tolist()))
    assert first.num("train") == dataset.num("valid") + dataset.num("test")  # no more than are judged
    assert first.inputs("train")["size"].to_pylist() == [
        dataset.inputs("train")["size"][int(row)].as_py() for row in rows
    ]
    assert (first.targets("train") == dataset.targets("train")[rows]).all()
    assert first.num("test") == dataset.num("test")


def test_groups_and_images_are_sampled_too(tmp_path):
    rng = np.random.default_rng(0)
    grouped = table(300).append_column("town", pa.array(rng.integers(0, 60, 300).astype(str)))
    dataset = prepare(grouped, target="kind", group="town", folder=tmp_path / "data")
    groups = train_sample(dataset).groups("train")
    assert (groups == dataset.groups("train")[sample_rows(dataset)]).all()
    images = prepare(
        (rng.integers(0, 255, (60, 8, 8)).astype(np.uint8), np.arange(60) % 2), folder=tmp_path / "i"
    )
    assert train_sample(images).inputs("train").shape == (len(sample_rows(images)), 8, 8, 1)
    assert train_sample(images).groups("train") is None
