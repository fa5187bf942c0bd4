"""Tokenizers of other libraries: what is published loads and cuts as it did, what can't be used is named."""

from __future__ import annotations

import json
import time

import pyarrow as pa
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from rungwise.errors import ConfigError, ModelError
from rungwise.fitting import Pretrained
from rungwise.preprocessing import vocabulary
from rungwise.preprocessing.tokens import TokenPreprocessor
from rungwise.preprocessing.vocabulary import foreign_tokenizer, frame_of
from rungwise.rungs.transformer.bert import BERTConfig

TEXT = "It's  a\tgood\n film, 12345 times ``better''…  电影"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "film"]
OF_DECODERS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPLITS = {
    "GPT-2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "Qwen2": OF_DECODERS % r"\p{N}",
    "Llama 3": OF_DECODERS % r"\p{N}{1,3}",
}


def unigram(*replacing):
    """As `transformers` makes those of SentencePiece's kind, but for the table of characters."""
    pieces = [(piece, -float(n)) for n, piece in enumerate(["<pad>", "<unk>", "▁", *"abcdefgilmorstt"])]
    tokenizer = Tokenizer(models.Unigram(list(dict(pieces).items()), unk_id=1))
    tokenizer.normalizer = normalizers.Sequence(list(replacing))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    return tokenizer


def albert():
    quotes = [normalizers.Replace(quote, '"') for quote in ("``", "''")]
    rest = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    return unigram(*quotes, *rest, normalizers.Replace(Regex(" {2,}"), " "))


def deberta():
    return unigram(
        normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "), normalizers.Replace(Regex(" {2,}"), " ")
    )


def decoder(pattern):
    """Bytes, and the merges of none."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = {letter: n for n, letter in enumerate([*letters, "<|endoftext|>"])}
    tokenizer = Tokenizer(models.BPE(names, []))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def word_pieces(words=WORDS, first=2):
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", first), ("[SEP]", 3)]
    )
    return tokenizer


def edited(tokenizer, **model):
    stored = json.loads(tokenizer.to_str())
    stored["model"] |= model
    return json.dumps(stored)


@pytest.mark.parametrize(
    "tokenizer",
    [albert(), deberta(), *map(decoder, SPLITS.values())],
    ids=["ALBERT", "DeBERTa", *SPLITS],
)
def test_published_tokenizers_cut_as_they_do(tokenizer):
    ours = foreign_tokenizer(tokenizer.to_str(), 300)
    assert ours.encode(TEXT).ids == tokenizer.encode(TEXT).ids
    assert len(ours.encode(TEXT).ids) > 20


@pytest.mark.parametrize("part", [" ", "\n", " \n", "a", " !"])
def test_the_patterns_that_are_allowed_take_no_longer_than_a_text_is_long(part):
    for pattern in vocabulary._PATTERNS:
        started = time.process_time()
        pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str(part * (30_000 // len(part)) + "x")
        assert (
            time.process_time() - started < 1
        )  # of " +x$", whose time grows with the square, it is two or more


@pytest.mark.parametrize("tokenizer", [word_pieces(), decoder(SPLITS["GPT-2"]), albert()])
def test_models_without_a_type_are_known_by_what_they_have(tokenizer):
    stored = json.loads(tokenizer.to_str())
    del stored["model"]["type"]
    assert foreign_tokenizer(json.dumps(stored), 300).encode(TEXT).ids == tokenizer.encode(TEXT).ids


def test_the_tokens_that_stand_for_others_are_found_by_their_names():
    frame = frame_of(foreign_tokenizer(word_pieces().to_str(), 10))
    assert (frame.before, frame.after, frame.pad, frame.unknown, frame.mask) == ((2,), (3,), 0, 1, 1)
    frame = frame_of(foreign_tokenizer(decoder(SPLITS["GPT-2"]).to_str(), 300))
    assert (frame.before, frame.after, frame.pad, frame.unknown, frame.mask) == ((), (), 0, 256, 256)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            word_pieces(["[PAD]", "x", "[CLS]", "[SEP]"]).to_str(),
            r"its unk_token is '\[UNK\]'; it must be one of",
        ),
        (word_pieces(["[PAD]", "x", "[CLS]", "[SEP]", "a"]).to_str(), "its unk_token is"),
        (edited(word_pieces(), unk_token=None), "unk_token"),
        (edited(decoder(SPLITS["GPT-2"]), unk_token="<x>"), "its unk_token is '<x>'; it must be one of"),
        (edited(albert(), unk_id=None), "its unk_id is None; it must be the number of a token"),
        (edited(albert(), unk_id=99), "can't be read"),
        (edited(word_pieces(), type=["WordPiece"]), r"its model is \"\['WordPiece'\]\"; allowed are BPE"),
        (edited(word_pieces(), vocab=[]), "'vocab' is"),
        (word_pieces(first=99999).to_str(), "has a token 99999, but the network knows those under 300 alone"),
        (
            decoder("(a+)+$").to_str(),
            r"the regular expression '\(a\+\)\+\$', which may take for ever; allowed",
        ),
    ],
)
def test_what_cannot_be_used_is_named(text, message):
    with pytest.raises(ModelError, match=message):
        foreign_tokenizer(text, 300)


def test_beside_weights_it_is_an_error_of_the_setting():
    given = Pretrained(name="lm", weights={}, tokenizer=word_pieces(first=99999).to_str())
    preprocessor = TokenPreprocessor(BERTConfig(pretrained="lm", vocab_size=10))
    with pytest.raises(ConfigError, match="pretrained='lm': the tokenizer has a token 99999"):
        preprocessor.fit(pa.chunked_array([["a film"]]), given)


def test_an_empty_name_for_the_unknown_is_none():
    ours = foreign_tokenizer(edited(Tokenizer(models.BPE({"a": 0, "b": 1}, [])), unk_token=""), 10)
    assert ours.encode("axb").ids == [0, 1]


def test_merges_are_never_left_out_at_random():
    names = {"a": 0, "b": 1, "ab": 2}
    ours = foreign_tokenizer(Tokenizer(models.BPE(names, [("a", "b")], dropout=1.0)).to_str(), 10)
    assert ours.encode("ab").ids == [2]
