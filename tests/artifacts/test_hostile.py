"""A folder of a stranger's either predicts or is a `ModelError`, quickly, whatever is in it."""

import json
import time
from pathlib import Path

import pytest
from edits import draw, judge, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rungwise.artifacts import load_model
from rungwise.errors import ModelError

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json"))
MOST_SECONDS = 10
"""Of a case; they take some hundredths, and a second where torch is first imported."""

FOLDERS = st.binary(min_size=8, max_size=100).map(draw)
"""A golden folder and edits of it."""


@pytest.mark.parametrize("file", CORPUS, ids=[file.stem for file in CORPUS])
def test_what_a_stranger_may_try_is_refused_with_a_sentence(file, tmp_path):
    tried = json.loads(file.read_text("utf-8"))
    write(tried["case"], tried["edits"], tmp_path / "model")
    start = time.monotonic()
    with pytest.raises(ModelError) as error:
        load_model(tmp_path / "model")
    assert time.monotonic() - start < MOST_SECONDS
    assert tried["sentence"] in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers overflow in some of a stranger's models
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(folder=FOLDERS)
def test_an_edited_folder_predicts_or_is_a_model_error(folder, tmp_path_factory):
    case, edits = folder
    path = tmp_path_factory.mktemp("hostile") / "model"
    write(case, edits, path)
    assert judge(path) in ("loaded", "refused"), json.dumps(folder)
