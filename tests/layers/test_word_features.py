import torch

from rungwise.layers.words import CharacterCNN


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
