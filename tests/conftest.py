"""One thread for each process, so that none waits and sums are cut alike; and a cache of the tests' own.

`pytest --numprocesses auto` runs the tests on all cores.
"""

import os
import tempfile
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ["OMP_NUM_THREADS"] = "1"  # torch, NumPy and LightGBM read it when they are first imported

_cache = tempfile.TemporaryDirectory(prefix="rungwise-tests-")
os.environ["RUNGWISE_CACHE"] = _cache.name

# a machine that is busy with other things makes no test fail
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One process has the contract's tests of one rung and pair, or those of one file: they share what was fitted."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file, _, test = nodeid.partition("::")
            return f"{file}[{test.partition('[')[2]}" if file.endswith("contracts/test_rungs.py") else file

    return Together(config, log)
