"""The trivial baseline: the share of each class, the mean, or the spans known by heart.

Idea:
    For classes and numbers it looks at no input. For tags it marks each phrase that was a span of one type in training
    and never of another, the longest first; for semantic roles a phrase is another before and behind the predicate.
    Whatever a model is worth, it is worth what it scores above this.
Formula:
    p(c) = n_c / n for classes; ŷ = mean(y) for numbers; type(phrase) = k if all its spans in training are of type k.
Source:
    Holte (1993), Very simple classification rules perform well on most commonly used datasets, Machine Learning 11,
    https://doi.org/10.1023/A:1022631118932 (its "0-rule"); for tags the baseline of Tjong Kim Sang & De Meulder (2003),
    Introduction to the CoNLL-2003 shared task, https://aclanthology.org/W03-0419/.
Deviations:
    Very long phrases aren't kept.
Cost:
    One pass over the targets; no arithmetic to predict.
Wins:
    When the inputs say nothing of the target; then no rung is worth its cost.
Loses:
    Against everything else, or something is wrong with the data.
"""

# N examples, C outputs

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.fitting import Epoch, FitContext, State
from rungwise.kinds import InputKind, OutputKind
from rungwise.rung import Cost, Learner, Pair, SentenceShape, Shape, TraditionalRung
from rungwise.rungs._memorised import MemorisedSpans, memorised_cost
from rungwise.rungs._memory import DOUBLE
from rungwise.stored import array

__all__ = ["RUNG", "Baseline", "BaselineConfig"]


@dataclass(frozen=True, kw_only=True)
class BaselineConfig:
    """It has no settings."""


class Baseline:
    """Predicts the same outputs (C,) for every example."""

    def __init__(self, config: BaselineConfig, pair: Pair) -> None:
        del config
        self.pair = pair
        self.history: list[Epoch] = []
        self.outputs: NDArray[np.float64] = np.zeros(0)

    def fit(
        self,
        inputs: Any,
        targets: NDArray[Any],
        *,
        num_outputs: int,
        validation: tuple[Any, NDArray[Any]] | None,
        context: FitContext,
    ) -> None:
        """Counts the classes, or averages the numbers."""
        del inputs, validation, context
        if self.pair[1] is OutputKind.LABEL:
            self.outputs = np.bincount(targets, minlength=num_outputs) / len(targets)
        else:
            self.outputs = np.array([targets.mean()])

    def predict(self, inputs: Any) -> NDArray[np.float64]:
        """Inputs (N) -> class shares (N, C), or the mean (N,)."""
        outputs = np.tile(self.outputs, (len(inputs), 1))
        return outputs if self.pair[1] is OutputKind.LABEL else outputs[:, 0]

    def num_parameters(self) -> int:
        """One an output."""
        return self.outputs.size

    def state(self) -> State:
        """The outputs."""
        return {"outputs": self.outputs}

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes the outputs.

        Raises:
            ModelError: if there are more of them, or fewer.
        """
        self.outputs = array(state, "outputs", np.float64, num_outputs)


def learner(config: BaselineConfig, pair: Pair) -> Learner:
    """Of spans, or of classes and numbers."""
    return MemorisedSpans(config, pair) if pair[1] is OutputKind.TAGS else Baseline(config, pair)


def cost(config: BaselineConfig, shape: Shape) -> Cost:
    """An addition an example to fit, nothing to predict."""
    del config
    if isinstance(shape, SentenceShape):
        return memorised_cost(shape)
    return Cost(
        parameters=shape.num_outputs,
        predict_flops=0,
        fit_flops=shape.num_examples,
        fit_bytes=DOUBLE * shape.num_examples * (1 + shape.num_outputs),
    )


RUNG = TraditionalRung(
    class_name="Baseline",
    accepts=frozenset(
        {
            *product(
                (InputKind.TABLE, InputKind.TEXT, InputKind.IMAGE), (OutputKind.LABEL, OutputKind.NUMBER)
            ),
            *product((InputKind.TOKENS, InputKind.PREDICATE), (OutputKind.TAGS,)),
        }
    ),
    config=BaselineConfig,
    cost=cost,
    learner=learner,
)
