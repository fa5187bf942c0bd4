import numpy as np
import pytest

from rungwise.evaluation.scaling_law import scaling_law

N, D = (axis.ravel() for axis in np.meshgrid([1e4, 4e4, 1.6e5, 6.4e5], [250.0, 500, 1000, 2000, 4000]))


def true_error(n, d):
    return 0.1 + 0.05 * (n / 1e5) ** -0.4 + 0.08 * (d / 1000) ** -0.6


def test_a_law_is_recovered_from_its_fits():
    law = scaling_law(N, D, true_error(N, D))
    assert law.limit == pytest.approx(0.1, rel=0.02)
    assert (law.alpha, law.beta) == (pytest.approx(0.4, rel=0.05), pytest.approx(0.6, rel=0.05))
    assert law.error(2e6, 16000) == pytest.approx(true_error(2e6, 16000), rel=0.01)


def test_noise_and_a_fit_far_off_change_little():
    rng = np.random.default_rng(0)
    errors = true_error(N, D) * np.exp(0.01 * rng.standard_normal(len(N)))
    errors[7] *= 1.5
    assert scaling_law(N, D, errors).error(1e6, 8000) == pytest.approx(true_error(1e6, 8000), rel=0.06)


def test_the_balanced_size_has_the_least_error_for_its_product_of_size_and_data():
    law = scaling_law(N, D, true_error(N, D))
    rows = 8000.0
    size = law.balanced_parameters(rows)
    best = law.error(size, rows)
    for factor in (0.7, 1.4):
        assert law.error(size * factor, rows / factor) > best
    assert law.balanced_parameters(4 * rows) > size


def test_where_size_brings_nothing_no_size_is_the_balanced_one():
    law = scaling_law(N, D, 0.1 + 0.08 * (D / 1000) ** -0.6)
    assert law.model == pytest.approx(0, abs=1e-4)
    assert law.balanced_parameters(8000) is None or law.model > 0


@pytest.mark.parametrize("kept", [slice(0, 5), N == 1e4, D == 500.0])
def test_too_few_fits_have_no_law(kept):
    assert scaling_law(N[kept], D[kept], true_error(N, D)[kept]) is None
