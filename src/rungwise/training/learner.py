"""A network rung as a learner: preprocessing, network and training joined."""

# N examples, C outputs

from __future__ import annotations

from dataclasses import MISSING, asdict, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rungwise.data.sentences import flat_sentences
from rungwise.errors import ConfigError, ModelError, TrainingError
from rungwise.fitting import Calibrated, Epoch, FitContext, Precision, Pretrained, Recorded, Series, State
from rungwise.kinds import OutputKind
from rungwise.preprocessing import preprocessor_for
from rungwise.preprocessing.balance import check_labels, class_weights
from rungwise.preprocessing.masking import Masking
from rungwise.preprocessing.pieces import PiecePreprocessor
from rungwise.preprocessing.tokens import TokenPreprocessor
from rungwise.registry import make_config
from rungwise.rung import Examples, NetworkRung, Pair, Shape, TagLayer, Weights, WordExamples
from rungwise.settings import NetworkConfig, PretrainableConfig, Tuning
from rungwise.stored import entry, finite, section, whole
from rungwise.tags import Tags
from rungwise.training.answering import ranges_of, ready, stored_ranges
from rungwise.training.asking import Labelled, Targets, ask
from rungwise.training.devices import check_device
from rungwise.training.heap import give_back_freed, keep_freed
from rungwise.training.losses import Criterion, Objective
from rungwise.training.masked import pretrain
from rungwise.training.precision import possible_precision, resolve_precision
from rungwise.training.pretrained import fit_head, is_of, load_pretrained
from rungwise.training.progress import as_arrays, as_tensors
from rungwise.training.restoring import network_with
from rungwise.training.seeds import seeded
from rungwise.training.seen import seen_rows
from rungwise.training.tagging import TagObjective, TagTargets, decode
from rungwise.training.trainer import DivergenceError, Trainer
from rungwise.training.vectors import begin_from_vectors

__all__ = ["NetworkLearner"]

_MOST_FLOPS = 1e12
"""Of a network for one example: a minute of one core."""

_CALIBRATION, _CALIBRATION_BATCH = 2000, 50
"""Training examples at most, evenly chosen, that computed weights follow from, and those of them at a time."""

_SECOND_RATE = 0.1
"""What the learning rate is multiplied by where training diverged and begins anew."""


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
        self.rung, self.given, self.pair, self.trainer = rung, config, pair, trainer
        self._configure(config)
        self.history: list[Epoch] = []
        self.network: nn.Module
        self.shape: Shape
        self.to_guess: tuple[Examples, Masking] | None = None
        self.context = FitContext()
        self.ranges: Tensor | None = None
        self._answers_in: Precision | None = None
        self._asks: tuple[nn.Module, Precision, nn.Module] | None = None
        self.target_mean, self.target_scale = 0.0, 1.0

    def _configure(self, config: NetworkConfig) -> None:
        """Takes the settings: those that were given, or these with what pretrained weights decide."""
        self.config = config
        self.preprocessor = preprocessor_for(self.pair[0])(config)

    def fit(
        self,
        inputs: Any,
        targets: Any,
        *,
        num_outputs: int,
        validation: tuple[Any, Any] | None,
        context: FitContext,
    ) -> None:
        """Fits the preprocessor on the inputs, builds the network for their shape and trains it.

        Where training diverges it begins anew, once, from the same weights at a tenth of the learning rate, even if
        validation had liked the weights at some time before: they are of a training that broke.

        Raises:
            ConfigError: if there is no such device, the network is too large to be asked, or settings are about classes
                where there are none, or about another kind of output.
            TrainingError: if training diverges a second time, or there was no time for one step.
        """
        check_device(context.device)
        keep_freed()
        check_labels(self.pair[1], class_weight=self.config.class_weight, sampling=self.config.sampling)
        self.config.check_kind(self.pair[1])
        kept = context.checkpoint.load() or {"precision": context.precision, "note": None, "training": None}
        precision = resolve_precision(Precision(kept["precision"]), context.device)
        self.context = FitContext(device=context.device, precision=precision)
        if context.pretrained is not None:
            if self.rung.adopt is not None:
                self._configure(self.rung.adopt(self.given, context.pretrained.config))
            context = replace(context, pretrained=_with_usual_pixels(context.pretrained, self.rung))
        if context.unlabeled is not None:
            self._guessing().unlabeled = context.unlabeled
        self.preprocessor.fit(inputs, context.pretrained)
        if self.pair[1] is OutputKind.NUMBER:
            self.target_mean, self.target_scale = float(targets.mean()), float(targets.std()) or 1.0
        self.shape = self.preprocessor.shape(num_examples=len(targets), num_outputs=num_outputs)
        self._check_cost()
        self.to_guess = None if context.unlabeled is None else self._guessing().to_guess(inputs)
        train = self._labelled(inputs, targets)
        valid = None if validation is None else self._labelled(*validation)
        try:
            self._train(train, valid, replace(context, precision=precision), kept["note"], kept["training"])
            self.ranges = ranges_of(self.network, train[0], replace(context, precision=precision))
        finally:
            self._forget_unlabeled()
            give_back_freed()

    def _train(
        self,
        train: Labelled,
        valid: Labelled | None,
        context: FitContext,
        note: str | None,
        progress: State | None,
    ) -> None:
        """Trains, and anew if need be: `note` says why it did already, `progress` is what to go on from."""
        first = self.config.for_training(self.pair[1])
        second = replace(first, learning_rate=first.learning_rate * _SECOND_RATE)
        if note is None:
            try:
                self._train_once(train, valid, context, first, None, progress)
                return
            except DivergenceError as error:
                note, progress = f"{error}; training began anew at {second.learning_rate:g}", None
        context.note(note)
        try:
            self._train_once(train, valid, context, second, note, progress)
        except TrainingError as error:
            if context.pretrained is not None and isinstance(first, PretrainableConfig):
                context.note(f"{note}; {error}; the head alone has learned")
                self._train_once(train, valid, context, replace(first, tuning=Tuning.HEAD), note, None)
                return
            advice = (
                f"try a learning_rate under {second.learning_rate:g}, or look for odd numbers in the data"
            )
            raise TrainingError(f"{note}; {error}; {advice}.") from None

    def _train_once(
        self,
        train: Labelled,
        valid: Labelled | None,
        context: FitContext,
        config: NetworkConfig,
        note: str | None,
        progress: State | None,
    ) -> None:
        with seeded(context.seed, context.device):
            self.network = self.rung.build(config, self.shape)
            new = self._begin(train, config, context, is_anew=progress is None)
            if context.pretrained is not None and progress is None:
                is_done = self._fit_head(train, valid, config, context, has_new=bool(new))
                if is_done:
                    self.network.to("cpu").eval()
                    return
            # the rows that texts without labels have changed would be in no checkpoint
            table = self.rung.table if context.pretrained is not None and self.to_guess is None else None
            asked = [part[0] for part in (train, valid) if part is not None]
            with seen_rows(self.network, table, asked) as whole_of:

                def keep(training: State, weights: Weights, history: list[Epoch]) -> None:
                    kept = {"precision": context.precision.value, "note": note, "training": training}
                    context.checkpoint.save(kept, self._state(whole_of(weights)), history)

                objective, augment = self._objective(config, train[1], context), self.preprocessor.augment
                trainer = self.trainer(self.network, config, context, objective, augment, keep, new)
                self.history = trainer.fit(train, valid, progress)

    def _begin(
        self, train: Labelled, config: NetworkConfig, context: FitContext, *, is_anew: bool
    ) -> frozenset[str]:
        """Gives the network the weights that training begins from -> the names of those new beside pretrained ones."""
        if is_anew:
            begin_from_vectors(self.network, self.preprocessor)
        if isinstance(self.network, Calibrated) and is_anew:
            some = np.linspace(0, len(train[0]) - 1, min(_CALIBRATION, len(train[0]))).astype(np.int64)
            parts = -(-len(some) // _CALIBRATION_BATCH)
            self.network.calibrate(train[0].batch(some[part::parts]) for part in range(parts))
        new: frozenset[str] = frozenset()
        if context.pretrained is not None:
            new = load_pretrained(self.network, self.rung, context.pretrained)
        if self.to_guess is not None and is_anew:
            pretrain(self.network, *self.to_guess, config, context)
        if context.pretrained is not None and self.rung.frozen is not None:
            kept = self.rung.frozen(self.config, self.shape)
            for name, weight in self.network.named_parameters():
                weight.requires_grad_(not is_of(name, kept))
        return new

    def _fit_head(
        self,
        train: Labelled,
        valid: Labelled | None,
        config: NetworkConfig,
        context: FitContext,
        *,
        has_new: bool,
    ) -> bool:
        """Fits the head to pretrained weights, unless it stands on new ones -> whether that was all."""
        is_done = isinstance(config, PretrainableConfig) and config.tuning is Tuning.HEAD
        if has_new and not is_done:
            return False
        plain = self._objective(replace(config, label_smoothing=0.0), train[1], context)
        fit_head(self.network, self.rung, train, valid, config, context, plain)
        if not is_done and context.seconds_left() <= 0:
            context.cut()
            return True
        return is_done

    def _objective(self, config: NetworkConfig, targets: Targets, context: FitContext) -> Criterion:
        """What the network is trained for."""
        if isinstance(targets, TagTargets):
            return TagObjective(self._tagging(), context.unscored)
        weights = class_weights(config.class_weight, targets.numpy(), self.shape.num_outputs)
        weighted = None if weights is None else torch.from_numpy(weights)
        return Objective(self.pair[1], config.label_smoothing, weighted)

    def _guessing(self) -> TokenPreprocessor | PiecePreprocessor:
        assert isinstance(self.preprocessor, TokenPreprocessor | PiecePreprocessor)
        return self.preprocessor

    def _forget_unlabeled(self) -> None:
        if self.to_guess is not None:
            self.to_guess = self._guessing().unlabeled = None

    def _tagging(self) -> TagLayer:
        network: Any = self.network  # of a rung for tags, which has one
        tagging: TagLayer = network.tagging
        return tagging

    def predict(self, inputs: Any) -> Any:
        """Inputs (N) -> class probabilities (N, C), numbers (N,), or `Tags` of each word."""
        outputs = self._outputs(inputs) if len(inputs) else torch.zeros(0, self.shape.num_outputs)
        if self.pair[1] is OutputKind.TAGS:
            return decode(self._tagging(), outputs, torch.from_numpy(np.diff(flat_sentences(inputs).offsets)))
        if self.pair[1] is OutputKind.LABEL:
            return outputs.softmax(1).numpy()
        numbers: NDArray[np.float64] = outputs[:, 0].double().numpy()
        return numbers * self.target_scale + self.target_mean

    def _outputs(self, inputs: Any) -> Tensor:
        network, context = self._asked()
        views = [ask(network, examples, self.config, context) for examples in self.preprocessor.views(inputs)]
        return torch.stack(views).mean(0) if len(views) > 1 else views[0]

    def __getstate__(self) -> dict[str, Any]:
        """For pickles: without the network that is asked, whose weights are in the kernels' own layout."""
        return {**self.__dict__, "_asks": None}

    def answer_in(self, precision: Precision) -> None:
        """Predicts in a precision from here on.

        Raises:
            ConfigError: if it isn't to be had for this network on this machine.
        """
        before = self._answers_in
        self._answers_in = precision
        try:
            self._asked()
        except ConfigError:
            self._answers_in = before
            raise

    def _asked(self) -> tuple[nn.Module, FitContext]:
        """The network that is asked, made ready once, and where and in what precision."""
        precision, device = self._answers_in or self.context.precision, self.context.device
        if self._answers_in is None:
            rest = possible_precision(precision, device)
        else:  # of what isn't in int8
            rest = resolve_precision(Precision.AUTO if precision is Precision.INT8 else precision, device)
        context = replace(self.context, precision=rest)
        if self._asks is None or self._asks[0] is not self.network or self._asks[1] is not precision:
            keep_freed()
            self._asks = self.network, precision, ready(self.network, precision, context, self.ranges)
        return self._asks[2], context

    def num_parameters(self) -> int:
        """The network's numbers that are learned, here or before."""
        return sum(p.numel() for p in self.network.parameters())

    def series(self) -> list[Series]:
        """What the network recorded in training, if it is one that does."""
        return self.network.series() if isinstance(self.network, Recorded) else []

    def state(self) -> State:
        """The preprocessor, the problem's shape, the weights, and the precision that they were trained in."""
        return self._state(self.network.state_dict())

    def _state(self, weights: Weights) -> State:
        return {
            "precision": self.context.precision.value,
            "preprocessor": self.preprocessor.state(),
            "shape": asdict(self.shape),
            "target_mean": self.target_mean,
            "target_scale": self.target_scale,
            **({} if self.ranges is None else {"ranges": self.ranges.numpy()}),
            **self._stored_network(weights),
        }

    def _stored_network(self, weights: Weights) -> State:
        """The weights, by another library's names where it can read them, and the settings that weights decided."""
        if self.rung.adopt is None and self.rung.published is None:
            return {"network": as_arrays(weights)}
        decided = {
            name: value for name, value in asdict(self.config).items() if value != getattr(self.given, name)
        }
        published = self.rung.published
        names = weights if published is None else published.weights(self.config, weights)
        return {"decided": decided, "network": as_arrays(names)}

    def elsewhere(self) -> State:
        """What another library's `config.json` says of the network, empty where none can read it."""
        published = self.rung.published
        return {} if published is None else published.config(self.config, self.shape)

    def restore(self, state: State, *, num_outputs: int) -> None:
        """Builds the network for the stored shape and loads the weights.

        Raises:
            ModelError: if preprocessor, shape, weights and outputs don't go together.
            ConfigError: if the network is too large to be asked.
        """
        self.context = FitContext(precision=Precision(entry(state, "precision")))
        if self.rung.adopt is not None:
            decided = {**asdict(self.given), **section(state, "decided")}
            self._configure(make_config(type(self.given), decided))
        self.preprocessor.restore(section(state, "preprocessor"))
        shape = section(state, "shape")
        self.shape = self.preprocessor.shape(
            num_examples=whole(shape, "num_examples", 1, 2**63), num_outputs=num_outputs
        )
        stored = {name: tuple(value) if isinstance(value, list) else value for name, value in shape.items()}
        later = {field.name: field.default for field in fields(self.shape) if field.default is not MISSING}
        if {**later, **stored} != asdict(self.shape):  # of a version that hadn't a field, it is the default
            raise ModelError(f"the network is for {shape}, but its inputs and outputs are {self.shape}.")
        self.target_mean, self.target_scale = finite(state, "target_mean"), finite(state, "target_scale")
        weights = section(state, "network")
        if self.rung.published is not None:
            weights = as_arrays(self.rung.layouts["transformers"](as_tensors(weights)))
        with seeded(0, "cpu"):
            self.network = network_with(
                lambda: self.rung.build(self.config, self.shape), weights, newer=self.rung.newer
            )
        self.ranges = stored_ranges(state, self.network)
        self._check_cost()

    def _check_cost(self) -> None:
        flops = self.rung.cost(self.config, self.shape).predict_flops
        if not flops <= _MOST_FLOPS:
            raise ConfigError(
                f"the network would take {flops:.0e} operations for one example, and at most {_MOST_FLOPS:.0e} are "
                "allowed; make it smaller, or its inputs."
            )

    def _labelled(self, inputs: Any, targets: Any) -> Labelled:
        examples = self.preprocessor.examples(inputs)
        if isinstance(targets, Tags):
            assert isinstance(examples, WordExamples)
            return examples, TagTargets.of(targets, examples.num_words)
        return examples, self._tensor(targets)

    def _tensor(self, targets: NDArray[Any]) -> Tensor:
        if self.pair[1] is OutputKind.LABEL:
            return torch.from_numpy(targets.astype(np.int64))
        return torch.from_numpy(((targets - self.target_mean) / self.target_scale).astype(np.float32))


def _with_usual_pixels(pretrained: Pretrained, rung: NetworkRung) -> Pretrained:
    return replace(pretrained, mean=pretrained.mean or rung.mean, std=pretrained.std or rung.std)
