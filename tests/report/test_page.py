"""The page of small runs, made from real datasets and hand-made predictions."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from made_runs import EVIL, make_run, predicted, tagged_run, text_run

from rungwise.data import Dataset
from rungwise.errors import RunError
from rungwise.evaluation import Predictions, Results
from rungwise.report import write_report
from rungwise.report.confusions import confused_pairs, confusion_rows
from rungwise.report.examples import most_wrong, show_examples, worth_reading
from rungwise.report.spans import _pieces, _window


@pytest.fixture
def texts(tmp_path):
    return text_run(tmp_path)


class Tags(HTMLParser):
    """Collects the start tags of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def read(folder):
    return write_report(Results(folder)).read_text(encoding="utf-8")


def test_the_page_begins_with_the_verdict_and_has_every_section(texts):
    page = read(texts)
    assert re.search(
        r'<h1 class="verdict" id="verdict"><span class="t" lang="en">Take <code>lstm</code>: \d', page
    )
    headings = re.findall(r'<h2 id="([\w-]+)"', page)
    assert headings == [
        "next",
        "cost",
        "leaderboard",
        "beside",
        "costs",
        "errors",
        "calibration",
        "curves",
        "facts",
    ]
    assert "差评" in page


def test_text_of_the_user_is_never_markup(texts):
    page = read(texts)
    assert EVIL not in page
    assert "&lt;script&gt;alert" in page
    assert [tag for tag, _ in Tags(page).tags].count("script") == 1


def test_the_page_needs_no_network_and_is_small(texts):
    page = read(texts)
    addresses = [v for _, attrs in Tags(page).tags for k, v in attrs.items() if k in ("src", "href")]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert len(page.encode()) < 200_000


def test_every_control_is_named_and_every_figure_described(texts):
    tags = Tags(read(texts)).tags
    ids = {attrs["id"] for _, attrs in tags if "id" in attrs}
    assert len(ids) == sum("id" in attrs for _, attrs in tags)
    for tag, attrs in tags:
        assert attrs.get("aria-labelledby", "content") in ids
        if tag == "svg":
            assert "aria-label" in attrs or attrs["aria-hidden"] == "true"
        if tag == "img":
            assert attrs["alt"]


def test_numbers_have_residuals_and_the_rows_of_the_largest_errors(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"面积 m²": rng.normal(100, 20, 300), "town": [EVIL, "京", "B"] * 100})
    frame["price"] = frame["面积 m²"] * 3 + rng.normal(size=300)
    make_run(tmp_path, frame, target="price")
    page = read(tmp_path)
    assert "Predicted against true on test" in page
    assert "Largest errors" in page
    assert "面积 m²" in page
    assert EVIL not in page
    assert "lower is better" in page


def test_images_are_shown_in_the_page_and_noise_does_not_make_it_large(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (120, 96, 96, 3), dtype=np.uint8)
    make_run(tmp_path, (images, np.arange(120) % 3), target=None)
    page = read(tmp_path)
    images = [attrs for tag, attrs in Tags(page).tags if tag == "img"]
    assert images
    assert all(attrs["src"].startswith("data:image/png;base64,") for attrs in images)
    assert len(page) < 2_000_000


def test_a_run_where_nothing_finished_has_a_page(tmp_path):
    frame = pd.DataFrame({"a": np.arange(200.0), "b": np.arange(200.0) % 7, "label": ["x", "y"] * 100})
    make_run(tmp_path, frame, target="label", status="failed")
    page = read(tmp_path)
    assert "No rung finished, so there is nothing to recommend." in page
    assert "out of memory" in page
    assert 'id="errors"' not in page


def test_many_classes_are_shown_as_pairs(tmp_path):
    names = [f"class {number:02}" for number in range(31)]
    frame = pd.DataFrame({"a": np.arange(620.0), "b": np.arange(620) % 13 / 3, "label": names * 20})
    make_run(tmp_path, frame, target="label")
    page = read(tmp_path)
    assert "The pairs of classes confused most often" in page
    assert 'class="matrix' not in page


def test_a_folder_without_config_is_no_run(tmp_path):
    (tmp_path / "journal.jsonl").touch()
    with pytest.raises(RunError, match=r"has no readable config\.json"):
        write_report(Results(tmp_path))


def test_a_matrix_counts_classes_that_training_never_saw():
    predictions = Predictions(np.array([0, 0, 1, -1]), np.array([0, 1, 1, 1]), np.zeros((4, 2)))
    rows = confusion_rows(predictions, ["a", "b"])
    assert [row.name for row in rows] == ["a", "b", "not seen in training"]
    assert rows[0].cells == [(1, 0.5, True), (1, 0.5, False)]
    assert rows[2].cells[1] == (1, 1.0, False)
    pairs = confused_pairs(predictions, ["a", "b"])
    assert {(pair.truth, pair.prediction, pair.count) for pair in pairs} == {
        ("a", "b", 1),
        ("not seen in training", "b", 1),
    }


def test_the_most_wrong_are_the_surest_or_the_farthest():
    probabilities = np.array([[0.6, 0.4], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    labels = Predictions(np.array([1, 0, 0, 1]), probabilities.argmax(1), probabilities)
    assert most_wrong(labels, 2).tolist() == [1, 2]
    assert most_wrong(labels, 9).tolist() == [1, 2, 0]
    numbers = Predictions(np.array([1.0, 2.0, 3.0]), np.array([1.5, -2.0, 3.0]))
    assert most_wrong(numbers, 2).tolist() == [1, 0]


def test_examples_worth_reading_are_of_every_confused_pair():
    prediction = np.array([0] * 8 + [2, 1, 0])
    target = np.array([1] * 8 + [0, 0, 0])
    sure = np.linspace(0.9, 0.5, 11)
    probabilities = np.full((11, 3), 0.01)
    probabilities[np.arange(11), prediction] = sure
    predictions = Predictions(target, prediction, probabilities)
    assert most_wrong(predictions, 4).tolist() == [0, 1, 2, 3]
    assert worth_reading(predictions, 4).tolist() == [0, 1, 8, 9]
    assert worth_reading(predictions, 99).tolist() == list(range(10))


def test_examples_say_their_row_truth_and_prediction(texts):
    dataset = Dataset.open(texts / "data")
    predictions = predicted(dataset, "test", 0)
    classes = [str(name) for name in dataset.classes]
    examples = show_examples(dataset, predictions, classes, 4)
    worst = worth_reading(predictions, 4)
    assert len(examples) == 4
    for place, example in zip(worst, examples, strict=True):
        assert example.row == dataset.row_numbers("test")[place]
        assert example.truth == dataset.targets("test")[place]
        assert example.prediction != example.truth
        assert example.text == dataset.inputs("test")[int(place)].as_py()
        assert example.doubt.endswith("% sure")


def test_spans_are_marked_in_their_sentences(tmp_path):
    tagged_run(tmp_path)
    page = write_report(Results(tmp_path)).read_text(encoding="utf-8")
    assert EVIL not in page
    evil = EVIL.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;")
    assert f'<mark class="span miss">{evil} <small>PER</small></mark>' in page
    assert f'<mark class="span miss">{evil} <small>LOC</small></mark>' in page
    assert '<mark class="span hit">Rome <small>LOC</small></mark>' in page
    assert page.count(" again") <= 2 * 2 * 60  # long sentences are cut, the same in both rows
    assert "<bdi>PER</bdi></th><td>LOC</td>" in page
    assert "<bdi>NUM</bdi></th><td>–</td>" in page
    assert "3 spans missed or invented" in page
    assert "Precision, recall and F1 of each type" in page


def test_long_sentences_are_shown_about_their_first_error():
    pieces = _pieces(
        [str(n) for n in range(100)],
        {(0, ((70, 72),), "X")},
        set(),
        71,
        _window({(0, ((70, 72),), "X")}, 100),
    )
    assert [(piece.text, piece.state) for piece in pieces if piece.state] == [("70 71", "miss")]
    assert pieces[0].text == "…"
    assert sum(len(piece.text.split()) for piece in pieces) <= 62
