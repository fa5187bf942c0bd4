"""The networks' textbook forms against PyTorch's own layers with the same weights, or against the bare formula."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rungwise import registry
from rungwise.layers.dropout import dropout
from rungwise.layers.recurrent import DirectionsPool
from rungwise.layers.sequence import Pooling, real_steps
from rungwise.rung import TextShape

SHAPE = TextShape(num_examples=100, num_outputs=3, vocab_size=50, mean_tokens=12, max_tokens=20)
LENGTHS = torch.tensor([20, 11, 5, 1])


@pytest.fixture(autouse=True)
def _own_random_state():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def build(name, **settings):
    rung = registry.rung(name)
    return rung.build(registry.make_config(rung.config, settings), SHAPE)


def batch():
    tokens = torch.randint(2, SHAPE.vocab_size, (len(LENGTHS), int(LENGTHS.max())))
    return tokens * real_steps(LENGTHS, tokens.shape[1])


def assert_same(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


# -------------------------------------------------------------------------------------------------- textcnn


def test_textcnn_is_kims_formula():
    network, tokens = build("textcnn", wide=False, widths=(3, 4), num_filters=5).eval(), batch()
    rows = []
    for text, length in zip(tokens, LENGTHS, strict=True):
        words = network.embedding(text[: max(4, length)])  # a short text is padded to the widest filter
        strongest = []
        for convolution, width in zip(network.convolutions, (3, 4), strict=True):
            num_windows = max(1, length - width + 1)
            windows = torch.stack([words[start : start + width].t() for start in range(num_windows)])
            answers = torch.einsum("new,few->nf", windows, convolution.weight) + convolution.bias
            strongest.append(answers.relu().amax(0))
        rows.append(network.linear(torch.cat(strongest)))
    assert_same(network(tokens, LENGTHS), torch.stack(rows))


def test_textcnn_has_the_papers_sizes():
    config = registry.rung("textcnn").config()
    assert (config.widths, config.num_filters, config.dropout) == ((3, 4, 5), 100, 0.5)


# ----------------------------------------------------------------------------------------------- simple-rnn


def elman_reference(network, tokens, bidirectional):
    """`nn.RNN` with the network's weights: its final states (B, C of both directions)."""
    layers = list(network.directions)
    reference = nn.RNN(
        layers[0].input.in_features,
        layers[0].input.out_features,
        nonlinearity="relu",
        batch_first=True,
        bidirectional=bidirectional,
    )
    with torch.no_grad():
        for layer, suffix in zip(layers, ("", "_reverse"), strict=False):
            getattr(reference, f"weight_ih_l0{suffix}").copy_(layer.input.weight)
            getattr(reference, f"weight_hh_l0{suffix}").copy_(layer.recurrent.weight)
            getattr(reference, f"bias_ih_l0{suffix}").copy_(layer.input.bias)
            getattr(reference, f"bias_hh_l0{suffix}").zero_()
    _, last = reference(pack_padded_sequence(network.embedding(tokens), LENGTHS, batch_first=True))
    return reference, torch.cat(list(last), 1)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_simple_rnn_is_nn_rnn(bidirectional):
    network = build("simple-rnn", pooling="last", bidirectional=bidirectional, embedding_dropout=0.0)
    network.eval()
    tokens = batch()
    reference, last = elman_reference(network, tokens, bidirectional)
    logits, expected = network(tokens, LENGTHS), network.linear(last)
    assert_same(logits, expected)
    logits.square().sum().backward()
    gradient = network.directions[0].recurrent.weight.grad.clone()
    expected.square().sum().backward()
    assert_same(gradient, reference.weight_hh_l0.grad)


def test_recurrent_dropout_is_one_mask_a_text_on_the_last_state():
    network = build("simple-rnn", pooling="last", embedding_dropout=0.0, dropout=0.0).train()
    layer, tokens = network.directions[0], batch()
    torch.manual_seed(1)
    logits = network(tokens, LENGTHS)
    torch.manual_seed(1)
    mask = dropout(torch.ones(len(tokens), layer.recurrent.in_features), 0.5)
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    rows = []
    for text, length, kept in zip(network.embedding(tokens), LENGTHS, mask, strict=True):
        state = torch.zeros_like(kept)
        for word in text[:length]:
            state = torch.relu(layer.input(word) + layer.recurrent(state * kept))
        rows.append(network.linear(state))
    assert_same(logits, torch.stack(rows))


# --------------------------------------------------------------------------------------------- lstm and gru


@pytest.mark.parametrize(("name", "unit"), [("lstm", nn.LSTM), ("gru", nn.GRU)])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_gated_networks_are_torchs_over_packed_texts(name, unit, num_layers, bidirectional):
    settings = {"num_layers": num_layers, "bidirectional": bidirectional, "hidden_size": 16}
    network = build(name, pooling="last", **settings).eval()
    reference = unit(
        network.embedding.embedding_dim, 16, num_layers, batch_first=True, bidirectional=bidirectional
    )
    with torch.no_grad():
        for number, layer in enumerate(network.layers):
            for direction, suffix in zip(layer.directions, ("", "_reverse"), strict=False):
                for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    getattr(reference, f"{part}_l{number}{suffix}").copy_(getattr(direction, f"{part}_l0"))
    tokens = batch()
    packed = pack_padded_sequence(network.embedding(tokens), LENGTHS, batch_first=True)
    states, last = reference(packed)
    last = last[0] if name == "lstm" else last
    features = torch.cat(list(last[-(1 + bidirectional) :]), 1)
    assert_same(network(tokens, LENGTHS), network.linear(features))
    network.pool = DirectionsPool(Pooling.MAX, features.shape[1])
    padded = pad_packed_sequence(states, batch_first=True, padding_value=-torch.inf)[0]
    assert_same(network(tokens, LENGTHS), network.linear(padded.amax(1)))


# ---------------------------------------------------------------------------------------------- transformer


@pytest.mark.parametrize("pre_norm", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_transformer_is_nn_transformer_encoder(pre_norm, activation):
    network = build(
        "transformer",
        pre_norm=pre_norm,
        activation=activation,
        pooling="mean",
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        intermediate_size=48,
    ).eval()
    layer = nn.TransformerEncoderLayer(
        32, 4, 48, activation=activation, batch_first=True, norm_first=pre_norm
    )
    norm = nn.LayerNorm(32) if pre_norm else None
    reference = nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=False).eval()
    for ours, theirs in zip(network.blocks, reference.layers, strict=True):
        theirs.self_attn.in_proj_weight.data.copy_(ours.attention.query_key_value.weight)
        theirs.self_attn.in_proj_bias.data.copy_(ours.attention.query_key_value.bias)
        theirs.self_attn.out_proj.load_state_dict(ours.attention.output.state_dict())
        theirs.linear1.load_state_dict(ours.expand.state_dict())
        theirs.linear2.load_state_dict(ours.contract.state_dict())
    tokens = batch()
    mask = real_steps(LENGTHS, tokens.shape[1])
    x = network.embedding(tokens) + network.positions[: tokens.shape[1]]
    states = reference(x, src_key_padding_mask=~mask)
    mean = (states * mask[:, :, None]).sum(1) / LENGTHS[:, None]
    assert_same(network(tokens, LENGTHS), network.linear(mean))
