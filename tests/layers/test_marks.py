"""What pieces of words are told."""

import torch

from rungwise.layers.attention import padding_bias
from rungwise.layers.marks import NUM_CASES, NUM_SIDES, Marks, Sides


def test_the_first_piece_of_a_word_is_told_how_it_is_written():
    marks = Marks(1, 1.0)
    marks.load_state_dict({"cases": torch.arange(NUM_CASES)[:, None] * 10.0})
    told = marks(torch.ones(1, 4, 1), torch.tensor([[0, 2, 0, 4]]))[:, :, 0]
    assert told.tolist() == [[1, 21, 1, 41]]


def test_pieces_are_told_on_which_side_of_each_predicate_their_word_is():
    sides = Sides(1, 1.0)
    sides.load_state_dict({"sides": torch.arange(NUM_SIDES)[:, None] * 10.0})
    x = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 0]])[:, :, None]
    bias = padding_bias(torch.tensor([[True] * 4, [True] * 3 + [False]]))
    is_first = torch.tensor(
        [[True, True, False, True], [False, True, True, False]]
    )  # what stands around begins no word
    told, biases = sides(x, bias, is_first, torch.tensor([1, 0, 0]), torch.tensor([1, 1, -1]))
    assert told[:, :, 0].tolist() == [[5, 6, 17, 10], [1, 12, 13, 24], [21, 22, 23, 24]]
    assert torch.equal(biases, bias[[1, 0, 0]])
    assert sides(x, None, is_first, torch.tensor([0]), torch.tensor([0]))[1] is None
