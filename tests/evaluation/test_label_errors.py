import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from scipy import special

from rungwise.data import prepare
from rungwise.errors import ConfigError, RunError
from rungwise.evaluation import Predictions, Results, append_record, write_predictions
from rungwise.evaluation import label_errors as label_errors_module
from rungwise.evaluation.label_errors import doubts, label_errors, pooled
from rungwise.evaluation.tag_errors import span_suspects
from rungwise.metrics import UNSEEN, metric
from rungwise.tags import Tags

NUM_ROWS = 300


def run_of(folder, said):
    """Rung → part → predictions, as a run's folder."""
    for order, (rung, parts) in enumerate(said.items()):
        append_record(
            folder, {"type": "rung", "rung": rung, "order": order, "status": "done", "reason": None}
        )
        for part, predictions in parts.items():
            write_predictions(folder, rung, part, predictions)
    return Results(folder)


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """Two classes told by a number, and a text beside it."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=NUM_ROWS)
    table = pa.table({"size": size, "kind": np.where(size > 0, "大", "小")})
    return prepare(table, target="kind", folder=tmp_path_factory.mktemp("data"), seed=0)


def sure(target, seed, share=0.95):
    """Probabilities about the share of the class."""
    rng = np.random.default_rng(seed)
    of_target = np.clip(share + 0.04 * rng.normal(size=len(target)), 0.55, 0.99)
    probabilities = np.column_stack([of_target, 1 - of_target])
    return np.where(target[:, None] == 0, probabilities, probabilities[:, ::-1])


def flipped_run(flowers, folder, wrong, rungs=("svm", "mlp")):
    """Rungs that know the truth, and a baseline that doesn't, of a run whose test labels are wrong in places."""
    said = {}
    for order, rung in enumerate(("baseline", *rungs)):
        said[rung] = {}
        for part in ("valid", "test"):
            truth = (flowers.targets(part) == "小").astype(int)
            shown = truth.copy()
            if part == "test":
                shown[wrong] = 1 - shown[wrong]
            blank = np.tile([0.6, 0.4], (len(truth), 1))
            probabilities = blank if rung == "baseline" else sure(truth, order)
            said[rung][part] = Predictions(shown, probabilities.argmax(1), probabilities)
    return run_of(folder, said)


def wide_run(folder, num_rungs):
    """Rungs that know ten classes more or less well, on 20,000 examples."""
    folder.mkdir(exist_ok=True)
    rng, said = np.random.default_rng(0), {}
    targets = {part: rng.integers(0, 10, 20_000) for part in ("valid", "test")}
    for number in range(num_rungs):
        said[f"rung{number}"] = {}
        for part, target in targets.items():
            logits = rng.normal(size=(len(target), 10))
            logits[np.arange(len(target)), target] += 1 + number / num_rungs
            probabilities = special.softmax(logits, axis=1)
            said[f"rung{number}"][part] = Predictions(target, probabilities.argmax(1), probabilities)
    return run_of(folder, said)


def test_rungs_are_pooled_one_after_another_however_many_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(label_errors_module, "_MOST_VALUES", 20_000)
    peaks = []
    for num_rungs in (2, 8):
        results = wide_run(tmp_path / str(num_rungs), num_rungs)
        tracemalloc.start()
        pooled(results, results.outcomes, "test")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1.5 * 20_000 * 10 * 8  # and not what six further rungs' take


def test_weights_learned_from_some_of_many_examples_are_about_those_of_all(tmp_path, monkeypatch):
    results = wide_run(tmp_path, 3)
    whole = pooled(results, results.outcomes, "test")
    monkeypatch.setattr(label_errors_module, "_MOST_VALUES", 50_000)
    some = pooled(results, results.outcomes, "test")
    assert not np.array_equal(some, whole)
    assert np.abs(some - whole).max() < 0.03
    target = results.outcomes[0].test.target
    alone = results.outcomes[-1].test.prediction
    assert (some.argmax(1) == target).mean() > (alone == target).mean() + 0.05


def test_labels_that_all_rungs_contradict_are_found(flowers, tmp_path):
    wrong = [3, 17, 31]
    found = label_errors(flipped_run(flowers, tmp_path, wrong), flowers, metric("accuracy"))
    assert found.num_suspects == 3
    rows = flowers.row_numbers("test")
    assert {each.row for each in found.suspects} == {int(rows[i]) for i in wrong}
    first = found.suspects[0]
    assert first.rungs == found.rungs == ("svm", "mlp")
    assert 0.9 < first.doubt < 1
    assert first.example.startswith("size=")
    assert (found.part, found.num_examples) == ("test", flowers.num("test"))
    doubt = [each.doubt for each in found.suspects]
    assert doubt == sorted(doubt, reverse=True)


def test_the_label_and_what_is_said_are_the_classes_names(flowers, tmp_path):
    """The labels that are shown are the dataset's own."""
    found = label_errors(flipped_run(flowers, tmp_path, [5]), flowers, metric("accuracy"))
    [only] = found.suspects
    assert only.said == flowers.targets("test")[5]  # the rungs know the truth


def test_right_labels_are_not_suspected(flowers, tmp_path):
    found = label_errors(flipped_run(flowers, tmp_path, []), flowers, metric("accuracy"))
    assert (found.num_suspects, found.suspects) == (0, ())


def test_only_as_many_are_listed_as_are_asked_for(flowers, tmp_path):
    found = label_errors(flipped_run(flowers, tmp_path, [3, 17, 31]), flowers, metric("accuracy"), top=2)
    assert (found.num_suspects, len(found.suspects)) == (3, 2)


def test_one_rung_alone_is_no_agreement(flowers, tmp_path):
    results = flipped_run(flowers, tmp_path, [3], rungs=("svm",))
    with pytest.raises(
        RunError, match="agreement of 2 rungs that beat the baseline on validation, and 1 did"
    ):
        label_errors(results, flowers, metric("accuracy"))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"part": "train"}, "part 'train' has no stored predictions; allowed are valid and test"),
        ({"top": 0}, "0 suspects can't be listed; ask for 1 or more"),
    ],
)
def test_what_cannot_be_asked_is_said(flowers, tmp_path, asked, message):
    results = flipped_run(flowers, tmp_path, [3])
    with pytest.raises(ConfigError, match=message):
        label_errors(results, flowers, metric("accuracy"), **asked)


def test_a_class_that_training_had_not_is_no_label_error():
    target = np.array([0, 1, UNSEEN])
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    doubt, is_suspect = doubts(target, probabilities)
    assert doubt[2] == 0
    assert not is_suspect[2]
    assert is_suspect.tolist()[:2] == [False, True]


def test_numbers_that_all_rungs_are_far_from_on_one_side_are_suspected(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=NUM_ROWS)
    dataset = prepare(
        pa.table({"x": x, "y": 2 * x + 0.1 * rng.normal(size=NUM_ROWS)}),
        target="y",
        folder=tmp_path / "data",
    )
    said = {}
    for seed, rung in enumerate(("baseline", "linear-regression", "mlp")):
        noise = np.random.default_rng(seed)
        said[rung] = {}
        for part in ("valid", "test"):
            target = dataset.targets(part)
            guess = target + 0.1 * noise.normal(size=len(target))
            if part == "test":
                guess[7] = target[7] + 5
                guess[9] = target[9] + (5 if rung == "mlp" else -5)  # they don't agree
            said[rung][part] = Predictions(target, np.zeros(len(target)) if rung == "baseline" else guess)
    found = label_errors(run_of(tmp_path, said), dataset, metric("rmse"))
    [only] = found.suspects
    assert only.row == dataset.row_numbers("test")[7]
    assert only.doubt > 10
    assert float(only.said) > float(only.label)


NAMES = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


def tags(*sentences):
    lengths = np.cumsum([0, *map(len, sentences)])
    return Tags(np.concatenate(sentences), lengths)


def test_spans_that_all_rungs_have_and_the_label_has_not_are_suspected():
    right = [[1, 2, 0]] * 9
    target = tags(*right, [0, 0, 0], [3, 0, 0])
    agreed = tags(*right, [1, 2, 0], [1, 0, 0])
    other = tags(*right, [1, 2, 0], [1, 0, 3])
    found = span_suspects(target, [agreed, other], NAMES)
    assert [(each.sentence, each.start, each.end, each.label, each.said) for each in found] == [
        (9, 0, 2, None, "LOC"),
        (10, 0, 1, "PER", "LOC"),
    ]
    assert {each.doubt for each in found} == {9 / 11}


def test_labelled_spans_that_no_rung_touches_are_suspected_where_such_ones_are_found_elsewhere():
    right = [[1, 2, 0]] * 9
    target, said = tags(*right, [1, 0, 0], [3, 4, 0]), tags(*right, [0, 0, 0], [0, 0, 0])
    [only] = span_suspects(target, [said, said], NAMES)  # persons are never found
    assert (only.sentence, only.label, only.said, only.doubt) == (9, "LOC", None, 0.9)


def test_residuals_that_are_mostly_0_are_in_units_of_a_larger_quantile_or_say_nothing():
    from rungwise.evaluation.label_errors import _distances

    few = np.array([0.0] * 60 + [1000.0] * 40)
    assert 0 < _distances(few).max() < 3
    assert not _distances(np.array([0.0] * 99 + [1000.0])).any()
