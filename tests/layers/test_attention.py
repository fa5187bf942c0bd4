import pytest
import torch
import torch.nn.functional as F

from rungwise.layers.attention import attend, padding_bias
from rungwise.layers.sequence import real_steps


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("lengths", [[6, 3], [20, 1], [50, 49], [70], [7], [9, 9]])
def test_every_kernel_of_attention_gives_what_the_formula_says(dtype, lengths):
    generator = torch.Generator().manual_seed(0)
    steps = max(lengths)
    parts = torch.randn(3, len(lengths), 4, steps, 8, generator=generator).to(dtype)
    mask = real_steps(torch.tensor(lengths), steps)
    expected = F.scaled_dot_product_attention(*parts.double(), mask[:, None, None])
    tolerance = 1e-5 if dtype is torch.float32 else 2e-2
    got = attend(*parts, padding_bias(mask), dropout=0.0)
    assert got.dtype is dtype
    torch.testing.assert_close(got.double(), expected, rtol=tolerance, atol=tolerance)


def test_few_steps_have_the_gradients_of_the_formula():
    generator = torch.Generator().manual_seed(0)
    parts = torch.randn(3, 2, 4, 6, 8, generator=generator).requires_grad_()
    mask = real_steps(torch.tensor([6, 3]), 6)
    gradients = []
    for made in (
        attend(*parts, padding_bias(mask), dropout=0.0),
        F.scaled_dot_product_attention(*parts, mask[:, None, None]),
    ):
        gradients.append(torch.autograd.grad(made.square().sum(), parts)[0])
    torch.testing.assert_close(*gradients)


def test_where_nothing_is_padded_there_is_no_bias():
    assert padding_bias(real_steps(torch.tensor([4, 4]), 4)) is None
    bias = padding_bias(real_steps(torch.tensor([4, 2]), 4))
    assert bias.tolist() == [[[[0, 0, 0, 0]]], [[[0, 0, -torch.inf, -torch.inf]]]]
