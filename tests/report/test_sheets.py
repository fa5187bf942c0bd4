"""Contact sheets of what networks see in training."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rungwise.data import prepare
from rungwise.evaluation import Outcome, Predictions
from rungwise.report.sheets import NUM_ALTERATIONS, contact_sheets

PREDICTIONS = Predictions(np.zeros(1, int), np.zeros(1, int), np.ones((1, 2)))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Images with their class's shade on the left, and something else in each on the right."""
    images = np.random.default_rng(0).integers(0, 100, (120, 20, 20, 3), dtype=np.uint8)
    images[:, :, :10] = (100 + 30 * (np.arange(120) % 4))[:, None, None, None]
    return prepare((images, np.arange(120) % 4), folder=tmp_path_factory.mktemp("images") / "data")


def finished(*rungs):
    return [Outcome(rung, {}, PREDICTIONS, PREDICTIONS) for rung in rungs]


def tiles(sheet):
    """The sheet's images: rows, columns, H, W, C."""
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet.image.partition(",")[2]))))
    assert image.shape == (4 * 20 + 3, 8 * 20 + 7, 4)
    assert (image[20, :, 3] == 0).all(), "the page shows through the gaps"
    return np.array(
        [[image[21 * i : 21 * i + 20, 21 * j : 21 * j + 20, :3] for j in range(8)] for i in range(4)]
    )


def test_a_sheet_shows_images_of_each_class_as_they_are_and_as_networks_see_them(dataset):
    [sheet] = contact_sheets(dataset, finished("baseline", "hog-svm", "cnn"), {})
    assert sheet.rungs == ["cnn"]
    assert sheet.classes == ["0", "1", "2", "3"] * 2
    shown = tiles(sheet)
    assert len(shown) == 1 + NUM_ALTERATIONS
    train = dataset.inputs("train")
    for picture, name in zip(shown[0], sheet.classes, strict=True):
        differences = np.abs(train.astype(int) - picture).max((1, 2, 3))
        assert differences.min() <= 1, "a training image"
        assert str(dataset.targets("train")[differences.argmin()]) == name
    assert not np.array_equal(shown[1], shown[0])
    assert not np.array_equal(shown[1], shown[2])


def test_rungs_that_alter_alike_share_a_sheet_however_their_settings_say_it(dataset):
    plain = {"flip": "off", "shift": 0.0}
    settings = {"cnn": {**plain, "crop": 1.0}, "vit": {**plain, "epochs": 3}}
    [sheet] = contact_sheets(dataset, finished("cnn", "vit"), settings)
    assert sheet.rungs == ["cnn", "vit"]
    shown = tiles(sheet)
    assert (shown == shown[0]).all(), "nothing is altered"
    settings["vit"]["cutout"] = 0.5
    assert [s.rungs for s in contact_sheets(dataset, finished("cnn", "vit"), settings)] == [["cnn"], ["vit"]]


def test_large_images_make_a_small_sheet(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 120, 200, 3), dtype=np.uint8)
    dataset = prepare((images, np.arange(40) % 2), folder=tmp_path / "data")
    [sheet] = contact_sheets(dataset, finished("cnn"), {})
    assert len(sheet.image) < 250_000


def test_where_no_network_finished_or_inputs_are_no_images_there_is_no_sheet(dataset, tmp_path):
    unfinished = Outcome("cnn", {}, None, None)
    assert contact_sheets(dataset, [*finished("hog-svm"), unfinished], {}) == []
    frame = pd.DataFrame({"a": np.arange(100.0), "b": np.arange(100) % 7 / 3, "label": ["x", "y"] * 50})
    table = prepare(frame, target="label", folder=tmp_path / "data")
    assert contact_sheets(table, finished("mlp"), {}) == []
