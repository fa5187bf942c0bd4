import numpy as np
import pytest

from rungwise.evaluation.scaling_law import resampled_laws, scaling_law

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


def bands(errors, noise=0.04, count=300):
    """Of the error at a larger size and four times the data, and the law that it is about."""
    law = scaling_law(N, D, errors)
    laws = resampled_laws(law, N, D, errors, noise=noise, count=count)
    low, high = np.percentile([each.error(2e6, 16000) for each in laws], [2.5, 97.5])
    return law, laws, low, high


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_the_band_of_a_law_holds_about_as_often_as_it_says(noise):
    hits, trials = 0, 25
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        _, _, low, high = bands(true_error(N, D) * np.exp(noise * rng.standard_normal(len(N))), count=100)
        hits += low <= true_error(2e6, 16000) <= high
    assert hits >= 22


def test_noisier_fits_have_a_wider_band_about_the_law_and_one_far_off_changes_little():
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(len(N))
    law, laws, low, high = bands(true_error(N, D))
    assert low < law.error(2e6, 16000) < high
    assert all(min(each.limit, each.model, each.data) >= 0 for each in laws)
    _, _, *noisy = bands(true_error(N, D) * np.exp(0.1 * noise))
    assert noisy[1] - noisy[0] > 1.5 * (high - low)
    far = true_error(N, D)
    far[7] *= 1.5
    _, _, *ends = bands(far)
    assert ends[1] - ends[0] < 2.5 * (high - low)  # and not the six times that its square alone would make it


def test_few_fits_that_a_law_goes_through_are_not_sure():
    kept = np.r_[0, 6, 12, 18, 4, 15]
    errors = true_error(N[kept], D[kept])
    law = scaling_law(N[kept], D[kept], errors)
    laws = resampled_laws(law, N[kept], D[kept], errors, noise=0.04, count=100)
    at = np.array([each.error(2e6, 16000) for each in laws]) / law.error(2e6, 16000)
    assert np.ptp(np.percentile(at, [2.5, 97.5])) > 0.1
    again = resampled_laws(law, N[kept], D[kept], errors, noise=0.04, count=100)
    assert again == laws
