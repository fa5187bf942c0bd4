"""Gradient boosting: some hundred small decision trees, each correcting the sum of those before it.

Idea:
    A tree splits the rows by thresholds and sets of categories; the next one is fitted to what is still wrong, and
    adds a small step. Validation says when to stop.
Formula:
    F_m(x) = F_{m-1}(x) + η Σ_leaf w_leaf [x in leaf], w_leaf = -Σ g / (Σ h + λ), with g and h the first and second
    derivatives of the loss at F_{m-1}; of the class scores or the number.
Source:
    Friedman (2001), Greedy function approximation: a gradient boosting machine, Annals of Statistics 29,
    https://doi.org/10.1214/aos/1013203451; Ke et al. (2017), LightGBM, NeurIPS 30.
Deviations:
    None from LightGBM, which grows the trees leaf by leaf on binned numbers; gaps and categories are split on as
    they are. Each tree sees a part of the rows and columns, and categories are smoothed more than is its default.
Cost:
    Each tree passes once over a table of bytes: rows times columns. Prediction follows one path a tree.
Wins:
    On most tables: thresholds, effects that act together, columns that don't matter, gaps, skewed numbers.
Loses:
    On smooth functions and outside the range of the training data, where it is constant; on text and pixels.
"""

# N examples, F numbers, K categories, C classes

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
from lightgbm.callback import CallbackEnv, EarlyStopException
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from rungwise.errors import ModelError
from rungwise.fitting import Epoch, FitContext, State
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.balance import class_weights
from rungwise.preprocessing.columns import TableColumns
from rungwise.rung import Cost, Pair, TableShape, TraditionalRung
from rungwise.rungs._memory import DOUBLE
from rungwise.rungs._solver import num_scores
from rungwise.rungs._trees import check_trees, read_trees, tree_text
from rungwise.settings import ClassWeight
from rungwise.stored import finite, section

__all__ = ["RUNG", "GradientBoosting", "GradientBoostingConfig"]

_HISTORY_STEP = 10
"""Trees of each class or number between two rows of the history."""

_METRICS = {"binary": ("binary_logloss", "binary_error"), "multiclass": ("multi_logloss", "multi_error")}

_LEAVES_AT_LEAST = 20
"""A leaf needs no more than one example in this many, and trees of fewer examples see them all."""

_MANY_EXAMPLES = 1_000
"""Examples below which each number has a bin of its own."""

_GROUP_EXAMPLES = 50
"""Examples of a category without which it isn't split on by itself."""

_BINS, _TRIAL_FLOPS = 255, 10
"""Bins of a number, and operations to tell what a split at one of them would gain."""

_MATRIX_COPIES, _SCORE_COPIES = 3, 4
"""Of the rows while they are binned, and of the scores, with their gradients, while trees grow."""

_LEAF_BYTES = 300
"""Of a leaf and its split: in the tree, in text, and in the tree that is read from it."""

_WRITE_SHARE = 0.05
"""Seconds to write the model down, as a share of those to grow it, at most."""


@dataclass(frozen=True, kw_only=True)
class GradientBoostingConfig:
    """Settings of gradient boosting, by LightGBM's names where it has one.

    Attributes:
        num_trees: of each class or number at most, with validation; `num_trees_blind` without.
        num_trees_blind: trees where no validation says when to stop.
        learning_rate: η, the step of each tree.
        num_leaves: of a tree at most.
        min_data_in_leaf: examples of a leaf at least.
        lambda_l2: λ, which keeps leaves' values small.
        feature_fraction: of the columns that a tree sees.
        bagging_fraction: of the rows that a tree sees.
        cat_smooth: examples that a category's mean is mixed with.
        patience: trees without a better validation loss before it stops.
        class_weight: what examples count, which validation leaves aside.
    """

    num_trees: int = 4000
    num_trees_blind: int = 300
    learning_rate: float = 0.03
    num_leaves: int = 31
    min_data_in_leaf: int = 20
    lambda_l2: float = 0.0
    feature_fraction: float = 0.8
    bagging_fraction: float = 0.8
    cat_smooth: float = 20.0
    patience: int = 100
    class_weight: ClassWeight = ClassWeight.NONE


class GradientBoosting:
    """A LightGBM booster on the columns of a table."""

    def __init__(self, config: GradientBoostingConfig, pair: Pair) -> None:
        self.config, self.is_label = config, pair[1] is OutputKind.LABEL
        self.columns = TableColumns()
        self.booster: lightgbm.Booster
        self.target_mean, self.target_scale = 0.0, 1.0
        self.history: list[Epoch] = []

    def fit(
        self,
        inputs: Any,
        targets: NDArray[Any],
        *,
        num_outputs: int,
        validation: tuple[Any, NDArray[Any]] | None,
        context: FitContext,
    ) -> None:
        """Grows trees until validation stops getting better, or time is up."""
        self.columns.fit(inputs)
        if not self.is_label:
            self.target_mean, self.target_scale = float(targets.mean()), float(targets.std()) or 1.0
        parameters = self._parameters(len(targets), num_outputs, context)
        weights = class_weights(self.config.class_weight, targets, num_outputs)
        train = lightgbm.Dataset(
            self._matrix(inputs),
            self._scaled(targets),
            weight=None if weights is None else weights[targets],
            params=parameters,
            categorical_feature=self._codes(),
        )
        watched = [(train, "train")]
        if validation is not None and len(validation[1]):
            watched.append(
                (train.create_valid(self._matrix(validation[0]), self._scaled(validation[1])), "valid")
            )
        num_trees = self.config.num_trees if len(watched) > 1 else self.config.num_trees_blind

        def take(booster: lightgbm.Booster) -> None:
            text = booster.model_to_string(num_iteration=progress.best_tree)
            self._take({"trees": read_trees(text)}, num_outputs)
            self.history = progress.history

        def keep(booster: lightgbm.Booster) -> None:
            take(booster)
            context.checkpoint.save({}, self.state(), self.history)

        progress = _Progress(num_trees, self.config.patience, self.is_label, context, keep)
        booster = lightgbm.train(
            parameters,
            train,
            num_trees,
            valid_sets=[data for data, _ in watched],
            valid_names=[name for _, name in watched],
            callbacks=[progress],
        )
        take(booster)

    def _parameters(self, num_examples: int, num_outputs: int, context: FitContext) -> dict[str, Any]:
        """LightGBM's parameters; on small data leaves and bins may be smaller too."""
        config, objective = self.config, _objective(num_outputs)
        return {
            "objective": objective,
            "metric": ["l2"] if objective == "regression" else [*_METRICS[objective]],
            "num_class": num_outputs if objective == "multiclass" else 1,
            "learning_rate": config.learning_rate,
            "num_leaves": config.num_leaves,
            "min_data_in_leaf": max(1, min(config.min_data_in_leaf, num_examples // _LEAVES_AT_LEAST)),
            "min_data_in_bin": 3 if num_examples >= _MANY_EXAMPLES else 1,
            "lambda_l2": config.lambda_l2,
            "feature_fraction": config.feature_fraction,
            "bagging_fraction": config.bagging_fraction,
            "bagging_freq": int(num_examples >= _LEAVES_AT_LEAST),
            "cat_smooth": config.cat_smooth,
            "cat_l2": config.cat_smooth,
            "min_data_per_group": _GROUP_EXAMPLES,
            "seed": context.seed % 2**31,
            "num_threads": _num_threads(),
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }

    def _matrix(self, inputs: pa.Table) -> NDArray[np.float64]:
        """Table (N) -> numbers, NaN where missing, and codes (N, F + K)."""
        return np.hstack([self.columns.numbers(inputs), self.columns.codes(inputs)])

    def _codes(self) -> list[int]:
        """The matrix's columns of codes (K)."""
        first = self.columns.num_numbers
        return list(range(first, first + len(self.columns.cardinalities)))

    def _scaled(self, targets: NDArray[Any]) -> NDArray[Any]:
        return targets if self.is_label else (targets - self.target_mean) / self.target_scale

    def _take(self, state: State, num_outputs: int) -> None:
        """The trees become a booster; those just grown too, so that what is stored predicts the same."""
        num_columns, scores = (
            self.columns.num_numbers + len(self.columns.cardinalities),
            num_scores(num_outputs),
        )
        self.trees = check_trees(section(state, "trees"), num_columns, scores)
        objective = _objective(num_outputs)
        settings = {"binary": " sigmoid:1", "multiclass": f" num_class:{scores}"}.get(objective, "")
        self.booster = lightgbm.Booster(
            model_str=tree_text(self.trees, num_columns, objective + settings, scores)
        )
        if self.booster.num_trees() != len(self.trees["num_leaves"]):
            raise ModelError("LightGBM reads fewer trees than are stored.")
        self.num_threads = _num_threads()

    def predict(self, inputs: Any) -> NDArray[np.float64]:
        """Table (N) -> class probabilities (N, C), or numbers (N,)."""
        outputs: NDArray[np.float64] = self.booster.predict(
            self._matrix(inputs), num_threads=self.num_threads
        )
        if not self.is_label:
            return outputs * self.target_scale + self.target_mean
        return outputs if outputs.ndim == 2 else np.column_stack([1 - outputs, outputs])

    def num_parameters(self) -> int:
        """A value a leaf, and a column and a threshold a split."""
        return sum(map(_tree_parameters, self.trees["num_leaves"].tolist()))

    def state(self) -> State:
        """The columns, the trees, and the targets' scale."""
        return {
            "columns": self.columns.state(),
            "trees": dict(self.trees),
            "target_mean": self.target_mean,
            "target_scale": self.target_scale,
        }

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Takes them.

        Raises:
            ModelError: if the trees don't fit the columns or the outputs.
        """
        self.columns.restore(section(state, "columns"))
        self.target_mean, self.target_scale = finite(state, "target_mean"), finite(state, "target_scale")
        self._take(state, num_outputs)


class _Progress:
    """A LightGBM callback: history, progress, the best number of trees, and when to stop.

    Args:
        num_trees: at most.
        patience: trees without a better validation loss.
        is_label: whether losses are those of classes.
        context: whose deadline ends the growing.
        keep: is called with the booster where the checkpoint is due.
    """

    order, before_iteration = 0, False

    def __init__(
        self,
        num_trees: int,
        patience: int,
        is_label: bool,
        context: FitContext,
        keep: Callable[[lightgbm.Booster], None],
    ) -> None:
        self.num_trees, self.patience, self.is_label = num_trees, patience, is_label
        self.context, self.keep = context, keep
        self.history: list[Epoch] = []
        self.best_tree, self.least = 1, float("inf")
        self.start = self.last = time.monotonic()

    def __call__(self, env: CallbackEnv) -> None:
        """After a tree, or one for each class."""
        tree = env.iteration + 1
        values = [row[2] for row in env.evaluation_result_list]
        losses = values[:: 2 if self.is_label else 1]
        score = None
        if len(losses) > 1:
            score = 1 - values[-1]  # the share of errors, or the squared error of standardised numbers
        if len(losses) == 1 or losses[1] < self.least:
            self.best_tree, self.least = tree, losses[-1]
        now = time.monotonic()
        is_stale = tree - self.best_tree >= self.patience
        is_late = not is_stale and tree < self.num_trees and self._is_late(now)
        is_over = is_stale or is_late
        if tree % _HISTORY_STEP == 0 or is_over or tree == self.num_trees:
            valid_loss = losses[1] if len(losses) > 1 else None
            self.history.append(Epoch(tree, now - self.start, losses[0], valid_loss, score))
            self.context.report(tree / self.num_trees, score)
        if is_late:
            self.context.cut()
        if is_over:
            raise EarlyStopException(self.best_tree - 1, [])
        if self.context.checkpoint.is_due():
            self.keep(env.model)
        self.last = time.monotonic()

    def _is_late(self, now: float) -> bool:
        """Whether another tree and writing the model down might not end in time."""
        return self.context.seconds_left() < 2 * (now - self.last) + _WRITE_SHARE * (now - self.start)


def _objective(num_outputs: int) -> str:
    return {1: "regression", 2: "binary"}.get(num_outputs, "multiclass")


def _num_threads() -> int:
    """Threads that this process's numerical libraries may use."""
    return min((int(pool["num_threads"]) for pool in threadpool_info()), default=1)


def _tree_parameters(num_leaves: int) -> int:
    return num_leaves + 2 * (num_leaves - 1)


def cost(config: GradientBoostingConfig, shape: TableShape) -> Cost:
    """At most: as many trees as are allowed, each adding up gradients a level, and trying each bin of each leaf."""
    trees = config.num_trees * (shape.num_outputs if shape.num_outputs > 2 else 1)
    depth = max(1.0, math.log2(config.num_leaves))
    columns = shape.num_numbers + len(shape.cardinalities)
    sums = 2 * shape.num_examples * config.bagging_fraction * depth
    row = DOUBLE * (_MATRIX_COPIES * columns + _SCORE_COPIES * shape.num_outputs) + columns
    trials = _TRIAL_FLOPS * config.num_leaves * min(_BINS, shape.num_examples)
    return Cost(
        parameters=trees * _tree_parameters(config.num_leaves),
        predict_flops=trees * depth,
        fit_flops=trees * columns * (sums + trials),
        fit_bytes=shape.num_examples * row + trees * _LEAF_BYTES * config.num_leaves,
    )


RUNG = TraditionalRung(
    class_name="GradientBoosting",
    accepts=frozenset({(InputKind.TABLE, OutputKind.LABEL), (InputKind.TABLE, OutputKind.NUMBER)}),
    config=GradientBoostingConfig,
    cost=cost,
    learner=GradientBoosting,
)
