"""A table of vectors of which training has some rows: as if it had all."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from rungwise.training.seen import seen_rows

PARTS = [
    SimpleNamespace(tokens=np.array([7, 3, 3], np.int32), pad=0),
    SimpleNamespace(tokens=np.array([5, 7], np.int32), pad=0),
]
SEEN = [0, 3, 5, 7]


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Module()
        self.inner.table = nn.Embedding(9, 4)
        self.linear = nn.Linear(4, 1)

    def forward(self, tokens):
        return self.linear(self.inner.table(tokens)).sum()


def stepped(network):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.tensor([[7, 3, 3], [5, 0, 0]])).square().backward()
        optimizer.step()


def test_training_gives_what_it_gives_with_all_rows():
    wanted, network = Network(), Network()
    stepped(wanted)
    with seen_rows(network, "inner.table", PARTS) as whole:
        assert network.inner.table.weight.shape == (4, 4)
        stepped(network)
        during = whole(network.state_dict())
    assert type(network.inner.table) is nn.Embedding
    for name, tensor in wanted.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], tensor)
        torch.testing.assert_close(during[name], tensor)


def test_weights_of_another_step_are_made_whole_without_touching_the_network():
    network = Network()
    before = network.inner.table.weight.detach().clone()
    with seen_rows(network, "inner.table", PARTS) as whole:
        other = {"inner.table.weight": torch.ones(4, 4)}
        made = whole(other)["inner.table.weight"]
    assert made[SEEN].eq(1).all()
    rest = [row for row in range(9) if row not in SEEN]
    assert made[rest].equal(before[rest])
    assert network.inner.table.weight.equal(before)


def test_what_breaks_leaves_a_whole_network():
    network = Network()
    with pytest.raises(ZeroDivisionError), seen_rows(network, "inner.table", PARTS):
        raise ZeroDivisionError
    assert network.inner.table.num_embeddings == 9


def test_without_a_table_nothing_is_done():
    network = Network()
    with seen_rows(network, None, PARTS) as whole:
        weights = network.state_dict()
        assert whole(weights) is weights
