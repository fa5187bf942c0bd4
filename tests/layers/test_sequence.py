"""What is done to the steps of sequences."""

import torch

from rungwise.layers.sequence import with_sides


def test_steps_are_told_whether_they_are_before_the_predicate_in_it_or_behind_it():
    x, sides = torch.zeros(3, 4, 1), torch.tensor([[1.0], [2.0], [3.0]])
    is_predicate = torch.tensor([[0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]).bool()
    told = with_sides(x, sides, is_predicate)[:, :, 0]
    assert told.tolist() == [[1, 2, 2, 3], [2, 3, 3, 3], [1, 1, 1, 1]]
