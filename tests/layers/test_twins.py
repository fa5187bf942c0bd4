import pytest
import torch
from torch import nn

from rungwise.layers.attention import padding_bias
from rungwise.layers.encoder import Activation, EncoderBlock
from rungwise.layers.int8 import in_int8
from rungwise.layers.sequence import real_steps
from rungwise.layers.twins import in_bf16
from rungwise.training.precision import has_bf16

NETWORK = nn.Sequential(
    nn.Embedding(9, 4), nn.Linear(4, 5), nn.ReLU(), nn.LayerNorm(5), nn.Linear(5, 2, bias=False)
)
TOKENS = torch.tensor([[1, 2], [3, 8]])


pytestmark = pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="emulated")


@torch.inference_mode()
def test_a_twin_in_bf16_gives_what_autocast_gives():
    with torch.autocast("cpu", torch.bfloat16):
        got, wanted = in_bf16(NETWORK)(TOKENS), NETWORK(TOKENS)
    assert got.dtype is wanted.dtype
    torch.testing.assert_close(got, wanted, atol=1e-2, rtol=1e-2)


def test_without_such_kernels_the_network_answers_itself(monkeypatch):
    def missing(*args):
        raise AttributeError("no such operator")

    monkeypatch.setattr("rungwise.layers.twins._PackedLinear.plus", missing)
    assert in_bf16(NETWORK) is NETWORK


def test_it_shares_what_is_no_linear_layer_and_leaves_the_network_as_it_is():
    twin = in_bf16(NETWORK)
    assert twin[0].weight is NETWORK[0].weight
    assert twin[3].weight is NETWORK[3].weight
    assert twin[1].weight is NETWORK[1].weight
    assert not twin.training
    assert NETWORK.training


@pytest.mark.parametrize("pre_norm", [True, False])
@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize("is_first_alone", [True, False])
@pytest.mark.parametrize("lengths", [[20, 7, 1], [9]])
@torch.inference_mode()
def test_blocks_of_a_twin_answer_as_theirs(pre_norm, activation, is_first_alone, lengths):
    torch.manual_seed(0)
    block = EncoderBlock(64, 4, 128, 0.1, pre_norm=pre_norm, activation=activation).eval()
    x, steps = torch.randn(len(lengths), max(lengths), 64), max(lengths)
    bias = padding_bias(real_steps(torch.tensor(lengths), steps))
    expected = block(x, bias, is_first_alone=is_first_alone)
    network = nn.Sequential(block)
    for twin in (in_bf16(network)[0], in_int8(network, has_bf16=True)[0]):
        assert type(twin) is not EncoderBlock
        with torch.autocast("cpu", torch.bfloat16):
            got = twin(x, bias, is_first_alone=is_first_alone)
        assert got.dtype is torch.bfloat16
        torch.testing.assert_close(got.float(), expected, atol=5e-2, rtol=5e-2)
