import torch

from rungwise.layers.words import CharacterCNN, WordFeatures


def test_a_word_is_spelt_alike_beside_a_longer_one():
    cnn = CharacterCNN(20, 4, 6)
    short, long = torch.tensor([[3, 4, 5]]), torch.tensor([[3, 4, 5, 0, 0, 0], [7, 8, 9, 10, 11, 12]])
    torch.testing.assert_close(cnn(short)[0], cnn(long)[0])
    assert not torch.allclose(cnn(long)[1], cnn(long)[0])


def test_filters_see_three_characters_at_a_time_and_the_ends_as_nothing():
    cnn = CharacterCNN(20, 4, 6)
    word = torch.tensor([[3, 4, 5]])
    vectors = torch.cat([torch.zeros(1, 4), cnn.embedding(word)[0], torch.zeros(1, 4)])
    windows = torch.stack([vectors[i : i + 3] for i in range(3)])  # (L, W, D)
    weight = cnn.linear.weight.view(6, 4, 3).permute(0, 2, 1)  # (F, W, D)
    wanted = torch.einsum("lwd,fwd->lf", windows, weight) + cnn.linear.bias
    torch.testing.assert_close(cnn(word)[0], wanted.amax(0))


def features(**settings):
    return WordFeatures(
        vocab_size=9, embedding_dim=5, num_characters=20, character_dim=4, num_filters=3, **settings
    )


def test_a_predicate_changes_all_words_and_its_own_most_and_none_changes_none():
    torch.manual_seed(0)
    layer = features(has_predicates=True)
    words = torch.tensor([[2, 3, 4], [2, 3, 4]])
    given = words, torch.zeros_like(words), torch.tensor([[3, 4]])
    x = layer(*given, torch.tensor([1, -1]))  # (T, B, E)
    assert x.shape == (3, 2, 8)
    plain = x[:, 1] - layer.predicate.bias
    added = x[:, 0] - plain
    torch.testing.assert_close(added[0], layer.predicate(plain[1]))
    torch.testing.assert_close(added[2], added[0])
    torch.testing.assert_close(added[1] - added[0], layer.mark)


def test_without_predicates_there_are_no_weights_for_them():
    names = dict(features(has_predicates=False).named_parameters())
    assert not any(name.startswith(("mark", "predicate")) for name in names)
