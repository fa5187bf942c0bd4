import dataclasses

import numpy as np
import pyarrow as pa
import pytest
import torch
from tokenizers import Tokenizer
from torch.utils.flop_counter import FlopCounterMode

from rungwise import load, registry
from rungwise.errors import ConfigError, ModelError
from rungwise.estimators import estimator_class
from rungwise.fitting import FitContext
from rungwise.kinds import OutputKind
from rungwise.layers.crf import CRF, TagSoftmax
from rungwise.layers.dropout import StepsDropout, dropout
from rungwise.layers.embedding import token_embedding
from rungwise.layers.recurrent import DirectionsPool, elman
from rungwise.layers.sequence import Pool, Pooling, pool, real_steps, reverse
from rungwise.rung import SentenceShape, TextShape
from rungwise.training.batches import sorted_batches, train_batches
from rungwise.training.losses import Objective
from rungwise.training.restoring import network_with
from rungwise.training.trainer import Trainer

SHAPE = TextShape(num_examples=100, num_outputs=3, vocab_size=50, mean_tokens=12, max_tokens=20)

_SENTENCES = SentenceShape(
    num_examples=100, num_outputs=5, vocab_size=50, mean_tokens=12, max_tokens=20, has_cases=True
)
_SMALL_BERT = {"hidden_size": 12, "num_layers": 2, "num_heads": 3, "intermediate_size": 20, "role_size": 8}

VARIANTS = [
    ("textcnn", {}),
    ("textcnn", {"wide": False, "widths": (2, 5)}),
    *[("simple-rnn", {"bidirectional": both, "pooling": p}) for both in (False, True) for p in Pooling],
    *[("lstm", {"bidirectional": both, "pooling": p}) for both in (False, True) for p in Pooling],
    *[("gru", {"bidirectional": both, "pooling": p}) for both in (False, True) for p in Pooling],
    ("lstm", {"num_layers": 2}),
    ("gru", {"num_layers": 2}),
    *[("transformer", {"pre_norm": pre, "pooling": p}) for pre in (False, True) for p in Pooling],
    ("transformer", {"num_layers": 3, "activation": "relu"}),
]


def build(name, settings, shape=SHAPE):
    rung = registry.rung(name)
    torch.manual_seed(0)
    config = registry.make_config(rung.config, settings)
    return rung.build(config, shape).eval(), rung.cost(config, shape)


def batch(lengths, seed=0):
    """Random tokens of these lengths, padded."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor(lengths)
    tokens = torch.randint(2, SHAPE.vocab_size, (len(lengths), int(lengths.max())), generator=generator)
    return tokens * real_steps(lengths, tokens.shape[1]), lengths


@pytest.fixture(autouse=True)
def _own_random_state():
    with torch.random.fork_rng():
        yield


# ------------------------------------------------------------------------------------------------- networks


@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_padding_changes_nothing(name, settings):
    network, _ = build(name, settings)
    tokens, lengths = batch([1, 2, 7, 20])
    together = network(tokens, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = network(tokens[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(alone[0], together[row], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_the_order_of_words_counts(name, settings):
    network, _ = build(name, settings)
    tokens, lengths = batch([9])
    assert not torch.allclose(network(tokens, lengths), network(tokens.flip(1), lengths), atol=1e-5)


@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_the_formula_counts_the_parameters_of_every_variant(name, settings):
    network, cost = build(name, settings)
    assert cost.parameters == sum(p.numel() for p in network.parameters())


@pytest.mark.filterwarnings("ignore:TF32 acceleration")  # from reading oneDNN's flags
@pytest.mark.parametrize(("name", "settings"), [v for v in VARIANTS if v[1].get("wide", True)])
def test_the_formula_agrees_with_counted_operations(name, settings):
    tokens, lengths = batch([12] * 4)
    network, cost = build(name, settings)
    # the counter knows neither oneDNN's LSTM nor fused attention, which fp32 has
    plainly = torch.autocast("cpu", torch.bfloat16, enabled=name == "transformer")
    without_onednn = torch.backends.mkldnn.flags(enabled=name != "lstm")
    with FlopCounterMode(display=False) as counter, without_onednn, plainly:
        network(tokens, lengths)
    overhang = 1.35 if name == "textcnn" else 1.02  # windows over the ends, which the formula leaves out
    assert cost.predict_flops * 0.98 < counter.get_total_flops() / 4 < cost.predict_flops * overhang


def test_fit_costs_three_times_the_predictions_of_all_epochs():
    for name in ("textcnn", "simple-rnn", "lstm", "gru", "transformer"):
        rung = registry.rung(name)
        cost = rung.cost(rung.config(epochs=7), SHAPE)
        assert cost.fit_flops == pytest.approx(3 * cost.predict_flops * SHAPE.num_examples * 7)


@pytest.mark.parametrize("name", ["bert", "transformer"])
def test_roles_are_learned_as_whole_sequences_and_never_smoothed(name):
    sentences = dataclasses.replace(_SENTENCES, has_predicates=True)
    network, cost = build(name, _SMALL_BERT, sentences)
    assert isinstance(network.tagging, CRF)
    assert isinstance(build(name, _SMALL_BERT, _SENTENCES)[0].tagging, TagSoftmax)
    assert cost.parameters == sum(p.numel() for p in network.parameters())
    with pytest.raises(ConfigError, match=r"label_smoothing=0.1: roles are learned as whole sequences"):
        build(name, {**_SMALL_BERT, "label_smoothing": 0.1}, sentences)


def test_a_model_from_before_a_part_was_there_is_as_it_was_without():
    sentences = dataclasses.replace(_SENTENCES, has_predicates=True)
    network, _ = build("bert", _SMALL_BERT, sentences)
    old = {n: t.numpy() for n, t in network.state_dict().items() if not n.startswith("tagging.")}
    restored = network_with(lambda: build("bert", _SMALL_BERT, sentences)[0], old, newer=("tagging",))
    scores, lengths = torch.randn(6, sentences.num_outputs), torch.tensor([4, 2])
    plain = TagSoftmax(sentences.num_outputs, 0.0)
    assert torch.equal(restored.tagging.decode(scores, lengths), plain.decode(scores, lengths))
    with pytest.raises(ModelError, match="is in one of the two alone"):
        network_with(lambda: build("bert", _SMALL_BERT, sentences)[0], {**old, **_zeros(network)})


def _zeros(network):
    """Weights of enough parts that the number of parameters is right."""
    return {f"else.{n}": t.numpy() for n, t in network.state_dict().items() if n.startswith("tagging.")}


def test_heads_must_divide_the_channels():
    with pytest.raises(ConfigError, match="hidden_size=30 must be a multiple of num_heads=4"):
        build("transformer", {"hidden_size": 30, "num_heads": 4})


# --------------------------------------------------------------------------------------------------- layers


def test_reverse_leaves_padding_in_place():
    x = torch.tensor([[1, 2, 3, 0], [4, 5, 6, 7]]).t()[:, :, None]
    assert reverse(x, torch.tensor([3, 4]))[:, :, 0].t().tolist() == [[3, 2, 1, 0], [7, 6, 5, 4]]


def test_pooling_sees_real_steps_alone():
    x = torch.tensor([[[1.0], [5.0], [99.0]], [[-1.0], [-2.0], [-6.0]]])
    lengths = torch.tensor([2, 3])
    assert pool(x, lengths, Pooling.LAST).flatten().tolist() == [5, -6]
    assert pool(x, lengths, Pooling.MEAN).flatten().tolist() == [3, -3]
    assert pool(x, lengths, Pooling.MAX).flatten().tolist() == [5, -1]
    attended = pool(x, lengths, Pooling.ATTENTION, torch.tensor([1.0])).flatten()
    weights = [torch.tensor([1.0, 5.0]).softmax(0), torch.tensor([-1.0, -2.0, -6.0]).softmax(0)]
    expected = [weights[0] @ x[0, :2, 0], weights[1] @ x[1, :, 0]]
    torch.testing.assert_close(attended, torch.stack(expected))


def test_attention_begins_as_the_mean():
    x, lengths = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([2, 3])
    torch.testing.assert_close(Pool(Pooling.ATTENTION, 4)(x, lengths), pool(x, lengths, Pooling.MEAN))


def test_attention_weighs_a_step_by_both_directions():
    states = list(torch.randn(2, 3, 1, 2, generator=torch.Generator().manual_seed(0)))  # two of (T, B, H)
    lengths = torch.tensor([2])
    attended = DirectionsPool(Pooling.ATTENTION, 4)
    attended.steps.query.data = torch.tensor([1.0, -1.0, 2.0, 0.5])
    steps = torch.stack([torch.cat([states[0][t, 0], states[1][1 - t, 0]]) for t in range(2)])
    weights = (steps @ attended.steps.query).softmax(0)
    torch.testing.assert_close(attended(states, lengths)[0], weights @ steps)


def test_steps_dropout_drops_the_same_at_every_step():
    torch.manual_seed(0)
    dropped = StepsDropout(0.5)(torch.ones(6, 4, 8))
    assert torch.equal(dropped, dropped[:1].expand_as(dropped))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_its_share_and_keeps_the_mean(p, dtype):
    torch.manual_seed(0)
    dropped = dropout(torch.ones(99_999, dtype=dtype), p).float()
    assert (dropped == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1 if p < 1 else 0, abs=0.03)
    assert dropped.unique().numel() == 1 + (0 < p < 1)


def test_dropout_follows_the_seed():
    masks = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        masks.append(dropout(torch.ones(3, 5), 0.5))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_padding_has_a_zero_vector():
    embedding = token_embedding(5, 3, padding_idx=0)
    assert not embedding.weight[0].any()
    assert embedding.weight[1:].all()


def test_elman_gradients_are_those_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    inputs, weight, mask = (
        torch.randn(*size, generator=generator, dtype=torch.float64, requires_grad=grad)
        for size, grad in (((5, 2, 3), True), ((3, 3), True), ((2, 3), False))
    )
    assert torch.autograd.gradcheck(lambda x, w: elman(x, w, mask, 1.5, lambda _: None), (inputs, weight))
    states = elman(inputs, weight, mask, 1.5, lambda _: None)
    assert (states == 1.5).any()


def test_elman_records_the_gradient_of_every_state():
    recorded = []
    inputs = torch.rand(4, 2, 3, requires_grad=True)
    states = elman(inputs, 0.5 * torch.eye(3), torch.ones(2, 3), torch.inf, recorded.append)
    states[-1].sum().backward()
    norms = recorded[0].norm(dim=2)[:, 0]
    torch.testing.assert_close(norms, 3**0.5 * 0.5 ** torch.arange(3.0, -1, -1))


@pytest.mark.parametrize("size", [2, 1])
def test_what_elman_records_comes_through_the_last_state_alone(size):
    recorded, lengths = [], torch.tensor([4, 3])
    inputs = torch.rand(4, 2, 3, requires_grad=True)
    states = elman(inputs, 0.5 * torch.eye(3), torch.ones(size, 3), torch.inf, recorded.append)
    pool(states.transpose(0, 1), lengths, Pooling.MEAN).sum().backward()
    norms = recorded[0].norm(dim=2)
    torch.testing.assert_close(norms[:, 0], 3**0.5 / 4 * 0.5 ** torch.arange(3.0, -1, -1))
    torch.testing.assert_close(norms[:3, 1], 3**0.5 / 3 * 0.5 ** torch.arange(2.0, -1, -1))


def test_exploding_states_stay_finite():
    recorded = []
    inputs = torch.ones(500, 1, 4, requires_grad=True)
    states = elman(inputs, 2 * torch.eye(4), torch.ones(1, 4), 20.0, recorded.append)
    states.sum().backward()
    assert states.max() == 20
    assert recorded[0].isfinite().all()


# -------------------------------------------------------------------------------------------------- batches

LENGTHS = np.random.default_rng(0).integers(1, 60, 500)


def test_every_example_is_in_one_batch_of_an_epoch():
    for batches in (
        train_batches(500, LENGTHS, 16, np.random.default_rng(0)),
        sorted_batches(500, LENGTHS, 16),
    ):
        assert sorted(np.concatenate(batches)) == list(range(500))


def test_batches_keep_the_token_budget_and_hardly_pad():
    batches = train_batches(500, LENGTHS, 16, np.random.default_rng(0))
    padded = [len(index) * LENGTHS[index].max() for index in batches]
    assert max(padded) <= 16 * LENGTHS.mean()
    assert sum(padded) < 1.1 * LENGTHS.sum()


def test_a_text_longer_than_the_budget_is_a_batch_of_its_own():
    lengths = np.array([1, 1, 1, 500])
    assert [len(index) for index in sorted_batches(4, lengths, 1)] == [3, 1]


def test_the_plan_of_steps_is_kept():
    rung = registry.rung("textcnn")
    config = rung.config(epochs=3, batch_size=8, embedding_dim=4, num_filters=2)

    class Examples:
        lengths = LENGTHS[:200].clip(max=20)
        owners = None

        def __len__(self):
            return 200

        def batch(self, index):
            return batch(self.lengths[index].tolist())

    objective = Objective(OutputKind.LABEL, 0.0)
    network, _ = build("textcnn", {"embedding_dim": 4, "num_filters": 2})
    trainer = Trainer(
        network, config, FitContext(seed=3), objective, lambda inputs, _, *, index, epoch: inputs
    )
    history = trainer.fit((Examples(), torch.arange(200) % 3), None)
    assert trainer.step_number == trainer.total_steps
    assert len(history) == 3
    lowest = trainer.optimizers[0].param_groups[0]["lr"] / config.learning_rate
    assert lowest < 2 / trainer.total_steps


# -------------------------------------------------------------------------------------------- fitted models


def data(num_examples=60):
    rng = np.random.default_rng(0)
    words = np.array(["film", "story", "actor", "scene", "the", "a"])
    labels = rng.integers(0, 2, num_examples)
    texts = [
        " ".join([*rng.choice(words, rng.integers(1, 9)), ("dull", "bright")[label]]) for label in labels
    ]
    return texts, labels


def test_gradient_norms_survive_the_model_folder(tmp_path):
    texts, labels = data()
    model = estimator_class("simple-rnn", OutputKind.LABEL)(random_state=0, epochs=2, batch_size=8)
    model.fit(texts, labels)
    norms = model.learner_.network.gradient_norms()
    assert len(norms) == max(len(text.split()) for text in texts)
    assert (norms > 0).all()
    loaded = load(model.save(tmp_path / "model"))
    assert torch.equal(loaded.learner_.network.gradient_norms(), norms)


def test_predicting_records_no_gradient_norms():
    texts, labels = data()
    model = estimator_class("simple-rnn", OutputKind.LABEL)(random_state=0, epochs=1).fit(texts, labels)
    before = model.learner_.network.gradient_norms()
    examples = model.learner_.preprocessor.examples(pa.chunked_array([["dull film"]]))
    model.learner_.network(*examples.batch(np.array([0]))).sum().backward()
    assert torch.equal(model.learner_.network.gradient_norms(), before)


def test_the_tokenizer_is_a_file_of_its_library(tmp_path):
    texts, labels = data()
    model = estimator_class("textcnn", OutputKind.LABEL)(random_state=0, epochs=1).fit(texts, labels)
    folder = model.save(tmp_path / "model")
    assert Tokenizer.from_file(str(folder / "tokenizer.json")).encode("dull film").tokens == ["dull", "film"]
    assert "tokenizer" not in (folder / "state.json").read_text()


@pytest.mark.parametrize("name", ["textcnn", "simple-rnn", "lstm", "gru", "transformer"])
def test_validation_and_empty_texts_are_taken(name):
    texts, labels = data()
    model = estimator_class(name, OutputKind.LABEL)(random_state=0, epochs=2, precision="fp32")
    model.fit([*texts, ""], [*labels, 0], validation=([*texts[:9], ""], [*labels[:9], 1]))
    assert model.history_[-1].valid_score is not None
    probabilities = model.predict_proba(pa.array(["", "bright film"]))
    np.testing.assert_allclose(probabilities[1], model.predict_proba(["bright film"])[0], atol=1e-5)


def test_many_classes_are_taken():
    texts = [f"word{number} film" for number in range(12)] * 4
    labels = [f"class {number}" for number in range(12)] * 4
    model = estimator_class("textcnn", OutputKind.LABEL)(
        random_state=0, epochs=40, batch_size=8, embedding_dim=16
    )
    assert model.fit(texts, labels).score(texts, labels) == 1


def test_settings_of_the_networks_are_enums_or_plain():
    for name in ("textcnn", "simple-rnn", "lstm", "gru", "transformer"):
        config = registry.rung(name).config()
        assert all(
            value is None or isinstance(value, int | float | str | tuple)
            for value in dataclasses.asdict(config).values()
        )
