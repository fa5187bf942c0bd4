import pytest

from rungwise.evaluation import Difference, Score
from rungwise.evaluation.wording import (
    bounds_text,
    bytes_text,
    count_text,
    difference_text,
    joules_text,
    number_text,
    rate_text,
    ratio_text,
    score_text,
    seconds_text,
)
from rungwise.metrics import metric

ACCURACY, RMSE = metric("accuracy"), metric("rmse")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (5e-5, "50 µs"),
        (0.0021, "2.1 ms"),
        (1, "1 s"),
        (14.4, "14 s"),
        (89, "89 s"),
        (150, "2.5 min"),
        (7200, "2 h"),
    ],
)
def test_seconds(seconds, text):
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (0.4, "0.4"),
        (0.0021, "0.0021"),
        (3.2e-5, "0.000032"),
        (1.26, "1.3"),
        (9.99, "10"),
        (1250, "1,250"),
    ],
)
def test_numbers_of_any_size(number, text):
    assert number_text(number) == text


def test_joules_and_rates():
    assert [joules_text(j) for j in (0.012, 3.04, 14, 3400)] == ["0.012 J", "3 J", "14 J", "3.4 kJ"]
    assert [rate_text(r) for r in (0.4, 5.0, 319, 5.6e6)] == ["0.4/s", "5/s", "319/s", "5.6 M/s"]


@pytest.mark.parametrize(
    ("size", "text"), [(900, "900 B"), (4_800_000, "4.8 MB"), (61_000, "61 kB"), (3e9, "3 GB")]
)
def test_bytes(size, text):
    assert bytes_text(size) == text


def test_counts_and_ratios():
    assert [count_text(n) for n in (7, 1_200_000, 8100)] == ["7", "1.2 M", "8.1 k"]
    assert [ratio_text(r) for r in (0.82, 1.31, 90.4, 4096)] == ["1/1.2", "1.3×", "90×", "4,096×"]


def test_shares_are_percentages_and_their_differences_points():
    assert score_text(ACCURACY, Score(0.904, 0.88, 0.926)) == "90.4 % accuracy on test (88.0 to 92.6)"
    assert [difference_text(ACCURACY, d) for d in (0.011, -0.01, 0.0001, 0)] == [
        "1.1 points",
        "1.0 point",
        "0.01 points",
        "0.0 points",
    ]


def test_numbers_have_three_digits():
    assert score_text(RMSE, Score(0.4449, 0.43, 0.461)) == "RMSE 0.445 on test (0.430 to 0.461)"
    assert score_text(RMSE, Score(123456.7, 120000, 130000)) == "RMSE 123,457 on test (120,000 to 130,000)"
    assert difference_text(RMSE, 0.0123) == "0.012"


def test_negative_bounds_have_a_minus_sign():
    assert (
        bounds_text(ACCURACY, Difference(0.0, 0.01, 0.01, -0.01, 0.02, 0.02, 0.5))
        == "95 % interval −1.0 to 2.0"
    )
    assert (
        bounds_text(RMSE, Difference(0.0, 900.0, 900.0, -1234.0, 1800.0, 0.0, 0.5))
        == "95 % interval −1,234 to 1,800"
    )
