"""Settings that a rung doesn't have are named, with what to write instead."""

from __future__ import annotations

import pytest

from rungwise import registry
from rungwise.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("mlp", "epoch", r"no setting 'epoch' \(did you mean 'epochs'\? it has .*epochs"),
        ("mlp", "zzz", r"no setting 'zzz' \(it has .*epochs"),
        ("baseline", "x", r"no setting 'x' \(it has no settings\)$"),
    ],
)
def test_a_setting_that_is_not_there_is_named(name: str, setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        registry.make_config(registry.rung(name).config, {setting: 1})


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("svm", {"C": "abc"}, r"C='abc': must be float"),
        ("textcnn", {"widths": 3}, r"widths=3: must be a list"),
        ("textcnn", {"widths": [3, "a"]}, r"widths=\[3, 'a'\]: must be int"),
        ("vit", {"patch_size": 2.5}, r"patch_size=2.5: must be int"),
    ],
)
def test_a_setting_of_another_type_is_named(name: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        registry.make_config(registry.rung(name).config, settings)


def test_settings_become_the_types_that_they_are_declared_with() -> None:
    assert registry.make_config(registry.rung("svm").config, {"C": 2}).C == 2.0
    assert registry.make_config(registry.rung("svm").config, {"C": None}).C is None
    assert registry.make_config(registry.rung("textcnn").config, {"widths": [2, 3]}).widths == (2, 3)
