"""A sample of the failure suite (`make chaos`) on a smaller ladder: one try of each kind, two side by side."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks after processes by way of /proc"),
]

KINDS = ["rung", "parent", "worker", "stop", "disk", "memory"]
SEED = 19
"""Its moments are in the middle of the climbs."""

_PATIENCE = 60
"""Seconds over its budget: `make chaos` allows 2, on a machine that has nothing else to do."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    from climbs import SAMPLE, Reference
    from failures import attempt, why_not_here

    folder = tmp_path_factory.mktemp("chaos")
    reference = Reference(folder, SAMPLE)
    kinds = [kind for kind in KINDS if why_not_here(kind) is None]
    with ThreadPoolExecutor(2) as pool:
        return dict(
            zip(kinds, pool.map(lambda kind: attempt(kind, 0, reference, folder, SEED), kinds), strict=True)
        )


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_costs_nothing_that_was_finished(outcomes, kind):
    if kind not in outcomes:
        pytest.skip("not on this machine")
    outcome = outcomes[kind]
    assert kind != "parent" or outcome.what == "SIGKILL of the command"
    problems = [problem for problem in outcome.problems if "over its budget" not in problem]
    assert not problems, f"{outcome.name}, after {outcome.moment:.2f} s, {outcome.what}"
    assert outcome.over is None or outcome.over < _PATIENCE
    assert not outcome.lost
    assert not outcome.left
