"""BERT and RoBERTa compute what they are published to: against arithmetic written down here, and `transformers`.

`pip install transformers` adds the second half; it isn't needed.
"""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pyarrow as pa
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

import rungwise as rw
from rungwise.errors import ConfigError, ModelError
from rungwise.kinds import OutputKind
from rungwise.layers.sequence import Pooling
from rungwise.registry import make_config
from rungwise.rung import TextShape
from rungwise.rungs.transformer.bert import BERT, RUNG, BERTConfig, Layout

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
    "film",
    "was",
    "good",
    "bad",
    "a",
    "##s",
    "电",
    "影",
]
SIZES = {"hidden_size": 12, "num_layers": 2, "num_heads": 3, "intermediate_size": 20, "num_positions": 16}
SHAPE = TextShape(num_examples=9, num_outputs=2, vocab_size=len(WORDS), mean_tokens=4, max_tokens=12)
TOKENS = torch.tensor([[2, 5, 6, 3, 0], [2, 8, 3, 0, 0], [2, 5, 6, 7, 3]])
LENGTHS = torch.tensor([4, 3, 5])
TEXTS = ["the film was good", "", "a bad film", "the films 电影 " * 9]

has_transformers = importlib.util.find_spec("transformers") is not None


def build(**settings):
    config = make_config(BERTConfig, {**SIZES, "max_tokens": 12, **settings})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = BERT(config, SHAPE).eval()
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return config, network


def tokenizer():
    made = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    made.enable_truncation(6)
    made.enable_padding(length=6)
    return made


def written(folder, config, network, **said):
    """The network as a folder in Hugging Face's layout."""
    folder.mkdir(exist_ok=True)
    weights = {
        name: t.contiguous() for name, t in RUNG.published.weights(config, network.state_dict()).items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps({**RUNG.published.config(config, SHAPE), **said}))
    (folder / "tokenizer.json").write_text(tokenizer().to_str())
    return folder


def encoder(weights, tokens, heads):
    """One text (T,) -> (T, C), as the paper has it."""

    def dense(name, x):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name, x):
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-12).sqrt()
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    at = "bert.embeddings."
    x = weights[f"{at}word_embeddings.weight"][tokens] + weights[f"{at}token_type_embeddings.weight"][0]
    x = norm(f"{at}LayerNorm", x + weights[f"{at}position_embeddings.weight"][: len(tokens)])
    layer = 0
    while f"bert.encoder.layer.{layer}.output.dense.weight" in weights:
        at = f"bert.encoder.layer.{layer}."
        parts = [dense(f"{at}attention.self.{part}", x) for part in ("query", "key", "value")]
        query, key, value = (part.unflatten(1, (heads, -1)).transpose(0, 1) for part in parts)
        scores = (query @ key.transpose(1, 2) / query.shape[-1] ** 0.5).softmax(-1)
        attended = dense(f"{at}attention.output.dense", (scores @ value).transpose(0, 1).flatten(1))
        x = norm(f"{at}attention.output.LayerNorm", x + attended)
        inner = F.gelu(dense(f"{at}intermediate.dense", x))
        x = norm(f"{at}output.LayerNorm", x + dense(f"{at}output.dense", inner))
        layer += 1
    return x


@torch.no_grad()
def test_it_computes_what_the_paper_says_and_the_names_of_the_weights_are_hugging_faces():
    config, network = build()
    weights = RUNG.published.weights(config, network.state_dict())
    rows = [encoder(weights, row[:n], 3) for row, n in zip(TOKENS, LENGTHS, strict=True)]
    got = network.encode(TOKENS, LENGTHS)
    for row, expected, length in zip(got, rows, LENGTHS, strict=True):
        torch.testing.assert_close(row[:length], expected, atol=1e-4, rtol=1e-4)
    logits = network.linear(torch.stack([row.mean(0) for row in rows]))
    torch.testing.assert_close(network(TOKENS, LENGTHS), logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, Pooling.FIRST),
        ({"tuning": "head"}, Pooling.MEAN),
        ({"pooling": "mean"}, Pooling.MEAN),
        ({"pooling": "max"}, Pooling.MAX),
    ],
)
def test_the_first_token_decides_where_all_pretrained_weights_are_tuned(tmp_path, settings, wanted):
    folder = written(tmp_path / "lm", *build(pooling="first"))
    model = rw.BERTClassifier(pretrained=str(folder), tuning_epochs=1, random_state=0, **settings)
    model.fit(["the film was good", "a bad film"] * 4, ["good", "bad"] * 4)
    assert model.learner_.network.pool.pooling is wanted
    assert (model.learner_.network.pooler is not None) == (wanted is Pooling.FIRST)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(
        rw.load(tmp_path / "model").predict_proba(TEXTS), model.predict_proba(TEXTS)
    )


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [({}, 1), ({"frozen_layers": 0}, 0), ({"frozen_layers": 2}, 2), ({"frozen_layers": 9}, 6)],
)
def test_the_first_blocks_keep_their_pretrained_weights_and_cost_no_backward_pass(tmp_path, settings, wanted):
    config, network = build(pooling="first", num_layers=6)
    folder = written(tmp_path / "lm", config, network)
    model = rw.BERTClassifier(pretrained=str(folder), tuning_epochs=1, random_state=0, **settings)
    model.fit(["the film was good", "a bad film"] * 4, ["good", "bad"] * 4)
    tuned = model.learner_.network
    kept = [
        torch.equal(a.expand.weight, b.expand.weight)
        for a, b in zip(tuned.blocks, network.blocks, strict=True)
    ]
    assert kept == [number < wanted for number in range(6)]
    assert torch.equal(tuned.positions, network.positions) == (wanted > 0)
    assert torch.equal(tuned.embedding.weight, network.embedding.weight) == (wanted > 0)
    assert not torch.equal(tuned.pooler.weight, network.pooler.weight)
    costs = [
        RUNG.cost(
            make_config(BERTConfig, {**SIZES, "max_tokens": 12, "num_layers": 6, "pretrained": "x", **some}),
            SHAPE,
        )
        for some in ({"frozen_layers": 0}, {"num_layers": 9, "frozen_layers": 0}, {"frozen_layers": wanted})
    ]
    block = (costs[1].predict_flops - costs[0].predict_flops) / 3
    passes = costs[0].fit_flops / costs[0].predict_flops / 3
    assert costs[2].fit_flops == pytest.approx(costs[0].fit_flops - 2 * wanted * block * passes)


def test_fewer_than_no_frozen_blocks_are_a_named_error():
    with pytest.raises(ConfigError, match="frozen_layers=-1: must be at least 0"):
        rw.BERTClassifier(frozen_layers=-1).fit(["a", "b"], [0, 1])


@pytest.mark.parametrize("settings", [{}, {"pretrained": "folder", "tuning": "head"}])
def test_blocks_are_frozen_only_where_there_are_weights_to_keep(settings):
    with pytest.raises(ConfigError, match="frozen_layers=2: without pretrained weights that are tuned"):
        make_config(BERTConfig, {"frozen_layers": 2, **settings}).check_kind(OutputKind.LABEL)


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("pooling", [Pooling.MEAN, Pooling.FIRST])
def test_the_names_of_the_weights_go_there_and_back(layout, pooling):
    config, network = build(layout=layout, pooling=pooling)
    theirs = RUNG.published.weights(config, network.state_dict())
    back = RUNG.layouts["transformers"](theirs)
    assert back.keys() == network.state_dict().keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in network.state_dict().items())


def test_it_begins_from_a_folder_and_takes_sizes_and_tokenizer_from_it(tmp_path):
    config, network = build()
    folder = written(tmp_path / "lm", config, network)
    texts, labels = ["good film", "bad film"] * 8, ["good", "bad"] * 8
    model = rw.BERTClassifier(pretrained=str(folder), tuning="head", random_state=0, precision="fp32")
    model.fit(texts, labels)
    tuned = model.learner_.network
    assert torch.equal(tuned.embedding.weight, network.embedding.weight)
    assert torch.equal(tuned.blocks[1].expand.weight, network.blocks[1].expand.weight)
    assert model.learner_.config.num_heads == 3
    examples = model.learner_.preprocessor.examples(pa.chunked_array([["the film", "good " * 30, ""]]))
    tokens, lengths = examples.batch(np.arange(len(examples)))
    assert tokens[0, :4].tolist() == [2, 5, 6, 3]
    assert lengths.tolist() == [4, 12, 12, 12, 2]
    assert (tokens[1:4, 0] == 2).all()
    assert (tokens[1:4, 11] == 3).all()
    assert examples.owners.tolist() == [0, 1, 1, 1, 2]


def test_saved_it_predicts_the_same_without_the_folder_that_it_began_from(tmp_path):
    config, network = build()
    folder = written(tmp_path / "lm", config, network)
    model = rw.BERTClassifier(pretrained=str(folder), tuning_epochs=1, random_state=0, precision="fp32")
    model.fit(["good film", "bad film"] * 8, ["good", "bad"] * 8)
    model.save(tmp_path / "model")
    for file in folder.iterdir():
        file.unlink()
    loaded = rw.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), model.predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"model_type": "t5"}, r"has the model_type 't5'; this rung takes bert, roberta"),
        ({"hidden_size": "12"}, r"has hidden_size='12'; it must be a whole number from 1"),
        ({"hidden_act": "swish"}, r"has hidden_act='swish'"),
        ({"model_type": ["bert"]}, r"has the model_type \['bert'\]; this rung takes bert, roberta"),
        ({"layer_norm_eps": None}, r"has layer_norm_eps=None; it must be a number above 0 and below 1"),
        ({"layer_norm_eps": "x"}, r"has layer_norm_eps='x'; it must be a number above 0 and below 1"),
        ({"layer_norm_eps": 2.0}, r"has layer_norm_eps=2.0; it must be a number above 0 and below 1"),
        ({"num_hidden_layers": 3}, r"doesn't fit this network: of its \d+ weights"),
    ],
)
def test_a_folder_of_another_network_is_a_named_error(tmp_path, said, message):
    config, network = build()
    folder = written(tmp_path / "lm", config, network, **said)
    with pytest.raises(ConfigError, match=message):
        rw.BERTClassifier(pretrained=str(folder)).fit(["good film", "bad film"] * 8, ["good", "bad"] * 8)


def test_a_setting_against_the_weights_and_a_missing_tokenizer_are_named_errors(tmp_path):
    config, network = build()
    folder = written(tmp_path / "lm", config, network)
    texts, labels = ["good film", "bad film"] * 8, ["good", "bad"] * 8
    with pytest.raises(ConfigError, match="hidden_size=24: the pretrained weights decide this; leave it out"):
        rw.BERTClassifier(pretrained=str(folder), hidden_size=24).fit(texts, labels)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"has no tokenizer\.json"):
        rw.BERTClassifier(pretrained=str(folder)).fit(texts, labels)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("normalizer", {"type": "Evil"}, "its normalizer is 'Evil'; allowed are BertNormalizer"),
        (
            "pre_tokenizer",
            {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Removed", "invert": False},
            r"its pre_tokenizer has the regular expression .* may take for ever; allowed are those of ALBERT",
        ),
        ("model", None, "'model' is None; it must be an object"),
    ],
)
def test_a_tokenizer_that_may_do_harm_is_refused(tmp_path, part, value, message):
    config, network = build()
    model = rw.BERTClassifier(pretrained=str(written(tmp_path / "lm", config, network)), tuning="head")
    model.fit(["good film", "bad film"] * 8, ["good", "bad"] * 8).save(tmp_path / "model")
    file = tmp_path / "model" / "tokenizer.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), part: value}))
    with pytest.raises(ModelError, match=message):
        rw.load(tmp_path / "model")


# -------------------------------------------------------------------------------------------- transformers


def theirs(kind, folder):
    import transformers

    return getattr(transformers, kind).from_pretrained(folder).eval()


@pytest.mark.skipif(not has_transformers, reason="transformers isn't installed")
@pytest.mark.parametrize("layout", list(Layout))
@torch.no_grad()
def test_transformers_gives_the_same_outputs_and_loads_what_is_saved(tmp_path, layout):
    config, network = build(layout=layout, pooling="first")
    folder = written(tmp_path / "lm", config, network)
    mask = (torch.arange(5) < LENGTHS[:, None]).long()
    tokens = TOKENS.where(mask.bool(), 0 if layout is Layout.BERT else 1)
    expected = theirs("AutoModelForSequenceClassification", folder)(tokens, attention_mask=mask).logits
    if layout is Layout.BERT:  # RoBERTa finds its positions by the padding token, which is a word here
        torch.testing.assert_close(network(TOKENS, LENGTHS), expected, atol=1e-5, rtol=1e-5)
    states = theirs("AutoModel", folder)(tokens, attention_mask=mask).last_hidden_state
    got = network.encode(tokens, LENGTHS)
    torch.testing.assert_close(got * mask[:, :, None], states * mask[:, :, None], atol=1e-5, rtol=1e-5)
    model = rw.BERTClassifier(pretrained=str(folder), tuning_epochs=1, pooling="first", random_state=0)
    model.precision = "fp32"
    model.fit(["good film", "bad film"] * 8, ["good", "bad"] * 8).save(tmp_path / "model")
    again = theirs("AutoModelForSequenceClassification", tmp_path / "model")
    assert set(again.config.id2label.values()) == {"good", "bad"}
    logits = again(tokens, attention_mask=mask).logits
    # the fitted head has large weights
    torch.testing.assert_close(model.learner_.network(tokens, LENGTHS), logits, atol=1e-3, rtol=1e-3)


SENTENCES = [["the", "film", "was", "good"], ["a", "bad", "films"]] * 8
TAGS = [["O", "B-WORK", "O", "O"], ["O", "O", "B-WORK"]] * 8


def test_it_tags_words_by_their_first_pieces_and_begins_from_a_folder(tmp_path):
    folder = written(tmp_path / "lm", *build())
    model = rw.BERTTagger(pretrained=str(folder), tuning_rate=1e-2, tuning_epochs=60, dropout=0.0)
    model.fit(SENTENCES, TAGS)
    assert model.predict(SENTENCES[:2]) == TAGS[:2]
    assert [len(row) for row in model.predict([["good"] * 40, ["电影"]])] == [40, 1]
    model.save(tmp_path / "model")
    assert rw.load(tmp_path / "model").predict(SENTENCES[:2]) == TAGS[:2]


@pytest.mark.skipif(not has_transformers, reason="transformers isn't installed")
@torch.no_grad()
def test_transformers_tags_tokens_with_what_is_saved(tmp_path):
    folder = written(tmp_path / "lm", *build())
    model = rw.BERTTagger(
        pretrained=str(folder), capitals=False, tuning_epochs=1, random_state=0, precision="fp32"
    )
    model.fit(SENTENCES, TAGS).save(tmp_path / "model")
    again = theirs("AutoModelForTokenClassification", tmp_path / "model")
    assert list(again.config.id2label.values()) == ["O", "B-WORK", "I-WORK"]
    mask = torch.arange(5) < LENGTHS[:, None]
    logits = again(TOKENS, attention_mask=mask.long()).logits[mask]
    torch.testing.assert_close(
        model.learner_.network(TOKENS, LENGTHS, mask.long()), logits, atol=1e-3, rtol=1e-3
    )
