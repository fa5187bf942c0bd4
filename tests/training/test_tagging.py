import numpy as np
import pytest
import torch

from rungwise.data.sentences import as_predicates, as_tokens
from rungwise.fitting import FitContext
from rungwise.layers.crf import CRF, TagSoftmax
from rungwise.settings import NetworkConfig
from rungwise.tags import Tags
from rungwise.training import tagging
from rungwise.training.asking import predict_outputs
from rungwise.training.tagging import TagObjective, TagTargets, decode

LENGTHS = torch.tensor([2, 4, 1])
VALUES = torch.tensor([1, 2, 0, 3, 4, 0, 1])


def one_hot(values):
    return 9.0 * torch.nn.functional.one_hot(values, 5).float()


def test_targets_are_taken_by_examples():
    some = TagTargets(VALUES, LENGTHS)[torch.tensor([2, 0])]
    assert some.values.tolist() == [1, 1, 2]
    assert some.lengths.tolist() == [1, 2]
    assert len(TagTargets(VALUES, LENGTHS)) == 3


def test_a_span_that_is_cut_begins_anew():
    tags = Tags(np.array([1, 2, 2, 0, 3, 4]), np.array([0, 6]))
    targets = TagTargets.of(tags, np.array([1, 2, 2, 1]))
    assert targets.values.tolist() == [1, 1, 2, 0, 3, 3]


@pytest.mark.parametrize("layer", [CRF(5), TagSoftmax(5, 0.0)])
def test_the_loss_is_that_of_all_words_however_it_is_cut(layer):
    torch.manual_seed(0)
    lengths = torch.randint(1, 40, (300,))
    tags = TagTargets.of(
        Tags(
            np.random.default_rng(0).integers(5, size=int(lengths.sum())), np.array([0, int(lengths.sum())])
        ),
        lengths.numpy(),
    )
    outputs = torch.randn(len(tags.values), 5)
    objective = TagObjective(layer)
    assert objective.loss(outputs, tags).item() == pytest.approx(
        objective.train_loss(outputs, tags).item(), rel=1e-4
    )


def test_the_score_is_f1_over_spans_without_those_that_do_not_count():
    targets = TagTargets(VALUES, LENGTHS)
    wrong = VALUES.clone()
    wrong[-1] = 0  # a span of type 0 is missed
    layer = TagSoftmax(5, 0.0)
    assert TagObjective(layer).score(one_hot(VALUES), targets) == 1.0
    assert TagObjective(layer).score(one_hot(wrong), targets) == pytest.approx(2 * 2 / (2 + 3))
    assert TagObjective(layer, unscored=(0,)).score(one_hot(wrong), targets) == 1.0


def test_spans_of_unseen_types_count_as_outside_in_the_loss_and_as_missed_in_the_score():
    unseen = TagTargets(torch.tensor([-1, -2, 0, 3, 4, 0, 1]), LENGTHS)
    outside = TagTargets(unseen.values.clamp(min=0), LENGTHS)
    objective, outputs = TagObjective(CRF(5)), one_hot(outside.values)
    assert objective.loss(outputs, unseen) == objective.loss(outputs, outside)
    assert objective.score(outputs, unseen) == pytest.approx(2 * 2 / (2 + 3))


def test_tags_come_in_the_order_of_the_words():
    tags = decode(TagSoftmax(5, 0.0), one_hot(VALUES), LENGTHS)
    assert tags.values.tolist() == VALUES.tolist()
    assert tags.offsets.tolist() == [0, 2, 6, 7]


class Parts:
    """Numbers of words (S,), a few to each example."""

    owners = groups = None

    def __init__(self, num_words):
        self.num_words = self.lengths = num_words

    def __len__(self):
        return len(self.num_words)

    def batch(self, index):
        ends = self.num_words.cumsum()
        words = [np.arange(ends[i] - self.num_words[i], ends[i]) for i in index]
        return (torch.from_numpy(np.concatenate(words)).float()[:, None],)


def test_outputs_have_a_row_for_each_word_in_order():
    num_words = np.random.default_rng(0).integers(1, 9, 50)
    config = NetworkConfig(batch_size=4)
    outputs = predict_outputs(torch.nn.Identity(), Parts(num_words), config, FitContext(precision="fp32"))
    assert outputs[:, 0].tolist() == list(range(num_words.sum()))


@pytest.mark.parametrize("kind", ["tokens", "predicate"])
def test_sentences_longer_than_the_network_sees_get_a_tag_for_every_word(kind):
    import rungwise as rw

    sentences = [["ada", "met", "bob"] * 20, ["bob"], ["bob", "met", "ada"]] * 4
    tags = [["B-X" if word == "met" else "O" for word in words] for words in sentences]
    given = sentences if kind == "tokens" else [(words, 0) for words in sentences]
    tagger = rw.BiLSTMCRFTagger(
        max_tokens=7, epochs=30, batch_size=2, min_steps=0, hidden_size=8, num_layers=1, random_state=0
    )
    tagger.fit(given, tags)
    assert tagger.predict(given) == tags
    assert len(as_tokens(sentences)) == len(as_predicates([(words, 0) for words in sentences]))


def test_sentences_that_are_decoded_together_are_fewer_where_tags_are_many(monkeypatch):
    torch.manual_seed(0)
    layer, scores, lengths = CRF(9), torch.randn(24, 9), torch.tensor([3] * 8)
    whole = decode(layer, scores, lengths)
    seen: list[int] = []
    decoded = layer.decode
    monkeypatch.setattr(layer, "decode", lambda s, n: seen.append(len(n)) or decoded(s, n))
    monkeypatch.setattr(tagging, "_CELLS_AT_ONCE", 6 * 9**2)
    np.testing.assert_array_equal(decode(layer, scores, lengths).values, whole.values)
    assert seen == [2, 2, 2, 2]
