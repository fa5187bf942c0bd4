import itertools
import math

import numpy as np
import pytest
import torch

from rungwise.layers.crf import CRF, TagSoftmax, log_partition
from rungwise.tags import legal_starts, legal_transitions

NUM_TAGS = 5
LENGTHS = [3, 1, 4, 3]


def problem(seed=0, spread=1.0):
    """Scores (S, C), lengths (N,), and a CRF with weights."""
    generator = torch.Generator().manual_seed(seed)
    crf = CRF(NUM_TAGS)
    for parameter in crf.parameters():
        parameter.data = spread * torch.randn(parameter.shape, generator=generator)
    scores = spread * torch.randn(sum(LENGTHS), NUM_TAGS, generator=generator)
    return scores, torch.tensor(LENGTHS), crf


def legal_paths(length):
    starts, follows = legal_starts(NUM_TAGS), legal_transitions(NUM_TAGS)
    for path in itertools.product(range(NUM_TAGS), repeat=length):
        if starts[path[0]] and all(follows[i, j] for i, j in itertools.pairwise(path)):
            yield path


def path_score(crf, scores, path):
    total = crf.starts[path[0]] + crf.ends[path[-1]] + sum(scores[t, tag] for t, tag in enumerate(path))
    return total + sum(crf.transitions[i, j] for i, j in itertools.pairwise(path))


def brute_loss(crf, scores, tags):
    """The loss by its definition, sentence by sentence and path by path."""
    losses = []
    for some, target in zip(scores.split(LENGTHS), tags.split(LENGTHS), strict=True):
        sums = torch.stack([path_score(crf, some, path) for path in legal_paths(len(some))])
        losses.append(sums.logsumexp(0) - path_score(crf, some, target.tolist()))
    return torch.stack(losses).sum() / len(scores)


TAGS = torch.tensor([1, 2, 2, 0, 3, 4, 0, 1, 0, 3, 1])


@pytest.mark.parametrize("spread", [1.0, 12.0])
def test_loss_and_gradients_are_those_of_all_legal_paths(spread):
    scores, lengths, crf = problem(spread=spread)
    gradients = []
    for loss_of in (lambda s: crf.loss(s, TAGS, lengths), lambda s: brute_loss(crf, s, TAGS)):
        crf.zero_grad()
        given = scores.clone().requires_grad_()
        loss = loss_of(given)
        loss.backward()
        gradients.append([loss.detach(), given.grad, *(p.grad.clone() for p in crf.parameters())])
    for ours, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=2e-5)


def test_scores_far_from_each_other_leave_the_loss_finite_and_right():
    scores, lengths, crf = problem()
    scores[:, 2] += 500.0  # nothing may begin with this tag, and little leads to it
    given = scores.clone().requires_grad_()
    loss = crf.loss(given, TAGS, lengths)
    loss.backward()
    assert given.grad.isfinite().all()
    torch.testing.assert_close(loss, brute_loss(crf, scores, TAGS), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("layer", ["crf", "softmax"])
def test_the_best_path_is_the_best_of_all_legal_ones(layer):
    scores, lengths, crf = problem(seed=1, spread=2.0)
    if layer == "softmax":
        for parameter in crf.parameters():
            parameter.data.zero_()
    best = [
        max(legal_paths(len(some)), key=lambda path, some=some: path_score(crf, some, path).item())
        for some in scores.split(LENGTHS)
    ]
    decoder = crf if layer == "crf" else TagSoftmax(NUM_TAGS, 0.0)
    assert decoder.decode(scores, lengths).tolist() == list(itertools.chain(*best))


def test_probabilities_of_all_legal_paths_sum_to_one():
    scores, _, crf = problem()
    losses = [crf.loss(scores[:3], torch.tensor(path), torch.tensor([3])) for path in legal_paths(3)]
    assert sum(math.exp(-3 * loss.item()) for loss in losses) == pytest.approx(1, abs=1e-5)


def test_a_sentence_is_judged_alike_among_others():
    scores, lengths, crf = problem()
    transitions, starts = crf._allowed()
    together = log_partition(scores, transitions, starts, crf.ends, lengths)
    for number, some in enumerate(scores.split(LENGTHS)):
        alone = log_partition(some, transitions, starts, crf.ends, lengths[number : number + 1])
        torch.testing.assert_close(alone[0], together[number])
        assert crf.decode(some, lengths[number : number + 1]).equal(
            crf.decode(scores, lengths).split(LENGTHS)[number]
        )


def test_a_softmax_is_the_mean_cross_entropy_of_words():
    scores, lengths, _ = problem()
    wanted = -np.mean([scores.log_softmax(1)[s, tag].item() for s, tag in enumerate(TAGS)])
    assert float(TagSoftmax(NUM_TAGS, 0.0).loss(scores, TAGS, lengths)) == pytest.approx(wanted, abs=1e-6)
    assert TagSoftmax(NUM_TAGS, 0.1).loss(scores, TAGS, lengths) != pytest.approx(wanted)
