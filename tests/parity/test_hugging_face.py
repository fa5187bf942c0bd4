"""Networks of `transformers` as a rung: any encoder of that library from a folder, and none that would run code."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

import transformers
from test_bert_parity import LENGTHS, SENTENCES, TAGS, TOKENS, WORDS, tokenizer

import rungwise as rw
from rungwise.errors import ConfigError, ModelError

TEXTS, LABELS = ["good film", "bad film"] * 8, ["good", "bad"] * 8
SIZES = {
    "electra": {"embedding_size": 8, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3},
    "distilbert": {"dim": 12, "n_layers": 2, "n_heads": 3, "hidden_dim": 16},
    "deberta-v2": {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 16,
                   "relative_attention": True, "position_buckets": 4, "pos_att_type": ["p2c", "c2p"]},
    "gpt2": {"n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": 32},
    "albert": {"embedding_size": 8, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3,
               "intermediate_size": 16},
}  # fmt: skip


def saved(folder, kind, head="AutoModel", **said):
    config = transformers.AutoConfig.for_model(kind, vocab_size=len(WORDS), **SIZES[kind], **said)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(transformers, head).from_config(config).eval()
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(tokenizer().to_str())
    return model


@pytest.mark.parametrize("kind", sorted(SIZES))
@pytest.mark.parametrize("head", ["AutoModel", "AutoModelForSequenceClassification"])
@torch.no_grad()
def test_its_states_are_those_of_the_library(tmp_path, kind, head):
    model = saved(tmp_path / "lm", kind, head)
    encoder = model if head == "AutoModel" else model.base_model
    rung = rw.HuggingFaceClassifier(pretrained=str(tmp_path / "lm"), tuning="head", precision="fp32")
    rung.fit(TEXTS, LABELS)
    mask = torch.arange(5) < LENGTHS[:, None]
    states = encoder(input_ids=TOKENS, attention_mask=mask.long()).last_hidden_state
    expected = (states * mask[:, :, None]).sum(1) / LENGTHS[:, None]
    torch.testing.assert_close(
        rung.learner_.network.features(TOKENS, LENGTHS), expected, atol=1e-5, rtol=1e-5
    )


def test_saved_it_predicts_the_same(tmp_path):
    saved(tmp_path / "lm", "electra")
    rung = rw.HuggingFaceClassifier(pretrained=str(tmp_path / "lm"), tuning_epochs=1, random_state=0)
    rung.fit(TEXTS, LABELS).save(tmp_path / "model")
    np.testing.assert_array_equal(rw.load(tmp_path / "model").predict_proba(TEXTS), rung.predict_proba(TEXTS))


def untold(network):
    """The network with no vectors for how words are written."""
    if network.marks is not None:
        network.marks.cases.zero_()
    return network


@pytest.mark.parametrize("kind", sorted(SIZES))
@torch.no_grad()
def test_its_scores_of_words_are_those_of_the_librarys_token_classification(tmp_path, kind):
    model = saved(tmp_path / "lm", kind, "AutoModelForTokenClassification", num_labels=3)
    rung = rw.HuggingFaceTagger(pretrained=str(tmp_path / "lm"), tuning="head", precision="fp32")
    rung.fit(SENTENCES, TAGS)
    ours = untold(rung.learner_.network)
    ours.linear.load_state_dict(
        (model.classifier if hasattr(model, "classifier") else model.score).state_dict()
    )
    mask = torch.arange(5) < LENGTHS[:, None]
    is_first = mask & torch.tensor([True, False, True, True, False])
    logits = model(input_ids=TOKENS, attention_mask=mask.long()).logits[is_first]
    torch.testing.assert_close(ours(TOKENS, LENGTHS, is_first.long()), logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", sorted(SIZES))
@torch.no_grad()
def test_its_states_are_those_of_the_library_for_all_predicates_of_a_sentence(tmp_path, kind):
    model = saved(tmp_path / "lm", kind, "AutoModelForTokenClassification")
    rung = rw.HuggingFaceTagger(pretrained=str(tmp_path / "lm"), tuning="head", precision="fp32")
    rung.fit([(row, 1) for row in SENTENCES], TAGS)
    ours, mask = untold(rung.learner_.network), torch.arange(5) < LENGTHS[:, None]
    states = model.base_model(input_ids=TOKENS, attention_mask=mask.long()).last_hidden_state
    torch.testing.assert_close(
        ours.encode(TOKENS, LENGTHS, mask.long())[mask], states[mask], atol=1e-5, rtol=1e-5
    )
    sentences, predicates = torch.tensor([0, 0, 1]), torch.tensor([0, 2, 1])
    wanted = ours.roles(states[mask], mask.sum(1), sentences, predicates)
    got = ours.features(TOKENS, LENGTHS, mask.long(), sentences, predicates)
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_it_tags_words_and_roles_and_says_the_same_when_it_is_loaded(tmp_path):
    saved(tmp_path / "lm", "electra", "AutoModelForTokenClassification")
    settings = {"pretrained": str(tmp_path / "lm"), "tuning_rate": 2e-2, "tuning_epochs": 60, "dropout": 0.0}
    words = rw.HuggingFaceTagger(**settings, random_state=0).fit(SENTENCES, TAGS)
    assert words.predict(SENTENCES[:2]) == TAGS[:2]
    assert [len(row) for row in words.predict([["good"] * 40, ["电影"]])] == [40, 1]
    asked = [(["film", "the", "film"], 0), (["film", "the", "film"], 2)] * 8
    roles = [["B-V", "O", "B-A1"], ["B-A0", "O", "B-V"]] * 8
    model = rw.HuggingFaceTagger(**settings, random_state=0).fit(asked, roles)
    assert model.predict(asked[:2]) == roles[:2]
    model.save(tmp_path / "model")
    assert rw.load(tmp_path / "model").predict(asked[:2]) == roles[:2]


def test_a_network_that_takes_no_vectors_is_told_a_predicate():
    said = {"model_type": "canine", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = rw.HuggingFaceTagger(description=json.dumps(said), epochs=1)
    model.fit([(row, 1) for row in SENTENCES], TAGS)
    assert model.learner_.network.marks is None
    assert [len(tags) for tags in model.predict([(row, 1) for row in SENTENCES])] == [*map(len, SENTENCES)]


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"model_type": "none"}, "model_type 'none' isn't known"),
        ({"model_type": "t5"}, "'t5' is an encoder with a decoder"),
        ({"model_type": "bert", "auto_map": {"AutoModel": "evil.Model"}}, "auto_map can't be used"),
        ({"model_type": "bert", "attn_implementation": "lab/kernels"}, "attn_implementation can't be used"),
        ({"model_type": "bert", "backbone_config": {"model_type": "timm"}}, "backbone_config can't be used"),
        ({"model_type": "bert", "pad_token_id": 10**6}, "pad_token_id=1000000 is none of its"),
        ([], "can't be used"),
    ],
)
def test_a_description_that_is_not_a_network_over_tokens_is_a_named_error(description, message):
    with pytest.raises(ConfigError, match=message):
        rw.HuggingFaceClassifier(description=json.dumps(description)).fit(TEXTS, LABELS)


def test_a_stored_description_is_looked_at_again(tmp_path):
    rw.HuggingFaceClassifier(epochs=1).fit(TEXTS, LABELS).save(tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    stored = json.loads(file.read_text())
    stored["settings"]["description"] = '{"model_type": "bert", "attn_implementation": "lab/kernels"}'
    file.write_text(json.dumps(stored))
    with pytest.raises(ModelError, match="attn_implementation can't be used"):
        rw.load(tmp_path / "model")
