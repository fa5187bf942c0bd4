import gzip

import numpy as np
import pyarrow as pa
import pytest
import torch

from rungwise import load, registry
from rungwise.errors import ConfigError, DataError
from rungwise.estimators import estimator_class
from rungwise.kinds import OutputKind
from rungwise.ladder.choices import check_pretrained
from rungwise.layers.embedding import Variant, token_embedding
from rungwise.preprocessing.tokens import TokenPreprocessor
from rungwise.preprocessing.vectors import check_vectors, read_vectors
from rungwise.rung import TextShape

VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "film": 2, "good": 3, "paris": 4}
GLOVE = "film 1 2 3\ngood -1 0.5 2e-1\nunused 7 8 9\n"

TEXTS = ["a good film", "a bad film", "a good day", "a bad day"] * 10
LABELS = ["good", "bad"] * 20
NETWORKS = ["textcnn", "lstm", "gru", "simple-rnn", "transformer"]
SMALL = {"epochs": 2, "num_heads": 1, "intermediate_size": 4, "num_layers": 1, "num_filters": 3}


def written(tmp_path, text, name="vectors.txt"):
    file = tmp_path / name
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return str(file)


def read(file):
    return read_vectors(file, VOCABULARY, str.lower)


@pytest.mark.parametrize("header", ["", "3 3\n"])
@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz"])
def test_word2vec_and_glove_files_are_read_packed_or_not(tmp_path, header, name):
    vectors = read(written(tmp_path, header + GLOVE, name))
    assert vectors.is_known.tolist() == [False, False, True, True, False]
    np.testing.assert_allclose(vectors.values[2:4], [[1, 2, 3], [-1, 0.5, 0.2]])
    assert not vectors.values[[0, 1, 4]].any()


def test_a_words_own_spelling_goes_before_others(tmp_path):
    vectors = read(written(tmp_path, "PARIS 1 1\nParis 2 2\nparis 3 3\nParis 4 4\nFILM 5 5\nFilm 6 6\n"))
    assert vectors.values[4].tolist() == [3, 3]
    assert vectors.values[2].tolist() == [5, 5]


def test_words_with_blanks_inside_are_passed_over(tmp_path):
    vectors = read(written(tmp_path, "good 1 2\nfilm . . 3 4\nfilm 5 6\n"))
    assert vectors.values[2].tolist() == [5, 6]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("film 1 2\ngood 1\n", "line 2: 1 numbers stand behind 'good'; the vectors before have 2"),
        ("film 1 2\ngood 1 2 3\n", "line 2: 3 numbers stand behind 'good'; the vectors before have 2"),
        ("film 1 2\ngood 1 x\n", "line 2: could not convert string to float: 'x'"),
        ("film 1 nan\n", "line 1: there is a number that is not finite"),
        ("film 1 1e300\n", "line 1: there is a number that is not finite"),
        ("film\n", "line 1: there is no number behind the word"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, message):
    file = written(tmp_path, text)
    with pytest.raises(DataError, match=message) as error:
        read(file)
    assert str(error.value).startswith(file)


def test_files_that_are_none_are_named(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"):
        read(str(tmp_path / "missing.txt"))
    with pytest.raises(ConfigError, match="has a vector of none of the 5 words"):
        read(written(tmp_path, "other 1 2\n"))
    (tmp_path / "binary").write_bytes(b"1 2\nfilm \xff\xfe\x00")
    with pytest.raises(DataError, match=r"line 2: it can't be read as UTF-8 text .* binary format"):
        read(str(tmp_path / "binary"))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(GLOVE.encode() * 99)[:-20])
    with pytest.raises(DataError, match="can't be read"):
        read(str(tmp_path / "cut.gz"))


def test_a_ladder_looks_at_the_file_before_it_climbs(tmp_path):
    shape = TextShape(num_examples=9, num_outputs=2, vocab_size=9, mean_tokens=3, max_tokens=9)
    settings = {"vectors": written(tmp_path, GLOVE), "unit": "word", "embedding_dim": 4}
    with pytest.raises(
        ConfigError, match="have 3 numbers, the network's 4; set the size of its vectors to 3"
    ):
        check_pretrained(["lstm"], {"lstm": settings}, shape)
    check_pretrained(["lstm"], {"lstm": settings | {"embedding_dim": 3}}, shape)
    with pytest.raises(DataError, match="there is no vector in it"):
        check_vectors(written(tmp_path, "\n"), 3)


def test_a_files_words_that_are_spelt_as_special_tokens_are_others(tmp_path):
    file = written(tmp_path, "[PAD] 9 9 9\n[UNK] 5 5 5\n" + GLOVE)
    config = registry.make_config(
        registry.rung("textcnn").config, {"vectors": file, "unit": "word", "embedding_dim": 3}
    )
    preprocessor = TokenPreprocessor(config)
    preprocessor.fit(pa.chunked_array([TEXTS]))
    assert preprocessor.vectors.is_known.nonzero()[0].tolist() == sorted(
        preprocessor.tokenizer.token_to_id(word) for word in ("film", "good")
    )


@pytest.mark.parametrize("variant", list(Variant)[1:])
@pytest.mark.parametrize("name", NETWORKS)
def test_padding_changes_nothing_though_the_file_has_a_vector_for_it(tmp_path, name, variant):
    model = fitted(name, written(tmp_path, "[PAD] 9 9 9\n[UNK] 5 5 5\n" + GLOVE), variant)
    alone = model.predict_proba(["a good film"])
    padded = model.predict_proba(["a good film", "a day " * 9])[:1]
    np.testing.assert_allclose(alone, padded, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vectors": "glove.txt", "unit": "subword"}, "are of whole words; set unit='word'"),
        ({"vectors": "glove.txt", "unit": "word", "variant": "random"}, "aren't used with variant='random'"),
        ({"variant": "static"}, "variant='static' needs vectors=FILE"),
    ],
)
def test_vectors_are_never_ignored(settings, message):
    with pytest.raises(ConfigError, match=message):
        registry.make_config(registry.rung("textcnn").config, settings)


def fitted(name, file, variant):
    rung = registry.rung(name)
    known = rung.config.__dataclass_fields__
    settings = {key: value for key, value in SMALL.items() if key in known}
    size = {"hidden_size": 3} if name == "transformer" else {"embedding_dim": 3}
    return estimator_class(name, OutputKind.LABEL)(
        vectors=file, unit="word", variant=variant, random_state=0, precision="fp32", **settings, **size
    ).fit(TEXTS, LABELS)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("variant", ["static", "non-static", "multichannel"])
def test_every_text_network_begins_from_vectors(tmp_path, name, variant):
    model = fitted(name, written(tmp_path, GLOVE), variant)
    learner = model.learner_
    token = learner.preprocessor.tokenizer.token_to_id("film")
    embedding = learner.network.embedding
    kept = embedding.fixed if variant == "multichannel" else embedding.weight
    is_same = torch.equal(kept[token], torch.tensor([1.0, 2.0, 3.0]))
    assert is_same == (variant != "non-static")
    if variant == "multichannel":
        assert not torch.equal(embedding.weight[token], kept[token])
    torch.testing.assert_close(kept[token], torch.tensor([1.0, 2.0, 3.0]), atol=0.5, rtol=0)
    assert registry.rung(name).cost(learner.config, learner.shape).parameters == learner.num_parameters()
    (tmp_path / "vectors.txt").unlink()  # a stored model needs it no more
    loaded = load(model.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS[:3]), model.predict_proba(TEXTS[:3]))


def test_unknown_words_begin_random_and_as_far_spread():
    torch.manual_seed(0)
    embedding = token_embedding(2000, 10, 0)
    is_known = torch.arange(2000) >= 1000
    embedding.begin_from(torch.randn(2000, 10) * 0.4, is_known)
    assert embedding.weight[1:1000].std().item() == pytest.approx(0.4, rel=0.05)
    assert not embedding.weight[0].any()


def test_both_channels_are_added():
    torch.manual_seed(0)
    embedding = token_embedding(5, 3, 0, Variant.MULTICHANNEL)
    tokens = torch.tensor([1, 4])
    torch.testing.assert_close(embedding(tokens), embedding.weight[tokens] + embedding.fixed[tokens])
    embedding(tokens).sum().backward()
    assert embedding.fixed.grad is None
