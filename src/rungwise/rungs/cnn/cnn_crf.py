"""CNN-CRF: dilated convolutions over words, the same ones again and again, and tags that are decided on together.

Idea:
    A convolution sees the words beside each word; dilated ones, each over gaps twice as wide as the last, see ever more
    of a sentence at the cost of one. The block of them is applied several times with the same weights, so that it sees
    further still without more to learn. Above stands a conditional random field, and all words are computed at once.
Formula:
    x_t = [E[w_t]; max over filters of its characters]; z ← relu(V x); z ← z + block(z), num_iterations times, where a
    layer of the block is relu(W [z_{t-d}; z_t; z_{t+d}]) for d = 1, 2, 4, …, 1; with a predicate at p also
    z_t ← [relu(P z_t + Q z_p + D[t - p]); R z_t ∘ S z_p], and a layer more;
    p(y) ∝ exp Σ_t (U z_t)[y_t] + A[y_{t-1}, y_t].
Source:
    Strubell, Verga, Belanger & McCallum (2017), Fast and Accurate Entity Recognition with Iterated Dilated
    Convolutions, https://aclanthology.org/D17-1283/; characters: Ma & Hovy (2016), https://aclanthology.org/P16-1101/;
    a sentence read once for all its predicates: Strubell et al. (2018), https://aclanthology.org/D18-1548/.
Deviations:
    A block adds to what it reads, the loss is asked of the last iteration alone, and dropout takes the place of the
    paper's regularisation of it. Tag sequences that are illegal have no probability in training either.
Cost:
    num_iterations · (num_dilations + 1) · 3 · hidden_size² weights, each once a word, and tags² a word for the field.
Wins:
    When tags hang on words nearby, and speed counts: nothing waits for the word before.
Loses:
    When they hang on words far away, to LSTMs and attention.
"""

# B sentences, T words of the longest, S words of all of them, H hidden_size, C tags

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.crf import CRF
from rungwise.layers.dropout import Dropout, StepsDropout
from rungwise.layers.sequence import real_steps
from rungwise.rung import Cost, NetworkRung, SentenceShape
from rungwise.rungs._roles import role_layer
from rungwise.rungs._words import WordTaggerConfig, word_features, word_tagger_cost

__all__ = ["CNNCRF", "RUNG", "CNNCRFConfig"]

_WIDTH = 3


@dataclass(frozen=True, kw_only=True)
class CNNCRFConfig(WordTaggerConfig):
    """The network's settings.

    Attributes:
        hidden_size: channels of a word.
        num_dilations: layers of the block whose gaps double, before the last, which has none.
        num_iterations: times that the block is applied.
    """

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 2e-3
    min_steps: int = 1500
    hidden_size: int = 200
    num_dilations: int = 3
    num_iterations: int = 2


class CNNCRF(nn.Module):
    """Words (B, T), spellings (B, T), characters (V, L), lengths (B,), perhaps predicates (P,) -> scores (S, C)."""

    def __init__(self, config: CNNCRFConfig, shape: SentenceShape) -> None:
        super().__init__()
        size = config.hidden_size
        self.num_iterations = config.num_iterations
        self.features = word_features(config, shape)
        self.embedding_dropout = StepsDropout(config.embedding_dropout)
        self.first = nn.Linear(self.features.num_features, size)
        gaps = [2**layer for layer in range(config.num_dilations)] + [1]
        self.block = nn.ModuleList(nn.Conv1d(size, size, _WIDTH, dilation=gap, padding=gap) for gap in gaps)
        self.dropout = Dropout(config.dropout)
        self.roles = role_layer(config, shape, size, config.dropout)
        self.linear = nn.Linear(self.roles.num_features, shape.num_outputs)
        self.tagging = CRF(shape.num_outputs)

    def forward(
        self,
        words: Tensor,
        spellings: Tensor,
        characters: Tensor,
        lengths: Tensor,
        sentences: Tensor | None = None,
        predicates: Tensor | None = None,
    ) -> Tensor:
        """Words (B, T), spellings (B, T), characters (V, L), lengths (B,) -> scores (S, C).

        With predicates (P,), and which of the sentences each is of (P,) -> scores of all their words (S, C).
        """
        x = self.embedding_dropout(self.features(words, spellings, characters))  # (T, B, E)
        is_real = real_steps(lengths, len(x))
        x = self.first(x).relu().permute(1, 2, 0)  # (B, H, T)
        for _ in range(self.num_iterations):
            inner = self.dropout(x)
            for convolution in self.block:
                inner = convolution(inner * is_real[:, None, :]).relu()  # padding is as beyond the ends
            x = x + inner
        real = x.transpose(1, 2)[is_real]  # a row for each word
        scores: Tensor = self.linear(self.dropout(self.roles(real, lengths, sentences, predicates)))
        return scores


def cost(config: CNNCRFConfig, shape: SentenceShape) -> Cost:
    """The convolutions at each word, as often as the block is applied, the linear layers and the field."""
    size, num_layers = config.hidden_size, config.num_dilations + 1
    block = num_layers * _WIDTH * size * size
    linear = (config.embedding_dim + config.num_filters) * size
    biases = (num_layers + 1) * size
    return word_tagger_cost(
        config,
        shape,
        num_features=size,
        weights=config.num_iterations * block + linear,
        other_parameters=biases - (config.num_iterations - 1) * block,
        token_floats=(4 * config.num_iterations * num_layers + 6) * size,
        products=3 * (num_layers + 3),
    )


RUNG = NetworkRung(
    class_name="CNNCRF",
    accepts=frozenset({(InputKind.TOKENS, OutputKind.TAGS), (InputKind.PREDICATE, OutputKind.TAGS)}),
    config=CNNCRFConfig,
    cost=cost,
    build=CNNCRF,
)
