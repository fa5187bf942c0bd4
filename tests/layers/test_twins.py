import pytest
import torch
from torch import nn

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


def test_it_shares_what_is_no_linear_layer_and_leaves_the_network_as_it_is():
    twin = in_bf16(NETWORK)
    assert twin[0].weight is NETWORK[0].weight
    assert twin[3].weight is NETWORK[3].weight
    assert twin[1].weight is NETWORK[1].weight
    assert not twin.training
    assert NETWORK.training
