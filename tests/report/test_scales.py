import pytest

from rungwise.report.scales import linear_scale, log_scale


def test_a_scale_holds_its_values_and_has_round_ticks():
    scale = linear_scale([0.52, 0.61, 0.92], 0, 100)
    assert all(0 < scale(value) < 100 for value in (0.52, 0.92))
    assert scale.ticks == pytest.approx((0.6, 0.7, 0.8, 0.9))
    assert scale(0.92) > scale(0.52)


def test_a_vertical_scale_runs_downwards():
    scale = linear_scale([1, 2], 200, 10)
    assert scale(2) < scale(1)


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_equal_values_have_a_scale(value):
    scale = linear_scale([value, value], 0, 100)
    assert scale(value) == pytest.approx(50)


def test_a_logarithmic_scale_has_powers_of_ten():
    scale = log_scale([0.002, 3, 800], 0, 100)
    assert scale.ticks == pytest.approx((0.001, 0.1, 10, 1000))
    assert scale(10) - scale(1) == pytest.approx(scale(100) - scale(10))


def test_a_short_logarithmic_scale_has_ticks_between_the_powers():
    assert log_scale([12, 80], 0, 100).ticks == pytest.approx((10, 20, 50, 100))
    assert log_scale([3, 3], 0, 100)(3) == pytest.approx(50)
