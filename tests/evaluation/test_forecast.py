import numpy as np
import pytest

from rungwise.evaluation.families import families
from rungwise.evaluation.forecast import Curve, forecast, weighed_together

SIZES = 1000 / 2 ** (np.arange(9)[::-1] / 2)


def curve(errors, noise=0.005, seed=0, **fields):
    rng = np.random.default_rng(seed)
    noisy = errors * np.exp(noise * rng.standard_normal(len(errors)))
    return Curve(SIZES[-len(errors) :], noisy, np.ones(len(errors)), noise=max(noise, 1e-3), **fields)


def limited(n, limit=0.15, share=0.15, c=0.5):
    return limit + share * (n / 1000) ** -c


def test_a_power_law_to_a_limit_is_carried_on():
    found = forecast(curve(limited(SIZES), noise=0.002))
    assert found.refusal is None
    assert found.at([2000, 4000, 8000]) == pytest.approx(limited(np.array([2000, 4000, 8000])), rel=0.05)
    low, high = found.band([4000])
    assert low[0] < limited(4000) < high[0]


def test_a_pure_power_law_keeps_its_exponent():
    found = forecast(curve(0.2 * (SIZES / 1000) ** -0.4))
    assert found.at([4000])[0] == pytest.approx(0.2 * 4**-0.4, rel=0.07)
    assert found.missed < found.missed_by_last


def test_a_curve_that_leaves_chance_late_is_carried_on():
    u = forecast(curve(limited(SIZES), noise=0, chance=0.8))
    assert "M4" in u.weights
    assert forecast(curve(limited(SIZES), noise=0)).weights.keys() == {"M0", "M1", "M2", "M3"}


def test_noise_about_one_level_is_forecast_as_flat():
    found = forecast(curve(np.full(9, 0.2), noise=0.03))
    assert found.is_flat
    assert found.at([8000])[0] == pytest.approx(0.2, rel=0.06)


def test_bands_widen_with_the_distance_and_with_what_is_judged_on():
    near, far, rough = (
        forecast(curve(limited(SIZES), level=level)).band([times * 1000])
        for times, level in ((1, 0.0), (8, 0.0), (1, 0.2))
    )
    assert far[1] - far[0] > near[1] - near[0]
    assert rough[1] - rough[0] > near[1] - near[0]


def test_one_point_far_off_changes_little():
    errors = limited(SIZES)
    errors[3] *= 1.5
    assert forecast(curve(errors)).at([4000])[0] == pytest.approx(limited(4000), rel=0.1)


def test_errors_of_shares_stay_within_one():
    found = forecast(curve(np.full(9, 0.97), noise=0.1, most=1.0, level=0.1))
    assert found.sample([4000]).max() == 1
    assert found.at([4000])[0] <= 1
    assert forecast(curve(np.full(9, 0.97), noise=0.1)).sample([4000]).max() > 1


def test_only_families_with_a_limit_level_off():
    limits = {
        found.family: found.limit
        for found in (
            forecast(curve(np.full(9, 0.2), noise=0.03)),
            forecast(curve(0.2 * (SIZES / 1000) ** -0.4)),
            forecast(curve(limited(SIZES, c=1.0), noise=0.001)),
        )
    }
    assert limits.keys() == {"M0", "M1", "M2"}
    assert limits["M0"] is limits["M1"] is None
    assert limits["M2"] == pytest.approx(0.15, rel=0.15)


def test_the_same_curve_has_the_same_forecast():
    first, second = (forecast(curve(limited(SIZES))) for _ in range(2))
    assert (first.sample([4000]) == second.sample([4000])).all()


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (0.2 * (SIZES / 1000) ** 0.3, "its errors grow with the data, by more than chance"),
        (
            limited(SIZES)[-4:],
            "4 sizes are too few for a curve; 5 are needed: give the fits more time with `rungwise forecast RUN "
            "--budget …`, or more rows of each class",
        ),
        (np.where(SIZES > 900, np.nan, 0.2), "its score isn't defined for every size"),
        (np.zeros(9), "it makes no errors, at any size"),
    ],
)
def test_what_is_no_learning_curve_is_refused_with_the_reason(errors, said):
    found = forecast(curve(errors))
    assert found.refusal == said
    assert np.isnan(found.at([4000])).all()
    assert np.isnan(found.band([4000])).all()


def test_a_few_sizes_without_errors_are_no_obstacle():
    errors = limited(SIZES, limit=0)
    errors[-1] = 0
    assert 0 < forecast(curve(errors)).at([4000])[0] < 0.3


def test_families_are_one_at_the_size_of_the_run_and_fall():
    for family in families(3.0):
        logs = family.shape(np.array([0.1, 0.5, 1.0, 4.0, 1e6]))
        assert logs[:, 2] == pytest.approx(0, abs=1e-6)
        assert (np.diff(logs, axis=1) <= 1e-9).all()
        assert np.exp(np.logaddexp.reduce(family.prior)) == pytest.approx(1)


def test_m4_solves_its_equation():
    m4 = families(3.0)[-1]
    assert m4.name == "M4"
    c, f, alpha = (m4.parameters[name] for name in ("c", "f", "alpha"))
    x = np.array([0.2, 4.0])
    u = np.exp(m4.shape(x))
    left = (u - f[:, None]) / (3 - u) ** alpha[:, None]
    right = ((1 - f) / 2**alpha)[:, None] * x ** -c[:, None]
    assert left == pytest.approx(right, rel=1e-4, abs=1e-6)


def test_models_of_the_same_rows_share_what_is_known_of_their_curves():
    noisy = np.exp(0.1 * np.random.default_rng(3).standard_normal(len(SIZES))) * 0.2 * (SIZES / 1000) ** -0.2
    curves = {
        "steep": curve(0.2 * (SIZES / 1000) ** -0.4),
        "steeper": curve(0.3 * (SIZES / 1000) ** -0.5),
        "noisy": curve(noisy, noise=0.1),
        "rising": curve(0.2 * (SIZES / 1000) ** 0.5),
    }
    alone = {name: forecast(each) for name, each in curves.items()}
    shared = weighed_together(alone)
    assert shared["rising"] is alone["rising"]
    assert shared["rising"].refusal is not None
    assert shared["steep"].weights == pytest.approx(shared["noisy"].weights)
    assert sum(shared["noisy"].weights.values()) == pytest.approx(1)
    assert shared["noisy"].weights["M0"] < alone["noisy"].weights["M0"]
    assert shared["noisy"].at([4000])[0] < alone["noisy"].at([4000])[0]
    by_chance = {"steep": curves["steep"], "known": curve(0.2 * (SIZES / 1000) ** -0.4, chance=0.8)}
    with_m4 = weighed_together({name: forecast(each) for name, each in by_chance.items()})
    assert "M4" not in with_m4["steep"].weights
    assert with_m4["known"].weights["M4"] > 0
