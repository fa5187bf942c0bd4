from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from rungwise.data.sentences import as_predicates, as_tokens
from rungwise.errors import ConfigError, ModelError
from rungwise.fitting import Pretrained
from rungwise.preprocessing.pieces import PiecePreprocessor, case_of, cut_words
from rungwise.preprocessing.text_settings import TextNetworkConfig
from rungwise.preprocessing.tokens import TokenPreprocessor
from rungwise.preprocessing.vocabulary import PAD
from rungwise.rungs.transformer.bert import BERTConfig

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##der", "##stand", "we", "it"]
SENTENCES = [["we", "understand", "it"], ["it"], ["", "we"]]


def word_pieces():
    tokenizer = Tokenizer(models.WordPiece({name: n for n, name in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def pretrained(max_tokens=12):
    """A preprocessor with a tokenizer of pretrained weights, which stands [CLS] and [SEP] around each part."""
    config = BERTConfig(pretrained="x", vocab_size=len(VOCABULARY), max_tokens=max_tokens)
    preprocessor = PiecePreprocessor(config)
    given = Pretrained(name="x", weights={}, tokenizer=word_pieces().to_str())
    return preprocessor, given


def test_words_are_cut_into_pieces_each_at_least_one_and_not_too_many():
    pieces, counts = cut_words(word_pieces(), pa.array(["we", "understand", "", "we"]), 2, PAD)
    assert pieces.tolist() == [7, 4, 5, PAD, 7]
    assert counts.tolist() == [1, 2, 1, 1]


def test_a_batch_marks_the_first_piece_of_each_word():
    preprocessor, given = pretrained()
    inputs = as_tokens(SENTENCES)
    preprocessor.fit(inputs, given)
    examples = preprocessor.examples(inputs)
    tokens, lengths, cases = examples.batch(np.array([1, 0, 2]))
    assert lengths.tolist() == [3, 7, 4]
    assert tokens.tolist() == [[2, 8, 3, 0, 0, 0, 0], [2, 7, 4, 5, 6, 8, 3], [2, 0, 7, 3, 0, 0, 0]]
    assert [row.nonzero().flatten().tolist() for row in cases] == [[1], [1, 2, 5], [1, 2]]
    assert examples.num_words.tolist() == [3, 1, 2]


def test_a_batch_has_a_sentence_once_for_all_its_predicates():
    preprocessor, given = pretrained()
    inputs = as_predicates([(SENTENCES[0], 2), (SENTENCES[1], 0), (SENTENCES[0], 0), (SENTENCES[0], 1)])
    preprocessor.fit(inputs, given)
    assert preprocessor.shape(num_examples=4, num_outputs=3).readings == 2 / 4
    examples = preprocessor.examples(inputs)
    assert examples.groups.tolist() == [0, 1, 0, 0]
    tokens, lengths, cases, sentences, predicates = examples.batch(np.array([3, 1, 0]))
    assert tokens.tolist() == [[2, 7, 4, 5, 6, 8, 3], [2, 8, 3, 0, 0, 0, 0]]
    assert lengths.tolist() == [7, 3]
    assert (cases > 0).sum(1).tolist() == [3, 1]
    assert sentences.tolist() == [0, 1, 0]
    assert predicates.tolist() == [1, 0, 2]


@pytest.mark.parametrize("max_tokens", [3, 4, 5, 7])
def test_long_sentences_come_in_parts_none_above_the_limit_with_every_word_once(max_tokens):
    preprocessor, given = pretrained(max_tokens)
    inputs = as_predicates([(["we", "understand", "it"] * 4, 4), (["it"], 0)])
    preprocessor.fit(inputs, given)
    examples = preprocessor.examples(inputs)
    assert examples.lengths.max() <= max_tokens
    assert examples.num_words.sum() == 13
    words, places = [], []
    for part, count in enumerate(examples.num_words.tolist()):
        tokens, _, cases, _, predicates = examples.batch(np.array([part]))
        words += tokens[cases > 0].tolist()
        places += [number - int(predicates) for number in range(count)]
    assert words == [7, 4, 8] * 4 + [8]
    assert places == [*range(-4, 8), 0]  # in parts before it and behind it too


def test_a_tokenizer_is_trained_on_the_words_and_comes_back_from_what_is_stored():
    sentences = as_tokens([["Understand", "we", "must"], ["we", "understand"]] * 3)
    config = TextNetworkConfig(vocab_size=100)
    preprocessor, again = PiecePreprocessor(config), PiecePreprocessor(config)
    preprocessor.fit(sentences)
    again.restore(preprocessor.state())
    shapes = [one.shape(num_examples=6, num_outputs=3) for one in (preprocessor, again)]
    assert shapes[0] == shapes[1]
    assert shapes[0].mean_tokens == pytest.approx(2.5)
    ours, theirs = (one.examples(sentences) for one in (preprocessor, again))
    np.testing.assert_array_equal(ours.tokens, theirs.tokens)
    assert ours.predicates is None
    assert len(ours.batch(np.array([0]))) == 3


def test_the_mean_length_counts_what_stands_around_each_sentence_once():
    preprocessor, given = pretrained()
    inputs = as_tokens([["we", "understand", "it"], ["it"], ["we", "it"]] * 2)
    preprocessor.fit(inputs, given)
    shape = preprocessor.shape(num_examples=6, num_outputs=3)
    assert shape.mean_tokens == preprocessor.examples(inputs).lengths.mean() == pytest.approx(14 / 3)


@pytest.mark.parametrize("make", [PiecePreprocessor, TokenPreprocessor])
@pytest.mark.parametrize("max_tokens", [1, 2])
def test_a_limit_that_leaves_no_place_is_named(make, max_tokens):
    _, given = pretrained()
    inputs = as_tokens([["we"]]) if make is PiecePreprocessor else pa.chunked_array([["we"]])
    message = f"max_tokens={max_tokens}: must be at least 3, since the tokenizer stands 2 tokens around"
    config = BERTConfig(pretrained="x", vocab_size=len(VOCABULARY), max_tokens=max_tokens)
    with pytest.raises(ConfigError, match=message):
        make(config).fit(inputs, given)
    enough = replace(config, max_tokens=3)
    fitted = make(enough)
    fitted.fit(inputs, given)
    with pytest.raises(ModelError, match=message):
        make(config).restore(fitted.state())


def test_no_sentence_is_no_part():
    preprocessor = PiecePreprocessor(TextNetworkConfig())
    preprocessor.fit(as_tokens([["a", "b"]] * 2))
    assert len(preprocessor.examples(as_tokens([]))) == 0


@pytest.mark.parametrize(
    ("word", "case"),
    [
        ("house", 1),
        ("…", 1),
        ("北京", 1),
        ("", 1),
        ("House", 2),
        ("I", 2),
        ("“Élan”", 2),
        ("USA", 3),
        ("B2B", 3),
        ("iPhone", 4),
        ("McDonald", 4),
    ],
)
def test_how_a_word_is_written(word, case):
    assert case_of(word) == case


@pytest.mark.parametrize("is_uncased", [True, False])
def test_networks_are_told_of_capitals_where_the_pieces_have_none(is_uncased):
    preprocessor, _ = pretrained()
    tokenizer = word_pieces()
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=is_uncased)
    inputs = as_tokens([["We", "UNDERSTAND", "it"], ["it"]])
    preprocessor.fit(inputs, Pretrained(name="x", weights={}, tokenizer=tokenizer.to_str()))
    assert preprocessor.shape(num_examples=2, num_outputs=3).has_cases is is_uncased
    cases = preprocessor.examples(inputs).batch(np.array([0, 1]))[2]
    assert (cases > 0).sum() == 4
    assert cases[cases > 0].tolist() == ([2, 3, 1, 1] if is_uncased else [1, 1, 1, 1])


def test_tokenizers_that_put_a_blank_before_a_text_themselves_get_none():
    vocabulary = {piece: n for n, piece in enumerate(["<unk>", "▁", "w", "e", "▁w", "▁we"])}
    merges = [("▁", "w"), ("▁w", "e")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    blanks = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence(blanks)
    assert cut_words(tokenizer, pa.array(["we"]), 2, PAD)[0].tolist() == [5]
    tokenizer.normalizer = normalizers.Replace(" ", "▁")  # this one doesn't
    assert cut_words(tokenizer, pa.array(["we"]), 2, PAD)[0].tolist() == [5]
