import json

import numpy as np
import pytest

import rungwise as rw
from rungwise.artifacts import checkpoint as module
from rungwise.artifacts import load_checkpoint
from rungwise.artifacts.checkpoint import FileCheckpoint
from rungwise.artifacts.state import split_state
from rungwise.errors import ConfigError, ModelError

SETTINGS = {"epochs": 4, "batch_size": 8, "num_layers": 1, "hidden_size": 8, "embedding_size": 4}


class StopError(Exception):
    """Ends a fit."""


def problem(num=40):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(num, 2))
    return features, np.where(features[:, 0] > 0, "up", "down")


def mlp(**settings):
    return rw.MLPClassifier(**{**SETTINGS, "random_state": 0, "precision": "fp32", **settings})


def fit(estimator, file=None, *, stop_after=None, monkeypatch=None):
    """Fits; a save is due after every step, and the fit is stopped after so many of them."""
    features, labels = problem()
    if file is not None:
        saves = 0

        class Eager(FileCheckpoint):
            def is_due(self):
                super().is_due()
                return True

            def save(self, *kept):
                nonlocal saves
                super().save(*kept)
                saves += 1
                if saves == stop_after:
                    raise StopError

        monkeypatch.setattr(module, "FileCheckpoint", Eager)
    return estimator.fit(features[:30], labels[:30], validation=(features[30:], labels[30:]), checkpoint=file)


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """The checkpoint of a fit that was stopped in its second epoch."""
    file = tmp_path / "fit.ckpt"
    with pytest.raises(StopError):
        fit(mlp(), file, stop_after=7, monkeypatch=monkeypatch)
    return file


def state_bytes(estimator):
    rest, arrays = split_state(estimator.learner_.state())
    return json.dumps(rest), {name: array.tobytes() for name, array in arrays.items()}


def test_a_fit_goes_on_from_its_file_to_the_same_end(stopped, monkeypatch):
    resumed, whole = fit(mlp(), stopped, monkeypatch=monkeypatch), fit(mlp())
    assert state_bytes(resumed) == state_bytes(whole)
    assert [vars(epoch) | {"seconds": 0} for epoch in resumed.history_] == [
        vars(epoch) | {"seconds": 0} for epoch in whole.history_
    ]


def test_the_best_model_so_far_is_there_before_the_fit_ends(stopped):
    features, labels = problem()
    model = load_checkpoint(stopped)
    assert model.get_params() == mlp().get_params()
    assert list(model.classes_) == ["down", "up"]
    assert len(model.history_) == 1
    assert model.score(features[30:], labels[30:]) == pytest.approx(model.history_[0].valid_score)


def test_before_the_first_validation_the_weights_so_far_are_the_model(tmp_path, monkeypatch):
    file = tmp_path / "fit.ckpt"
    with pytest.raises(StopError):
        fit(mlp(), file, stop_after=1, monkeypatch=monkeypatch)
    assert load_checkpoint(file).history_ == []


def test_no_checkpoint_is_an_error(tmp_path):
    with pytest.raises(ModelError, match=r"there is no checkpoint .*none\.ckpt"):
        load_checkpoint(tmp_path / "none.ckpt")


# --------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"batch_size": 16}, "batch_size is 8 there and 16 here"),
        ({"random_state": 1}, "random_state is 0 there and 1 here; seed is 0 there and 1 here"),
        ({"precision": "auto"}, "precision is 'fp32' there and 'auto' here"),
    ],
)
def test_another_fits_checkpoint_is_refused_with_what_differs(stopped, settings, difference):
    before = stopped.read_bytes()
    with pytest.raises(ConfigError) as error:
        mlp(**settings).fit(*(part[:30] for part in problem()), checkpoint=stopped)
    assert difference in str(error.value)
    assert str(error.value).startswith(f"checkpoint {stopped} is of another fit: ")
    assert stopped.read_bytes() == before


def test_other_targets_are_noticed(stopped):
    features, labels = problem()
    with pytest.raises(ConfigError, match=r"training targets is '30, CRC .*' there and '30, CRC .*' here"):
        mlp().fit(features[:30], labels[29::-1], checkpoint=stopped)


def test_another_time_limit_is_the_same_fit(stopped, monkeypatch):
    assert fit(mlp(time_limit=100.0), stopped, monkeypatch=monkeypatch).history_


def test_a_seed_is_needed(tmp_path):
    with pytest.raises(ConfigError, match=r"random_state=None: a fit that may go on .* needs a whole number"):
        mlp(random_state=None).fit(*problem(), checkpoint=tmp_path / "fit.ckpt")


def test_a_folder_that_is_not_there_is_named_before_the_fit(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no folder .*nowhere; make it first"):
        mlp().fit(*problem(), checkpoint=tmp_path / "nowhere" / "fit.ckpt")


def test_damage_anywhere_is_a_named_error(stopped):
    whole = stopped.read_bytes()
    rng = np.random.default_rng(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    places = [*range(0, header, 29), *rng.integers(header, len(whole), 60).tolist()]
    torn = [whole[:place] for place in [0, 1, 8, header, len(whole) - 1, *places[::5]]]
    flipped = [
        whole[:place] + bytes([whole[place] ^ (1 << int(bit))]) + whole[place + 1 :]
        for place, bit in zip(places, rng.integers(8, size=len(places)), strict=True)
    ]
    for damaged in [*torn, *flipped, whole + b"\0", b"{}", b"PK\3\4" * 100]:
        stopped.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"fit\.ckpt is damaged \(.*\); delete it to begin anew"):
            load_checkpoint(stopped)
    with pytest.raises(ModelError, match="is damaged"):
        mlp().fit(*problem(), checkpoint=stopped)


# --------------------------------------------------------------------------------------------- when it is kept


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A checkpoint whose clock is a list with one number, and the notes that it gives."""
    clock, notes = [100.0], []
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    estimator = fit(mlp(epochs=1))
    file = tmp_path / "fit.ckpt"
    targets = np.arange(3)
    made = FileCheckpoint(file, estimator, seed=0, targets=targets, valid_targets=None, note=notes.append)
    return made, clock, notes, estimator.learner_.state()


def wait(checkpoint, clock):
    """Seconds until it is due."""
    start = clock[0]
    while not checkpoint.is_due():
        clock[0] += 0.25
    return clock[0] - start


def test_it_is_due_after_a_second_and_then_ever_more_seldom(kept):
    checkpoint, clock, _, model = kept
    waits = []
    for _ in range(8):
        waits.append(wait(checkpoint, clock))
        checkpoint.save({}, model, [])
    assert waits == [1, 1, 2, 4, 8, 16, 30, 30]


def test_a_fit_that_begins_anew_keeps_nothing_until_it_is_as_far_as_what_is_kept(kept):
    checkpoint, clock, notes, model = kept
    clock[0] += 7
    checkpoint.save({}, model, [])
    again = FileCheckpoint(
        checkpoint._file,
        mlp(epochs=1).fit(*problem()),
        seed=0,
        targets=np.arange(3),
        valid_targets=None,
        note=notes.append,
    )
    assert wait(again, clock) == 7
    assert again.seconds_before == (0.0, 0.0), "the first try isn't part of this model's cost"


def test_it_costs_little_of_the_time(kept, monkeypatch):
    checkpoint, clock, _, model = kept

    def slow_save(*arguments):
        clock[0] += 0.5

    monkeypatch.setattr(module, "save_file", slow_save)
    monkeypatch.setattr(module, "replace_file", lambda file, write: write(file))
    wait(checkpoint, clock)
    checkpoint.save({}, model, [])
    assert wait(checkpoint, clock) == 25


def test_a_disk_that_is_full_is_noted_once_and_the_last_checkpoint_stays(kept, monkeypatch):
    checkpoint, _, notes, model = kept
    checkpoint.save({"step": 1}, model, [])
    file = checkpoint._file
    before = file.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    for _ in range(2):
        checkpoint.save({"step": 2}, model, [])
    assert file.read_bytes() == before
    assert len(notes) == 1
    assert "can't be written ([Errno 28] No space left on device); the fit goes on without" in notes[0]
    assert [path.name for path in file.parent.iterdir()] == ["fit.ckpt"]
