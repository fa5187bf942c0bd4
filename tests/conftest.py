"""One thread for each process, so that none waits and sums are cut alike; and a cache of the tests' own."""

import os
import tempfile

from hypothesis import HealthCheck, settings

os.environ["OMP_NUM_THREADS"] = "1"  # torch, NumPy and LightGBM read it when they are first imported

_cache = tempfile.TemporaryDirectory(prefix="rungwise-tests-")
os.environ["RUNGWISE_CACHE"] = _cache.name

# a machine that is busy with other things makes no test fail
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
