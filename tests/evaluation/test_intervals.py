import time

import numpy as np
import pytest
from scipy import stats

from rungwise.evaluation import bootstrap, paired
from rungwise.evaluation.intervals import FoldError, difference, fold_error, furthest, score
from rungwise.evaluation.resampling import influences, resample
from rungwise.metrics import metric

ACCURACY, RMSE = metric("accuracy"), metric("rmse")


def interval(subject, target, output, **settings):
    [scores], [bounds] = resample(target, [(subject, output)], **settings)
    return score(subject, len(target), subject.score(target, output), scores, bounds)


@pytest.mark.parametrize(("name", "truth"), [("accuracy", 0.8), ("rmse", 1.0)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(name, truth):
    rng, hits, trials = np.random.default_rng(3), 0, 200
    subject = metric(name)
    for seed in range(trials):
        if name == "accuracy":
            target, output = np.ones(150, int), (rng.random(150) < truth).astype(int)
        else:
            target, output = np.zeros(150), rng.normal(size=150)
        found = interval(subject, target, output, seed=seed, resamples=300)
        hits += found.low <= truth <= found.high
    assert 0.89 <= hits / trials <= 0.99


@pytest.mark.parametrize("is_clustered", [False, True])
def test_a_loss_that_hangs_on_few_examples_is_not_said_to_be_sure(is_clustered):
    """Errors have the tail of a log-normal; in clusters of three, all are alike."""
    rng, trials = np.random.default_rng(0), 300
    truth, hits = np.exp(1.0), np.zeros(2)  # the root of the mean square of exp(N(0, 1))
    for seed in range(trials):
        errors = np.exp(rng.normal(size=100))
        clusters = np.repeat(np.arange(100), 3 if is_clustered else 1)
        target, output = np.zeros(len(clusters)), errors[clusters]
        settings = {"seed": seed, "resamples": 400, "clusters": clusters if is_clustered else None}
        scores = bootstrap(target, [(RMSE, output)], **settings)[0]
        found, plain = interval(RMSE, target, output, **settings), np.percentile(scores, [2.5, 97.5])
        hits += [found.low <= truth <= found.high, plain[0] <= truth <= plain[1]]
    of_t, of_percentiles = hits / trials
    assert of_t > of_percentiles + 0.05
    assert of_t > 0.8


def test_intervals_of_losses_keep_to_what_a_loss_can_be():
    perfect = interval(RMSE, np.zeros(20), np.zeros(20))
    assert (perfect.value, perfect.low, perfect.high) == (0, 0, 0)
    constant = interval(RMSE, np.zeros(20), np.ones(20))
    assert constant.low == constant.high == 1
    few = interval(metric("mae"), np.zeros(5), np.array([0.0, 0, 0, 0, 9]))
    assert 0 <= few.low <= few.value <= few.high < np.inf


@pytest.mark.parametrize("num_examples", [500, 5000])
def test_the_standard_error_of_a_mean_is_the_known_one(num_examples):
    output = (np.random.default_rng(0).random(num_examples) < 0.3).astype(int)
    scores = bootstrap(np.ones(num_examples, int), [(ACCURACY, output)], resamples=4000)[0]
    assert scores.mean() == pytest.approx(output.mean(), abs=1e-3)
    assert scores.std() == pytest.approx(np.sqrt(0.3 * 0.7 / num_examples), rel=0.05)


@pytest.mark.parametrize("name", ["accuracy", "macro-f1", "roc-auc", "average-precision"])
def test_scores_of_resamples_are_those_of_resampled_data(name):
    """The weights of the bootstrap against drawing the rows themselves."""
    rng = np.random.default_rng(1)
    target = rng.integers(0, 2, 300)
    positive = np.clip(rng.normal(0.5 + 0.2 * (target - 0.5), 0.2), 0, 1)
    probabilities = np.column_stack([1 - positive, positive])
    subject = metric(name, positive=1)
    output = probabilities if name in ("roc-auc", "average-precision") else probabilities.argmax(1)
    drawn = [subject.score(target[rows], output[rows]) for rows in rng.integers(0, 300, (400, 300))]
    scores = bootstrap(target, [(subject, output)], resamples=2000)[0]
    assert scores.std() == pytest.approx(np.std(drawn), rel=0.12)
    assert scores.mean() == pytest.approx(np.mean(drawn), abs=0.01)


def test_paired_difference_equals_the_direct_computation():
    rng = np.random.default_rng(2)
    target = rng.normal(size=800)
    good, bad = target + rng.normal(scale=0.5, size=800), target + rng.normal(scale=0.6, size=800)
    found = paired(metric("mae"), target, good, bad, resamples=4000)
    gains = np.abs(target - bad) - np.abs(target - good)
    error = gains.std(ddof=1) / np.sqrt(800)
    assert found.mean == pytest.approx(gains.mean())
    assert found.standard_error == pytest.approx(error, rel=0.05)
    assert found.low == pytest.approx(gains.mean() - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(gains.mean() + 1.96 * error, abs=0.2 * error)
    assert found.smallest == pytest.approx(1.96 * found.standard_error, rel=1e-3)


def test_pairing_is_narrower_than_two_separate_intervals():
    rng = np.random.default_rng(4)
    target = np.ones(500, int)
    first = (rng.random(500) < 0.8).astype(int)
    second = np.where(rng.random(500) < 0.02, 1 - first, first)
    alone = interval(ACCURACY, target, first)
    assert 2 * paired(ACCURACY, target, first, second).standard_error < (alone.high - alone.low) / 4


def test_equal_outputs_differ_by_nothing_but_not_with_certainty():
    target = np.arange(50) % 2
    found = paired(ACCURACY, target, target, target)
    assert found.mean == 0
    assert found.low == pytest.approx(-2 / 50, abs=0.005)  # as if they differed in an example
    assert found.high == pytest.approx(2 / 50, abs=0.005)
    assert found.smallest == pytest.approx(1 - 0.025 ** (1 / 50))


def test_a_perfect_score_is_not_certain():
    target = np.arange(30) % 2
    found = interval(ACCURACY, target, target)
    assert found.high == found.value == 1
    assert found.low == pytest.approx(0.025 ** (1 / 30))
    wrong = interval(ACCURACY, target, 1 - target)
    assert (wrong.low, wrong.high) == (0, pytest.approx(1 - 0.025 ** (1 / 30)))


def test_resamples_are_decided_by_the_seed():
    target, output = np.arange(3000) % 2, np.arange(3000) % 3 % 2
    same = [bootstrap(target, [(ACCURACY, output)], seed=seed, resamples=50) for seed in (1, 1, 2)]
    assert np.array_equal(same[0], same[1])
    assert not np.array_equal(same[0], same[2])


def test_scores_do_not_depend_on_what_is_scored_beside_them():
    target, output = np.arange(3000) % 2, np.arange(3000) % 3 % 2
    alone = bootstrap(target, [(ACCURACY, output)], resamples=50)
    macro = metric("macro-f1")
    beside = bootstrap(target, [(macro, target), (ACCURACY, output), (macro, output)], resamples=50)
    assert beside[1] == pytest.approx(alone[0])
    assert np.all(beside[0] == 1)


def test_where_a_score_is_not_defined_its_interval_is_not():
    target, output = np.zeros(5, int), np.full((5, 2), 0.5)
    found = interval(metric("roc-auc"), target, output)
    assert np.isnan([found.value, found.low, found.high]).all()


@pytest.mark.parametrize("num_examples", [1, 2, 7])
def test_a_handful_of_examples_have_an_interval(num_examples):
    found = interval(RMSE, np.arange(num_examples, dtype=float), np.ones(num_examples))
    assert found.low <= found.value <= found.high


@pytest.mark.slow
def test_a_million_examples_take_seconds():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 1_000_000)
    outputs = [(ACCURACY, rng.integers(0, 2, 1_000_000)) for _ in range(4)]
    start = time.process_time()
    bootstrap(target, outputs)
    assert time.process_time() - start < 30


def test_the_mean_over_examples_is_resampled_by_clusters_of_many_sizes():
    """As if each cluster were drawn by hand: the share among the examples of the drawn clusters."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 9, 60)
    clusters = np.repeat(np.arange(60), sizes)
    is_right = rng.random(60)[clusters] > 0.4  # a cluster is right or wrong as a whole
    target = np.ones(len(clusters), np.int64)
    found = bootstrap(target, [(metric("accuracy"), is_right.astype(np.int64))], clusters=clusters)[0]
    right = np.bincount(clusters, is_right)
    drawn = rng.integers(0, 60, (4000, 60))
    expected = right[drawn].sum(1) / sizes[drawn].sum(1)
    assert found.mean() == pytest.approx(expected.mean(), abs=0.005)
    assert found.std() == pytest.approx(expected.std(), rel=0.06)
    alone = bootstrap(target, [(metric("accuracy"), is_right.astype(np.int64))])[0]
    assert found.std() > 1.8 * alone.std()


def test_the_error_over_folds_is_that_of_nadeau_and_bengio():
    differences = np.array([0.02, 0.0, 0.03, 0.01])
    # (1 / 4 + 20 / 140) of their variance, 1/6000
    found = fold_error(differences, 140, 20)
    assert (found.standard_error, found.freedom) == (pytest.approx(np.sqrt((1 / 4 + 1 / 7) / 6000)), 3)
    assert found.reach == pytest.approx(
        3.182446 * found.standard_error
    )  # Student's of three degrees of freedom


@pytest.mark.parametrize(("num_folds", "tails"), [(2, 12.706), (5, 2.776)])
def test_over_folds_a_difference_has_students_tails_of_their_number(num_folds, tails):
    scores = np.full((1, 1000), 0.9) + np.random.default_rng(0).normal(0, 0.001, 1000)
    known = ACCURACY, 2000, 2000, (np.array([0.91]), np.array([0.9])), (scores + 0.01, scores), 0.0
    found = difference(*known, FoldError(0.004, num_folds - 1))
    assert (found.standard_error, found.mean) == (0.004, pytest.approx(0.01))
    assert found.high - found.mean == pytest.approx(0.004 * tails, rel=1e-3)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)
    assert found.smallest == pytest.approx(0.004 * tails, rel=1e-3)
    assert found.sample_error < 1e-6  # what the margin goes by
    expected = 2 * stats.t.sf(0.01 / 0.004, num_folds - 1)
    assert found.p_value == pytest.approx(expected, abs=0.003)


def test_folds_that_agree_make_no_difference_surer():
    scores = np.random.default_rng(0).normal(0.9, 0.01, (2, 1, 1000))
    known = ACCURACY, 2000, 2000, (np.array([0.91]), np.array([0.9])), tuple(scores), 0.0
    assert difference(*known, FoldError(0.0, 4)) == difference(*known)


def test_a_difference_the_other_way_is_the_negative():
    target = np.random.default_rng(0).integers(0, 2, 300)
    first, second = (np.where(np.random.default_rng(s).random(300) < 0.8, target, 1 - target) for s in (1, 2))
    there, back = paired(ACCURACY, target, first, second), paired(ACCURACY, target, second, first)
    assert (back.mean, back.low, back.high) == pytest.approx((-there.mean, -there.high, -there.low))
    assert back.p_value == pytest.approx(there.p_value)


@pytest.mark.parametrize("name", ["accuracy", "rmse"])
def test_one_cluster_alone_shows_nothing_and_few_show_little(name):
    subject, rng = metric(name), np.random.default_rng(0)
    target = np.zeros(200)
    output = rng.integers(0, 2, 200).astype(float)
    clusters = np.zeros(200, np.int64)
    found = score(
        subject,
        1,
        subject.score(target, output),
        bootstrap(target, [(subject, output)], clusters=clusters)[0],
    )
    assert (found.low, found.high) == ((0, 1) if name == "accuracy" else (0, np.inf))
    alone = difference(subject, 200, 1, (np.zeros(1), np.ones(1)), (np.zeros((1, 9)), np.ones((1, 9))), 0.0)
    assert (alone.low, alone.high, alone.p_value) == (-np.inf, np.inf, 1)
    wrong = 0
    for seed in range(100):  # two models that are as good as each other, on four groups
        rng = np.random.default_rng(seed)
        offsets = rng.normal(size=(2, 4)).repeat(25, axis=1) + rng.normal(size=(2, 100))
        groups = np.arange(4).repeat(25)
        outputs = offsets if name == "rmse" else (offsets > 0).astype(float)
        pairs = [(subject, each) for each in outputs]
        scores = bootstrap(np.zeros(100), pairs, clusters=groups, resamples=400)
        values = [np.array([subject.score(np.zeros(100), each)]) for each in outputs]
        moved = [[influences(subject, np.zeros(100), each, groups)] for each in outputs]
        most = furthest(subject, *moved, 100)
        gap = difference(subject, 100, 4, (values[0], values[1]), (scores[:1], scores[1:]), most)
        wrong += gap.low > 0 or gap.high < 0
    assert wrong <= 12


def test_a_loss_whose_resamples_are_all_alike_has_an_end():
    target = np.zeros(1000, np.int64)
    target[:2] = 1
    probabilities = np.tile([0.998, 0.002], (1000, 1))
    found = interval(metric("log-loss"), target, probabilities)
    assert 0 < found.low < found.value < found.high < 0.1


def test_a_score_that_is_not_defined_is_no_difference():
    target = np.zeros(40, np.int64)
    probabilities = np.tile([0.9, 0.1], (40, 1))
    assert paired(metric("roc-auc", positive=1), target, probabilities, probabilities).p_value == 1


@pytest.mark.parametrize("name", ["accuracy", "macro-f1", "roc-auc", "rmse", "r2", "log-loss"])
def test_influences_are_what_one_more_example_does_to_the_score(name):
    rng, count = np.random.default_rng(0), 400
    subject = metric(name, positive=1)
    if subject.output == "number":
        target = rng.normal(size=count)
        output = target + rng.normal(size=count)
    else:
        target = rng.integers(0, 2, count)
        chances = np.clip(0.5 + 0.3 * (target - 0.5) + 0.2 * rng.normal(size=count), 0.01, 0.99)
        output = np.column_stack([1 - chances, chances])
        output = output.argmax(1) if subject.needs == "prediction" else output
    found = influences(subject, target, output)
    assert found.sum() == pytest.approx(0, abs=1e-9)
    for row in (0, 17, 399):
        weights = np.ones(count)
        weights[row] += 0.01
        moved = subject.score(target, output, weights) - subject.score(target, output)
        assert moved / 0.01 == pytest.approx(found[row], rel=0.02, abs=1e-7)


def test_influences_of_clusters_are_the_sums_of_their_examples():
    rng = np.random.default_rng(0)
    target, output = rng.integers(0, 3, 60), rng.integers(0, 3, 60)
    clusters = np.arange(60) // 6
    alone = influences(metric("macro-f1"), target, output)
    assert np.allclose(influences(metric("macro-f1"), target, output, clusters), alone.reshape(10, 6).sum(1))


@pytest.mark.parametrize("name", ["macro-f1", "roc-auc", "r2"])
def test_scores_near_the_end_of_their_scale_keep_to_it_and_are_covered(name):
    subject, count, hits, plain = metric(name, positive=1), 60, 0, 0
    trials = 200

    def drawn(rng, size):
        if name == "r2":
            target = rng.normal(size=size)
            return target, target + 0.3 * rng.standard_t(4, size=size)
        target = (rng.random(size) < 0.15).astype(int)
        chances = 1 / (1 + np.exp(-(4 * target - 2 + 1.5 * rng.normal(size=size))))
        output = np.column_stack([1 - chances, chances])
        return target, output.argmax(1) if name == "macro-f1" else output

    truth = subject.score(*drawn(np.random.default_rng(99), 200_000))
    for seed in range(trials):
        target, output = drawn(np.random.default_rng(seed), count)
        if len(np.unique(target)) < 2 and name != "r2":
            continue
        found = interval(subject, target, output, seed=seed, resamples=300)
        assert found.high <= 1
        hits += found.low <= truth <= found.high
        ends = np.percentile(bootstrap(target, [(subject, output)], seed=seed, resamples=300)[0], [2.5, 97.5])
        plain += ends[0] <= truth <= ends[1]
    assert hits > plain
    assert hits / trials >= 0.88
