import numpy as np
import pytest
import torch

import rungwise as rw
from rungwise.errors import ConfigError
from rungwise.fitting import FitContext, Precision
from rungwise.settings import Schedule
from rungwise.training import precision as precision_module
from rungwise.training.batches import sorted_batches, train_batches
from rungwise.training.precision import autocast, possible_precision, resolve_precision
from rungwise.training.schedules import rate_factor
from rungwise.training.seeds import seeded, sub_seed


def test_the_one_cycle_rises_then_falls_to_zero():
    factors = [rate_factor(Schedule.ONE_CYCLE, p, 0.25) for p in np.linspace(0, 1, 101)]
    assert factors[0] == 0
    assert factors[25] == max(factors) == 1
    assert factors[-1] == 0
    assert factors[:26] == sorted(factors[:26])
    assert factors[25:] == sorted(factors[25:], reverse=True)


def test_the_constant_rate_stays_after_its_rise():
    assert [rate_factor(Schedule.CONSTANT, p, 0.5) for p in (0.25, 0.5, 1.0)] == [0.5, 1.0, 1.0]


def test_without_warmup_the_rate_starts_high():
    assert rate_factor(Schedule.ONE_CYCLE, 0.0, 0.0) == 1.0


@pytest.mark.parametrize("lengths", [None, np.arange(1, 101)])
def test_every_example_is_in_one_batch(lengths):
    for batches in (
        train_batches(100, lengths, 8, np.random.default_rng(0)),
        sorted_batches(100, lengths, 8),
    ):
        assert sorted(np.concatenate(batches).tolist()) == list(range(100))


def test_no_example_is_alone_in_the_last_batch():
    sizes = [len(batch) for batch in train_batches(129, None, 64, np.random.default_rng(0))]
    assert sizes == [64, 65]
    assert [len(batch) for batch in train_batches(1, None, 64, np.random.default_rng(0))] == [1]


def test_a_batch_has_whole_groups_and_so_many_of_them():
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(60), rng.integers(1, 9, 60)))
    lengths = rng.integers(1, 30, 60)[groups]
    of_groups = np.zeros(60, dtype=np.int64)
    of_groups[groups] = lengths
    for batches in (
        train_batches(len(groups), lengths, 8, rng, groups=groups),
        sorted_batches(len(groups), lengths, 8, groups=groups),
    ):
        assert sorted(np.concatenate(batches).tolist()) == [*range(len(groups))]
        for batch in batches:
            inside = np.unique(groups[batch])
            assert np.isin(groups, inside).sum() == len(batch)
            assert len(inside) == 1 or len(inside) * of_groups[inside].max() <= 8 * of_groups.mean()


def test_a_batch_that_is_asked_has_no_more_tokens_than_the_network_wants():
    lengths = np.random.default_rng(0).integers(1, 300, 200)
    batches = sorted_batches(200, lengths, 64, most_tokens=250)
    assert sorted(np.concatenate(batches).tolist()) == [*range(200)]
    assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= 250 for batch in batches)
    few = sorted_batches(200, lengths, 1, most_tokens=10**6)
    assert max(len(batch) * lengths[batch].max() for batch in few) < 350


def test_a_precision_that_is_asked_for_is_taken_where_there_is_one(monkeypatch):
    monkeypatch.setattr(precision_module, "has_bf16", lambda device: True)
    assert resolve_precision(Precision.BF16, "cpu") is Precision.BF16
    assert possible_precision(Precision.BF16, "cpu") is Precision.BF16
    monkeypatch.setattr(precision_module, "has_bf16", lambda device: False)
    with pytest.raises(ConfigError, match="precision 'bf16': this machine's CPU has no arithmetic in bf16"):
        resolve_precision(Precision.BF16, "cpu")


def test_what_was_trained_in_bf16_answers_in_32_bits_where_there_is_none(monkeypatch):
    monkeypatch.setattr(precision_module, "has_bf16", lambda device: False)
    texts, labels = ["a good film", "a bad film"] * 8, ["good", "bad"] * 8
    model = rw.LSTMClassifier(epochs=1, hidden_size=4, random_state=0, precision="fp32").fit(texts, labels)
    expected = model.predict_proba(texts)
    model.learner_.context = FitContext(precision=Precision.BF16)
    np.testing.assert_array_equal(model.predict_proba(texts), expected)


def test_the_precision_that_is_chosen_is_settled_once():
    chosen = resolve_precision(Precision.AUTO, "cpu")
    assert chosen in (Precision.FP32, Precision.BF16)
    assert resolve_precision(Precision.AUTO, "cpu") is chosen


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_products_run_in_the_precision(precision, dtype):
    with autocast(Precision(precision), "cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is dtype


def test_seeded_leaves_the_generator_as_it_was():
    state = torch.get_rng_state()
    with seeded(1, "cpu"):
        first = torch.rand(3)
    with seeded(1, "cpu"):
        second = torch.rand(3)
    assert torch.equal(first, second)
    assert torch.equal(state, torch.get_rng_state())


def test_sub_seeds_differ_by_purpose():
    assert sub_seed(7, "lstm", 0) == sub_seed(7, "lstm", 0)
    assert len({sub_seed(7, "lstm", 0), sub_seed(7, "lstm", 1), sub_seed(8, "lstm", 0)}) == 3


def test_a_network_that_is_where_it_is_asked_is_not_moved_again(monkeypatch):
    images = np.zeros((4, 8, 8, 1), np.uint8)
    images[::2] = 255
    model = rw.CNNClassifier(epochs=1, random_state=0, precision="fp32").fit(images, ["a", "b"] * 2)
    expected = model.predict_proba(images)
    monkeypatch.setattr(torch.nn.Module, "_apply", None)
    np.testing.assert_array_equal(model.predict_proba(images), expected)
