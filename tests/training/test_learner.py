import pickle

import numpy as np
import pyarrow as pa
import pytest

import rungwise as rw
from rungwise import registry
from rungwise.errors import ConfigError
from rungwise.fitting import FitContext, Precision
from rungwise.kinds import InputKind, OutputKind
from rungwise.training.learner import NetworkLearner
from rungwise.training.trainer import Trainer


def test_a_subclass_of_the_trainer_may_override_a_stage():
    seen = []

    class Watching(Trainer):
        def step(self, batch):
            super().step(batch)
            seen.append(len(batch[1]))

    rung = registry.rung("textcnn")
    config = registry.make_config(
        rung.config, {"epochs": 2, "batch_size": 4, "embedding_dim": 4, "num_filters": 2}
    )
    learner = NetworkLearner(rung, config, (InputKind.TEXT, OutputKind.LABEL), trainer=Watching)
    texts = pa.chunked_array([["a good film", "a bad film"] * 4])
    targets = np.array([1, 0] * 4)
    learner.fit(texts, targets, num_outputs=2, validation=None, context=FitContext(precision=Precision.FP32))
    assert sum(seen) == 2 * len(targets)
    assert learner.predict(texts).shape == (8, 2)


def test_a_network_that_could_not_be_asked_is_refused_before_it_is_trained():
    rung = registry.rung("vit")
    config = registry.make_config(rung.config, {"patch_size": 1})
    learner = NetworkLearner(rung, config, (InputKind.IMAGE, OutputKind.LABEL))
    images = np.zeros((4, 1024, 1024, 1), np.uint8)
    with pytest.raises(
        ConfigError, match=r"would take 1e\+15 operations for one example, and at most 1e\+12"
    ):
        learner.fit(images, np.array([0, 1, 0, 1]), num_outputs=2, validation=None, context=FitContext())


TEXTS, LABELS = ["the good film", "a bad film"] * 8, ["good", "bad"] * 8


@pytest.mark.parametrize("name", ["TextCNNClassifier", "TransformerClassifier", "BERTClassifier"])
def test_what_has_answered_can_be_pickled_and_asked_about_nothing(name):
    model = getattr(rw, name)(epochs=1, random_state=0).fit(TEXTS, LABELS)
    answers = model.predict_proba(TEXTS)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), answers)
    assert model.predict_proba([]).shape == (0, 2)
    assert model.predict([]).shape == (0,)
