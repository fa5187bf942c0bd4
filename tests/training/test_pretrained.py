"""Networks that begin from weights learned elsewhere: what is read, what fits, and what the head learns first."""

import pickle
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rungwise import registry
from rungwise.artifacts.pretrained import read_pretrained
from rungwise.errors import ConfigError, ModelError
from rungwise.estimators import estimator_class
from rungwise.fitting import FitContext, Pretrained
from rungwise.kinds import OutputKind
from rungwise.preprocessing.pixels import PixelPreprocessor
from rungwise.registry import make_config
from rungwise.rung import ImageShape, SentenceShape
from rungwise.rungs.cnn.efficientnet import RUNG, EfficientNet, EfficientNetConfig
from rungwise.rungs.transformer.bert import BERTConfig
from rungwise.settings import Optimizer
from rungwise.training import pretrained as pretrained_module
from rungwise.training.losses import Objective
from rungwise.training.pretrained import fit_head, load_pretrained

SHAPE = ImageShape(num_examples=8, num_outputs=5, channels=3, height=32, width=32)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNGWISE_CACHE", str(tmp_path / "cache"))


def network(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return EfficientNet(EfficientNetConfig(), SHAPE)


def pictures(number=24, side=16, seed=0):
    """Dark ones of class 0, bright ones of class 1."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    return (rng.integers(0, 100, (number, side, side, 3)) + 120 * labels[:, None, None, None]).astype(
        np.uint8
    ), labels


def arrays(weights):
    return {name: tensor.numpy() for name, tensor in weights.items()}


# ------------------------------------------------------------------------------------------------- reading


def test_a_pickled_file_is_unpickled_once_and_then_read_from_the_cache(tmp_path, monkeypatch):
    weights = network().state_dict()
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{name}": w for name, w in weights.items()}}, tmp_path / "w.pth"
    )
    first = read_pretrained(str(tmp_path / "w.pth"))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was unpickled again"))
    second = read_pretrained(str(tmp_path / "w.pth"))
    assert first.weights.keys() == second.weights.keys() == weights.keys()
    assert all(np.array_equal(second.weights[name], weights[name].numpy()) for name in weights)
    assert [file.name for file in (tmp_path / "cache").rglob("*") if file.is_file()] == ["model.safetensors"]


def test_a_damaged_cache_or_one_that_cannot_be_written_is_none(tmp_path, monkeypatch):
    torch.save(network().state_dict(), tmp_path / "w.pth")
    read_pretrained(str(tmp_path / "w.pth"))
    [kept] = (tmp_path / "cache").rglob("*.safetensors")
    kept.write_bytes(b"no safetensors")
    assert read_pretrained(str(tmp_path / "w.pth")).weights
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RUNGWISE_CACHE", str(tmp_path / "file"))
    assert read_pretrained(str(tmp_path / "w.pth")).weights


class Evil:
    """What would run code if it were unpickled without restrictions."""

    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize(
    "content", [pickle.dumps(Evil()), b"", b"PK\x03\x04 no zip", pickle.dumps({"a": Evil()})]
)
def test_what_is_no_weights_is_not_unpickled(tmp_path, content, capsys):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(ModelError, match="holds no weights that can be read safely"):
        read_pretrained(str(tmp_path / "w.pth"))
    assert capsys.readouterr().out == ""


def test_a_pickled_file_without_tensors_holds_no_weights(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match="holds no weights: what it holds is dict"):
        read_pretrained(str(tmp_path / "w.pth"))


def test_a_folder_says_how_its_images_were_made(tmp_path):
    save_file({"a": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "model.safetensors")
    (tmp_path / "preprocessor_config.json").write_text(
        '{"image_mean": [0.5, 0.5, 0.5], "image_std": [1, 1, 1]}'
    )
    read = read_pretrained(str(tmp_path))
    assert (read.mean, read.std) == ((0.5,) * 3, (1.0,) * 3)
    assert read.weights["a"].dtype == np.float32
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0.5]}')
    with pytest.raises(ModelError, match="must be three numbers"):
        read_pretrained(str(tmp_path))
    (tmp_path / "config.json").write_text('{"pretrained_cfg": [1]}')
    with pytest.raises(ModelError, match=r"config.json: pretrained_cfg is \[1\]; it must be an object"):
        read_pretrained(str(tmp_path))


def test_what_is_not_there_is_said_with_what_may_be_named(tmp_path):
    with pytest.raises(
        ConfigError, match=r"there is no such file or folder; name a \.safetensors or \.pth file"
    ):
        read_pretrained(str(tmp_path / "none.pth"))
    with pytest.raises(ModelError, match=r"holds no weights: neither model\.safetensors nor"):
        read_pretrained(str(tmp_path))


class Hub(types.ModuleType):
    """Stands for `huggingface_hub`, whose only call that is made is this one."""

    def __init__(self, folder):
        super().__init__("huggingface_hub")
        self.folder = folder

    def snapshot_download(self, repo_id, *, allow_patterns):
        if repo_id != "lab/net":
            raise FileNotFoundError(f"no snapshot of {repo_id}\nmore words")
        assert "model.safetensors" in allow_patterns
        return str(self.folder)


def test_a_name_of_the_hub_is_downloaded_and_read_as_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    save_file({"a": torch.ones(2)}, snapshot / "model.safetensors")
    monkeypatch.setitem(sys.modules, "huggingface_hub", Hub(snapshot))
    read = read_pretrained("lab/net")
    assert (read.name, read.weights["a"].tolist()) == ("lab/net", [1.0, 1.0])
    with pytest.raises(ConfigError, match=r"can't be had from the hub: no snapshot of lab/none$"):
        read_pretrained("lab/none")


def test_without_the_hubs_client_it_is_said_how_to_have_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"pip install 'rungwise\[hub\]'"):
        read_pretrained("lab/net")


def test_a_mistyped_file_is_not_looked_for_on_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", Hub(tmp_path))
    for name in ("lab/net.pth", "lab/net.safetensors"):
        with pytest.raises(ConfigError, match="there is no such file or folder"):
            read_pretrained(name)


def test_wrappers_and_prefixes_come_off_and_odd_tensors_are_left_out(tmp_path):
    odd = {"c": torch.ones(2, dtype=torch.complex64), "m": torch.empty(2, device="meta")}
    inner = {"module._orig_mod.a": torch.ones(2), "s": torch.eye(2).to_sparse(), **odd}
    torch.save({"model": {"state_dict": inner}}, tmp_path / "w.ckpt")
    assert read_pretrained(str(tmp_path / "w.ckpt")).weights.keys() == {"a"}
    save_file({"module.a": torch.ones(2)}, tmp_path / "w.safetensors")
    assert read_pretrained(str(tmp_path / "w.safetensors")).weights.keys() == {"a"}


def test_weights_in_several_files_are_no_folder_that_is_read(tmp_path):
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(ModelError, match=r"model\.safetensors\.index\.json says that they are in several"):
        read_pretrained(str(tmp_path))


# ------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 20, "learning_rate": 0.1}, "learning_rate, epochs: with pretrained weights, set tuning_"),
        ({"tuning": "head", "sampling": "balanced"}, "sampling='balanced': a head alone"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        make_config(EfficientNetConfig, {"pretrained": "w", **settings})


def test_tuning_takes_the_optimizer_and_the_batches_that_are_said():
    tuned = EfficientNetConfig(pretrained="w").for_training()
    assert (tuned.optimizer, tuned.batch_size, tuned.epochs) == (Optimizer.ADAMW, 32, 5)
    told = EfficientNetConfig(pretrained="w", optimizer=Optimizer.SGD, batch_size=50).for_training()
    assert (told.optimizer, told.batch_size) == (Optimizer.SGD, 50)


@pytest.mark.parametrize(("kind", "rate"), [(OutputKind.LABEL, 5e-5), (OutputKind.TAGS, 1e-4)])
def test_tags_are_tuned_at_a_higher_rate_unless_one_is_said(kind, rate):
    assert BERTConfig(pretrained="w").for_training(kind).learning_rate == rate
    assert BERTConfig(pretrained="w", tuning_rate=3e-5).for_training(kind).learning_rate == 3e-5


# ----------------------------------------------------------------------------------------------- putting in


def test_all_weights_but_the_heads_are_taken():
    given, taken = network(seed=1), network(seed=2)
    load_pretrained(taken, RUNG, Pretrained(name="w", weights=arrays(given.state_dict())))
    for name, tensor in taken.state_dict().items():
        is_same = torch.equal(tensor, given.state_dict()[name])
        assert is_same != name.startswith("classifier."), name


def test_parts_before_the_head_that_weights_had_not_are_new_with_it():
    rung, given = (
        registry.rung("bert"),
        {"hidden_size": 8, "num_layers": 1, "num_heads": 2, "intermediate_size": 8},
    )
    shape = SentenceShape(num_examples=9, num_outputs=3, vocab_size=9, mean_tokens=3, max_tokens=9)
    config = registry.make_config(rung.config, given)
    plain, roles = (rung.build(config, replace(shape, has_predicates=has)) for has in (False, True))
    weights = rung.published.weights(config, plain.state_dict())
    new = load_pretrained(roles, rung, Pretrained(name="w", weights=arrays(weights)))
    wanted = {
        name for name, _ in roles.named_parameters() if name.startswith(("roles.", "tagging.", "linear."))
    }
    assert new == wanted
    assert load_pretrained(plain, rung, Pretrained(name="w", weights=arrays(weights))) == frozenset()
    assert (
        load_pretrained(roles, rung, Pretrained(name="w", weights=arrays(roles.state_dict()))) == frozenset()
    )


def test_weights_of_another_network_are_an_error_that_names_some():
    weights = arrays(network().state_dict())
    weights["conv_stem.weight"] = np.zeros((8, 3, 3, 3), np.float32)
    del weights["bn1.bias"]
    with pytest.raises(
        ConfigError, match=r"2 differ \(conv_stem\.weight is \(8, 3, 3, 3\), not \(32, 3, 3, 3\); bn1"
    ):
        load_pretrained(network(), RUNG, Pretrained(name="w", weights=weights))


def test_the_head_is_fitted_to_the_features_and_nothing_else_changes():
    inputs, labels = pictures()
    config = EfficientNetConfig()
    preprocessor = PixelPreprocessor(config)
    preprocessor.fit(inputs)
    net = EfficientNet(config, preprocessor.shape(num_examples=24, num_outputs=2)).eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    train = preprocessor.examples(inputs), torch.from_numpy(labels)
    objective = Objective(OutputKind.LABEL, 0.0)
    fit_head(net, RUNG, train, None, config, FitContext(), objective)
    changed = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"classifier.weight", "classifier.bias"}
    outputs = net(*train[0].batch(np.arange(24)))
    assert (outputs.argmax(1) == train[1]).all()
    penalised = objective.loss(outputs, train[1]) + 0.01 / 2 * _spread(net, train[0]).square().sum()
    penalised.backward()
    assert net.classifier.weight.grad.abs().max() < 0.02 * net.classifier.weight.abs().max() + 0.02


def _spread(net, examples):
    """The head's weights, for features of deviation one."""
    with torch.no_grad():
        features = net.features(*examples.batch(np.arange(len(examples))))
    return net.classifier.weight * features.std(0, correction=0).clamp(min=1e-6)


# --------------------------------------------------------------------------------------------- an estimator


@pytest.mark.parametrize("tuning", ["all", "head"])
def test_an_estimator_begins_from_a_file_and_its_model_needs_it_no_more(tmp_path, tuning):
    from rungwise import load

    save_file(network(seed=3).state_dict(), tmp_path / "w.safetensors")
    inputs, labels = pictures()
    estimator = estimator_class("efficientnet", OutputKind.LABEL)(
        pretrained=str(tmp_path / "w.safetensors"),
        input_size=24,
        tuning=tuning,
        tuning_epochs=1,
        random_state=0,
    )
    estimator.fit(inputs, labels, validation=pictures(8, seed=1))
    assert len(estimator.history_) == (2 if tuning == "all" else 0)  # as the weights were, and after an epoch
    is_frozen = torch.equal(estimator.learner_.network.conv_stem.weight, network(seed=3).conv_stem.weight)
    assert is_frozen == (tuning == "head") or estimator.history_[0].valid_score == 1.0
    assert (estimator.predict(inputs) == labels).mean() > 0.9
    folder = estimator.save(tmp_path / "model")
    (tmp_path / "w.safetensors").unlink()
    np.testing.assert_array_equal(load(folder).predict_proba(inputs), estimator.predict_proba(inputs))


def test_grey_images_are_shown_to_pretrained_networks_in_three_channels():
    preprocessor = PixelPreprocessor(EfficientNetConfig(pretrained="w", input_size=12))
    grey = pictures()[0][..., :1]
    preprocessor.fit(grey, Pretrained(name="w", weights={}, mean=(0.1, 0.2, 0.3), std=(1.0, 1.0, 2.0)))
    (batch,) = preprocessor.examples(grey).batch(np.arange(2))
    assert batch.shape == (2, 3, 12, 12)
    plain = nn.functional.interpolate(
        torch.from_numpy(grey[:2]).permute(0, 3, 1, 2).float() / 255,
        (12, 12),
        mode="bilinear",
        antialias=True,
    )
    for channel, (mean, std) in enumerate([(0.1, 1.0), (0.2, 1.0), (0.3, 2.0)]):
        torch.testing.assert_close(batch[:, channel], (plain[:, 0] - mean) / std, atol=1e-5, rtol=1e-5)


# ----------------------------------------------------------------------------------------------- little time


class Clock:
    """A trainer's or a head's clock, which tells any time."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def head_of(left, monkeypatch, number=200):
    """Fits a head with so much time left, where each look at the clock takes a second; how far it was cut."""
    inputs, labels = pictures(number)
    config = EfficientNetConfig()
    preprocessor = PixelPreprocessor(config)
    preprocessor.fit(inputs)
    net = EfficientNet(config, preprocessor.shape(num_examples=number, num_outputs=2)).eval()
    asked, cuts = [], []
    plain = pretrained_module.predict_outputs

    def counting(network, examples, *rest, **named):
        asked.append(len(examples))
        clock.now += len(examples)
        return plain(network, examples, *rest, **named)

    clock = Clock()
    monkeypatch.setattr(pretrained_module, "predict_outputs", counting)
    monkeypatch.setattr("time.monotonic", clock)
    context = FitContext(deadline=left, cut=lambda: cuts.append(True))
    train = preprocessor.examples(inputs), torch.from_numpy(labels)
    fit_head(net, RUNG, train, train, config, context, Objective(OutputKind.LABEL, 0.0))
    return asked, cuts


def test_with_time_a_head_sees_all_examples(monkeypatch):
    assert head_of(10_000.0, monkeypatch) == ([32, 32, 200, 200], [])


def test_with_little_time_a_head_sees_some_of_training_and_of_validation(monkeypatch):
    asked, cuts = head_of(464.0, monkeypatch)
    assert asked == [32, 32, 50, 50]
    assert cuts
