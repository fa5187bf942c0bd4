"""Settings of rungs as they are typed."""

import click
import pytest

from rungwise import registry
from rungwise.cli.options import rung_settings
from rungwise.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("true", True),
        ("False", False),
        ("false", False),
        ("3", 3),
        ("1e-4", 1e-4),
        ("first", "first"),
        ("None", None),
    ],
)
def test_a_value_is_what_it_reads_as(text, wanted):
    option = click.Option(["--set"])
    settings = rung_settings(click.Context(click.Command("fit")), option, (f"gru.name={text}",))
    assert settings == {"gru": {"name": wanted}}


def test_what_is_neither_true_nor_false_is_told_so():
    with pytest.raises(ConfigError, match="bidirectional='on': must be true or false"):
        registry.make_config(registry.rung("gru").config, {"bidirectional": "on"})
