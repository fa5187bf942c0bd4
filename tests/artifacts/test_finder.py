"""A model folder with what finds predicates: it comes back whole, and a stranger's is looked at like the rest."""

import json
import shutil

import pytest
from edits import GOLDEN

import rungwise as rw
from rungwise.artifacts import load_model, verify_model
from rungwise.data import as_predicates
from rungwise.errors import DataError, ModelError
from rungwise.estimators import learn_finder

WHO, DOES = ["Ada", "Max", "Rosa"], ["sees", "likes", "finds"]
SENTENCES = [[WHO[n % 3], DOES[n // 3 % 3], "Rome", "and", "sleeps"] for n in range(30)]
ROWS = [(tokens, predicate) for tokens in SENTENCES for predicate in (1, 4)]
TAGS = [["B-A0", "B-V", "B-A1", "O", "O"], ["B-A0", "O", "O", "O", "B-V"]] * 30
FINDING = GOLDEN / "hmm-predicate-tags-finding"


@pytest.fixture(scope="module")
def model():
    model = rw.HmmTagger(random_state=0).fit(ROWS, TAGS)
    rows = as_predicates(ROWS)
    model.finder_ = learn_finder(rows, rows, seed=0, time_limit=None)
    return model


def test_each_found_predicate_has_its_roles_and_a_sentence_without_has_none(model):
    assert model.predict([SENTENCES[0], ["Rome", "Rome"], []]) == [
        [{"predicate": 1, "tags": TAGS[0]}, {"predicate": 4, "tags": TAGS[1]}],
        [],
        [],
    ]
    assert model.predict([{"tokens": ["Rome", "Rome"]}]) == [[]]
    assert model.predict([ROWS[0]]) == [TAGS[0]], "given predicates are taken as they are"


def test_it_comes_back_with_its_hashes_and_says_so_in_its_card(model, tmp_path):
    folder = model.save(tmp_path / "model")
    assert verify_model(folder).is_ok
    loaded = load_model(folder)
    assert loaded.predict(SENTENCES) == model.predict(SENTENCES)
    assert loaded.finder_.learner_.num_parameters() == model.finder_.learner_.num_parameters()
    assert "Finds predicates itself" in (folder / "README.md").read_text(encoding="utf-8")
    again = rw.load(loaded.save(tmp_path / "again"))
    assert (folder / "config.json").read_text() == (tmp_path / "again" / "config.json").read_text()
    assert again.predict(SENTENCES[:1]) == model.predict(SENTENCES[:1])


def test_a_model_that_is_fitted_anew_finds_no_predicates_any_more(model, tmp_path):
    other = rw.load(model.save(tmp_path / "model"))
    other.fit(ROWS, TAGS)
    with pytest.raises(DataError, match="--identify-predicates"):
        other.predict(SENTENCES)


def test_a_model_that_must_be_given_predicates_names_the_option():
    given = load_model(GOLDEN / "hmm-predicate-tags")
    with pytest.raises(DataError, match=r"no predicate.*counted from 0.*identify_predicates=True"):
        given.predict(SENTENCES)


def edited(tmp_path, change):
    folder = shutil.copytree(FINDING, tmp_path / "model")
    files = {name: json.loads((folder / name).read_text("utf-8")) for name in ("config.json", "state.json")}
    change(files["config.json"], files["state.json"])
    for name, document in files.items():
        (folder / name).write_text(json.dumps(document), "utf-8")
    return folder


def nested(config, state):
    config["predicates"]["predicates"] = dict(config["predicates"])


def of_tokens(config, state):
    config["input"] = "tokens"


def another_rung(config, state):
    config["predicates"]["model_type"] = "hmm"


def hidden_rung(config, state):
    config["predicates"]["rung"] = "bert"


def with_predicates(config, state):
    config["predicates"]["input"] = "predicate"


def another_type(config, state):
    config["predicates"]["id2label"] = {"0": "O", "1": "B-X", "2": "I-X"}


def more_types(config, state):
    names = ["O", "B-A", "I-A", "B-V", "I-V"]
    config["predicates"]["id2label"] = {str(number): name for number, name in enumerate(names)}


def without_description(config, state):
    del config["predicates"]


def no_object(config, state):
    config["predicates"] = [1]


@pytest.mark.parametrize(
    "change",
    [
        nested,
        of_tokens,
        another_rung,
        hidden_rung,
        with_predicates,
        another_type,
        more_types,
        without_description,
        no_object,
    ],
    ids=lambda change: change.__name__,
)
def test_what_a_stranger_puts_in_its_place_is_refused(tmp_path, change):
    with pytest.raises(ModelError):
        load_model(edited(tmp_path, change))


def test_the_folder_that_was_edited_is_a_model_as_it_was(tmp_path):
    assert load_model(edited(tmp_path, lambda config, state: None)).finder_ is not None
