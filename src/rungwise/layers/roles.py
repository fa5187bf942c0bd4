"""What the words of a sentence are to one of its predicates: each sentence is read once, for all its predicates."""

# G sentences, S words of all of them, F features of a word, B predicates, R words of all the predicates' sentences,
# H channels

from __future__ import annotations

import torch
from torch import Tensor, nn

from rungwise.layers.dropout import Dropout
from rungwise.layers.sequence import rows_of

__all__ = ["NUM_PLACES", "Roles"]

_FAR = 16
"""Words before or behind the predicate from which on all are alike."""

NUM_PLACES = 2 * _FAR + 1

_STD = 0.1
"""Of the vectors of places, at random."""


class Roles(nn.Module):
    """Words of sentences as they stand to predicates: a word's state, the predicate's, and how far apart they are.

    z = [relu(W h_t + P h_p + D[t - p]); U h_t ∘ V h_p], and then z + relu(M z). A predicate that isn't in this part of
    its sentence has no state, and its place is known all the same. Where sentences have no predicates, words stay as
    they are.

    Source: after Strubell et al. (2018), https://aclanthology.org/D18-1548/, whose sentence is read once too, and whose
    layer is bilinear in both states; on English Web Treebank sums and products were a point of F1 better than sums.

    Args:
        num_features: F.
        size: H / 2.
        dropout: share of what either layer reads set to zero in training.
        has_predicates: whether sentences have them.

    Attributes:
        num_features: H, or F without predicates.
    """

    def __init__(self, num_features: int, size: int, dropout: float, *, has_predicates: bool) -> None:
        super().__init__()
        self.has_predicates = has_predicates
        self.num_features = 2 * size if has_predicates else num_features
        if has_predicates:
            self.dropout = Dropout(dropout)
            self.words = nn.Linear(num_features, 2 * size)
            self.predicates = nn.Linear(num_features, 2 * size)
            self.places = nn.Embedding(NUM_PLACES, size)
            nn.init.normal_(self.places.weight, std=_STD)
            self.mix = nn.Linear(2 * size, 2 * size)

    def forward(
        self, states: Tensor, num_words: Tensor, sentences: Tensor | None, predicates: Tensor | None
    ) -> Tensor:
        """Tells each word of a predicate's sentence what it is to it.

        Args:
            states: of the sentences' words, one after the other (S, F).
            num_words: of each sentence (G,) int64.
            sentences: which each predicate is of (B,) int64.
            predicates: how many words each is behind its sentence's first (B,) int64; below 0 or beyond the last word
                if it is in another part of the sentence.

        Returns:
            (R, H), predicate by predicate.
        """
        if sentences is None or predicates is None:
            return states
        states = self.dropout(states)
        starts = (num_words.cumsum(0) - num_words)[sentences]
        counts = num_words[sentences]
        is_here = (predicates >= 0) & (predicates < counts)
        of_predicates = self.predicates(states[(starts + predicates).where(is_here, 0)]) * is_here[:, None]
        rows = rows_of(num_words, sentences)  # (R,)
        owners = torch.repeat_interleave(counts)
        apart = (rows - (starts + predicates)[owners]).clamp(-_FAR, _FAR) + _FAR
        words, wide = self.words(states)[rows].chunk(2, 1), of_predicates[owners].chunk(2, 1)
        x = torch.cat([(words[0] + wide[0] + self.places(apart)).relu(), words[1] * wide[1]], 1)
        mixed: Tensor = x + self.mix(self.dropout(x)).relu()
        return mixed
