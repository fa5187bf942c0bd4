"""What pieces of words are told."""

import torch

from rungwise.layers.marks import NUM_CASES, Marks


def test_the_first_piece_of_a_word_is_told_how_it_is_written():
    marks = Marks(1, 1.0)
    marks.load_state_dict({"cases": torch.arange(NUM_CASES)[:, None] * 10.0})
    told = marks(torch.ones(1, 4, 1), torch.tensor([[0, 2, 0, 4]]))[:, :, 0]
    assert told.tolist() == [[1, 21, 1, 41]]
