"""Word vectors from a table of pieces and a tokenizer, as wordllama and model2vec have them."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from rungwise import load, registry
from rungwise.errors import ConfigError, DataError
from rungwise.estimators import estimator_class
from rungwise.kinds import OutputKind
from rungwise.ladder.choices import check_pretrained
from rungwise.layers.embedding import VECTOR_STD, TokenEmbedding
from rungwise.preprocessing.piece_vectors import piece_vector_size, read_piece_vectors
from rungwise.preprocessing.vectors import read_vectors
from rungwise.rung import TextShape

PIECES = ["[PAD]", "[UNK]", "film", "good", "bad", "##s", "电", "影", "a", "day"]
ROWS = torch.arange(20.0).reshape(10, 2)
WORDS = ["film", "films", "电影", "unheard", "[UNK]"]
MEANS = [[4, 5], [7, 8], [13, 14], [0, 0], [0, 0]]


def word_pieces():
    tokenizer = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def written(folder, tokenizer=None, table="model.safetensors", said="tokenizer.json", **tensors):
    for name in (table, said):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors or {"embeddings": ROWS}, folder / table)
    (folder / said).write_text((tokenizer or word_pieces()).to_str())
    return str(folder)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_words_vector_is_the_mean_of_its_pieces_but_of_those_that_are_not_known(tmp_path, dtype):
    folder = written(tmp_path / "words", embeddings=ROWS.to(dtype))
    values, is_known = read_piece_vectors(folder, WORDS)
    assert values.dtype == np.float32
    assert values.tolist() == MEANS
    assert is_known.tolist() == [True, True, True, False, False]
    assert piece_vector_size(folder) == 2


def test_model2vecs_rows_and_weights_are_followed(tmp_path):
    mapping, weights = torch.tensor([0, 0, 2, 2, 2, 1, 0, 1, 0, 1]), torch.arange(10.0)
    values, _ = read_piece_vectors(
        written(tmp_path / "words", embeddings=ROWS[:3], mapping=mapping, weights=weights), WORDS[:3]
    )
    assert values.tolist() == [[8, 10], [(8 + 10) / 2, (10 + 15) / 2], [14 / 2, (6 + 21) / 2]]


def llama():
    """Cuts as Llama's tokenizer: it puts a blank before every text itself, and has bytes for what it doesn't know."""
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "f", "i", "l", "m", "电"]
    merges = [("▁", "f"), ("▁f", "i"), ("l", "m"), ("▁fi", "lm")]
    vocabulary = {piece: n for n, piece in enumerate(pieces + ["".join(pair) for pair in merges])}
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    stored = json.loads(tokenizer.to_str())
    blanks = [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    ]
    stored["normalizer"] = {"type": "Sequence", "normalizers": blanks}
    kinds = [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ]
    stored["decoder"] = {"type": "Sequence", "decoders": kinds}
    return Tokenizer.from_str(json.dumps(stored))


def test_wordllamas_own_folder_is_read_and_blanks_say_nothing(tmp_path):
    tokenizer = llama()
    rows = torch.arange(float(tokenizer.get_vocab_size()))[:, None]
    folder = written(
        tmp_path / "wordllama",
        tokenizer,
        "weights/l2_supercat_1.safetensors",
        "tokenizers/l2_supercat_tokenizer_config.json",
        **{"embedding.weight": rows},
    )
    values, is_known = read_piece_vectors(folder, ["film", "电", "影", ""])
    number = tokenizer.token_to_id
    in_bytes = [number(f"<0x{byte:02X}>") for byte in "影".encode()]
    np.testing.assert_allclose(values[:, 0], [number("▁film"), number("电"), sum(in_bytes) / 3, 0])
    assert is_known.tolist() == [True, True, True, False]


def test_a_vocabularys_vectors_are_as_far_spread_as_random_ones_and_special_tokens_have_none(tmp_path):
    vectors = read_vectors(written(tmp_path / "words"), {"films": 2, "unheard": 3, "电影": 5}, str.lower)
    assert vectors.is_known.tolist() == [False, False, True, False, False, True]
    known = vectors.values[vectors.is_known]
    assert known.std() == pytest.approx(VECTOR_STD)
    np.testing.assert_allclose(known / known[0, 0] * 7, [[7, 8], [13, 14]], rtol=1e-6)
    assert not vectors.values[~vectors.is_known].any()


@pytest.mark.parametrize(
    ("file", "text", "error", "message"),
    [
        ("model.safetensors", None, ConfigError, r"one \*\.safetensors, and this one has 0"),
        ("b.safetensors", "", ConfigError, r"one \*\.safetensors, and this one has 2"),
        ("tokenizer.json", None, ConfigError, r"one tokenizer\.json, and this one has 0"),
        ("tokenizer.json", "{", ConfigError, r"tokenizer\.json: the tokenizer can't be used"),
        ("model.safetensors", "{", DataError, "can't be read as safetensors"),
    ],
)
def test_a_folder_without_its_files_is_a_named_error(tmp_path, file, text, error, message):
    folder = written(tmp_path / "words")
    if text is None:
        (tmp_path / "words" / file).unlink()
    else:
        (tmp_path / "words" / file).write_text(text)
    with pytest.raises(error, match=message):
        read_vectors(folder, {"film": 2}, str.lower)


@pytest.mark.parametrize(
    ("tensors", "error", "message"),
    [
        ({"e": ROWS[:9]}, ConfigError, "a token 9, but the network knows those under 9"),
        ({"e": ROWS.char()}, DataError, r"one table of floats .* this file has e I8 \(10, 2\)"),
        ({"e": ROWS.flatten()}, DataError, r"this file has e F32 \(20,\)"),
        ({"a": ROWS, "b": ROWS * 2}, DataError, r"this file has a F32 \(10, 2\), b F32 \(10, 2\)"),
        ({"e": ROWS, "mapping": torch.arange(1, 11)}, DataError, "names rows that its 10 vectors don't have"),
        ({"e": ROWS / 0}, DataError, "a number that is not finite"),
    ],
)
def test_a_table_that_is_none_is_a_named_error(tmp_path, tensors, error, message):
    with pytest.raises(error, match=message):
        read_vectors(written(tmp_path / "words", **tensors), {"film": 2}, str.lower)


def test_a_strangers_tokenizer_is_looked_at(tmp_path):
    folder = written(tmp_path / "words")
    stored = json.loads(word_pieces().to_str())
    stored["pre_tokenizer"] = {
        "type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Removed", "invert": False,
    }  # fmt: skip
    (tmp_path / "words" / "tokenizer.json").write_text(json.dumps(stored))
    with pytest.raises(ConfigError, match=r"has the regular expression .* which may take for ever"):
        read_vectors(folder, {"film": 2}, str.lower)
    stored = json.loads(word_pieces().to_str())
    stored["model"]["unk_token"] = "missing"
    (tmp_path / "words" / "tokenizer.json").write_text(json.dumps(stored))
    with pytest.raises(ConfigError, match="its unk_token is 'missing'; it must be one of its vocabulary"):
        read_vectors(folder, {"unheard": 2}, str.lower)


def test_a_folder_without_any_of_the_words_is_a_named_error(tmp_path):
    with pytest.raises(ConfigError, match="has a vector of none of the 1 words of the training texts"):
        read_vectors(written(tmp_path / "words"), {"unheard": 2}, str.lower)


def test_a_ladder_looks_at_the_folder_before_it_climbs(tmp_path):
    shape = TextShape(num_examples=9, num_outputs=2, vocab_size=9, mean_tokens=3, max_tokens=9)
    settings = {"vectors": written(tmp_path / "words"), "unit": "word", "embedding_dim": 4}
    with pytest.raises(
        ConfigError, match="have 2 numbers, the network's 4; set the size of its vectors to 2"
    ):
        check_pretrained(["lstm"], {"lstm": settings}, shape)
    check_pretrained(["lstm"], {"lstm": settings | {"embedding_dim": 2}}, shape)


SMALL = {"epochs": 1, "num_heads": 1, "intermediate_size": 4, "num_layers": 1, "num_filters": 3}
TEXTS, LABELS = ["a good film", "a bad film", "a good day", "a bad 电 影"] * 10, ["good", "bad"] * 20
SENTENCES, TAGS = (
    [text.split() for text in TEXTS],
    [["O", "B-X", "O", "O"][: len(text.split())] for text in TEXTS],
)


def begun(name, folder, output):
    """A network that begins from vectors that it keeps, or, of words that are tagged, hardly changes."""
    known = registry.rung(name).config.__dataclass_fields__
    size = "hidden_size" if name == "transformer" else "embedding_dim"
    said = {**SMALL, size: 2, "min_steps": 0, "unit": "word", "variant": "static", "learning_rate": 1e-9}
    settings = {key: value for key, value in said.items() if key in known}
    return estimator_class(name, output)(vectors=folder, random_state=0, precision="fp32", **settings)


def check_begun(model, words, inputs, tmp_path):
    """The vectors of two words are those of the folder, but for their size, and a stored model needs it no more."""
    tables = [each for each in model.learner_.network.modules() if isinstance(each, TokenEmbedding)]
    weight = tables[0].weight.detach()
    film, bad = weight[words["film"]], weight[words["bad"]]
    torch.testing.assert_close(film / film[0] * 4, torch.tensor([4.0, 5.0]), atol=1e-4, rtol=0)
    torch.testing.assert_close(bad / film[0] * 4, torch.tensor([8.0, 9.0]), atol=1e-4, rtol=0)
    assert not weight[0].any()
    model.save(tmp_path / "model")
    shutil.rmtree(tmp_path / "words")
    assert list(load(tmp_path / "model").predict(inputs)) == list(model.predict(inputs))


@pytest.mark.parametrize("name", ["textcnn", "lstm", "gru", "simple-rnn", "transformer"])
def test_every_text_network_begins_from_them(tmp_path, name):
    model = begun(name, written(tmp_path / "words"), OutputKind.LABEL).fit(TEXTS, LABELS)
    check_begun(model, model.learner_.preprocessor.tokenizer.get_vocab(), TEXTS[:3], tmp_path)


@pytest.mark.parametrize("name", ["bilstm-crf", "cnn-crf", "transformer"])
def test_every_tagger_with_vectors_begins_from_them(tmp_path, name):
    model = begun(name, written(tmp_path / "words"), OutputKind.TAGS).fit(SENTENCES, TAGS)
    preprocessor = model.learner_.preprocessor
    words = preprocessor.texts.tokenizer.get_vocab() if name == "transformer" else preprocessor.words
    check_begun(model, words, SENTENCES[:3], tmp_path)
