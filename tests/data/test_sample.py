import numpy as np
import pyarrow as pa

from rungwise.data import Sample, prepare


def table(num_rows):
    rng = np.random.default_rng(0)
    size = rng.normal(size=num_rows)
    return pa.table({"size": size, "kind": np.where(size > 0, "a", "b")})


def test_a_sample_is_always_the_same_rows_of_train(tmp_path):
    dataset = prepare(table(500), target="kind", folder=tmp_path / "data")
    first, again = Sample(dataset), Sample(dataset)
    assert first.rows.tolist() == again.rows.tolist() == sorted(set(first.rows.tolist()))
    assert first.num("train") == dataset.num("valid") + dataset.num("test")  # no more than are judged
    assert first.inputs("train")["size"].to_pylist() == [
        dataset.inputs("train")["size"][int(row)].as_py() for row in first.rows
    ]
    assert (first.targets("train") == dataset.targets("train")[first.rows]).all()
    assert first.num("test") == dataset.num("test")


def test_groups_and_images_are_sampled_too(tmp_path):
    rng = np.random.default_rng(0)
    grouped = table(300).append_column("town", pa.array(rng.integers(0, 60, 300).astype(str)))
    dataset = prepare(grouped, target="kind", group="town", folder=tmp_path / "data")
    sample = Sample(dataset)
    assert (sample.groups("train") == dataset.groups("train")[sample.rows]).all()
    images = prepare(
        (rng.integers(0, 255, (60, 8, 8)).astype(np.uint8), np.arange(60) % 2), folder=tmp_path / "i"
    )
    assert Sample(images).inputs("train").shape == (len(Sample(images).rows), 8, 8, 1)
    assert Sample(images).groups("train") is None
