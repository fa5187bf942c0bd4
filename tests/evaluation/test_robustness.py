import numpy as np
import pytest

from rungwise.evaluation import Results, append_record, leaderboard, read_records
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
    found = corrupted_scores(outputs, image_versions(images, target, index), metric("accuracy"))
    passes = num_passes(InputKind.IMAGE)
    assert asked == [30] * passes
    assert found.clean.value == 1
    assert {name: len(values) for name, values in found.scores.items()} == dict.fromkeys(SCORES, 5)
    assert found.scores["contrast"][0].value == 1

    monkeypatch.setattr("rungwise.evaluation.robustness._CHUNK_BYTES", 64 * 10)
    again = corrupted_scores(outputs, image_versions(images, target, index), metric("accuracy"))
    assert asked[passes:] == [10] * 3 * passes
    assert again.clean == found.clean


def test_a_reason_is_no_score_and_what_is_not_defined_is_not_a_number():
    assert robustness_of({"type": "robustness", "rung": "svm", "reason": "no time was left"}) is None
    found = robustness_of({**RECORD, "clean": None})
    assert np.isnan(found.clean.value)
    assert found.mean.value == pytest.approx(0.7)
    assert np.isnan([found.mean.low, found.scores["noise"][0].high]).all(), (
        "earlier versions had no intervals"
    )


def versions_of(right):
    """Of examples of two classes, as they are and in two strengths, in each of which these are right (3, N)."""
    names = [("", 0), ("noise", 0), ("noise", 1)]
    target = np.arange(right.shape[1]) % 2
    return [
        (*name, np.where(is_right, target, 1 - target), target)
        for name, is_right in zip(names, right, strict=True)
    ]


def outputs(classes):
    return np.eye(2)[classes]


def test_every_point_has_the_interval_that_a_test_score_has(make_run):
    rng = np.random.default_rng(0)
    right = rng.random((3, 400)) < np.array([0.9, 0.7, 0.5])[:, None]
    found = corrupted_scores(outputs, versions_of(right), metric("accuracy"))
    for point, is_right in zip([found.clean, *found.scores["noise"]], right, strict=True):
        assert point.value == is_right.mean()
        error = (point.value * (1 - point.value) / 400) ** 0.5
        assert (point.high - point.low) / 2 == pytest.approx(1.96 * error, rel=0.15)
    assert found.mean.value == pytest.approx(right[1:].mean())
    errors = right[1:].mean(0)  # what each example has in the mean over the strengths
    assert (found.mean.high - found.mean.low) / 2 == pytest.approx(1.96 * errors.std() / 20, rel=0.15)
    run = make_run({"svm": (0.9, 0.9)})
    append_record(run, {"type": "robustness", "rung": "svm", **found.to_record()})
    assert Results(run).outcomes[0].robustness == found  # as it is journaled
    board = leaderboard(Results(run), "accuracy").iloc[0]
    assert (board.robustness_low, board.robustness_clean_high) == (found.mean.low, found.clean.high)


def test_rows_of_a_group_are_drawn_together():
    groups = np.arange(400) // 20
    right = np.repeat(
        np.random.default_rng(1).random((3, 20)) < 0.7, 20, axis=1
    )  # a group is right as a whole
    alone = corrupted_scores(outputs, versions_of(right), metric("accuracy"))
    together = corrupted_scores(outputs, versions_of(right), metric("accuracy"), groups)
    for one, other in zip(
        [alone.clean, *alone.scores["noise"]], [together.clean, *together.scores["noise"]], strict=True
    ):
        assert one.value == other.value
        assert other.high - other.low > 3 * (one.high - one.low)


def test_where_one_group_is_all_nothing_is_known_and_the_journal_can_say_so(tmp_path):
    right = np.random.default_rng(1).random((3, 40)) < 0.7
    found = corrupted_scores(outputs, versions_of(right), metric("log-loss"), np.zeros(40, np.int64))
    assert (found.clean.low, found.clean.high) == (0, np.inf)
    append_record(tmp_path, {"type": "robustness", "rung": "svm", **found.to_record()})
    [record] = read_records(tmp_path)
    again = robustness_of(record)
    assert again.clean.value == found.clean.value
    assert np.isnan(again.clean.high)


def test_the_leaderboard_has_the_mean_over_all_corruptions_beside_the_clean_score(make_run):
    run = make_run({"svm": (0.8, 0.8), "cnn": (0.9, 0.9)})
    append_record(run, RECORD)
    append_record(run, {"type": "robustness", "rung": "cnn", "reason": "no time was left"})
    table = leaderboard(Results(run), "accuracy").set_index("rung")
    assert table.loc["svm", ["robustness", "robustness_clean"]].tolist() == pytest.approx([0.7, 0.95])
    assert np.isnan(table.loc["cnn", "robustness"])
    assert leaderboard(Results(run), "log-loss")["robustness"].isna().all(), "scores of another metric"
