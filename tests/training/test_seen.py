"""A table of vectors of which training has some rows: as if it had all."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fits import KilledError, Memory, bits, data
from torch import nn

import rungwise as rw
from rungwise import registry
from rungwise.artifacts.pretrained import read_pretrained
from rungwise.fitting import FitContext, Precision
from rungwise.training.learner import NetworkLearner
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


def learned(pretrained, kill_every=None):
    """A BERT tuned from pretrained weights, and how often it was killed."""
    checkpoint, kills = Memory(kill_every), 0
    settings = {"pretrained": "x", "tuning_epochs": 3, "batch_size": 4}
    inputs, targets, pair = data("textcnn")
    while True:
        rung = registry.rung("bert")
        learner = NetworkLearner(rung, registry.make_config(rung.config, settings), pair)
        context = FitContext(seed=5, precision=Precision.FP32, pretrained=pretrained, checkpoint=checkpoint)
        try:
            learner.fit(inputs[:12], targets[:12], num_outputs=2, validation=None, context=context)
        except KilledError:
            kills += 1
        else:
            rest, arrays, _, predictions = bits(learner, inputs)  # the first loss is NaN, which isn't itself
            return (rest, arrays, predictions), kills, checkpoint


def test_a_tuning_that_is_killed_ends_the_same_and_what_it_kept_is_whole(tmp_path):
    texts = ["film good bad a the story and words that are only here", "good film"]
    small = {"hidden_size": 8, "num_layers": 1, "num_heads": 2, "intermediate_size": 8, "max_tokens": 40}
    rw.BERTClassifier(**small, min_frequency=1, epochs=1).fit(texts, [0, 1]).save(tmp_path / "model")
    pretrained = read_pretrained(str(tmp_path / "model"))
    whole, _, checkpoint = learned(pretrained)
    again, kills, _ = learned(pretrained, 3)
    assert kills
    assert again == whole
    table = "bert.embeddings.word_embeddings.weight"
    kept, before = checkpoint.model["network"][table], pretrained.weights[table]
    is_moved = (kept != before).any(1)
    assert kept.shape == before.shape
    assert is_moved.any()
    assert not is_moved.all()
