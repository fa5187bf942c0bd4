"""One thread for each process, so that none waits and sums are cut alike; and a cache of the tests' own.

`pytest --numprocesses auto` runs the tests on all cores.
"""

import os
import tempfile

import pytest
from hypothesis import HealthCheck, settings

os.environ["OMP_NUM_THREADS"] = "1"  # torch, NumPy and LightGBM read it when they are first imported

_cache = tempfile.TemporaryDirectory(prefix="rungwise-tests-")
os.environ["RUNGWISE_CACHE"] = _cache.name

# a machine that is busy with other things makes no test fail
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process has the tests of one rung's model, or of one file: they share what was fitted."""
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        shared = parameters.get("name"), parameters.get("pair")
        group = item.path.name if None in shared else f"{item.path.name} {shared}"
        item.add_marker(pytest.mark.xdist_group(group))
