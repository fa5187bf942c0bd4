import pytest
import torch
from torch import nn

from rungwise.settings import NetworkConfig, Optimizer
from rungwise.training import optimizers
from rungwise.training.optimizers import FlatMuon, hidden_weights, make_optimizers


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.Conv2d(4, 6, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(96, 8),
            nn.Linear(8, 2),
        )


def test_hidden_weights_leave_out_the_first_and_the_last_layer():
    net = network()
    assert [id(w) for w in hidden_weights(net)] == [id(net[1].weight), id(net[4].weight)]


def test_with_an_embedding_the_first_linear_layer_is_hidden():
    net = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3), nn.Linear(3, 2))
    assert [id(w) for w in hidden_weights(net)] == [id(net[1].weight)]


@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_every_parameter_moves(optimizer):
    net = network()
    before = [p.detach().clone() for p in net.parameters()]
    optimizers = make_optimizers(net, NetworkConfig(optimizer=optimizer))
    generator = torch.Generator().manual_seed(0)
    net(torch.randn(5, 1, 8, 8, generator=generator)).square().sum().backward()
    for one in optimizers:
        one.step()
        one.zero_grad()
    assert not any(torch.equal(p, b) for p, b in zip(net.parameters(), before, strict=True))
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("optimizer", list(Optimizer))
def test_what_is_new_is_stepped_faster_and_everything_once(optimizer):
    net = network()
    new = {"4.weight", "4.bias"}
    config = NetworkConfig(optimizer=optimizer, learning_rate=0.01)
    groups = [group for one in make_optimizers(net, config, new) for group in one.param_groups]
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    fast = {name for name, p in net.named_parameters() if rates.get(id(p)) == pytest.approx(0.1)}
    assert fast == new
    assert sum(len(group["params"]) for group in groups) == len(list(net.parameters()))


def test_weight_decay_falls_on_matrices_alone():
    for optimizer in Optimizer:
        for one in make_optimizers(network(), NetworkConfig(optimizer=optimizer, weight_decay=0.5)):
            for group in one.param_groups:
                assert {p.ndim >= 2 for p in group["params"]} == {group["weight_decay"] == 0.5}


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_muon_over_a_kernel_is_muon_over_its_matrix(memory_format):
    generator = torch.Generator().manual_seed(1)
    start, gradient = torch.randn(2, 6, 4, 3, 3, generator=generator)
    kernel = nn.Parameter(start.clone(memory_format=memory_format))
    matrix = nn.Parameter(start.flatten(1).clone())
    flat = FlatMuon([kernel], 0.1, 0.01)
    plain = torch.optim.Muon(
        [matrix], lr=0.1, weight_decay=0.01, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(3):
        kernel.grad, matrix.grad = gradient.clone(), gradient.flatten(1).clone()
        flat.step()
        plain.step()
    # sums in bf16 run in another order where the channels come last
    assert torch.allclose(kernel.flatten(1), matrix, atol=2e-2)
    assert not torch.allclose(kernel, start, atol=1e-1)


def test_muon_steps_are_as_long_as_adamws():
    generator = torch.Generator().manual_seed(1)
    kernel = nn.Parameter(torch.zeros(64, 32, 3, 3))
    muon = FlatMuon([kernel], 0.1, 0.0)
    kernel.grad = torch.randn(kernel.shape, generator=generator)
    muon.step()
    assert 0.1 * 0.1 < float(kernel.detach().square().mean().sqrt()) < 0.1 * 0.4


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (8, 3, 3, 3)])
def test_steps_without_bf16_are_those_with_it_but_for_their_rounding(shape, monkeypatch):
    def stepped(has_bf16):
        monkeypatch.setattr(optimizers, "has_bf16", lambda device: has_bf16)
        generator = torch.Generator().manual_seed(0)
        weight = nn.Parameter(torch.randn(shape, generator=generator))
        muon = FlatMuon([weight], 0.1, 0.01)
        for _ in range(4):
            weight.grad = torch.randn(shape, generator=generator)
            muon.step()
        return weight.detach(), muon.state[muon.matrices[0]]["momentum_buffer"]

    for one, other in zip(stepped(False), stepped(True), strict=True):
        torch.testing.assert_close(one, other, atol=0.02, rtol=0.02)
