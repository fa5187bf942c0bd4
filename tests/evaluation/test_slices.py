import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from rungwise.data import prepare
from rungwise.evaluation import Predictions
from rungwise.evaluation.slices import LEAST_EXAMPLES, slices
from rungwise.evaluation.slicing import Grouping, built_in, group_values, groupings
from rungwise.metrics import metric
from rungwise.tags import Tags

NUM_EXAMPLES = 600


def grouped(codes, *names):
    return Grouping("town", names, np.asarray(codes))


def said(rng, rates):
    """Predictions of two classes that are right at the rate of each example."""
    target = rng.integers(0, 2, len(rates))
    prediction = np.where(rng.random(len(rates)) < rates, target, 1 - target)
    return Predictions(target, prediction, np.eye(2)[prediction] * 0.8 + 0.1)


def test_a_slice_that_is_worse_is_found_with_its_interval():
    rng = np.random.default_rng(0)
    codes = np.arange(NUM_EXAMPLES) % 3
    found = slices(
        "svm",
        said(rng, np.where(codes == 1, 0.6, 0.9)),
        metric("accuracy"),
        [grouped(codes, "北京", "上海", "广州")],
    )
    assert [each.value for each in found.slices if each.is_worse] == ["上海"]
    worst = found.worst(10)[0]
    assert (worst.column, worst.value, worst.num_examples) == ("town", "上海", 200)
    assert worst.score.low < worst.score.value < worst.score.high < worst.rest
    assert worst.difference == pytest.approx(worst.score.value - worst.rest)
    assert found.num_small == 0


def test_accuracy_is_compared_exactly():
    rng = np.random.default_rng(1)
    codes = np.arange(NUM_EXAMPLES) % 2
    predictions = said(rng, np.where(codes, 0.8, 0.9))
    right = predictions.target == predictions.prediction
    first = slices("svm", predictions, metric("accuracy"), [grouped(codes, "a", "b")]).slices[0]
    table = [[right[codes == code].sum(), (~right[codes == code]).sum()] for code in (0, 1)]
    assert first.p_value == pytest.approx(stats.fisher_exact(table).pvalue)


@pytest.mark.parametrize("name", ["accuracy", "macro-f1", "roc-auc", "log-loss"])
def test_slices_at_random_are_rarely_clear(name):
    rng = np.random.default_rng(0)
    groups = [Grouping(str(i), ("a", "b", "c"), rng.integers(0, 3, NUM_EXAMPLES)) for i in range(40)]
    found = slices("svm", said(rng, np.full(NUM_EXAMPLES, 0.8)), metric(name, positive=1), groups).slices
    assert np.mean([each.p_value < 0.05 for each in found]) < 0.1  # 0.05 is expected
    inside = [each.score.low <= 0.8 <= each.score.high for each in found]
    assert name != "accuracy" or np.mean(inside) > 0.88
    assert not any(each.adjusted < 0.05 for each in found)


def test_small_slices_are_left_out_and_counted():
    codes = np.where(np.arange(NUM_EXAMPLES) < LEAST_EXAMPLES - 1, 0, 1)
    found = slices(
        "svm",
        said(np.random.default_rng(0), np.full(NUM_EXAMPLES, 0.8)),
        metric("accuracy"),
        [grouped(codes, "few", "many")],
    )
    assert found.slices == ()
    assert found.num_small == 2  # of "many", the rest is too small
    assert found.overall.low < found.overall.value < found.overall.high


def test_a_slice_of_one_class_has_no_area():
    target = np.arange(NUM_EXAMPLES) % 2
    predictions = said(np.random.default_rng(0), np.full(NUM_EXAMPLES, 0.8))
    predictions = Predictions(target, predictions.prediction, predictions.probabilities)
    assert slices("svm", predictions, metric("roc-auc"), [grouped(target, "no", "yes")]).slices == ()


def test_a_lower_error_is_the_better_one():
    target = np.zeros(NUM_EXAMPLES)
    codes = np.arange(NUM_EXAMPLES) % 2
    off = np.random.default_rng(0).normal(size=NUM_EXAMPLES) * np.where(codes, 3, 1)
    small, large = slices("svm", Predictions(target, off), metric("rmse"), [grouped(codes, "a", "b")]).slices
    assert small.difference > 0 > large.difference
    assert large.is_worse


def test_rows_of_a_group_count_together():
    target = np.zeros(NUM_EXAMPLES)
    town = np.repeat(np.arange(60), 10)
    off = np.repeat(np.random.default_rng(0).normal(size=60), 10)
    halves = [grouped(town % 2, "a", "b")]
    alone = slices("svm", Predictions(target, off), metric("mae"), halves).slices[0]
    together = slices("svm", Predictions(target, off, clusters=town), metric("mae"), halves).slices[0]
    assert together.p_value > alone.p_value
    assert together.score.high - together.score.low > 2 * (alone.score.high - alone.score.low)


def test_sentences_are_sliced_too():
    tags = Tags(np.tile([1, 0], 100), np.arange(0, 201, 2))
    wrong = Tags(np.where(np.arange(200) < 100, tags.values, 0), tags.offsets)
    predictions = Predictions(tags, wrong, tags=("O", "B-X", "I-X"))
    codes = (np.arange(100) >= 50).astype(int)
    first, second = slices("crf", predictions, metric("span-f1"), [grouped(codes, "a", "b")]).slices
    assert (first.score.value, second.score.value) == (1, 0)
    assert second.is_worse


# ------------------------------------------------------------------------------------------------- groups


def test_few_numbers_are_groups_and_many_are_quarters():
    few = group_values("n", pa.chunked_array([[1, 2, 2, None]]))
    assert few.names == ("1", "2", "missing")
    assert few.codes.tolist() == [0, 1, 1, 2]
    many = group_values("x", pa.chunked_array([np.arange(101.0)]))
    assert many.names == ("≤ 25", "25 to 50", "50 to 75", "> 75")
    assert np.bincount(many.codes).tolist() == [26, 25, 25, 25]


def test_numbers_most_of_which_are_equal_have_a_group_of_those_above():
    values = np.concatenate([np.zeros(90), np.arange(1.0, 12)])
    assert group_values("gain", pa.chunked_array([values])).names == ("≤ 0", "> 0")


def test_categories_are_groups_the_most_frequent_first():
    found = group_values("town", pa.chunked_array([["上海", "北京", "北京", None]]))
    assert found.names == ("北京", "missing", "上海") or found.names == ("北京", "上海", "missing")
    assert found.codes[1] == found.codes[2] == 0


def test_texts_are_grouped_by_their_length_and_dates_by_quarters():
    texts = group_values("text", pa.chunked_array([["好" * n for n in range(1, 41)]]), is_text=True)
    assert texts.names[0] == "≤ 11 characters"
    days = pa.array(np.arange("2020-01-01", "2020-02-10", dtype="datetime64[D]"))
    assert group_values("day", pa.chunked_array([days])).names[0].startswith("≤ 2020-01-")


def test_a_table_is_sliced_by_its_columns_and_the_target(tmp_path):
    rng = np.random.default_rng(0)
    table = pa.table({"size": rng.normal(size=200), "kind": rng.choice(["a", "b"], 200)})
    dataset = prepare(table, target="kind", folder=tmp_path / "data")
    assert built_in(dataset) == ["size", "kind"]
    size, kind = groupings(dataset, ["size", "kind"])
    assert len(size.names) == 4
    assert set(kind.names) == {"a", "b"}
    assert len(size.codes) == len(kind.codes) == dataset.num("test")


def test_images_are_sliced_by_brightness(tmp_path):
    rng = np.random.default_rng(0)
    images = np.stack([rng.integers(0, 1 + n, (8, 8)) for n in range(100)]).astype(np.uint8)
    dataset = prepare((images, np.arange(100) % 2), folder=tmp_path / "data")
    assert built_in(dataset)[0] == "brightness"
    [found] = groupings(dataset, ["brightness"])
    means = dataset.inputs("test").mean((1, 2, 3))
    assert means[found.codes == 0].max() < means[found.codes == 3].min()


@pytest.mark.parametrize("kind", ["text", "tokens"])
def test_texts_and_sentences_are_sliced_by_length(tmp_path, kind):
    words = [["w"] * (1 + n % 30) for n in range(120)]
    if kind == "text":
        table = pa.table(
            {"text": [f"{n} " + " ".join(w) for n, w in enumerate(words)], "kind": ["a", "b"] * 60}
        )
        dataset = prepare(table, target="kind", folder=tmp_path / "data")
    else:
        rows = pa.table(
            {
                "tokens": [[str(n), *w] for n, w in enumerate(words)],
                "tags": [["B-X", *["O"] * len(w)] for w in words],
            }
        )
        dataset = prepare(rows, folder=tmp_path / "data")
    [found] = groupings(dataset, ["length"])
    assert found.names[0].endswith("characters" if kind == "text" else "tokens")
    assert len(found.codes) == dataset.num("test")


def test_times_below_a_second_are_grouped_too():
    times = pa.array(np.arange(0, 40_001_001, 1_000_025), pa.timestamp("us"))
    assert len(group_values("at", pa.chunked_array([times])).names) == 4


@pytest.mark.parametrize("name", ["macro-f1", "roc-auc"])
def test_a_perfect_slice_still_has_doubt(name):
    codes = np.arange(200) % 2
    found = slices(
        "svm",
        said(np.random.default_rng(0), np.ones(200)),
        metric(name, positive=1),
        [grouped(codes, "a", "b")],
    )
    assert all(each.score.low < each.score.high == 1 for each in found.slices)
