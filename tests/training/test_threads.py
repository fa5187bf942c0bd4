import torch

from rungwise.training import threads


def test_one_core_needs_no_measuring(monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", None)  # a call would fail
    assert threads.resolve_threads(1) == 1


def test_the_faster_number_is_taken_and_torchs_own_left_as_it_was(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "_GAIN", 0.0)
    assert threads.resolve_threads(2) == 2
    monkeypatch.setattr(threads, "_GAIN", 1e9)
    assert threads.resolve_threads(2) == 1
    assert torch.get_num_threads() == before
