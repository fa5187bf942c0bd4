"""Every image network's cost formula beside the network that is built, and what it says of sizes that don't fit."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from rungwise import registry
from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.rung import ImageShape, NetworkRung

NAMES = [
    name
    for name in registry.rungs_for((InputKind.IMAGE, OutputKind.LABEL))
    if isinstance(registry.rung(name), NetworkRung)
]
SIZES = [(1, 28, 28), (1, 8, 8), (3, 64, 64), (3, 21, 34), (1, 3, 5), (3, 100, 97)]

OTHERS = [
    ("alexnet", {"width": 8, "stem": "large"}, (3, 70, 70)),
    ("densenet", {"growth_rate": 4, "depth": 121}, (3, 112, 112)),
    ("inception", {"width": 4, "stem": "large"}, (3, 75, 80)),
    ("resnet", {"width": 4, "depth": 50}, (3, 40, 40)),
    ("resnet", {"width": 4, "stem": "large"}, (1, 9, 9)),
    ("vit", {"size": "tiny"}, (3, 48, 48)),
]


def shape(channels, height, width):
    return ImageShape(num_examples=100, num_outputs=10, channels=channels, height=height, width=width)


def check(name, settings, size):
    """In bf16, in which attention is made of products that the counter sees."""
    rung = registry.rung(name)
    config = registry.make_config(rung.config, settings)
    network = rung.build(config, shape(*size)).eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert network(torch.zeros(2, *size)).shape == (2, 10)
    cost = rung.cost(config, shape(*size))
    assert cost.parameters == sum(p.numel() for p in network.parameters())
    assert cost.predict_flops == pytest.approx(counter.get_total_flops() / 2, rel=0.005)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("name", NAMES)
def test_the_formula_counts_the_operations_of_a_forward_pass(name, size):
    check(name, {}, size)


@pytest.mark.parametrize(("name", "settings", "size"), OTHERS)
def test_so_it_does_with_other_settings(name, settings, size):
    check(name, settings, size)


@pytest.mark.parametrize("name", NAMES)
def test_the_formula_draws_nothing_at_random(name):
    before = torch.get_rng_state()
    rung = registry.rung(name)
    rung.cost(rung.config(), shape(1, 12, 12))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("name", "least"), [("alexnet", 63), ("densenet", 29), ("inception", 75)])
def test_images_too_small_for_the_published_network_are_an_error(name, least):
    rung = registry.rung(name)
    config = registry.make_config(rung.config, {"stem": "large"})
    with pytest.raises(
        ConfigError, match=rf"{least - 1} pixels .* stem='large', which needs {least}; use 'auto'"
    ):
        rung.build(config, shape(3, least - 1, 80))
    with torch.inference_mode():
        assert rung.build(config, shape(3, least, 80)).eval()(torch.zeros(1, 3, least, 80)).shape == (1, 10)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("resnet", {"depth": 19}, "depth=19: must be one of 10, 18, 34, 50, 101"),
        ("resnet", {"width": 0}, "width=0: must be at least 1"),
        ("densenet", {"growth_rate": 1000}, "growth_rate=1000: must be from 1 to 256"),
        ("inception", {"width": 1000}, "width=1000: must be from 1 to 256"),
        (
            "vit",
            {"size": "tiny", "num_heads": 5},
            "size='tiny' decides num_heads; leave them out, or use 'own'",
        ),
        ("vit", {"size": "huge"}, "allowed are own, tiny, small, base"),
    ],
)
def test_settings_out_of_range_are_named(name, settings, message):
    with pytest.raises(ConfigError, match=message):
        registry.make_config(registry.rung(name).config, settings)
