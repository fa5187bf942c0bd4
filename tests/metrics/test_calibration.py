import numpy as np
import pytest

from rungwise.metrics import UNSEEN
from rungwise.metrics.calibration import MOST_TEMPERATURE, calibration, fit_temperature, tempered


def drawn(num_examples, num_classes, sharpness, seed=0):
    """Probabilities (N, K), and targets drawn from what they are when raised to the sharpness: 1 is calibrated."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(num_classes, 0.7), num_examples)
    truth = tempered(probabilities, 1 / sharpness)
    target = (truth.cumsum(1) < rng.random((num_examples, 1))).sum(1)
    return target, probabilities


@pytest.mark.parametrize("num_classes", [2, 5])
def test_calibrated_probabilities_are_off_by_chance_alone(num_classes):
    off = [calibration(*drawn(600, num_classes, 1, seed)).is_off for seed in range(100)]
    assert 1 <= sum(off) <= 11  # five are expected


def test_probabilities_that_are_too_sure_are_off_and_a_temperature_mends_them():
    target, probabilities = drawn(4000, 3, sharpness=0.5)
    before = calibration(target, probabilities)
    temperature = fit_temperature(target, probabilities)
    after = calibration(target, tempered(probabilities, temperature))
    assert before.is_off
    assert before.confidence > before.accuracy
    assert temperature == pytest.approx(2, rel=0.1)
    assert not after.is_off
    assert after.log_loss < before.log_loss
    assert after.brier < before.brier
    assert after.accuracy == before.accuracy


def test_the_error_is_that_of_a_hand_made_table():
    target = np.array([0] * 6 + [1] * 4)  # said to be 0 with 0.9, right in 0.6
    found = calibration(target, np.tile([0.9, 0.1], (10, 1)))
    assert found.ece == pytest.approx(0.3)
    assert found.brier == pytest.approx(0.6 * 2 * 0.1**2 + 0.4 * 2 * 0.9**2)
    assert found.log_loss == pytest.approx(-0.6 * np.log(0.9) - 0.4 * np.log(0.1))
    [only] = found.bins  # equal confidences stay together
    assert (only.confidence, only.accuracy, only.num_examples) == pytest.approx((0.9, 0.6, 10))
    assert only.low == pytest.approx(0.313, abs=0.001)  # Wilson, by scipy.stats.binomtest(6, 10)
    assert only.high == pytest.approx(0.832, abs=0.001)


def test_bins_have_about_equally_many_examples():
    counts = [each.num_examples for each in calibration(*drawn(1000, 4, 1)).bins]
    assert sum(counts) == 1000
    assert max(counts) - min(counts) <= 1


def test_a_temperature_keeps_the_order_and_the_sum():
    _, probabilities = drawn(200, 4, 1)
    for temperature in (1 / MOST_TEMPERATURE, 0.5, 3, MOST_TEMPERATURE):
        found = tempered(probabilities.astype(np.float32), temperature)
        assert np.allclose(found.sum(1), 1)
        assert (found.argmax(1) == probabilities.argmax(1)).all()
    assert np.allclose(tempered(probabilities, 1), probabilities, atol=1e-6)


def test_impossible_classes_and_classes_that_training_had_not_do_no_harm():
    target = np.array([0, 1, UNSEEN, 1] * 10)
    probabilities = np.tile([[1.0, 0.0]], (40, 1))
    found = calibration(target, probabilities)
    assert found.accuracy == 0.25
    assert found.brier == pytest.approx((0 + 2 + 2 + 2) / 4)
    assert 1 < fit_temperature(target, probabilities) <= MOST_TEMPERATURE
    assert fit_temperature(np.full(3, UNSEEN), probabilities[:3]) == 1


def test_few_examples_that_are_all_right_do_not_make_a_model_sure_of_everything():
    probabilities = np.tile([[0.8, 0.2]], (10, 1))
    assert 0.2 < fit_temperature(np.zeros(10, int), probabilities) < 1
