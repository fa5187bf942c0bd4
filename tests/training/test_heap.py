"""Memory that is freed stays where the C library can be told so."""

import subprocess
import sys

import pytest

MEASURE = """
import resource, torch
from rungwise.training.heap import give_back_freed, keep_freed
{0}
torch.ones(1)
def touch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(12_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
touch()
print(touch())
give_back_freed()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's settings")
def test_blocks_that_are_freed_are_taken_again_without_a_page_fault():
    faults = [
        int(
            subprocess.run(
                [sys.executable, "-c", MEASURE.format(done)], check=True, capture_output=True
            ).stdout
        )
        for done in ("", "keep_freed()")
    ]
    if faults[0] < 1000:
        pytest.skip("this C library keeps them anyway")
    assert faults[1] < faults[0] / 10
