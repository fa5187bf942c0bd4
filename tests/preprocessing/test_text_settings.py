"""Settings of networks over texts that say nothing are errors."""

import pytest

import rungwise as rw
from rungwise import registry
from rungwise.errors import ConfigError
from rungwise.kinds import OutputKind
from rungwise.ladder.choices import check_kinds

MESSAGE = "pooling='first': each word has a tag of its own, so nothing is pooled; leave it out"


@pytest.mark.parametrize("name", ["bert", "hugging-face", "transformer"])
def test_pooling_is_for_texts_with_one_label(name):
    make = registry.rung(name).config
    make().check_kind(OutputKind.TAGS)
    settings = {name: {"pooling": "first"}}
    check_kinds(settings, OutputKind.LABEL)
    with pytest.raises(ConfigError, match=f"^{name}: {MESSAGE}"):
        check_kinds(settings, OutputKind.TAGS)


def test_an_estimator_says_so_when_it_is_fitted():
    with pytest.raises(ConfigError, match=MESSAGE):
        rw.TransformerTagger(pooling="first").fit([["Ada"], ["so"]] * 4, [["B-PER"], ["O"]] * 4)


@pytest.mark.parametrize("setting", ["class_weight", "sampling"])
def test_sentences_have_no_classes_to_balance_and_it_is_said_before_the_climb(setting):
    with pytest.raises(ConfigError, match=f"^bilstm-crf: {setting}='balanced': a sentence has no class"):
        check_kinds({"bilstm-crf": {setting: "balanced"}}, OutputKind.TAGS)
