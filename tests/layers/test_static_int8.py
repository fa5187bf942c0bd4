import copy

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

import rungwise as rw
from rungwise import load
from rungwise.errors import ConfigError, ModelError
from rungwise.fitting import FitContext
from rungwise.layers.attention import padding_bias
from rungwise.layers.encoder import Activation, EncoderBlock
from rungwise.layers.int8 import Int8Linear, in_int8
from rungwise.layers.sequence import real_steps
from rungwise.layers.static_int8 import _in_pieces, input_ranges, num_ranges
from rungwise.layers.twins import QuickBlock
from rungwise.training.answering import ranges_of, stored_ranges
from rungwise.training.precision import has_bf16

needs_vnni = pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="rounded as numbers come")

TEXTS = [
    f"{name} is {kind}" for name in ("tea", "snow", "a cat", "the sea") for kind in ("good", "bad", "grey")
] * 4
LABELS = [text.split()[-1] for text in TEXTS]


@pytest.fixture(scope="module")
def model():
    return rw.TransformerClassifier(hidden_size=64, num_layers=2, epochs=6, random_state=0).fit(TEXTS, LABELS)


def block_of(size=64, *, activation=Activation.GELU, pre_norm=False):
    torch.manual_seed(0)
    return EncoderBlock(size, 4, 2 * size, 0.1, pre_norm=pre_norm, activation=activation).eval()


def ranges_of_block(block):
    """By sequences of many lengths, since of a long one attention has means of many numbers, which are small."""
    generator = torch.Generator().manual_seed(1)
    asked = [torch.randn(400 // steps, steps, 64, generator=generator) for steps in (1, 7, 20)]
    return input_ranges(nn.Sequential(block), lambda: [block(x, None) for x in asked])


def error_of(block, ranges, x, bias=None, *, is_first_alone=False, has_bf16=False):
    """How far the block's twin is from it, of its output's size."""
    network = nn.Sequential(block)
    twin = in_int8(network, has_bf16=has_bf16, ranges=ranges)[0]
    with torch.inference_mode():
        exact = block(x, bias, is_first_alone=is_first_alone)
        close = twin(x, bias, is_first_alone=is_first_alone)
    assert close.shape == exact.shape
    return float((close - exact).norm() / exact.norm())


@needs_vnni
@pytest.mark.parametrize("pre_norm", [True, False])
@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize("is_first_alone", [True, False])
@pytest.mark.parametrize("lengths", [[20, 7, 1], [9]])
@pytest.mark.parametrize("is_bf16", [True, False])
def test_blocks_are_within_two_percent_of_their_own(pre_norm, activation, is_first_alone, lengths, is_bf16):
    if is_bf16 and not has_bf16(torch.device("cpu")):
        pytest.skip("emulated")
    block = block_of(activation=activation, pre_norm=pre_norm)
    x = torch.randn(len(lengths), max(lengths), 64)
    bias = padding_bias(real_steps(torch.tensor(lengths), max(lengths)))
    given = x.clone()
    ranges = ranges_of_block(block)
    error = error_of(block, ranges, x, bias, is_first_alone=is_first_alone, has_bf16=is_bf16)
    assert 0 < error < 0.02
    torch.testing.assert_close(x, given, atol=0, rtol=0)


@needs_vnni
def test_channels_that_are_far_larger_or_off_the_middle_cost_no_precision():
    block, x = block_of(), torch.randn(8, 20, 64)
    with torch.no_grad():
        block.expand.bias[3] = 40.0  # inside
        block.attention_norm.weight[5], block.attention_norm.bias[5] = 30.0, 50.0  # and before
    ranges = ranges_of_block(block)
    assert error_of(block, ranges, x) < 0.02


@needs_vnni
def test_a_layer_without_bias_has_none():
    block, x = block_of(), torch.randn(2, 5, 64)
    block.expand = nn.Linear(64, 128, bias=False)
    ranges = ranges_of_block(block)
    assert error_of(block, ranges, x) < 0.02


@needs_vnni
def test_channels_that_never_changed_are_no_trouble():
    block, x = block_of(), torch.zeros(2, 5, 64)
    ranges = input_ranges(nn.Sequential(block), lambda: block(x, None))
    assert error_of(block, ranges, x) < 0.02


@pytest.mark.parametrize("room", [1, 16, 40])
def test_pieces_fill_their_room_and_hold_the_largest(room):
    largest = torch.rand(100, generator=torch.Generator().manual_seed(room), dtype=torch.float64)
    largest[7] = 20.0
    cut, channels, before = _in_pieces(largest, room)
    assert len(channels) <= room
    held = cut * (1 + torch.bincount(channels, minlength=100))
    assert (held >= largest * (1 - 1e-9)).all()
    u = torch.linspace(-1, 20, 500, dtype=torch.float64)
    first, further = u.relu().clamp(max=cut), (u[:, None] - before[channels == 7] * cut).relu().clamp(max=cut)
    torch.testing.assert_close(first + further.sum(1), u.relu())


def test_nothing_above_zero_has_no_pieces():
    cut, channels, _ = _in_pieces(torch.full((10,), -0.1, dtype=torch.float64), 16)
    assert cut > 0
    assert len(channels) == 0


def test_ranges_are_of_all_that_was_asked_and_leave_no_hooks():
    block = block_of()
    network, parts = nn.Sequential(block), [torch.randn(3, 5, 64), torch.randn(2, 4, 64)]
    ranges = input_ranges(network, lambda: [network[0](part, None) for part in parts])
    assert ranges.shape == (2, num_ranges(network)) == (2, 64 + 64 + 64 + 128)
    every = torch.cat([part.flatten(0, 1) for part in parts])
    torch.testing.assert_close(ranges[:, :64], torch.stack(every.aminmax(dim=0)))
    with pytest.raises(ZeroDivisionError):
        input_ranges(network, lambda: 1 / 0)
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_a_network_without_blocks_or_time_has_no_ranges(model):
    assert num_ranges(nn.Linear(3, 4)) == 0
    learner = model.learner_
    examples = learner.preprocessor.examples(pa.chunked_array([TEXTS]))
    assert ranges_of(nn.Linear(3, 4), examples, FitContext()) is None
    assert ranges_of(learner.network, examples, FitContext(deadline=0.0)) is None


def test_a_network_whose_numbers_overflow_has_no_ranges(model):
    network = copy.deepcopy(model.learner_.network)
    nn.init.constant_(network.blocks[0].feed_forward_norm.weight, torch.inf)
    nn.init.constant_(network.blocks[0].attention_norm.weight, torch.inf)
    examples = model.learner_.preprocessor.examples(pa.chunked_array([TEXTS]))
    assert ranges_of(network, examples, FitContext()) is None


@needs_vnni
def test_without_such_kernels_it_is_an_error_before_anything_is_asked(model, monkeypatch):
    def missing(*args):
        raise AttributeError("no such operator")

    monkeypatch.setattr("rungwise.layers.static_int8._StaticLinear.plus", missing)
    with pytest.raises(ConfigError, match="can't on this CPU"):
        in_int8(model.learner_.network, ranges=model.learner_.ranges)


def test_a_model_keeps_what_its_layers_saw(model, tmp_path):
    close = model.answer_in("int8").predict_proba(TEXTS)
    exact = model.answer_in("fp32").predict_proba(TEXTS)
    assert 0 < np.abs(close - exact).max() < 0.05
    model.save(tmp_path / "model")
    again = load(tmp_path / "model").answer_in("int8")
    np.testing.assert_allclose(again.predict_proba(TEXTS), close, atol=1e-6)


def blocks_of(network, ranges):
    return {type(block) for block in in_int8(network, ranges=ranges).blocks}


@needs_vnni
def test_without_ranges_or_vnni_numbers_are_rounded_as_they_come(model, monkeypatch):
    network, ranges = model.learner_.network, model.learner_.ranges
    assert blocks_of(network, ranges) == {QuickBlock}
    assert blocks_of(network, None) == {EncoderBlock}
    monkeypatch.setattr("torch.cpu._is_vnni_supported", lambda: False)
    assert blocks_of(network, ranges) == {EncoderBlock}
    assert isinstance(in_int8(network, ranges=ranges).blocks[0].expand, Int8Linear)


@pytest.mark.parametrize("damage", ["shape", "type", "nan", "order"])
def test_damaged_ranges_are_refused(model, damage):
    ranges = model.learner_.ranges.numpy().copy()
    if damage == "shape":
        ranges = ranges[:, 1:]
    elif damage == "type":
        ranges = ranges.astype(np.float64)
    elif damage == "nan":
        ranges[0, 3] = np.nan
    else:
        ranges = ranges[::-1].copy()
    with pytest.raises(ModelError, match="'ranges'"):
        stored_ranges({"ranges": ranges}, model.learner_.network)
