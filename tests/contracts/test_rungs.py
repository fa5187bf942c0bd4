"""What every rung keeps to, whatever it is: a new file under `rungs/` is tested here as it stands.

An expected failure is an entry of `EXPECTED_FAILURES`, with its reason.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import math
import random
import re
import time
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from problems import Problem, make_problem

from rungwise import load, registry
from rungwise.errors import ConfigError, TrainingError
from rungwise.estimators import RungEstimator, RungTagger, estimator_class
from rungwise.estimators.inputs import coerce_inputs, take
from rungwise.kinds import InputKind, OutputKind
from rungwise.rung import Cost, NetworkRung, Pair, TraditionalRung
from rungwise.settings import NetworkConfig

CASES = [(name, pair) for name in registry.rung_names() for pair in sorted(registry.rung(name).accepts)]
LEARNERS = [case for case in CASES if case[0] != "baseline"]
PAIRS = sorted({pair for _, pair in CASES})
NETWORKS = [case for case in CASES if isinstance(registry.rung(case[0]), NetworkRung)]

WIDTH = 100
"""Tokens of a sentence whose tags are compared."""

MODEL_FILES = {"README.md", "SHA256SUMS", "config.json", "model.safetensors", "state.json", "tokenizer.json"}

EXPECTED_FAILURES: dict[tuple[str, str], str] = {
    ("test_every_parameter_gets_a_gradient", "inception"): "its auxiliary head is asked in training alone",
    (
        "test_wider_networks_and_larger_batches_need_more_memory",
        "hugging-face",
    ): "its width stands in its description",
}
"""(test, rung) → why it can't be otherwise."""

QUICK = {"epochs": 12, "batch_size": 16, "min_steps": 0}
"""Settings of networks on a few hundred examples; the others have their defaults."""

QUICKER = {"inception": {"epochs": 5}}
"""Of networks whose steps are slow, and which learn that much in fewer."""

SMALL: dict[str, dict[str, Any]] = {
    "alexnet": {"width": 8},
    "bert": {"hidden_size": 64, "num_layers": 2, "intermediate_size": 64, "learning_rate": 1e-3},
    "bilstm-crf": {"hidden_size": 50, "num_characters": 50},
    "cnn-crf": {"hidden_size": 50, "num_characters": 50},
    "densenet": {"depth": 22, "growth_rate": 8},
    "efficientnet": {"width": 0.25, "learning_rate": 5e-3},
    "fast-cnn": {"channels": (16, 32)},
    "hugging-face": {
        "description": '{"model_type": "distilbert", "dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}',
        "learning_rate": 1e-3,
    },
    "inception": {"width": 4, "optimizer": "adamw"},
    "resnet": {"depth": 10, "width": 8},
}
"""Settings of deep networks beside these, so that they are fitted in seconds."""

MEMORISE = {
    "epochs": 100,
    "batch_size": 8,
    "min_steps": 0,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "shift": 0.0,
    "cutout": 0.0,
}
"""Settings of networks that are to learn sixteen examples by heart; their dropout is off as well."""

MEMORISE_WHOLE = {
    "efficientnet": {"batch_size": 16, "epochs": 200},
    "inception": {"batch_size": 16, "epochs": 60},
}
"""Of networks so deep in norms that halves of sixteen examples say too little of the others."""


def cases(some: list[tuple[str, Pair]]) -> pytest.MarkDecorator:
    ids = ["-".join((name, *pair)) for name, pair in some]
    return pytest.mark.parametrize(("name", "pair"), some, ids=ids)


@pytest.fixture(autouse=True)
def _expect_failure(request: pytest.FixtureRequest) -> None:
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    reason = EXPECTED_FAILURES.get((request.node.originalname, name))
    if reason is not None:
        request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def settings(name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Of the wanted settings those that the rung has, and what keeps it small."""
    names = {field.name for field in dataclasses.fields(registry.rung(name).config)}
    return {key: value for key, value in {**SMALL.get(name, {}), **wanted}.items() if key in names}


def make(name: str, pair: Pair, wanted: dict[str, Any] = QUICK, **shared: Any) -> RungEstimator:
    """An estimator in 32 bits, whose results don't hang on what was fastest."""
    shared = {"random_state": 0, "precision": "fp32", **shared}
    return estimator_class(name, pair[1])(**settings(name, wanted), **shared)


@cache
def fitted(name: str, pair: Pair) -> RungEstimator:
    """An estimator fitted on the problem's training part, which no test may change."""
    problem = make_problem(pair)
    return make(name, pair, {**QUICK, **QUICKER.get(name, {})}).fit(problem.inputs, problem.targets)


def outputs(estimator: RungEstimator, inputs: Any) -> np.ndarray:
    """Probabilities (N, C), numbers (N,), or tags (N, WIDTH), those of the first tokens with nothing behind them."""
    if isinstance(estimator, RungTagger):
        rows = [row[:WIDTH] for row in estimator.predict_tags(inputs).rows()]
        return np.stack([np.pad(row, (0, WIDTH - len(row)), constant_values=-9) for row in rows])
    return (
        estimator.predict_proba(inputs) if hasattr(estimator, "predict_proba") else estimator.predict(inputs)
    )


def score(estimator: RungEstimator, inputs: Any, truth: np.ndarray) -> float:
    """Accuracy, R² or the F1 of spans."""
    return estimator.score(inputs, truth)


def learner_inputs(estimator: RungEstimator, inputs: Any) -> Any:
    return coerce_inputs(estimator, inputs, estimator.pair_[0], reset=False)


# --------------------------------------------------------------------------------------------- declarations


@pytest.mark.parametrize("name", registry.rung_names())
def test_the_card_has_every_section_and_its_source_a_year_and_a_link(name):
    card = registry.card(name)
    assert card.title.endswith(".")
    assert list(card.sections) == list(registry.CARD_SECTIONS)
    assert all(card.sections.values())
    assert re.search(r"\((1[89]|20)\d\d\)", card.sections["Source"])
    assert "https://" in card.sections["Source"]


@pytest.mark.parametrize("name", registry.rung_names())
def test_the_config_is_frozen_and_every_setting_has_a_default_and_a_line_of_documentation(name):
    config = registry.rung(name).config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config().anything = 1
    documented = "".join(cls.__doc__ or "" for cls in config.__mro__)
    for field in dataclasses.fields(config):
        assert re.search(rf"^\s+{field.name}: ", documented, re.MULTILINE), field.name
    assert registry.make_config(config, dataclasses.asdict(config())) == config()


@pytest.mark.parametrize("name", registry.rung_names())
def test_the_card_names_settings_that_can_be_set_and_are_no_defaults(name):
    config = registry.rung(name).config
    for words in re.findall(r"`(\w+=[^`]+)`", registry.card(name).sections["Deviations"]):
        named = {
            keyword.arg: keyword.value for keyword in ast.parse(f"dict({words})", mode="eval").body.keywords
        }
        values = {
            key: math.inf if ast.unparse(value) == "math.inf" else ast.literal_eval(value)
            for key, value in named.items()
        }
        made = registry.make_config(config, values)
        assert [key for key in values if getattr(made, key) == getattr(config(), key)] == []


@pytest.mark.parametrize("name", registry.rung_names())
def test_the_kind_of_declaration_fits_the_config(name):
    rung = registry.rung(name)
    assert isinstance(rung, NetworkRung | TraditionalRung)
    assert rung.accepts
    if isinstance(rung, NetworkRung):
        assert issubclass(rung.config, NetworkConfig)


@pytest.mark.parametrize("name", sorted({name for name, _ in NETWORKS}))
def test_sizes_and_shares_out_of_their_range_are_a_named_error(name):
    config, free = registry.rung(name).config, {"patience", "min_steps"}
    for field in dataclasses.fields(config):
        is_size = type(field.default) is int and field.name not in free
        for value in [0, -1] if is_size else [1.0, -0.5] if field.name.endswith("dropout") else []:
            with pytest.raises(ConfigError, match=f"{field.name}={value}"):
                registry.make_config(config, {field.name: value})


def test_estimators_have_names_of_their_own():
    assert len(registry.rung_class_names()) == len(registry.rung_names())


# ---------------------------------------------------------------------------------------------------- costs


def cost_of(name: str, pair: Pair, num_examples: int = 400) -> Cost:
    estimator, problem, rung = fitted(name, pair), make_problem(pair), registry.rung(name)
    config = registry.make_config(rung.config, settings(name, QUICK))
    return rung.cost(config, problem.shape(learner_inputs(estimator, problem.inputs), num_examples))


@cases(CASES)
def test_the_cost_formula_gives_finite_numbers_that_grow_with_the_data(name, pair):
    small, large = cost_of(name, pair), cost_of(name, pair, 1_000_000)
    for value in (*dataclasses.astuple(small), *dataclasses.astuple(large)):
        assert value >= 0
        assert math.isfinite(value)
    assert small.parameters > 0
    assert large.fit_flops > small.fit_flops > 0
    assert large.predict_flops >= small.predict_flops
    assert large.fit_bytes > small.fit_bytes > 0


def _doubled(value: Any) -> Any:
    return tuple(2 * item for item in value) if isinstance(value, tuple) else 2 * value


@cases(NETWORKS)
def test_wider_networks_and_larger_batches_need_more_memory(name, pair):
    rung, problem = registry.rung(name), make_problem(pair)
    shape = problem.shape(learner_inputs(fitted(name, pair), problem.inputs), 100_000)
    usual = rung.config()
    wider = {
        field.name: _doubled(getattr(usual, field.name))
        for field in dataclasses.fields(usual)
        if field.name in ("hidden_size", "num_filters", "embedding_dim", "width", "growth_rate", "channels")
    }
    for changed in ({"batch_size": 2 * usual.batch_size}, wider):
        assert rung.cost(rung.config(**changed), shape).fit_bytes > rung.cost(usual, shape).fit_bytes


@cases(NETWORKS)
def test_passes_that_the_least_number_of_steps_adds_are_in_the_cost(name, pair):
    estimator, problem, rung = fitted(name, pair), make_problem(pair), registry.rung(name)
    shape = problem.shape(learner_inputs(estimator, problem.inputs), 400)
    costs = [rung.cost(rung.config(epochs=1, batch_size=100, min_steps=steps), shape) for steps in (0, 20)]
    assert costs[1].fit_flops == pytest.approx(5 * costs[0].fit_flops)


@cases(LEARNERS)
def test_predicting_costs_something_and_less_than_fitting(name, pair):
    cost = cost_of(name, pair)
    assert 0 < cost.predict_flops < cost.fit_flops


@cases(NETWORKS)
def test_the_formula_counts_the_parameters_of_the_network_exactly(name, pair):
    learner, rung = fitted(name, pair).learner_, registry.rung(name)
    assert rung.cost(learner.config, learner.shape).parameters == learner.num_parameters()


@cases([case for case in CASES if case not in NETWORKS])
def test_the_formula_is_no_less_than_the_parameters_that_were_learned(name, pair):
    assert cost_of(name, pair).parameters >= 0.9 * fitted(name, pair).learner_.num_parameters() > 0


# ------------------------------------------------------------------------------------------------- learning


@cases(LEARNERS)
def test_beats_the_baseline(name, pair):
    problem = make_problem(pair)
    test = problem.test_inputs, problem.test_targets
    assert score(fitted(name, pair), *test) > score(fitted("baseline", pair), *test) + 0.2


@cases(LEARNERS)
def test_overfits_sixteen_examples(name, pair):
    inputs, targets = make_problem(pair).first(16)
    dropouts = {
        field.name: 0.0 for field in dataclasses.fields(registry.rung(name).config) if "dropout" in field.name
    }
    wanted = {**MEMORISE, **MEMORISE_WHOLE.get(name, {}), **dropouts}
    estimator = make(name, pair, wanted).fit(inputs, targets)
    assert score(estimator, inputs, targets) > 0.9


@cases(CASES)
def test_a_seed_gives_the_same_model_again(name, pair):
    problem = make_problem(pair)
    inputs, targets = problem.first(60)
    once, again = (make(name, pair, {**QUICK, "epochs": 2}).fit(inputs, targets) for _ in range(2))
    np.testing.assert_array_equal(outputs(once, problem.test_inputs), outputs(again, problem.test_inputs))


@cases(CASES)
def test_validation_examples_and_someone_to_report_to_are_welcome(name, pair):
    problem = make_problem(pair)
    inputs, targets = problem.first(60)
    reported: list[float] = []
    estimator = make(name, pair, {**QUICK, "epochs": 2}).fit(
        inputs,
        targets,
        validation=(problem.test_inputs, problem.test_targets),
        report=lambda fraction, score: reported.append(fraction),
    )
    assert np.isfinite(outputs(estimator, problem.test_inputs)).all()
    assert all(0 <= fraction <= 1 for fraction in reported)


@cases(NETWORKS)
def test_every_parameter_gets_a_gradient(name, pair):
    estimator, problem = fitted(name, pair), make_problem(pair)
    learner = estimator.learner_
    examples = learner.preprocessor.examples(learner_inputs(estimator, problem.inputs))
    values = learner.network(*examples.batch(np.arange(32)))
    if pair[1] is OutputKind.TAGS:  # of which some weights take part in the loss alone
        tags = estimator.encode_tags(problem.targets).take(np.arange(32))
        learner.network.tagging.loss(values, *map(torch.from_numpy, (tags.values, tags.lengths))).backward()
    else:
        (values * torch.linspace(-1, 2, values.numel()).reshape(values.shape)).sum().backward()
    silent = [
        name
        for name, parameter in learner.network.named_parameters()
        if parameter.grad is None or not parameter.grad.any() or not parameter.grad.isfinite().all()
    ]
    learner.network.zero_grad(set_to_none=True)
    assert silent == []


# ----------------------------------------------------------------------------------------------- predicting


@cases(CASES)
def test_outputs_are_finite_and_probabilities_sum_to_one(name, pair):
    problem = make_problem(pair)
    values = outputs(fitted(name, pair), problem.test_inputs)
    assert np.isfinite(values).all()
    if pair[1] is OutputKind.NUMBER:
        assert values.shape == (len(problem.test_targets),)
    elif pair[1] is OutputKind.TAGS:
        tags = fitted(name, pair).predict_tags(problem.test_inputs)
        assert tags.lengths.tolist() == [len(some) for some in problem.test_targets]
        assert set(tags.values) <= set(range(problem.num_outputs))
    else:
        assert values.shape == (len(problem.test_targets), len(np.unique(problem.targets)))
        assert values.min() >= 0
        np.testing.assert_allclose(values.sum(1), 1, rtol=1e-5)


@cases(CASES)
def test_predictions_do_not_depend_on_batch_size_or_order(name, pair):
    estimator, problem = fitted(name, pair), make_problem(pair)
    together = outputs(estimator, problem.test_inputs)
    scale = np.abs(together).max()
    for index in (np.arange(7), np.arange(len(together))[::-1].copy(), np.array([3])):
        some = outputs(estimator, take(problem.test_inputs, index))
        np.testing.assert_allclose(some, together[index], atol=1e-5 * scale)


@cases([case for case in NETWORKS if case[1][0] is InputKind.TEXT])
def test_a_text_is_judged_alike_beside_a_longer_one(name, pair):
    learner = fitted(name, pair).learner_
    examples = learner.preprocessor.examples(pa.chunked_array([["wonderful film", "dull film " * 60]]))
    with torch.inference_mode():
        alone, beside = (learner.network(*examples.batch(np.array(index)))[0] for index in ([0], [0, 1]))
    torch.testing.assert_close(alone, beside, rtol=1e-4, atol=1e-5)


@cases([case for case in NETWORKS if case[1][1] is OutputKind.TAGS])
def test_a_sentence_is_tagged_alike_beside_a_longer_one(name, pair):
    estimator = fitted(name, pair)
    short, long = ["Ada", "sees", "London"], ["Ada", "sees", "a", "wonderfully", "long", "sentence"] * 9
    sentences = [short, long] if pair[0] is InputKind.TOKENS else [(short, 1), (long, 1)]
    learner = estimator.learner_
    examples = learner.preprocessor.examples(learner_inputs(estimator, sentences))
    with torch.inference_mode():
        alone, beside = (learner.network(*examples.batch(np.array(index))) for index in ([0], [0, 1]))
    torch.testing.assert_close(alone, beside[: len(short)], rtol=1e-4, atol=1e-5)


def odd_inputs(problem: Problem) -> Any:
    """What training had nothing like: gaps, a new category; empty, unreadable, long texts and tokens; blank images."""
    match problem.pair[0]:
        case InputKind.TABLE:
            gaps = {name: [None, None] for name in problem.inputs.columns}
            return pd.DataFrame(gaps | {"colour": [None, "a new one"]})
        case InputKind.TEXT:
            return ["", " ", "§§ ☃ Ω", "film" * 2000]
        case InputKind.TOKENS:
            return [[""], [], [" ", "§§ ☃", "Ω"], ["film"] * 2000, ["x" * 5000]]
        case InputKind.PREDICATE:
            return [([""], 0), ([" ", "§§ ☃", "Ω"], 2), (["film"] * 2000, 999), (["x" * 5000, "sees"], 1)]
        case InputKind.IMAGE:
            return np.stack([np.zeros_like(problem.inputs[0]), np.full_like(problem.inputs[0], 255)])


@cases(CASES)
def test_odd_inputs_get_finite_outputs(name, pair):
    odd = odd_inputs(make_problem(pair))
    values = outputs(fitted(name, pair), odd)
    assert len(values) == len(odd)
    assert np.isfinite(values).all()


@cases(CASES)
def test_a_saved_model_predicts_the_same_and_is_made_of_known_files(name, pair, tmp_path):
    estimator, problem = fitted(name, pair), make_problem(pair)
    folder = estimator.save(tmp_path / "model")
    assert {file.name for file in folder.iterdir()} <= MODEL_FILES
    loaded = load(folder)
    assert type(loaded) is type(estimator)
    assert loaded.get_params() == estimator.get_params()
    assert loaded.learner_.num_parameters() == estimator.learner_.num_parameters()
    np.testing.assert_array_equal(
        outputs(loaded, problem.test_inputs), outputs(estimator, problem.test_inputs)
    )


# --------------------------------------------------------------------------------------------------- manners


@cases(CASES)
def test_global_random_generators_stay_as_they_were(name, pair):
    problem = make_problem(pair)
    inputs, targets = problem.first(60)
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    make(name, pair, {**QUICK, "epochs": 1}).fit(inputs, targets).predict(problem.test_inputs)
    after = random.getstate(), np.random.get_state()[1], torch.get_rng_state()  # noqa: NPY002
    assert before[0] == after[0]
    np.testing.assert_array_equal(before[1], after[1])
    assert torch.equal(before[2], after[2])


@cases(CASES)
def test_inputs_of_another_kind_are_a_named_error(name, pair):
    accepted = {kind for kind, output in registry.rung(name).accepts if output is pair[1]}
    for kind in set(InputKind) - accepted:
        other = make_problem(next(known for known in PAIRS if known[0] is kind))
        targets = make_problem(pair).targets[np.arange(len(other.targets)) % len(make_problem(pair).targets)]
        with pytest.raises(ValueError, match=r"dim|text|image|table|sentence|token|predicate"):
            make(name, pair).fit(other.inputs, targets)


@pytest.mark.slow
@cases(LEARNERS)
def test_a_deadline_is_kept_by_a_fitted_model_or_a_named_error(name, pair):
    problem = make_problem(pair)
    inputs, targets = problem.repeated(50)
    estimator = make(name, pair, {}, time_limit=0.5)
    start = time.monotonic()
    with contextlib.suppress(TrainingError):
        estimator.fit(inputs, targets)
        assert len(estimator.predict(problem.test_inputs)) == len(problem.test_targets)
    assert time.monotonic() - start < 30
