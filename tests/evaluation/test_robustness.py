import numpy as np
import pytest

from rungwise.evaluation import Results, append_record, leaderboard
from rungwise.evaluation.corruptions import CORRUPTIONS
from rungwise.evaluation.robustness import (
    chosen_examples,
    corrupted_scores,
    image_versions,
    num_passes,
    robustness_of,
)
from rungwise.kinds import InputKind
from rungwise.metrics import metric

SCORES = {corruption.name: [0.9, 0.8, 0.7, 0.6, 0.5] for corruption in CORRUPTIONS}
RECORD = {
    "type": "robustness",
    "rung": "svm",
    "metric": "accuracy",
    "num_examples": 100,
    "clean": 0.95,
    "scores": SCORES,
}


def test_fewer_examples_are_some_of_the_more():
    few, many = chosen_examples(500, 50), chosen_examples(500, 300)
    assert len(few) == len(set(few)) == 50
    assert set(few) < set(many)
    assert chosen_examples(500, 1000).tolist() == list(range(500))


def test_the_same_images_are_asked_about_however_they_are_read(monkeypatch):
    rng = np.random.default_rng(0)
    target = np.arange(40) % 2
    images = np.where(target[:, None, None, None] > 0, 200, 60) + rng.integers(0, 9, (40, 8, 8, 1))
    images = images.astype(np.uint8)
    asked = []

    def outputs(part):
        asked.append(len(part))
        bright = part.mean((1, 2, 3)) / 255
        return np.stack([1 - bright, bright], axis=1)

    index = chosen_examples(40, 30)
    clean, scores = corrupted_scores(outputs, image_versions(images, target, index), metric("accuracy"))
    passes = num_passes(InputKind.IMAGE)
    assert asked == [30] * passes
    assert clean == 1
    assert {name: len(values) for name, values in scores.items()} == dict.fromkeys(SCORES, 5)
    assert scores["contrast"][0] == 1

    monkeypatch.setattr("rungwise.evaluation.robustness._CHUNK_BYTES", 64 * 10)
    again = corrupted_scores(outputs, image_versions(images, target, index), metric("accuracy"))
    assert asked[passes:] == [10] * 3 * passes
    assert again[0] == clean


def test_a_reason_is_no_score_and_what_is_not_defined_is_not_a_number():
    assert robustness_of({"type": "robustness", "rung": "svm", "reason": "no time was left"}) is None
    found = robustness_of({**RECORD, "clean": None})
    assert np.isnan(found.clean)
    assert found.mean == pytest.approx(0.7)


def test_the_leaderboard_has_the_mean_over_all_corruptions_beside_the_clean_score(make_run):
    run = make_run({"svm": (0.8, 0.8), "cnn": (0.9, 0.9)})
    append_record(run, RECORD)
    append_record(run, {"type": "robustness", "rung": "cnn", "reason": "no time was left"})
    table = leaderboard(Results(run), "accuracy").set_index("rung")
    assert table.loc["svm", ["robustness", "robustness_clean"]].tolist() == pytest.approx([0.7, 0.95])
    assert np.isnan(table.loc["cnn", "robustness"])
    assert leaderboard(Results(run), "log-loss")["robustness"].isna().all(), "scores of another metric"
