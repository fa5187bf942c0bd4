import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from rungwise.data import prepare
from rungwise.errors import ConfigError, UnknownNameError
from rungwise.kinds import InputKind, OutputKind
from rungwise.ladder import Ladder, parse_budget
from rungwise.ladder.plan import choose_rungs, expected_peak_bytes, plan_rungs

TABLE_LABEL = (InputKind.TABLE, OutputKind.LABEL)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5m", 90), (12.5, 12.5)]
)
def test_a_budget_is_read_as_people_write_it(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "ten", "-5", "0", "10 parsecs", "m"])
def test_a_budget_that_is_no_time_is_refused_with_what_would_do(text):
    with pytest.raises(ConfigError, match="is no time; write seconds, or such as 90s, 10m or 1h30m"):
        parse_budget(text)


def test_the_baseline_always_climbs():
    assert choose_rungs(TABLE_LABEL, ["logistic-regression"], {}) == ["baseline", "logistic-regression"]


def test_an_unknown_rung_is_named_with_the_nearest():
    with pytest.raises(
        UnknownNameError, match="rung 'logistic-regresion' is unknown; did you mean 'logistic-regression'"
    ):
        choose_rungs(TABLE_LABEL, ["logistic-regresion"], {})


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (
            None,
            r"none of \d+ is spelt like it\. `rungwise rungs` lists all, and with `--task` those of a task",
        ),
        ("image-classification", r"known: baseline, dbn, hog-svm, [^.]*resnet[^.]*, vit\."),
    ],
)
def test_an_unknown_rung_is_told_before_data_are_read_with_those_of_the_task(task, told):
    with pytest.raises(UnknownNameError, match=f"rung 'foo' is unknown.*{told}") as error:
        Ladder(task, rungs=["foo"])
    assert "textcnn" not in str(error.value)


def test_an_unknown_rung_is_told_with_those_of_the_data():
    with pytest.raises(UnknownNameError, match=r"known: baseline, [^.]*logistic-regression[^.]*\.") as error:
        choose_rungs(TABLE_LABEL, ["foo"], {})
    assert "resnet" not in str(error.value)


def test_a_rung_of_another_kind_is_refused_with_those_that_do():
    with pytest.raises(
        ConfigError, match="rung 'textcnn' doesn't take table input for label output; these do: baseline"
    ):
        choose_rungs(TABLE_LABEL, ["textcnn"], {})


def test_the_expected_memory_has_the_process_the_data_and_the_fit_in_it(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(500, 4)), columns=list("abcy"))
    dataset = prepare(frame, target="y", folder=tmp_path / "data")
    files = sum(file.stat().st_size for file in dataset.folder.glob("*/*"))
    plan = plan_rungs(dataset, rungs=None, up_to=None, settings={})
    for cost in plan.values():
        assert cost.fit_bytes > 0
        assert expected_peak_bytes(dataset, cost) > 200e6 + files + cost.fit_bytes
    assert plan["mlp"].fit_bytes > plan["baseline"].fit_bytes


def test_rungs_on_request_climb_where_they_are_named_or_have_a_setting():
    image_label = (InputKind.IMAGE, OutputKind.LABEL)
    assert "efficientnet" not in choose_rungs(image_label, None, {})
    assert "resnet" in choose_rungs(image_label, None, {})
    assert "efficientnet" in choose_rungs(image_label, None, {"efficientnet": {"epochs": 2}})
    assert choose_rungs(image_label, ["efficientnet"], {}) == ["baseline", "efficientnet"]


def test_weights_that_are_missing_or_of_another_network_are_said_before_any_rung_climbs(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8)
    dataset = prepare((images, np.arange(60) % 2), folder=tmp_path / "data")
    file = tmp_path / "w.safetensors"
    save_file({"conv1.weight": torch.zeros(3)}, file)
    for name, words in (
        ("none.pth", "there is no such file or folder"),
        (str(file), "doesn't fit this network"),
    ):
        with pytest.raises(ConfigError, match=words):
            plan_rungs(dataset, rungs=None, up_to=None, settings={"resnet": {"pretrained": name}})
