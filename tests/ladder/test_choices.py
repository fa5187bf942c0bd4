import pytest
from sklearn.datasets import load_iris

from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.ladder import Ladder
from rungwise.ladder.choices import with_class_weight
from rungwise.settings import ClassWeight

PAIR = (InputKind.TABLE, OutputKind.LABEL)


def test_a_class_weight_is_set_where_there_is_one_and_the_others_are_named():
    rungs = ["baseline", "logistic-regression", "mlp"]
    given = {"mlp": {"class_weight": "none", "epochs": 3}}
    settings, sentences = with_class_weight(ClassWeight.BALANCED, rungs, PAIR, given)
    assert settings == {"logistic-regression": {"class_weight": "balanced"}, **given}
    assert sentences == ["class_weight='balanced' does nothing for baseline."]
    assert with_class_weight(ClassWeight.NONE, rungs, PAIR, given) == (given, [])


def test_numbers_have_no_classes_to_weigh():
    with pytest.raises(
        ConfigError, match="class_weight='balanced': the target is a number, which has no classes; leave it"
    ):
        with_class_weight(ClassWeight.BALANCED, [], (InputKind.TABLE, OutputKind.NUMBER), {})


def test_a_setting_that_stands_against_the_class_weight_is_named_with_its_rung():
    pair = (InputKind.IMAGE, OutputKind.LABEL)
    with pytest.raises(ConfigError, match=r"^lenet: class_weight and sampling both 'balanced'"):
        with_class_weight(ClassWeight.BALANCED, ["lenet"], pair, {"lenet": {"sampling": "balanced"}})


def test_an_unknown_class_weight_is_named():
    with pytest.raises(ConfigError, match="class_weight 'ballanced' is unknown; allowed are none, balanced"):
        Ladder(class_weight="ballanced")


def test_a_run_keeps_its_class_weight(tmp_path):
    frame = load_iris(as_frame=True).frame
    ladder = Ladder(
        "tabular-classification",
        rungs=["logistic-regression"],
        class_weight="balanced",
        out=tmp_path / "run",
        budget="30s",
    )
    ladder.prepare(frame, "target")
    assert ladder.warnings == ["class_weight='balanced' does nothing for baseline."]
    assert Ladder.open(tmp_path / "run").settings == {"logistic-regression": {"class_weight": "balanced"}}
    assert Ladder.open(tmp_path / "run").climb().model("logistic-regression").class_weight == "balanced"
