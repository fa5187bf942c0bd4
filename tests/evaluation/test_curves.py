import numpy as np
import pytest

from rungwise.data import STARTS
from rungwise.evaluation.curves import error_on
from rungwise.evaluation.grown import Grown
from rungwise.evaluation.predictions import Predictions
from rungwise.metrics import metric


def _grown(num_test: int, num_aside: int, num_all: int) -> Grown:
    """A fit that is right on the test part, and wrong aside."""
    test, aside = (
        Predictions(np.zeros(number, int), np.full(number, said))
        for number, said in ((num_test, 0), (num_aside, 1))
    )
    return Grown("svm", num_all - num_aside, num_all - num_aside, num_all, 0, 0, test, aside)


@pytest.mark.parametrize("num_draws", [1, 2, 4])
def test_in_the_mean_over_draws_each_row_of_test_and_train_counts_alike(num_draws):
    num_test, num_aside, num_all = 40, 30, 100
    rows = np.arange(num_all)
    aside = [np.roll(rows, -round(start * num_all))[-num_aside:] for start in STARTS[:num_draws]]
    number = len(np.unique(aside))
    error = error_on(metric("accuracy"), _grown(num_test, num_aside, num_all), num_draws)
    assert error == pytest.approx(number / (num_test + number))


def test_a_fit_with_nothing_aside_is_judged_on_the_test_part():
    assert error_on(metric("accuracy"), _grown(40, 0, 100), 4) == 0.0
