import pytest

from rungwise.errors import ConfigError
from rungwise.evaluation import Terms
from rungwise.evaluation.terms import Cost


def test_amounts_have_units():
    terms = Terms.parse(margin=0.01, cost="latency", max_latency="5ms", max_size="20 MB")
    assert terms == Terms(0.01, Cost.LATENCY, 0.005, 20e6)
    assert Terms.parse(max_latency=0.2, max_size=1e6) == Terms(
        max_latency=0.2, max_size=1e6
    )  # seconds, bytes
    assert Terms.parse(max_latency="2e-1 s", max_size="1e6B") == Terms(max_latency=0.2, max_size=1e6)
    small = Terms.parse(max_latency="300us", max_size="1.5gb")
    assert (small.max_latency, small.max_size) == (pytest.approx(3e-4), 1.5e9)


def test_what_is_stored_is_read_again():
    terms = Terms.parse(margin=0.0, cost="price", max_latency="1s", price_per_hour=0.4)
    assert Terms.parse(**terms.to_dict()) == terms


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"cost": "money"}, "cost 'money' is unknown; allowed are train, size, latency, energy, price"),
        ({"cost": "price"}, "cost 'price' needs a price: give what an hour .* --price-per-hour 0.40"),
        (
            {"price_per_hour": 0},
            "price_per_hour 0 must be a number above 0: what an hour of the machine costs",
        ),
        ({"price_per_hour": float("nan")}, "price_per_hour nan must be a number above 0"),
        ({"margin": -0.1}, "margin -0.1 must be a number from 0 on"),
        ({"margin": float("nan")}, "margin nan must be a number"),
        ({"max_latency": "5 parsecs"}, "max_latency '5 parsecs' is no amount; write such as 5ms"),
        ({"max_size": "big"}, "max_size 'big' is no amount; write such as 500kB or 20MB"),
        (
            {"max_latency": "5"},
            r"max_latency '5' has no unit; write such as 5ms or 0.2s \(us, µs, μs, ms, s\)",
        ),
        ({"max_size": "20"}, r"max_size '20' has no unit; write such as 500kB or 20MB \(B, kB, MB, GB\)"),
        ({"max_latency": "ms"}, "max_latency 'ms' is no amount; write such as 5ms or 0.2s"),
        ({"max_size": 0}, "max_size 0 must be above 0"),
        ({"max_size": "0B"}, "max_size 0.0 must be above 0"),
    ],
)
def test_terms_that_cannot_be_used(said, message):
    with pytest.raises(ConfigError, match=message):
        Terms.parse(**said)
