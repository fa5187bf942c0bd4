"""Tables as arrays."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from rungwise.artifacts.state import join_state, split_state
from rungwise.data import as_table
from rungwise.errors import DataError
from rungwise.preprocessing import table as module
from rungwise.preprocessing.columns import MISSING, RARE, TableColumns
from rungwise.preprocessing.table import Scaling, TableFeatures, TablePreprocessor, num_dense_features


def mixed(num_rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """A frame with a column of every kind, and gaps in each."""
    rng = np.random.default_rng(seed)
    words = np.array(["red", "round", "sour", "large", "苹果", "香蕉"])
    frame = pd.DataFrame(
        {
            "size": rng.lognormal(size=num_rows),
            "level": rng.integers(0, 3, num_rows).astype(float),
            "colour": rng.choice(np.array(["red", "green", "blue", None], dtype=object), num_rows),
            "day": pd.Timestamp("2024-01-31 06:00")
            + pd.to_timedelta(rng.integers(0, 900, num_rows), unit="D"),
            "note": [" ".join(rng.choice(words, 5)) + f" nr {i}" for i in range(num_rows)],
        }
    )
    frame.loc[3, ["size", "day", "note"]] = None
    return frame


def number_table(**columns: list[float | None]) -> pa.Table:
    return as_table(pa.table({name: pa.array(values, pa.float64()) for name, values in columns.items()}))


def category_table(values: list[str | None]) -> pa.Table:
    return as_table(pa.table({"c": pa.array(values, pa.string())}))


def test_every_kind_of_column_becomes_finite_features() -> None:
    table = as_table(mixed())
    features = TableFeatures(Scaling.STANDARD)
    features.fit(table)
    dense = features.transform(table)
    assert dense.shape == (200, features.num_features)
    assert dense.dtype == np.float32
    assert np.isfinite(dense).all()


@pytest.mark.parametrize("scaling", Scaling)
def test_restored_features_are_equal(scaling: Scaling) -> None:
    table = as_table(mixed())
    features, restored = TableFeatures(scaling), TableFeatures(scaling)
    features.fit(table)
    rest, arrays = split_state(features.state())
    assert all(np.isfinite(array).all() for array in arrays.values())
    restored.restore(join_state(json.loads(json.dumps(rest)), arrays))
    np.testing.assert_array_equal(restored.transform(table), features.transform(table))


def test_rows_are_transformed_independently(monkeypatch: pytest.MonkeyPatch) -> None:
    table = as_table(mixed())
    features = TableFeatures(Scaling.QUANTILE)
    features.fit(table)
    whole = features.transform(table)
    monkeypatch.setattr(module, "CHUNK_ROWS", 7)
    np.testing.assert_allclose(features.transform(table), whole, rtol=1e-6)
    np.testing.assert_allclose(np.vstack(list(features.chunks(table))), whole, rtol=1e-6)
    np.testing.assert_allclose(features.transform(table.slice(50, 9)), whole[50:59], rtol=1e-6)


def test_gaps_become_the_median_and_a_mark() -> None:
    features = TableFeatures(Scaling.STANDARD)
    features.fit(number_table(a=[1.0, 2.0, None, 9.0], b=[1.0, 2.0, 3.0, 4.0]))
    gap, median = features.transform(number_table(a=[None, 2.0], b=[0.0, 0.0]))
    assert features.num_features == 3
    assert gap[0] == median[0]
    assert (gap[2], median[2]) == (1, 0)


def test_infinite_numbers_are_gaps() -> None:
    features = TableFeatures(Scaling.STANDARD)
    features.fit(number_table(a=[1.0, 2.0, 9.0]))
    schema = number_table(a=[0.0]).schema
    infinite = pa.table([pa.array([np.inf, -np.inf, 2.0])], schema=schema)
    np.testing.assert_array_equal(features.transform(infinite)[:, 0], features.transform(infinite)[2, 0])


def test_constant_and_empty_columns_say_nothing() -> None:
    for scaling in Scaling:
        features = TableFeatures(scaling)
        features.fit(number_table(a=[5.0, 5.0, 5.0], b=[None, None, None]))
        dense = features.transform(number_table(a=[5.0, 7.0], b=[1.0, None]))
        np.testing.assert_array_equal(dense[:, :2], 0)


def test_standard_scaling_is_that_of_scikit_learn() -> None:
    numbers = np.random.default_rng(0).lognormal(size=(100, 3))
    features = TableFeatures(Scaling.STANDARD)
    features.fit(as_table(numbers))
    expected = StandardScaler().fit_transform(numbers)
    np.testing.assert_allclose(features.transform(as_table(numbers)), expected, rtol=1e-4, atol=1e-6)


def test_quantile_scaling_is_that_of_scikit_learn_but_for_the_tails() -> None:
    rng = np.random.default_rng(0)
    numbers = np.column_stack(
        [rng.lognormal(size=500), rng.integers(0, 4, 500), rng.random(500) < 0.1]
    ).astype(float)
    features = TableFeatures(Scaling.QUANTILE)
    features.fit(as_table(numbers))
    scaler = QuantileTransformer(n_quantiles=500, output_distribution="normal").fit(numbers)
    for rows in (numbers, numbers * 1.01):
        expected = scaler.transform(rows)
        dense = features.transform(as_table(rows))
        inside = np.abs(expected) < 3
        np.testing.assert_allclose(dense[inside], expected[inside], rtol=1e-4, atol=1e-5)
        assert np.abs(dense).max() < 3.2


def test_categories_have_codes_by_frequency_and_the_unknown_is_rare() -> None:
    columns = TableColumns()
    columns.fit(category_table(["b", "a", "a", None, "c", "b", "a"]))
    assert columns.cardinalities == (5,)
    codes = columns.codes(category_table(["a", "b", "c", "never seen", None]))
    assert codes[:, 0].tolist() == [2, 3, 4, RARE, MISSING]


def test_rare_categories_share_a_code() -> None:
    columns = TableColumns()
    columns.fit(category_table(["a"] * 2000 + ["b"] * 2000 + ["c"] * 3))
    assert columns.codes(category_table(["a", "c"]))[:, 0].tolist() == [2, RARE]


def test_one_hot_features_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ONE_HOT", 3)
    features = TableFeatures(Scaling.STANDARD)
    features.fit(category_table(["a", "a", "a", "b", "b", "c"]))
    assert features.transform(category_table(["a", "b", "new", None])).tolist() == [
        [0, 0, 1],
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
    ]


def test_date_parts() -> None:
    columns = TableColumns()
    table = as_table(pd.DataFrame({"d": pd.to_datetime(["1970-01-02 12:00", "2024-07-01 00:00"])}))
    columns.fit(table)
    days, year, *parts = columns.numbers(table).T
    assert columns.num_numbers == 8
    assert days.tolist() == [1.5, 19905.0]
    assert year.tolist() == [1970, 2024]
    cosines = np.array(parts)[1::2]
    np.testing.assert_allclose(
        cosines[:, 1], [np.cos(np.pi * 7 / 6), 1, 1], atol=1e-12
    )  # July, a Monday, midnight
    np.testing.assert_allclose(cosines[2, 0], -1)  # noon


def test_texts_are_components_of_tfidf() -> None:
    texts = [
        "sour red apple",
        "red apple pie",
        "green apple pie",
        "blue sky and sea",
        "blue sea and sky too",
    ] * 3
    table = as_table(pa.table({"t": texts}), {"t": "text"})
    columns = TableColumns()
    columns.fit(table)
    components = columns.numbers(table)
    expected = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(texts).toarray()
    np.testing.assert_allclose(components @ components.T, expected @ expected.T, atol=1e-6)


def test_words_of_unspaced_scripts_are_signs() -> None:
    table = as_table(pa.table({"t": ["苹果 red", "苹", ""]}), {"t": "text"})
    columns = TableColumns()
    columns.fit(table)
    assert columns.texts["t"].vocabulary == ["苹"]
    assert columns.numbers(table).shape == (3, 1)


def test_texts_without_a_common_word_give_no_features() -> None:
    columns = TableColumns()
    columns.fit(as_table(pa.table({"t": ["one", "two", ""]}), {"t": "text"}))
    assert columns.numbers(as_table(pa.table({"t": ["one", ""]}), {"t": "text"})).shape == (2, 0)


def test_a_table_without_columns_is_refused() -> None:
    with pytest.raises(DataError, match="3 rows and 0 columns"):
        TableColumns().fit(pa.table({"a": [1, 2, 3]}).select([]))


def test_networks_get_numbers_and_codes() -> None:
    table = as_table(mixed())
    preprocessor = TablePreprocessor(SimpleNamespace(scaling=Scaling.QUANTILE))
    preprocessor.fit(table)
    features, examples = preprocessor.features, preprocessor.examples(table)
    numbers, codes = examples.batch(np.array([3, 0]))
    assert len(examples) == 200
    assert numbers.shape == (2, features.num_numbers)
    assert codes.tolist() == features.columns.codes(table)[[3, 0]].tolist()
    shape = preprocessor.shape(num_examples=200, num_outputs=1)
    assert (shape.num_numbers, shape.cardinalities) == (numbers.shape[1], (5,))
    assert num_dense_features(shape) == features.num_features


@pytest.mark.parametrize("scaling", list(Scaling))
def test_numbers_beyond_all_others_stay_finite(scaling):
    features = TableFeatures(scaling)
    features.fit(as_table({"a": [1.0, 2.0, 4.0]}))
    values = features.transform(as_table({"a": [-1e308, 1e308, 1e300]}))
    assert np.isfinite(np.square(values)).all()
