import numpy as np
import pytest

from rungwise.errors import ConfigError, RunError
from rungwise.evaluation import Predictions, Results, append_record, write_predictions
from rungwise.evaluation.calibration import calibrations
from rungwise.metrics.calibration import fit_temperature


def test_a_temperature_is_fitted_on_validation_and_judged_on_test(make_run):
    results = Results(make_run({"svm": (0.7, 0.7), "lstm": (0.9, 0.9)}))
    svm, lstm = calibrations(results)
    assert (svm.rung, lstm.rung) == ("svm", "lstm")
    valid = results.outcomes[0].valid
    assert svm.temperature == fit_temperature(valid.target, valid.probabilities)
    assert (svm.fitted_on, svm.num_fitted) == ("validation", 400)
    assert svm.after.log_loss < svm.before.log_loss
    assert svm.is_worth_it
    assert [each.rung for each in calibrations(results, "lstm")] == ["lstm"]


def test_where_there_are_folds_they_are_what_a_temperature_is_fitted_on(make_run):
    run = make_run({"svm": (0.9, 0.7), "svm@1": (0.6, 0.7), "svm@2": (0.6, 0.7)})
    append_record(run, {"type": "run", "config": {"folds": 2, "rows": {"train": 1000}}})
    [found] = calibrations(Results(run))
    assert (found.fitted_on, found.num_fitted) == ("the folds", 800)
    assert found.temperature > 1  # they are right in 0.6, and the validation part was in 0.9


def test_numbers_have_no_calibration(tmp_path):
    append_record(tmp_path, {"type": "rung", "rung": "svm", "order": 0, "status": "done", "reason": None})
    for part in ("valid", "test"):
        write_predictions(tmp_path, "svm", part, Predictions(np.arange(3.0), np.arange(3.0)))
    with pytest.raises(ConfigError, match="has no probabilities to calibrate: it predicts numbers"):
        calibrations(Results(tmp_path))


def test_a_rung_without_predictions_is_named_with_those_that_have_some(make_run):
    results = Results(make_run({"svm": (0.7, 0.7), "lstm": (0.9, 0.9)}))
    with pytest.raises(RunError, match="rung 'bert' has no predictions; these have: svm, lstm"):
        calibrations(results, "bert")


def test_a_run_in_which_nothing_finished_has_none(tmp_path):
    append_record(tmp_path, {"type": "rung", "rung": "svm", "order": 0, "status": "failed", "reason": "x"})
    with pytest.raises(RunError, match="no rung finished, so there are no predictions"):
        calibrations(Results(tmp_path))


def test_a_temperature_is_clear_where_it_does_more_for_what_it_was_fitted_on_than_chance(make_run):
    run = make_run({"svm": (0.99, 0.5), "lstm": (0.5, 0.5)})
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 400)
    first = np.where(rng.random(400) < 0.5, sure, 1 - sure)
    target = (rng.random(400) > first).astype(np.int64)
    said = Predictions(target, (first < 0.5).astype(np.int64), np.column_stack([first, 1 - first]))
    write_predictions(run, "lstm", "valid", said)
    unsure, right = calibrations(Results(run))
    assert unsure.is_clear
    assert not unsure.is_worth_it  # which the test part has no say in
    assert not right.is_clear
    assert right.gain == pytest.approx(0, abs=0.005)
