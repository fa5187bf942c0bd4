"""What turns scores of tags into tags: a linear-chain CRF, or a softmax whose best path keeps to legal transitions.

Both take the words of a batch of sentences one after the other, without padding, and know from `rungwise.tags` which
tag may follow which. Inside, sentences stand from long to short: those that have a step t are the first `counts[t]`.
"""

# S words, N sentences of at least one word, T words of the longest, C tags, P pairs of neighbours

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rungwise.tags import legal_starts, legal_transitions

__all__ = ["CRF", "TagSoftmax", "log_partition", "viterbi"]

_TINY = torch.finfo(torch.float32).tiny
_LARGEST_EXPONENT = 80.0
"""Of a weight that is still finite in float32."""


class CRF(nn.Module):
    """A linear-chain conditional random field: p(tags) ∝ exp of the sum of scores and of transitions.

    Illegal sequences have no probability, neither in training nor in prediction.

    Source: Lafferty, McCallum & Pereira (2001), https://repository.upenn.edu/cis_papers/159/.

    Args:
        num_tags: C.
    """

    legal: Tensor
    legal_starts: Tensor

    def __init__(self, num_tags: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(num_tags, num_tags))
        self.starts = nn.Parameter(torch.zeros(num_tags))
        self.ends = nn.Parameter(torch.zeros(num_tags))
        _register_legal(self, num_tags)

    def loss(self, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Scores (S, C) float32, legal tags (S,) int64, lengths (N,) -> -log p of the tags, a word's share ()."""
        transitions, starts = self._allowed()
        total = log_partition(scores, transitions, starts, self.ends, lengths).sum()
        lasts = lengths.cumsum(0) - 1
        is_inner = torch.ones(len(tags), dtype=torch.bool, device=tags.device)
        is_inner[lasts] = False  # a sentence's last word has no transition to the next
        inner = torch.nonzero(is_inner[:-1]).squeeze(1)
        path = scores.gather(1, tags[:, None]).sum() + transitions[tags[inner], tags[inner + 1]].sum()
        path = path + starts[tags[lasts + 1 - lengths]].sum() + self.ends[tags[lasts]].sum()
        return (total - path) / len(tags)

    def decode(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Scores (S, C) float32, lengths (N,) -> the most probable tags (S,) int64."""
        transitions, starts = self._allowed()
        return viterbi(scores, transitions, starts, self.ends, lengths)

    def _allowed(self) -> tuple[Tensor, Tensor]:
        """Transitions (C, C) and starts (C,), -inf where they are illegal."""
        transitions = self.transitions.masked_fill(~self.legal, -math.inf)
        return transitions, self.starts.masked_fill(~self.legal_starts, -math.inf)


class TagSoftmax(nn.Module):
    """Each word's tag by itself in training; the best legal path through all of them in prediction.

    Source: He, Lee, Lewis & Zettlemoyer (2017), https://aclanthology.org/P17-1044/.

    Args:
        num_tags: C.
        label_smoothing: mass moved from a word's tag to all the tags.
    """

    legal: Tensor
    legal_starts: Tensor

    def __init__(self, num_tags: int, label_smoothing: float) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        _register_legal(self, num_tags)

    def loss(self, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Scores (S, C) float32, tags (S,) int64, lengths (N,) -> the mean cross-entropy ()."""
        del lengths
        return F.cross_entropy(scores, tags, label_smoothing=self.label_smoothing)

    def decode(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Scores (S, C) float32, lengths (N,) -> the best legal tags (S,) int64."""
        transitions = torch.zeros_like(self.legal, dtype=scores.dtype).masked_fill_(~self.legal, -math.inf)
        starts = torch.zeros_like(scores[0]).masked_fill_(~self.legal_starts, -math.inf)
        return viterbi(scores, transitions, starts, torch.zeros_like(starts), lengths)


def _register_legal(module: nn.Module, num_tags: int) -> None:
    """What may follow what, which moves with the module but isn't stored: it follows from the number of tags."""
    module.register_buffer("legal", torch.from_numpy(legal_transitions(num_tags)), persistent=False)
    module.register_buffer("legal_starts", torch.from_numpy(legal_starts(num_tags)), persistent=False)


# --------------------------------------------------------------------------------------------------- sums


def log_partition(
    scores: Tensor, transitions: Tensor, starts: Tensor, ends: Tensor, lengths: Tensor
) -> Tensor:
    """The logarithm of the sum over all paths of the exponential of what each adds up to, by the forward algorithm.

    Args:
        scores: (S, C) float32.
        transitions: (C, C), from the first to the second, -inf where there is none.
        starts: (C,), as `ends`.
        ends: (C,).
        lengths: (N,).

    Returns:
        (N,).
    """
    index, order, counts = _steps(lengths)
    total: Tensor = _LogPartition.apply(  # type: ignore[no-untyped-call]
        scores[index], transitions, starts, ends, lengths[order], counts
    )
    return torch.empty_like(total).index_copy(0, order, total)


def _steps(lengths: Tensor) -> tuple[Tensor, Tensor, list[int]]:
    """Lengths (N,) -> the words' numbers (T, N), of sentences from long to short, their order, and counts."""
    order = lengths.argsort(descending=True, stable=True)
    steps = torch.arange(int(lengths.max()), device=lengths.device)[:, None]
    is_word = steps < lengths[order]
    index = (lengths.cumsum(0) - lengths)[order] + steps
    return index.where(is_word, 0), order, is_word.sum(1).tolist()


class _LogPartition(torch.autograd.Function):
    """Sums over tags as products of matrices, and the gradient by the backward algorithm.

    Autograd through the steps would keep (N, C, C) for each. A step's largest entry is taken out before exponentials;
    what is then too small to be seen is e⁻⁸⁷ of that entry.
    """

    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        transitions: Tensor,
        starts: Tensor,
        ends: Tensor,
        lengths: Tensor,
        counts: list[int],
    ) -> Tensor:
        peak = transitions.max()
        weights = (transitions - peak).exp()
        forward = torch.full_like(scores, -math.inf)
        forward[0] = starts + scores[0]
        for step in range(1, len(counts)):
            here = slice(counts[step])
            forward[step, here] = _log_product(forward[step - 1, here], weights) + peak + scores[step, here]
        last = forward[lengths - 1, torch.arange(len(lengths), device=lengths.device)] + ends
        total = last.logsumexp(1)
        ctx.save_for_backward(scores, weights, peak, ends, forward, last, total, lengths)
        ctx.counts = counts
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        scores, weights, peak, ends, forward, last, total, lengths = ctx.saved_tensors
        counts: list[int] = ctx.counts
        backward = ends.expand_as(scores).clone()
        for step in range(len(counts) - 1, 0, -1):
            here = slice(counts[step])
            after = scores[step, here] + backward[step, here]
            backward[step - 1, here] = _log_product(after, weights.t()) + peak
        share = upstream[:, None]
        of_tags = (forward + backward - total[:, None]).exp() * share  # (T, N, C), 0 behind a sentence's end
        is_pair = torch.arange(len(lengths), device=lengths.device) < lengths.new_tensor(counts[1:])[:, None]
        before, after = forward[:-1][is_pair], (scores + backward)[1:][is_pair]  # (P, C)
        tops = before.amax(1, keepdim=True), after.amax(1, keepdim=True)
        peaks = tops[0] + tops[1] + peak - total.expand_as(is_pair)[is_pair][:, None]
        both = peaks.clamp(max=_LARGEST_EXPONENT).exp() * upstream.expand_as(is_pair)[is_pair][:, None]
        pairs = (before - tops[0]).exp().t() @ ((after - tops[1]).exp() * both)
        of_ends = ((last - total[:, None]).exp() * share).sum(0)
        return of_tags, pairs * weights, of_tags[0].sum(0), of_ends, None, None


def _log_product(logs: Tensor, weights: Tensor) -> Tensor:
    """Logs (N, C), weights (C, C) -> log(exp(logs) weights) (N, C)."""
    top = logs.amax(1, keepdim=True)
    return ((logs - top).exp() @ weights).clamp_(min=_TINY).log_() + top


# -------------------------------------------------------------------------------------------------- maxima


@torch.no_grad()
def viterbi(scores: Tensor, transitions: Tensor, starts: Tensor, ends: Tensor, lengths: Tensor) -> Tensor:
    """The path that adds up to most, for each sentence.

    Which tag came before is looked up on the way back, for the one path alone: it costs less than to note it for all.

    Args:
        scores: (S, C) float32.
        transitions: (C, C), from the first to the second, -inf where there is none.
        starts: (C,), as `ends`.
        ends: (C,).
        lengths: (N,).

    Returns:
        Tags (S,) int64.
    """
    index, _, counts = _steps(lengths)
    into = transitions.t().contiguous()  # into[j, i]: from i to j, so that maxima run along memory
    best = [starts + scores[index[0]]]
    for step in range(1, len(counts)):
        here = slice(counts[step])
        best.append((best[-1][here, None, :] + into).amax(2) + scores[index[step, here]])
    tags = torch.empty(len(scores), dtype=torch.int64, device=scores.device)
    current = torch.empty(0, dtype=torch.int64, device=scores.device)
    for step in range(len(counts) - 1, -1, -1):
        goes_on = best[step][: len(current)] + into[current]
        ends_here = best[step][len(current) :] + ends
        current = torch.cat([goes_on.argmax(1), ends_here.argmax(1)])
        tags[index[step, : counts[step]]] = current
    return tags
