"""Small fits of networks, with checkpoints in memory that may end them."""

import dataclasses
import json

import numpy as np
import pyarrow as pa

from rungwise import registry
from rungwise.artifacts.state import join_state, split_state
from rungwise.fitting import FitContext, Precision
from rungwise.kinds import InputKind, OutputKind
from rungwise.training.learner import NetworkLearner
from rungwise.training.trainer import Trainer

SMALL = {"epochs": 3, "batch_size": 8, "min_steps": 0, "embedding_dim": 8, "hidden_size": 8, "num_filters": 4}
NETWORKS = {
    "mlp": {"num_layers": 2},
    "textcnn": {},
    "lstm": {"num_layers": 2},
    "gru": {},
    "simple-rnn": {},
    "transformer": {"num_heads": 2, "num_layers": 1},
    "cnn": {"batch_norm": True, "dropout": 0.1},
    "vit": {"num_heads": 2, "num_layers": 1, "patch_size": 4},
}


class KilledError(Exception):
    """Ends a fit at a checkpoint."""


def stored(state):
    """A state as it comes back from a file."""
    rest, arrays = split_state(state)
    return join_state(json.loads(json.dumps(rest)), {name: array.copy() for name, array in arrays.items()})


class Memory:
    """A checkpoint that keeps copies, and ends the fit at some of its saves."""

    def __init__(self, kill_every=None):
        self.progress, self.model, self.history = None, None, None
        self.kill_every, self.saves = kill_every, 0

    def load(self):
        return self.progress

    def is_due(self):
        return True

    def save(self, progress, model, history):
        self.progress, self.model, self.history = stored(progress), stored(model), list(history)
        self.saves += 1
        if self.kill_every and self.saves % self.kill_every == 0:
            raise KilledError


def make(name, settings, pair, trainer=Trainer):
    rung = registry.rung(name)
    known = {field.name for field in dataclasses.fields(rung.config)}
    wanted = {key: value for key, value in (SMALL | NETWORKS[name] | settings).items() if key in known}
    return NetworkLearner(rung, registry.make_config(rung.config, wanted), pair, trainer=trainer)


def data(name, output=OutputKind.LABEL, num=30):
    """Inputs of the rung's kind, targets, and the pair of kinds."""
    kind = next(pair[0] for pair in registry.rung(name).accepts if pair[1] is output)
    rng = np.random.default_rng(0)
    targets = rng.integers(2, size=num)
    match kind:
        case InputKind.TEXT:
            words = np.array(["film", "good", "bad", "a", "the", "story"])
            inputs = pa.chunked_array([[" ".join(rng.choice(words, rng.integers(1, 9))) for _ in targets]])
        case InputKind.IMAGE:
            inputs = rng.integers(256, size=(num, 8, 8, 1), dtype=np.uint8)
        case InputKind.TABLE:
            field = pa.field("x", pa.float64(), metadata={"kind": "number"})
            inputs = pa.table([rng.normal(size=num)], schema=pa.schema([field]))
    return inputs, targets if output is OutputKind.LABEL else targets * 3.5, (kind, output)


def fit(name, checkpoint, settings=None, output=OutputKind.LABEL, trainer=Trainer, **context):
    inputs, targets, pair = data(name, output)
    learner = make(name, settings or {}, pair, trainer)
    context = {"seed": 5, "precision": Precision.FP32, **context}
    learner.fit(
        inputs[:22],
        targets[:22],
        num_outputs=2 if output is OutputKind.LABEL else 1,
        validation=(inputs[22:], targets[22:]),
        context=FitContext(checkpoint=checkpoint, **context),
    )
    return learner


def fit_killed(name, kill_every, *args, **context):
    """Fits again and again, each time from where the last one was killed."""
    checkpoint, kills = Memory(kill_every), 0
    while True:
        try:
            return fit(name, checkpoint, *args, **context), kills
        except KilledError:
            kills += 1


def bits(learner, inputs):
    """All that must not differ: the state, the history but for seconds, and predictions."""
    rest, arrays = split_state(learner.state())
    history = [dataclasses.replace(epoch, seconds=0.0) for epoch in learner.history]
    arrays = {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()}
    return json.dumps(rest), arrays, history, learner.predict(inputs).tobytes()
