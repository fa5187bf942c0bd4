"""Networks of `transformers` as a rung: any encoder of that library from a folder, and none that would run code."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

import transformers
from test_bert_parity import LENGTHS, TOKENS, WORDS, tokenizer

import rungwise as rw
from rungwise.errors import ConfigError, ModelError

TEXTS, LABELS = ["good film", "bad film"] * 8, ["good", "bad"] * 8
SIZES = {
    "electra": {"embedding_size": 8, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3},
    "distilbert": {"dim": 12, "n_layers": 2, "n_heads": 3, "hidden_dim": 16},
    "gpt2": {"n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": 32},
    "albert": {"embedding_size": 8, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3,
               "intermediate_size": 16},
}  # fmt: skip


def saved(folder, kind, head="AutoModel"):
    config = transformers.AutoConfig.for_model(kind, vocab_size=len(WORDS), **SIZES[kind])
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


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"model_type": "none"}, "model_type 'none' isn't known"),
        ({"model_type": "t5"}, "'t5' is an encoder with a decoder"),
        ({"model_type": "bert", "auto_map": {"AutoModel": "evil.Model"}}, "auto_map can't be used"),
        ({"model_type": "bert", "attn_implementation": "lab/kernels"}, "attn_implementation can't be used"),
        ({"model_type": "bert", "backbone_config": {"model_type": "timm"}}, "backbone_config can't be used"),
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
