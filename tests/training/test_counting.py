"""Counted operations beside the formulas of rungs, and beside what one can count by hand."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from rungwise.estimators import estimator_class
from rungwise.kinds import OutputKind
from rungwise.training.counting import count_flops

pytestmark = pytest.mark.filterwarnings("ignore:TF32 acceleration")  # from setting oneDNN's flags

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), dtype=np.uint8)
WORDS = ("a", "good", "bad", "film", "of", "nothing", "really", "on", "time")
TEXTS = pa.chunked_array([[" ".join(WORDS[(i + j) % 9] for j in range(12)) for i in range(24)]])


@pytest.mark.parametrize(
    ("rung", "inputs", "settings"),
    [
        ("cnn", IMAGES, {}),
        ("vit", IMAGES, {}),
        ("lstm", TEXTS, {"unit": "word"}),
        ("transformer", TEXTS, {"unit": "word"}),
    ],
)
def test_counted_operations_are_those_of_the_formula(rung, inputs, settings):
    estimator = estimator_class(rung, OutputKind.LABEL)(epochs=1, min_steps=0, random_state=0, **settings)
    learner = estimator.fit(inputs, np.arange(24) % 2).learner_
    expected = learner.rung.cost(learner.config, learner.shape).predict_flops
    before = torch.backends.mkldnn.enabled
    found = count_flops(learner, inputs[:8], 8)
    assert found["predict"] == pytest.approx(expected, rel=0.25)  # padding, and ends of sequences
    assert 2 * found["predict"] <= found["step"] <= 3.1 * found["predict"]
    assert torch.backends.mkldnn.enabled == before
