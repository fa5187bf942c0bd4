import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rungwise.errors import ModelError
from rungwise.preprocessing.text_settings import Unit, WordNetworkConfig
from rungwise.preprocessing.tokens import PAD, UNKNOWN, TextNetworkConfig, TokenPreprocessor, in_parts
from rungwise.scripts import UNSPACED

TEXTS = [
    "The film was good",
    "the FILM was bad",
    "这部电影很好",
    "这部电影很差",
    "wow 😀 12 34",
    "wow 😀 12 34",
]


def texts(*values):
    return pa.chunked_array([list(values)], pa.string())


def fitted(values=TEXTS, **settings):
    preprocessor = TokenPreprocessor(TextNetworkConfig(**settings))
    preprocessor.fit(texts(*values))
    return preprocessor


def tokens_of(preprocessor, text):
    return preprocessor.tokenizer.encode(text).tokens


def test_case_and_width_do_not_matter():
    preprocessor = fitted()
    assert tokens_of(preprocessor, "THE Film １２") == ["the", "film", "12"]


def test_chinese_characters_are_tokens_each():
    assert tokens_of(fitted(), "这电影好") == ["这", "电", "影", "好"]


def test_emoji_and_numbers_are_tokens():
    assert tokens_of(fitted(), "😀 34") == ["😀", "34"]


def test_new_words_come_in_pieces():
    pieces = tokens_of(fitted(["walking talk", "talking walk"]), "tailking")
    assert len(pieces) > 1
    assert "".join(pieces).replace("##", "") == "tailking"
    assert "[UNK]" not in pieces


def test_characters_never_seen_are_unknown():
    assert tokens_of(fitted(), "film☃☃ wow") == ["film", "[UNK]", "[UNK]", "wow"]


@pytest.mark.parametrize("letters", ["acgt", "กขคงจ"])
def test_text_without_blanks_is_cut_however_long(letters):
    draw = np.random.default_rng(0)
    strands = ["".join(draw.choice(list(letters), size)) for size in (320, 360, 3000)]
    preprocessor = fitted(strands, min_frequency=1)
    for strand in strands:
        pieces = tokens_of(preprocessor, strand)
        assert "".join(pieces).replace("##", "") == strand


def test_stored_tokenizers_that_leave_long_words_whole_still_do():
    preprocessor = fitted(["ACGT" * 90, "short"], min_frequency=1)
    state = preprocessor.state()
    old = state | {"tokenizer": state["tokenizer"].replace(r"\\w{1,256}", r"\\w+")}
    assert old != state
    restored = TokenPreprocessor(TextNetworkConfig())
    restored.restore(old)
    assert restored.state() == old
    assert tokens_of(restored, "ACGT" * 90) == ["[UNK]"]
    assert tokens_of(restored, "short") == tokens_of(preprocessor, "short")


def test_stored_tokenizers_of_words_cut_as_they_did():
    settings = WordNetworkConfig(unit=Unit.WORD, min_frequency=1)
    preprocessor = TokenPreprocessor(settings)
    preprocessor.fit(texts("short words \ufa0e"))
    state = preprocessor.state()
    stored = json.loads(state["tokenizer"])
    pattern = stored["pre_tokenizer"]["pattern"]
    scripts = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    pattern["Regex"] = pattern["Regex"].replace(UNSPACED, scripts)
    restored = TokenPreprocessor(settings)
    restored.restore(state | {"tokenizer": json.dumps(stored)})
    assert json.loads(restored.state()["tokenizer"]) == stored
    assert tokens_of(restored, "short ㄅㄆ words") == ["short", "[UNK]", "words"]
    assert tokens_of(preprocessor, "short ㄅㄆ words") == ["short", "[UNK]", "[UNK]", "words"]
    pattern["Regex"] = "."
    with pytest.raises(ModelError, match="cuts texts in another way"):
        restored.restore(state | {"tokenizer": json.dumps(stored)})


def test_a_text_cannot_hold_padding():
    examples = fitted().examples(texts("[PAD] film"))
    assert PAD not in examples.tokens
    assert len(examples.tokens) == 4


def test_the_vocabulary_is_of_the_training_texts_alone():
    preprocessor = fitted()
    before = preprocessor.tokenizer.get_vocab()
    preprocessor.examples(texts("unheard of words", "unheard of words"))
    assert preprocessor.tokenizer.get_vocab() == before


def test_training_again_gives_the_same_tokenizer():
    states = {fitted().state()["tokenizer"] for _ in range(5)}
    assert len(states) == 1


def test_rare_words_are_no_entries():
    vocabulary = fitted(["good film", "good film", "awkward film"], min_frequency=2).tokenizer.get_vocab()
    assert "good" in vocabulary
    assert "awkward" not in vocabulary


def test_the_vocabulary_size_is_kept():
    assert fitted(vocab_size=45).shape(num_examples=6, num_outputs=2).vocab_size == 45
    assert fitted().shape(num_examples=6, num_outputs=2).vocab_size > 45


def test_chunks_of_the_column_do_not_matter():
    preprocessor = fitted()
    whole = preprocessor.examples(texts(*TEXTS))
    parts = preprocessor.examples(pa.chunked_array([TEXTS[:1], [], TEXTS[1:]], pa.string()))
    np.testing.assert_array_equal(whole.tokens, parts.tokens)
    np.testing.assert_array_equal(whole.offsets, parts.offsets)


def test_tokens_lie_flat_in_32_bits():
    examples = fitted().examples(texts(*TEXTS))
    assert examples.tokens.dtype == np.int32
    assert examples.tokens.ndim == 1
    assert len(examples) == len(TEXTS)
    assert examples.lengths.sum() == len(examples.tokens)


def test_a_batch_is_padded_at_the_end_and_knows_its_lengths():
    preprocessor = fitted()
    examples = preprocessor.examples(texts("the film the film", "film"))
    tokens, lengths = examples.batch(np.array([1, 0]))
    film = preprocessor.tokenizer.token_to_id("film")
    assert tokens.dtype == torch.int64
    assert tokens.tolist()[0] == [film, PAD, PAD, PAD]
    assert lengths.tolist() == [1, 4]


def test_an_empty_text_is_one_unknown_token():
    tokens, lengths = fitted().examples(texts("", "  ")).batch(np.array([0, 1]))
    assert tokens.tolist() == [[UNKNOWN], [UNKNOWN]]
    assert lengths.tolist() == [1, 1]


def test_no_texts_are_no_examples():
    assert len(fitted().examples(texts())) == 0


def test_long_texts_are_read_in_equal_parts_that_lose_nothing():
    preprocessor = fitted(max_tokens=3)
    examples = preprocessor.examples(texts("the film was good the film was", "film", "the film was"))
    assert examples.lengths.tolist() == [3, 3, 2, 2, 1, 3]
    assert examples.owners.tolist() == [0, 0, 0, 0, 1, 2]
    whole = fitted().examples(texts("the film was good the film was", "film", "the film was"))
    assert whole.owners is None
    np.testing.assert_array_equal(examples.tokens, whole.tokens)


@given(st.lists(st.integers(1, 50), max_size=8), st.integers(1, 12))
def test_parts_are_as_few_and_as_equal_as_can_be(lengths, limit):
    parts, owners = in_parts(np.array(lengths, dtype=np.int64), limit)
    owners = np.arange(len(lengths)) if owners is None else owners
    for number, length in enumerate(lengths):
        own = parts[owners == number]
        assert own.sum() == length
        assert len(own) == -(-length // limit)
        assert own.max() <= min(limit, own.min() + 1)


def test_shape_has_the_mean_length():
    shape = fitted(["film film", "film film film film"]).shape(num_examples=2, num_outputs=2)
    assert shape.mean_tokens == 3


def test_restored_it_gives_the_same_tokens():
    preprocessor = fitted()
    restored = TokenPreprocessor(TextNetworkConfig())
    restored.restore(preprocessor.state())
    np.testing.assert_array_equal(
        restored.examples(texts(*TEXTS)).tokens, preprocessor.examples(texts(*TEXTS)).tokens
    )
    assert restored.state() == preprocessor.state()


def test_a_damaged_tokenizer_is_a_named_error():
    with pytest.raises(ModelError, match="tokenizer can't be read"):
        TokenPreprocessor(TextNetworkConfig()).restore({"tokenizer": "{}", "mean_tokens": 1.0})
