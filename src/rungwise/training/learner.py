"""A network rung as a learner: preprocessing, network and training joined."""

# N examples, C outputs

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rungwise.errors import ModelError
from rungwise.fitting import Epoch, FitContext, Precision, Recorded, Series, State
from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing import preprocessor_for
from rungwise.rung import ImageShape, NetworkConfig, NetworkRung, Pair, Shape, TableShape, TextShape
from rungwise.training.devices import check_device
from rungwise.training.losses import Objective
from rungwise.training.precision import resolve_precision
from rungwise.training.seeds import seeded
from rungwise.training.trainer import Trainer, predict_outputs

__all__ = ["NetworkLearner"]

_SHAPES = {InputKind.TABLE: TableShape, InputKind.TEXT: TextShape, InputKind.IMAGE: ImageShape}


class NetworkLearner:
    """The `Learner` of a `NetworkRung`.

    Args:
        rung: what builds the network.
        config: its settings.
        pair: the kinds of inputs and targets.
        trainer: the loop, in which a subclass of `Trainer` may override a stage.
    """

    def __init__(
        self, rung: NetworkRung, config: NetworkConfig, pair: Pair, *, trainer: type[Trainer] = Trainer
    ) -> None:
        self.rung, self.config, self.pair, self.trainer = rung, config, pair, trainer
        self.preprocessor = preprocessor_for(pair[0])(config)
        self.history: list[Epoch] = []
        self.network: nn.Module
        self.shape: Shape
        self.context = FitContext()
        self.target_mean, self.target_scale = 0.0, 1.0

    def fit(
        self,
        inputs: Any,
        targets: NDArray[Any],
        *,
        num_outputs: int,
        validation: tuple[Any, NDArray[Any]] | None,
        context: FitContext,
    ) -> None:
        """Fits the preprocessor on the inputs, builds the network for their shape and trains it.

        Raises:
            ConfigError: if there is no such device.
            TrainingError: if the loss is not finite.
        """
        check_device(context.device)
        self.preprocessor.fit(inputs)
        if self.pair[1] is OutputKind.NUMBER:
            self.target_mean, self.target_scale = float(targets.mean()), float(targets.std()) or 1.0
        self.shape = self.preprocessor.shape(num_examples=len(targets), num_outputs=num_outputs)
        objective = Objective(self.pair[1], self.config.label_smoothing)
        train = (self.preprocessor.examples(inputs), self._tensor(targets))
        valid = None
        if validation is not None:
            valid = (self.preprocessor.examples(validation[0]), self._tensor(validation[1]))
        with seeded(context.seed, context.device):
            self.network = self.rung.build(self.config, self.shape)
            trainer = self.trainer(self.network, self.config, context, objective, self.preprocessor.augment)
            self.history = trainer.fit(train, valid)
        self.context = FitContext(
            device=context.device, precision=resolve_precision(context.precision, context.device)
        )

    def predict(self, inputs: Any) -> NDArray[np.float32 | np.float64]:
        """Inputs (N) -> class probabilities (N, C), or numbers (N,)."""
        examples = self.preprocessor.examples(inputs)
        outputs = predict_outputs(self.network, examples, self.config, self.context)
        if self.pair[1] is OutputKind.LABEL:
            return outputs.softmax(1).numpy()
        numbers: NDArray[np.float64] = outputs[:, 0].double().numpy()
        return numbers * self.target_scale + self.target_mean

    def num_parameters(self) -> int:
        """The network's trainable numbers."""
        return sum(p.numel() for p in self.network.parameters())

    def series(self) -> list[Series]:
        """What the network recorded in training, if it is one that does."""
        return self.network.series() if isinstance(self.network, Recorded) else []

    def state(self) -> State:
        """The preprocessor, the problem's shape, the weights, and the precision that they were trained in."""
        return {
            "precision": self.context.precision.value,
            "preprocessor": self.preprocessor.state(),
            "shape": asdict(self.shape),
            "target_mean": self.target_mean,
            "target_scale": self.target_scale,
            "network": {name: tensor.cpu().numpy() for name, tensor in self.network.state_dict().items()},
        }

    def restore(self, state: State) -> None:
        """Builds the network for the stored shape and loads the weights.

        Raises:
            ModelError: if the weights don't fit the network.
        """
        self.context = FitContext(precision=Precision(state["precision"]))
        self.preprocessor.restore(state["preprocessor"])
        shape = {k: tuple(v) if isinstance(v, list) else v for k, v in state["shape"].items()}
        self.shape = _SHAPES[self.pair[0]](**shape)
        self.target_mean, self.target_scale = state["target_mean"], state["target_scale"]
        with seeded(0, "cpu"):
            self.network = self.rung.build(self.config, self.shape)
        weights = {name: torch.from_numpy(np.array(array)) for name, array in state["network"].items()}
        try:
            self.network.load_state_dict(weights)
        except RuntimeError as error:
            raise ModelError(f"the weights don't fit the network: {error}") from error
        self.network.eval()

    def _tensor(self, targets: NDArray[Any]) -> Tensor:
        if self.pair[1] is OutputKind.LABEL:
            return torch.from_numpy(targets.astype(np.int64))
        return torch.from_numpy(((targets - self.target_mean) / self.target_scale).astype(np.float32))
