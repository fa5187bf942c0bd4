import pytest
import torch
from torch import nn

from rungwise.layers.twins import in_bf16
from rungwise.training.precision import has_bf16

NETWORK = nn.Sequential(
    nn.Embedding(9, 4), nn.Linear(4, 5), nn.ReLU(), nn.LayerNorm(5), nn.Linear(5, 2, bias=False)
)
TOKENS = torch.tensor([[1, 2], [3, 8]])


@pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="emulated")
@torch.inference_mode()
def test_a_twin_in_bf16_gives_what_autocast_gives_bit_for_bit():
    with torch.autocast("cpu", torch.bfloat16):
        assert in_bf16(NETWORK)(TOKENS).equal(NETWORK(TOKENS))


def test_it_shares_what_is_no_linear_layer_and_leaves_the_network_as_it_is():
    twin = in_bf16(NETWORK)
    assert twin[0].weight is NETWORK[0].weight
    assert twin[3].weight is NETWORK[3].weight
    assert {twin[1].weight.dtype, twin[4].weight.dtype} == {torch.bfloat16}
    assert all(weight.dtype is torch.float32 for weight in NETWORK.parameters())
    assert not twin.training
    assert NETWORK.training
