"""LeNet-5 beside its layers written out, and the deep belief net beside scikit-learn's machines."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from torch.utils.flop_counter import FlopCounterMode

from rungwise import registry
from rungwise.errors import ConfigError
from rungwise.estimators import estimator_named
from rungwise.fitting import FitContext
from rungwise.kinds import InputKind, OutputKind
from rungwise.rung import ImageShape
from rungwise.rungs._solver import LinearProblem, SoftmaxLoss
from rungwise.rungs.cnn.lenet import Form, LeNet, LeNetConfig, on_canvas
from rungwise.rungs.traditional.dbn import DBN, DBNConfig

SEEN_BY_C3 = ["012", "123", "234", "345", "045", "015", "0123", "1234", "2345", "0345", "0145", "0125"]
SEEN_BY_C3 += ["0134", "1245", "0235", "012345"]
"""Table I of LeCun et al. (1998), a column each."""

PUBLISHED_PARAMETERS = {"C1": 156, "S2": 12, "C3": 1_516, "S4": 32, "C5": 48_120, "F6": 10_164}
"""Section II.B of the paper; its output layer has fixed weights, where ours has 85 for each class."""


def shape(channels=1, side=28, num_examples=100, width=None):
    return ImageShape(
        num_examples=num_examples, num_outputs=10, channels=channels, height=side, width=width or side
    )


def images(*size):
    return torch.randn(*size, generator=torch.Generator().manual_seed(0))


def test_lenet_has_the_parameters_that_are_known():
    def count(form):
        return sum(p.numel() for p in LeNet(LeNetConfig(form=form), shape()).parameters())

    assert count(Form.MODERN) == 61_706
    assert count(Form.PAPER) == sum(PUBLISHED_PARAMETERS.values()) + 850


def test_the_modern_lenet_is_the_textbooks():
    network, x = LeNet(LeNetConfig(), shape()).eval(), images(3, 1, 28, 28)
    w = list(network.parameters())
    with torch.no_grad():
        y = F.max_pool2d(F.conv2d(x, w[0], w[1], padding=2).relu(), 2)
        y = F.max_pool2d(F.conv2d(y, w[2], w[3]).relu(), 2).flatten(1)
        for i in (4, 6):
            y = F.linear(y, w[i], w[i + 1]).relu()
        torch.testing.assert_close(network(x), F.linear(y, w[8], w[9]))


def test_the_papers_lenet_is_the_papers():
    network, x = LeNet(LeNetConfig(form=Form.PAPER), shape()).eval(), images(2, 1, 32, 32)

    def squash(y):
        return 1.7159 * torch.tanh(2 / 3 * y)

    def pooled(y, layer):
        four = y[:, :, ::2, ::2] + y[:, :, 1::2, ::2] + y[:, :, ::2, 1::2] + y[:, :, 1::2, 1::2]
        return squash(four / 4 * layer.gain + layer.bias)

    c1, _, s2, _, c3, _, s4, *_ = network.maps
    with torch.no_grad():
        for layer in (s2, s4):
            layer.gain.uniform_(0.5, 2)
            layer.bias.uniform_(-1, 1)
        y, kernels, found = pooled(squash(F.conv2d(x, c1.weight, c1.bias)), s2), iter(c3.kernels), []
        for number, seen in enumerate(SEEN_BY_C3):
            maps = [F.conv2d(y[:, [int(i)]], next(kernels)[None, None]) for i in seen]
            found.append(sum(maps) + c3.bias[number])
        y = pooled(squash(torch.cat(found, 1)), s4).flatten(1)
        f5, _, f6, _, out = network.dense
        torch.testing.assert_close(network(x), out(squash(f6(squash(f5(y))))), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("size", [(1, 28, 28), (1, 8, 8), (3, 96, 64), (3, 1, 5)])
def test_lenets_formulas_are_those_of_the_built_network(form, size):
    config, problem = LeNetConfig(form=form, hidden_size=50), shape(size[0], size[1], width=size[2])
    network, cost = LeNet(config, problem).eval(), registry.rung("lenet").cost(config, problem)
    assert cost.parameters == sum(p.numel() for p in network.parameters())
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        assert network(torch.zeros(2, *size)).shape == (2, 10)
    assert cost.predict_flops == counter.get_total_flops() / 2


def test_every_parameter_of_either_form_gets_a_gradient():
    for form in Form:
        network = LeNet(LeNetConfig(form=form), shape(3))
        network(images(8, 3, 20, 20)).square().sum().backward()
        assert all(
            p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in network.parameters()
        )


def test_images_of_about_32_pixels_are_padded_and_others_scaled():
    x = images(1, 1, 27, 30)
    padded = on_canvas(x)
    assert torch.equal(padded[..., 2:29, 1:31], x)
    assert padded.abs().sum() == x.abs().sum()
    ones = on_canvas(torch.ones(1, 1, 8, 200))
    assert ones.shape == (1, 1, 32, 32)
    torch.testing.assert_close(ones, torch.ones(1, 1, 32, 32))


# ------------------------------------------------------------------------------------------ deep belief net


def pixels(number=64, side=6):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, number)
    faint = rng.integers(0, 120, (number, side, side, 1))
    faint[labels == 1, : side // 2] += 120
    return faint.astype(np.uint8), labels


@pytest.mark.parametrize("use_all_layers", [True, False])
def test_a_dbn_is_a_pipeline_of_scikit_learns_machines_and_logistic_regression(use_all_layers):
    X, y = pixels()
    config = DBNConfig(
        hidden_size=5, batch_size=16, epochs=3, min_steps=0, use_all_layers=use_all_layers, C=1.0
    )
    ours = DBN(config, (InputKind.IMAGE, OutputKind.LABEL))
    ours.fit(X, y, num_outputs=2, validation=None, context=FitContext(seed=3))
    units, rng, machines, hidden = X.reshape(len(X), -1) / 255, np.random.default_rng(3), [], []
    for _ in range(2):
        machine = BernoulliRBM(5, batch_size=16, random_state=int(rng.integers(2**31)))
        order = [rng.permutation(64) for _ in range(3)]
        for step, index in enumerate(np.concatenate(order).reshape(12, 16)):
            machine.set_params(learning_rate=0.1 * (1 - step / 12)).partial_fit(units[index])
        units = machine.transform(units)
        machines.append(machine)
        hidden.append(units)
    features = np.hstack(hidden) if use_all_layers else units
    np.testing.assert_allclose(ours._features(X), features, atol=1e-5)
    theirs = LogisticRegression(C=1 / features.var(0).mean(), tol=1e-8, max_iter=2000).fit(features, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict_proba(features), atol=5e-3)
    if not use_all_layers:
        flat = X.reshape(len(X), -1) / 255
        whole = make_pipeline(*machines, theirs)
        np.testing.assert_allclose(ours.predict(X), whole.predict_proba(flat), atol=5e-3)


def test_a_dbn_shrinks_large_images_and_its_formula_knows():
    X, y = pixels(side=70)
    model = estimator_named("DBNClassifier")(hidden_size=4, min_steps=0, epochs=1).fit(X, y)
    assert model.learner_.layers[0][0].shape == (23 * 23, 4)
    config = DBNConfig(hidden_size=4)
    problem = ImageShape(num_examples=64, num_outputs=2, channels=1, height=70, width=70)
    assert registry.rung("dbn").cost(config, problem).parameters == model.learner_.num_parameters()


def test_a_dbn_out_of_time_says_so_and_still_predicts():
    X, y = pixels()
    model = estimator_named("DBNClassifier")(hidden_size=200, epochs=100_000, time_limit=0.3).fit(X, y)
    assert model.deadline_hit_
    assert model.score(X, y) > 0.9


def test_a_dbn_names_all_settings_that_are_wrong():
    message = r"num_layers=0: must be at least 1; learning_rate=0: must be a number above 0; C=-1: must"
    with pytest.raises(ConfigError, match=message):
        DBNConfig(num_layers=0, learning_rate=0, C=-1)


def test_features_that_are_almost_the_same_can_be_solved():
    rng = np.random.default_rng(0)
    same = 0.5 + 1e-4 * rng.normal(size=(200, 1)) + 1e-6 * rng.normal(size=(200, 1000))
    targets = (same[:, 0] > 0.5).astype(np.int64)
    problem = LinearProblem(same.astype(np.float32), targets, SoftmaxLoss(), 1, FitContext())
    problem.curvature -= 1e-4 * np.eye(1001)  # as rounding may leave it
    weights = problem.solve(1e-12, problem.start())
    assert np.isfinite(weights).all()
    assert ((same @ weights[:-1] + weights[-1])[:, 0] > 0).astype(int).tolist() == targets.tolist()
