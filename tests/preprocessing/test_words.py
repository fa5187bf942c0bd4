import json

import numpy as np
import pyarrow as pa
import pytest

from rungwise.errors import ModelError
from rungwise.preprocessing.text_settings import Unit, WordNetworkConfig
from rungwise.preprocessing.tokens import PAD, UNKNOWN, TokenPreprocessor

TEXTS = [
    "The film was good",
    "the FILM was bad",
    "这部电影很好",
    "映画がよかった",
    "映画がよかった",
    "wow 😀😀 it's 12",
]


def texts(*values):
    return pa.chunked_array([list(values)], pa.string())


def fitted(values=TEXTS, **settings):
    preprocessor = TokenPreprocessor(WordNetworkConfig(unit=Unit.WORD, **{"min_frequency": 1, **settings}))
    preprocessor.fit(texts(*values))
    return preprocessor


def tokens_of(preprocessor, text):
    return preprocessor.tokenizer.encode(text).tokens


def test_words_are_whole_whatever_their_case_and_width():
    assert tokens_of(fitted(), "THE Film １２") == ["the", "film", "12"]


def test_characters_of_scripts_without_blanks_are_words():
    assert tokens_of(fitted(), "这电影") == ["这", "电", "影"]
    assert tokens_of(fitted(), "映画がよ") == ["映", "画", "が", "よ"]
    assert tokens_of(fitted(["ที่ดี"]), "ที่") == ["ที่"]  # a Thai letter with its vowel and tone


def test_every_sign_is_a_word():
    assert tokens_of(fitted(), "😀😀 it's") == ["😀", "😀", "it", "'", "s"]


def test_words_that_training_had_not_are_unknown():
    examples = fitted().examples(texts("unheard film", "[PAD]", ""))
    assert examples.tokens[0] == UNKNOWN
    assert PAD not in examples.tokens
    assert examples.lengths.tolist() == [2, 3, 1]


def test_rare_words_are_unknown_and_equally_frequent_ones_go_by_the_alphabet():
    vocabulary = fitted(["b a c", "a b d", "a"], min_frequency=2).tokenizer.get_vocab()
    assert sorted(vocabulary, key=vocabulary.get) == ["[PAD]", "[UNK]", "a", "b"]
    vocabulary = fitted(["c b a d"], vocab_size=4).tokenizer.get_vocab()
    assert sorted(vocabulary, key=vocabulary.get) == ["[PAD]", "[UNK]", "a", "b"]


def test_a_stored_vocabulary_of_words_cuts_texts_alike_whatever_the_config_says():
    preprocessor = fitted()
    restored = TokenPreprocessor(WordNetworkConfig())
    restored.restore(preprocessor.state())
    np.testing.assert_array_equal(
        restored.examples(texts(*TEXTS)).tokens, preprocessor.examples(texts(*TEXTS)).tokens
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stored: stored["model"].update(unk_token="film"), "in another way"),
        (lambda stored: stored["pre_tokenizer"].update(invert=False), "in another way"),
        (lambda stored: stored["model"].update(type="BPE"), "in another way"),
        (lambda stored: stored["model"]["vocab"].update({"film": 0}), "numbered from 0"),
        (lambda stored: stored["model"]["vocab"].update({"film": "1"}), "numbered from 0"),
    ],
)
def test_a_strangers_vocabulary_is_looked_at(change, message):
    state = fitted().state()
    stored = json.loads(state["tokenizer"])
    change(stored)
    with pytest.raises(ModelError, match=message):
        TokenPreprocessor(WordNetworkConfig()).restore(state | {"tokenizer": json.dumps(stored)})
