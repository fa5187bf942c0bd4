import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.utils.flop_counter import FlopCounterMode

from rungwise import registry
from rungwise.errors import ConfigError, DataError
from rungwise.estimators import estimator_named
from rungwise.preprocessing.pixels import Flip
from rungwise.rung import ImageShape
from rungwise.rungs.cnn.cnn import CNN, CNNConfig, Padding
from rungwise.rungs.traditional.hog_svm import HogKernel, HogSVMConfig, num_features
from rungwise.rungs.transformer.vit import ViT, ViTConfig

SIZES = [(1, 28, 28), (1, 8, 8), (3, 64, 64), (3, 21, 34), (1, 3, 5)]

NETWORKS = [
    (CNN, CNNConfig()),
    (CNN, CNNConfig(padding=Padding.VALID, num_filters=8)),
    (CNN, CNNConfig(batch_norm=True, dropout=0.2, hidden_size=16)),
    (ViT, ViTConfig()),
    (ViT, ViTConfig(class_token=True, hidden_size=24, num_layers=2, num_heads=2, patch_size=3)),
]


def shape(channels, height, width):
    return ImageShape(num_examples=100, num_outputs=10, channels=channels, height=height, width=width)


def digits():
    data = load_digits()
    images = (data.images * 15.9).astype(np.uint8)
    return images[:600], data.target[:600], images[1400:], data.target[1400:]


def is_too_small(config, size):
    return getattr(config, "padding", None) is Padding.VALID and min(size[1:]) < 10


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("network", "config"), NETWORKS)
def test_formulas_are_those_of_the_built_network(network, config, size):
    if is_too_small(config, size):
        with pytest.raises(ConfigError, match=r"too small for padding='valid'; use 'same'"):
            network(config, shape(*size))
        return
    built = network(config, shape(*size)).eval()
    cost = registry.rung(network.__name__.lower()).cost(config, shape(*size))
    assert cost.parameters == sum(p.numel() for p in built.parameters())
    counter = FlopCounterMode(display=False)
    with counter:  # with gradients and in bf16 attention is made of products, which the counter sees
        assert built.bfloat16()(torch.zeros(4, *size).bfloat16()).shape == (4, 10)
    assert cost.predict_flops == pytest.approx(counter.get_total_flops() / 4, rel=0.02)


@pytest.mark.parametrize(("network", "config"), NETWORKS)
def test_every_parameter_gets_a_gradient(network, config):
    built = network(config, shape(3, 20, 20))
    built(torch.randn(8, 3, 20, 20, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    for name, parameter in built.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


SMALL_VIT = {"hidden_size": 32, "num_layers": 2, "min_steps": 150}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least", "settings"),
    [("HogSVM", 0.93, {}), ("CNN", 0.9, {"min_steps": 150}), ("ViT", 0.6, SMALL_VIT)],
)
def test_digits_are_learned(name, least, settings):
    images, labels, test_images, test_labels = digits()
    model = estimator_named(f"{name}Classifier")(random_state=0, **settings)
    model.fit(images, labels)
    assert model.score(test_images, test_labels) > least


@pytest.mark.parametrize("name", ["CNN", "ViT"])
def test_a_seed_decides_all(name):
    images, labels, test_images, _ = digits()
    make = estimator_named(f"{name}Classifier")
    first, second = (
        make(random_state=5, epochs=1, min_steps=0, flip=Flip.ON, cutout=0.3).fit(images, labels)
        for _ in range(2)
    )
    assert (first.predict_proba(test_images) == second.predict_proba(test_images)).all()


def test_colours_count():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 120)
    images = np.zeros((120, 8, 8, 3), np.uint8)
    images[np.arange(120), :, :, labels * 2] = rng.integers(80, 200, 120)[:, None, None]
    model = estimator_named("CNNClassifier")(random_state=0, min_steps=40).fit(images, labels)
    assert model.score(images, labels) == 1.0


@pytest.mark.parametrize("kernel", list(HogKernel))
def test_hog_svm_has_as_many_features_and_parameters_as_its_formula_says(kernel):
    images, labels, *_ = digits()
    images = images.repeat(3, 1).repeat(2, 2)  # 24×16
    model = estimator_named("HogSVMClassifier")(kernel=kernel, num_landmarks=50).fit(images, labels)
    size = shape(1, 24, 16)
    config = HogSVMConfig(kernel=kernel, num_landmarks=50)
    assert model.learner_._features(images[:2, ..., None]).shape == (2, num_features(config, size))
    cost = registry.rung("hog-svm").cost(config, ImageShape(**{**vars(size), "num_examples": 600}))
    assert model.learner_.num_parameters() == cost.parameters


def test_hog_svm_calibrates_its_probabilities_on_validation():
    images, labels, test_images, test_labels = digits()
    make = estimator_named("HogSVMClassifier")
    model = make(random_state=0).fit(images, labels, validation=(test_images, test_labels))
    probabilities = model.predict_proba(test_images)
    log_loss = -np.log(probabilities[np.arange(len(test_labels)), test_labels]).mean()
    assert log_loss < 0.2
    assert np.allclose(probabilities.sum(1), 1)


def test_hog_svm_names_all_settings_that_are_wrong():
    with pytest.raises(ConfigError, match=r"cells=1: must be at least 2; C=-1\.0: must be above 0"):
        HogSVMConfig(cells=1, C=-1.0)


def test_hog_svm_says_that_images_are_too_small():
    with pytest.raises(DataError, match="too small"):
        estimator_named("HogSVMClassifier")().fit(np.zeros((4, 3, 3), np.uint8), [0, 1, 0, 1])


def test_heads_that_do_not_divide_the_channels_are_an_error():
    with pytest.raises(ConfigError, match="hidden_size=30 must be a multiple of num_heads=4"):
        ViT(ViTConfig(hidden_size=30), shape(1, 8, 8))
