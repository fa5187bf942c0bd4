"""Model folders that earlier versions wrote load, are as they were written, and predict the same."""

import json

import numpy as np
import pytest
from make import FINDING, GOLDEN, answers, cases, found, read

from rungwise.artifacts import load_model, verify_model

FOLDERS = sorted(file.parent for file in GOLDEN.glob("v*/*/config.json"))
MOST_BYTES = 3_000_000


@pytest.mark.parametrize("folder", FOLDERS, ids=[f"{folder.parent.name}-{folder.name}" for folder in FOLDERS])
def test_a_golden_folder_is_whole_and_predicts_as_it_did(folder):
    verification = verify_model(folder)
    assert verification.is_ok, verification.sentence()
    expected = json.loads(folder.with_name(f"{folder.name}.json").read_text("utf-8"))
    estimator = load_model(folder)
    inputs = read(expected["inputs"], estimator.pair_[0])
    np.testing.assert_allclose(answers(estimator, inputs), expected["answers"], rtol=1e-5, atol=1e-5)
    assert found(estimator, expected["inputs"]) == expected.get("found")


def test_a_model_that_finds_predicates_has_a_golden_folder():
    expected = json.loads((GOLDEN / "v1" / f"{FINDING}.json").read_text("utf-8"))
    assert sum(len(roles) for roles in expected["found"]) > 0, "make it: python tests/golden/make.py hmm"


@pytest.mark.parametrize("case", cases())
def test_every_rung_and_pair_has_a_golden_folder(case):
    name, _ = cases()[case]
    assert case in {folder.name for folder in FOLDERS}, f"make it: python tests/golden/make.py {name}"


def test_golden_folders_are_small():
    assert sum(file.stat().st_size for file in GOLDEN.rglob("*")) < MOST_BYTES
