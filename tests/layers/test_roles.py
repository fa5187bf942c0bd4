"""Words as they stand to predicates: each beside what the formula says, one by one."""

import pytest
import torch

from rungwise.layers.roles import NUM_PLACES, Roles

NUM_WORDS = torch.tensor([3, 40, 1])
SENTENCES = torch.tensor([1, 0, 0, 2, 1])


@pytest.fixture
def roles():
    torch.manual_seed(0)
    return Roles(4, 6, 0.5, has_predicates=True).eval()


def by_hand(roles, states, predicates):
    """Of each predicate's words, one after the other."""
    starts = NUM_WORDS.cumsum(0) - NUM_WORDS
    rows = []
    for sentence, place in zip(SENTENCES.tolist(), predicates.tolist(), strict=True):
        words = states[starts[sentence] : starts[sentence] + NUM_WORDS[sentence]]
        known = roles.predicates(words[place]) if 0 <= place < len(words) else torch.zeros(12)
        for number, word in enumerate(words):
            far = max(-16, min(16, number - place))
            sums, products = roles.words(word) + known, roles.words(word) * known
            x = torch.cat([torch.relu(sums[:6] + roles.places.weight[far + NUM_PLACES // 2]), products[6:]])
            rows.append(x + torch.relu(roles.mix(x)))
    return torch.stack(rows)


@pytest.mark.parametrize("places", [[5, 0, 2, 0, 39], [-3, 7, 1, -1, 40]])
def test_words_are_told_what_they_are_to_each_predicate_and_how_far_from_it(roles, places):
    states, predicates = torch.randn(44, 4), torch.tensor(places)
    got = roles(states, NUM_WORDS, SENTENCES, predicates)
    torch.testing.assert_close(got, by_hand(roles, states, predicates))


def test_each_word_has_a_slope_as_by_hand(roles):
    states, predicates = torch.randn(44, 4, requires_grad=True), torch.tensor([5, 0, 2, 0, 39])
    weights = torch.randn(40 + 3 + 3 + 1 + 40, 12)
    (got,) = torch.autograd.grad((roles(states, NUM_WORDS, SENTENCES, predicates) * weights).sum(), states)
    (wanted,) = torch.autograd.grad((by_hand(roles, states, predicates) * weights).sum(), states)
    torch.testing.assert_close(got, wanted)


def test_without_predicates_words_stay_as_they_are_and_nothing_is_learned():
    roles, states = Roles(4, 6, 0.5, has_predicates=False), torch.randn(44, 4)
    assert roles(states, NUM_WORDS, None, None) is states
    assert roles.num_features == 4
    assert not list(roles.parameters())
