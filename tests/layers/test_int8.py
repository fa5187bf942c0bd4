import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import rungwise as rw
from rungwise import load
from rungwise.errors import ConfigError
from rungwise.layers.int8 import Int8Linear, in_int8
from rungwise.training.precision import has_bf16

TEXTS = [
    f"{name} is {kind}" for name in ("tea", "snow", "a cat", "the sea") for kind in ("good", "bad", "grey")
] * 4
LABELS = [text.split()[-1] for text in TEXTS]


@pytest.fixture(scope="module")
def model():
    return rw.BERTClassifier(
        hidden_size=64,
        num_layers=2,
        intermediate_size=128,
        epochs=8,
        batch_size=8,
        random_state=0,
        precision="fp32",
    ).fit(TEXTS, LABELS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("has_bias", [True, False])
def test_a_layer_in_int8_is_within_two_percent_of_its_own(dtype, has_bias):
    torch.manual_seed(0)
    linear = nn.Linear(200, 96, bias=has_bias)
    x = torch.randn(3, 5, 200) * torch.rand(3, 5, 1) * 10  # rows of different sizes
    with torch.inference_mode():
        exact, close = linear(x), Int8Linear(linear)(x.to(dtype))
    assert close.dtype is dtype
    assert (close - exact).norm() < 0.02 * exact.norm()


def test_the_largest_numbers_of_all_overflow_nowhere():
    linear = nn.Linear(256, 64)
    nn.init.ones_(linear.weight)
    with torch.inference_mode():
        close = Int8Linear(linear)(torch.full((2, 256), 3.0))
    torch.testing.assert_close(close, 768 + linear.bias.expand(2, 64), rtol=1e-3, atol=0)


OLDER = """
import torch
torch.cpu._is_vnni_supported = lambda: False
from rungwise.layers.int8 import Int8Linear
linear = torch.nn.Linear(256, 64, bias=False)
torch.nn.init.ones_(linear.weight)
with torch.inference_mode():
    print(float(Int8Linear(linear)(torch.full((2, 256), 3.0)).mean()))
"""


def test_nor_do_they_on_a_cpu_without_vnni():
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run([sys.executable, "-c", OLDER], check=True, capture_output=True, env=environment)
    assert float(done.stdout) == pytest.approx(768, rel=1e-3)


def test_rows_of_zeros_give_the_bias():
    linear = nn.Linear(64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(Int8Linear(linear)(torch.zeros(2, 64)), linear.bias.expand(2, 64))


def test_a_text_has_the_same_answer_whatever_stands_beside_it(model):
    model.answer_in("int8")
    alone, among = model.predict_proba(TEXTS[:1]), model.predict_proba(TEXTS[:12])
    np.testing.assert_allclose(alone[0], among[0], atol=5e-3)  # attention's kernels differ in their last bits


def test_a_row_has_the_same_answer_whatever_stands_beside_it():
    layer, x = (
        Int8Linear(nn.Linear(64, 64)),
        torch.randn(5, 64) * torch.tensor([[1.0], [100], [1], [1e-3], [1]]),
    )
    with torch.inference_mode():
        torch.testing.assert_close(layer(x)[2:3], layer(x[2:3]), atol=0, rtol=1e-6)


def test_answers_in_int8_are_close_and_go_back(model):
    exact = model.answer_in("fp32").predict_proba(TEXTS)
    close = model.answer_in("int8").predict_proba(TEXTS)
    assert 0 < np.abs(close - exact).max() < 0.05
    np.testing.assert_array_equal(model.answer_in("fp32").predict_proba(TEXTS), exact)


def test_what_is_saved_is_the_model_that_learned(model, tmp_path):
    exact = model.answer_in("fp32").predict_proba(TEXTS)
    model.answer_in("int8").save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict_proba(TEXTS), exact)


def test_the_twin_shares_what_is_no_linear_layer(model):
    network = model.learner_.network
    twin = in_int8(network)
    assert twin.embedding.weight is network.embedding.weight
    assert {type(block.expand) for block in twin.blocks} == {Int8Linear}
    assert {type(block.expand) for block in network.blocks} == {nn.Linear}


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_a_network_that_reads_the_weights_of_its_layers_has_them(precision):
    if precision == "bf16" and not has_bf16(torch.device("cpu")):
        pytest.skip("emulated")
    model = rw.SimpleRNNClassifier(
        epochs=2, hidden_size=64, embedding_dim=64, random_state=0, precision="fp32"
    )
    exact = model.fit(TEXTS, LABELS).predict_proba(TEXTS)
    close = model.answer_in(precision).predict_proba(TEXTS)
    assert 0 < np.abs(close - exact).max() < 0.1


def test_networks_that_it_would_not_help_say_so():
    model = rw.TextCNNClassifier(epochs=1, random_state=0, precision="fp32").fit(TEXTS, LABELS)
    with pytest.raises(
        ConfigError, match=r"precision 'int8': it makes linear layers .* TextCNN mostly has others"
    ):
        model.answer_in("int8")


def test_a_model_without_a_network_says_so():
    model = rw.NBSVMClassifier(random_state=0).fit(TEXTS, LABELS)
    with pytest.raises(ConfigError, match="precision 'int8': the rung 'nb-svm' is no network"):
        model.answer_in("int8")


def test_nothing_is_fitted_in_int8():
    with pytest.raises(ConfigError, match="precision 'int8' is for predictions"):
        rw.BERTClassifier(precision="int8").fit(TEXTS, LABELS)


def test_small_numbers_in_bf16_are_rounded_to_both_sides_alike():
    linear = nn.Linear(256, 64, bias=False)
    nn.init.ones_(linear.weight)
    torch.manual_seed(0)
    x = -torch.rand(500, 256)
    x[:, 0] = -1  # so that all rows have one scale
    with torch.inference_mode():
        error = Int8Linear(linear)(x.bfloat16()).float() - x.bfloat16().float().sum(1, keepdim=True)
    assert abs(float(error.mean())) < 0.1  # of 256 numbers; a step of each is 0.008 or more
