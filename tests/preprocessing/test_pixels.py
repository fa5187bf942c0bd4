import numpy as np
import pytest
import torch
from skimage.feature import hog as skimage_hog
from sklearn.datasets import load_digits

from rungwise.errors import ConfigError, DataError
from rungwise.preprocessing.augment import alternate_flips, cut_out, jitter, move, resized_crop
from rungwise.preprocessing.hog import brightness, hog
from rungwise.preprocessing.pixels import Flip, ImageNetworkConfig, PixelPreprocessor, Views, is_symmetric


def images(number=20, height=6, width=5, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (number, height, width, channels), dtype=np.uint8)


def generator():
    return torch.Generator().manual_seed(0)


def fitted(inputs, **settings):
    preprocessor = PixelPreprocessor(ImageNetworkConfig(**settings))
    preprocessor.fit(inputs)
    return preprocessor


def augmented(preprocessor, inputs, epoch=0):
    index = np.arange(8)
    batch = preprocessor.examples(inputs).batch(index)
    return preprocessor.augment(batch, generator(), index=index, epoch=epoch)[0]


# ------------------------------------------------------------------------------------------- preprocessing


def test_training_images_get_mean_zero_and_deviation_one_in_each_channel():
    inputs = images(number=300)
    (batch,) = fitted(inputs).examples(inputs).batch(np.arange(300))
    assert batch.shape == (300, 3, 6, 5)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(batch.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(batch.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)


def test_images_of_one_colour_stay_finite():
    inputs = np.full((4, 5, 5, 1), 7, np.uint8)
    (batch,) = fitted(inputs).examples(inputs).batch(np.arange(4))
    assert not batch.any()


def test_images_are_not_copied_and_may_be_read_only(tmp_path):
    np.save(tmp_path / "images.npy", images())
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    examples = fitted(mapped).examples(mapped)
    assert np.shares_memory(examples.pixels, mapped)
    assert len(examples.batch(np.array([3, 1]))[0]) == 2


def test_images_of_another_size_are_an_error():
    with pytest.raises(DataError, match=r"images are 7×5×3 .* but the model was fitted on 6×5×3"):
        fitted(images()).examples(images(height=7))


def test_the_state_restores_the_same_preprocessor():
    inputs = images()
    first, second = fitted(inputs), PixelPreprocessor(ImageNetworkConfig())
    second.restore(first.state())
    batches = [p.examples(inputs).batch(np.arange(4))[0] for p in (first, second)]
    assert torch.equal(*batches)
    shapes = [p.shape(num_examples=9, num_outputs=2) for p in (first, second)]
    assert shapes[0] == shapes[1]


# ------------------------------------------------------------------------------------------- augmentation


def test_without_alterations_a_batch_stays_as_it_is():
    inputs = images()
    preprocessor = fitted(inputs, flip=Flip.OFF, shift=0.0)
    assert torch.equal(augmented(preprocessor, inputs), preprocessor.examples(inputs).batch(np.arange(8))[0])


def test_half_of_the_images_are_mirrored_and_in_the_next_epoch_the_other_half():
    batch = torch.randn(400, 1, 3, 4, generator=generator())
    epochs = [alternate_flips(batch, torch.arange(400), epoch=epoch, seed=3) for epoch in range(3)]
    is_same = (epochs[0] == batch).flatten(1).all(1)
    assert 120 < is_same.sum() < 280
    assert torch.equal(epochs[0], torch.where(is_same[:, None, None, None], batch, batch.flip(3)))
    assert torch.equal(epochs[1], epochs[0].flip(3))
    assert torch.equal(epochs[2], epochs[0])
    assert not torch.equal(alternate_flips(batch, torch.arange(400), epoch=0, seed=4), epochs[0])


def test_a_crop_is_a_part_of_the_image_scaled_up():
    ramp = torch.linspace(-1, 1, 64).expand(50, 1, 64, 64).contiguous()  # brighter to the right
    crops = resized_crop(ramp, generator(), least=0.25)
    spans = crops[:, 0, 32, -1] - crops[:, 0, 32, 0]
    assert crops.abs().max() <= 1
    assert 2 * 0.25 ** (0.5 * 4 / 3) * 0.9 < spans.min() < 1.2
    assert spans.max() > 1.7


def test_jittered_images_keep_what_they_show():
    batch = torch.randn(200, 3, 4, 5, generator=generator())
    jittered = jitter(batch, generator(), strength=0.2)
    contrast = jittered.std((1, 2, 3)) / batch.std((1, 2, 3))
    brightness = jittered.mean((1, 2, 3)) - batch.mean((1, 2, 3))
    assert 0.6 < contrast.min() < 0.9 < 1.1 < contrast.max() < 1.4
    assert brightness.abs().max() < 0.25
    assert brightness.abs().max() > 0.15
    grey = jitter(batch[:, :1], generator(), strength=0.2)
    assert grey.shape == (200, 1, 4, 5)


def test_large_images_are_cropped_and_small_ones_moved_unless_told_otherwise():
    rng = np.random.default_rng(0)
    small, large = (rng.integers(0, 256, (8, side, side, 3), np.uint8) for side in (32, 96))
    off = {"flip": Flip.OFF, "colour": 0.0}
    moved, cropped = augmented(fitted(small, **off), small), augmented(fitted(large, **off), large)
    assert set(moved.unique().tolist()) <= set(
        fitted(small).examples(small).batch(np.arange(8))[0].unique().tolist()
    )
    assert len(cropped.unique()) > 2 * 3 * 256
    untouched = augmented(fitted(large, crop=1.0, **off), large)
    assert torch.equal(untouched, fitted(large).examples(large).batch(np.arange(8))[0])


def test_images_are_resized_for_the_network():
    inputs = images()
    preprocessor = fitted(inputs, input_size=12)
    assert preprocessor.examples(inputs).batch(np.arange(3))[0].shape == (3, inputs.shape[3], 12, 12)
    shape = preprocessor.shape(num_examples=9, num_outputs=2)
    assert (shape.height, shape.width) == (12, 12)


def test_views_are_the_image_moved_and_mirrored_if_training_had_it_so():
    inputs = images(height=7, width=7)
    for flip, count in ((Flip.ON, 6), (Flip.OFF, 3)):
        preprocessor = fitted(inputs, views=Views.MOVED, flip=flip)
        again = PixelPreprocessor(preprocessor.config)
        again.restore(preprocessor.state())
        for some in (preprocessor, again):
            plain, *others = (examples.batch(np.arange(5))[0] for examples in some.views(inputs))
            assert len(others) == count - 1
            assert torch.equal(plain, preprocessor.examples(inputs).batch(np.arange(5))[0])
            moved = {(step, mirrored) for step in (0, 1, -1) for mirrored in (False, True)}
            for view in others:
                found = {
                    (step, mirrored)
                    for step, mirrored in moved
                    if torch.equal(_inner(view, -step), _inner(plain.flip(3) if mirrored else plain, 0))
                }
                assert len(found) == 1
                moved -= found
    assert len(fitted(inputs).views(inputs)) == 1


def _inner(batch, step):
    return batch[:, :, 1 - step : 6 - step, 1 - step : 6 - step]


@pytest.mark.parametrize("name", ["input_size", "shift", "crop", "colour", "cutout"])
def test_settings_out_of_their_range_are_named(name):
    with pytest.raises(ConfigError, match=f"{name}=-1: must be from"):
        ImageNetworkConfig(**{name: -1})


def test_a_shifted_image_is_a_crop_of_the_image_padded_by_reflection():
    batch = torch.from_numpy(images(number=60)).permute(0, 3, 1, 2).float()
    altered = move(batch, generator(), shift=2)
    padded = torch.nn.functional.pad(batch, (2, 2, 2, 2), mode="reflect")
    crops = [padded[:, :, y : y + 6, x : x + 5] for y in range(5) for x in range(5)]
    matches = torch.stack([(altered == crop).flatten(1).all(1) for crop in crops])
    assert matches.any(0).all()
    assert matches.any(1).sum() > 15
    assert altered.is_contiguous(memory_format=torch.channels_last)


def test_a_cut_out_is_one_square_at_most():
    holes = cut_out(torch.ones(200, 1, 8, 8), generator(), side=3) == 0
    counts = holes.flatten(1).sum(1)
    assert counts.min() >= 1
    assert counts.max() == 9
    assert all(len(set(h[0].any(0).nonzero()[:, 0].tolist())) <= 3 for h in holes)


def test_alterations_follow_the_generator():
    batch = torch.from_numpy(images()).permute(0, 3, 1, 2).float()
    altered = [move(batch, generator(), shift=1) for _ in range(2)]
    assert torch.equal(*altered)


def test_digits_are_not_mirrored_by_default():
    digits = (load_digits().images * 15).astype(np.uint8)[..., None]
    assert not is_symmetric(digits)
    assert not fitted(digits).flip
    assert fitted(digits, flip=Flip.ON).flip


def test_images_without_a_handedness_are_mirrored_by_default():
    rng = np.random.default_rng(0)
    smooth = rng.integers(0, 256, (300, 3, 3, 1)).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    assert fitted(smooth).flip


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_few_images_are_no_problem(number):
    assert fitted(images(number=number)).flip in (True, False)


# --------------------------------------------------------------------------------------------------- HOG


@pytest.mark.parametrize(
    ("channels", "cell_size", "orientations"), [(1, 4, 9), (3, 4, 9), (3, 5, 12), (1, 2, 8)]
)
def test_features_are_those_of_scikit_image(channels, cell_size, orientations):
    inputs = images(number=6, height=17, width=23, channels=channels)
    theirs = [
        skimage_hog(
            image, orientations, pixels_per_cell=(cell_size,) * 2, cells_per_block=(2, 2), channel_axis=-1
        )
        for image in inputs
    ]
    ours = hog(inputs, cell_size=cell_size, num_orientations=orientations)
    assert np.abs(ours - np.stack(theirs)).max() < 1e-6


def test_features_do_not_depend_on_the_other_images():
    inputs = images(number=5, height=12, width=12)
    together = hog(inputs, cell_size=4, num_orientations=9)
    alone = np.vstack([hog(inputs[i : i + 1], cell_size=4, num_orientations=9) for i in range(5)])
    assert (together == alone).all()


def test_too_small_images_are_an_error():
    with pytest.raises(DataError, match="images of 6×5 pixels are too small for cells of 3"):
        hog(images(), cell_size=3, num_orientations=9)


def test_no_images_give_no_features():
    assert hog(images(height=8, width=8)[:0], cell_size=4, num_orientations=9).shape == (0, 36)


def test_brightness_is_the_mean_of_each_square():
    inputs = images(number=2, height=5, width=4, channels=1)
    squares = brightness(inputs, square=2)
    assert squares.shape == (2, 4)
    assert np.isclose(squares[1, 3], inputs[1, 2:4, 2:4].mean() / 255)
