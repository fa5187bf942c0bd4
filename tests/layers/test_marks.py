"""What pieces of words are told."""

import torch

from rungwise.layers.marks import NUM_CASES, Marks

SIDES = torch.tensor([[0, 1, 1, 2], [1, 2, 2, 2], [0, 0, 0, 0]])


def test_pieces_are_told_whether_they_are_before_the_predicate_in_it_or_behind_it():
    marks = Marks(1, 1.0, has_cases=False, has_predicates=True)
    marks.load_state_dict({"sides": torch.tensor([[1.0], [2.0], [3.0]])})
    told = marks(torch.zeros(3, 4, 1), torch.ones(3, 4, dtype=torch.int64), SIDES)[:, :, 0]
    assert told.tolist() == [[1, 2, 2, 3], [2, 3, 3, 3], [1, 1, 1, 1]]


def test_the_first_piece_of_a_word_is_told_how_it_is_written():
    marks = Marks(1, 1.0, has_cases=True, has_predicates=False)
    marks.load_state_dict({"cases": torch.arange(NUM_CASES)[:, None] * 10.0})
    told = marks(torch.ones(1, 4, 1), torch.tensor([[0, 2, 0, 4]]), None)[:, :, 0]
    assert told.tolist() == [[1, 21, 1, 41]]


def test_its_parameters_are_counted():
    for has_cases in (False, True):
        for has_predicates in (False, True):
            has = {"has_cases": has_cases, "has_predicates": has_predicates}
            marks = Marks(3, 1.0, **has)
            assert sum(p.numel() for p in marks.parameters()) == Marks.count(3, **has)
