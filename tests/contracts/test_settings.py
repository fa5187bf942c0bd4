"""Settings that a rung doesn't have are named, with what to write instead."""

from __future__ import annotations

import pytest

from rungwise import registry
from rungwise.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("mlp", "epoch", r"'epoch' is no setting of MLPConfig \(did you mean 'epochs'\? it has .*epochs"),
        ("mlp", "zzz", r"'zzz' is no setting of MLPConfig \(it has .*epochs"),
        ("baseline", "x", r"'x' is no setting of \w+ \(it has no settings\)$"),
    ],
)
def test_a_setting_that_is_not_there_is_named(name: str, setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        registry.make_config(registry.rung(name).config, {setting: 1})
