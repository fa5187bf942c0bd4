import numpy as np
import pytest
from scipy import ndimage

from rungwise.evaluation.corruptions import CORRUPTIONS, corrupt

BY_NAME = {corruption.name: corruption for corruption in CORRUPTIONS}
LEVELS = range(5)


def smooth(shape, detail=1 / 12):
    """Images of shapes about so large a part of the side."""
    noise = np.random.default_rng(0).normal(size=shape)
    blurred = ndimage.gaussian_filter(noise, (0, shape[1] * detail, shape[2] * detail, 0))
    return (128 + 100 * blurred / np.abs(blurred).max()).astype(np.uint8)


@pytest.mark.parametrize("shape", [(3, 28, 28, 1), (2, 30, 50, 3), (2, 1, 1, 1)], ids=str)
@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda c: c.name)
def test_corrupted_images_have_the_same_form_and_are_always_the_same(corruption, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    before = images.copy()
    for level in LEVELS:
        found = corrupt(images, corruption, level)
        assert (found.shape, found.dtype) == (shape, np.uint8)
        assert np.array_equal(found, corrupt(images, corruption, level))
    assert np.array_equal(images, before)


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda c: c.name)
def test_each_strength_changes_more_than_the_one_before(corruption):
    images = smooth((24, 64, 64, 3), detail=1 / 30)
    changes = [np.abs(corrupt(images, corruption, level).astype(float) - images).mean() for level in LEVELS]
    assert len(corruption.strengths) == 5
    assert list(corruption.strengths) == sorted(corruption.strengths)
    assert (np.diff([0, *changes]) > 0).all()


def test_a_rotation_is_of_its_angle_either_way_and_keeps_the_sides_ratio():
    images = np.repeat(smooth((1, 60, 90, 1)), 8, axis=0)
    found = corrupt(images, BY_NAME["rotation"], 4).astype(float)
    inside = np.s_[20:40, 25:65, 0]
    expected = [ndimage.rotate(images[0].astype(float), angle, reshape=False, order=1) for angle in (15, -15)]
    distances = np.array([[np.abs(f[inside] - e[inside]).max() for e in expected] for f in found])
    assert (distances.min(axis=1) < 2).all()
    assert set(distances.argmin(axis=1)) == {0, 1}


def test_a_translation_is_of_its_length_in_any_direction():
    image = np.zeros((400, 41, 41, 1), np.uint8)
    image[:, 20, 20] = 255
    found = corrupt(image, BY_NAME["translation"], 4)
    _, rows, columns, _ = np.nonzero(found)
    assert len(rows) == 400
    assert np.hypot(rows - 20, columns - 20).mean() == pytest.approx(0.15 * 41, rel=0.03)
    assert abs((rows - 20).mean()) < 1


def test_a_blur_means_the_same_at_every_size():
    large = smooth((2, 128, 128, 1))
    small = large[:, ::2, ::2]
    for level in LEVELS:
        found = corrupt(large, BY_NAME["blur"], level)[:, ::2, ::2].astype(float)
        assert np.abs(found - corrupt(small, BY_NAME["blur"], level)).max() <= 3


def test_noise_and_contrast_are_of_their_strengths():
    images = smooth((4, 64, 64, 3))
    noise = corrupt(np.full_like(images, 128), BY_NAME["noise"], 0).astype(float) - 128
    assert noise.std() == pytest.approx(0.04 * 255, rel=0.02)
    flat = corrupt(images, BY_NAME["contrast"], 4)
    assert flat.std(axis=(1, 2)) == pytest.approx(0.15 * images.std(axis=(1, 2)), rel=0.1)
    assert flat.mean(axis=(1, 2)) == pytest.approx(images.mean(axis=(1, 2)), abs=0.5)


def test_images_in_another_place_meet_other_chances():
    images = smooth((4, 32, 32, 1))
    assert not np.array_equal(
        corrupt(images, BY_NAME["noise"], 0), corrupt(images, BY_NAME["noise"], 0, first=4)
    )
