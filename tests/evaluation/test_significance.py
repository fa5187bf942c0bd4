import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rungwise.evaluation import Results
from rungwise.evaluation.significance import compare, holm, mcnemar


def judged(run, metric="accuracy"):
    results = Results(run)
    [found] = results.judge("test", [results.metric(metric)])
    return found


def test_mcnemar_is_the_exact_binomial_test_of_the_examples_on_which_two_differ():
    # 15 and 6 discordant pairs: 2 · P(X ≤ 6) of Binomial(21, 1/2)
    first = np.r_[np.ones(15, bool), np.zeros(6, bool), np.ones(50, bool)]
    second = np.r_[np.zeros(15, bool), np.ones(6, bool), np.ones(50, bool)]
    assert mcnemar(first, second) == pytest.approx(2 * stats.binom.cdf(6, 21, 0.5))
    assert mcnemar(second, first) == mcnemar(first, second)
    assert mcnemar(first, first) == 1


def test_holm_on_an_example_by_hand():
    # 0.01 · 4, 0.013 · 3 raised to what stands before it, 0.02 · 2, 0.7
    assert holm([0.02, 0.01, 0.7, 0.013]) == pytest.approx([0.04, 0.04, 0.7, 0.04])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_keeps_the_order_and_lies_between_the_p_value_and_bonferroni(p_values):
    adjusted = holm(p_values)
    for p_value, joint in zip(p_values, adjusted, strict=True):
        assert p_value <= joint <= min(1, len(p_values) * p_value) + 1e-12
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


def test_every_other_rung_is_compared_and_many_comparisons_ask_for_more(make_run):
    run = make_run({"baseline": (0.5, 0.5), "svm": (0.8, 0.8), "lstm": (0.8, 0.84), "bert": (0.9, 0.95)})
    found = {each.rung: each for each in compare(judged(run), ["baseline", "svm", "lstm", "bert"], "svm")}
    assert list(found) == ["baseline", "lstm", "bert"]
    assert {each.test for each in found.values()} == {"McNemar"}
    assert found["bert"].is_clear
    assert found["baseline"].difference.mean < 0 < found["lstm"].difference.mean
    assert all(each.adjusted >= each.p_value for each in found.values())


def test_other_metrics_are_compared_by_the_bootstrap(make_run):
    run = make_run({"svm": (0.8, 0.8), "bert": (0.9, 0.95)})
    [found] = compare(judged(run, "f1"), ["svm", "bert"], "svm")
    assert found.test == "bootstrap"
    assert found.p_value == pytest.approx(2 / 2001)  # no resample is on the other side
    [same] = compare(judged(make_run({"svm": (0.8, 0.8), "bert": (0.8, 0.8)}), "f1"), ["svm", "bert"], "svm")
    assert same.p_value > 0.2
