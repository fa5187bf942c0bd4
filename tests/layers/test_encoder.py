import pytest
import torch

from rungwise.layers.attention import padding_bias
from rungwise.layers.encoder import EncoderBlock


@pytest.mark.parametrize("pre_norm", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_the_first_step_alone_is_as_it_is_among_all(pre_norm, dtype):
    torch.manual_seed(0)
    block = EncoderBlock(8, 2, 16, 0.1, pre_norm=pre_norm).eval()
    x = torch.randn(3, 5, 8)
    bias = padding_bias(torch.arange(5) < torch.tensor([5, 2, 1])[:, None])
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
        alone, among = block(x, bias, is_first_alone=True), block(x, bias)
    assert alone.shape == (3, 1, 8)
    torch.testing.assert_close(alone, among[:, :1], atol=2e-2 if dtype is torch.bfloat16 else 1e-6, rtol=1e-5)
