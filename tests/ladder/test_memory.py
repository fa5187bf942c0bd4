"""What is left of memory, and that too large a wish is an error in the process that has it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from rungwise.available import _free_in_cgroups, available_bytes
from rungwise.errors import TrainingError
from rungwise.ladder.memory import is_memory_error, says_out_of_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory isn't guarded")

GREEDY = """
import json
import numpy as np, pyarrow as pa, pyarrow.compute as pc, torch
import lightgbm
from scipy.linalg import eigh
from rungwise.available import available_bytes
from rungwise.ladder.memory import is_memory_error, limit_memory

X = np.random.default_rng(0).random((100_000, 20))
column = pa.array(X.ravel())
wishes = {
    "numpy": lambda: np.ones(10_000_000),
    "python": lambda: [str(i) for i in range(3_000_000)],
    "torch": lambda: torch.ones(20_000_000),
    "arrow": lambda: [pc.add(column, i) for i in range(5)],
    "scipy": lambda: eigh(np.ones((2_000, 2_000))),
    "lightgbm": lambda: lightgbm.Dataset(np.tile(X, (1, 20)), X[:, 0]).construct(),
}
limit_memory(40_000_000)
within = np.ones(2_000_000).sum()
names = {}
for name, wish in wishes.items():
    try:
        wish()
    except Exception as error:
        names[name] = is_memory_error(error)
oom_score = int(open("/proc/self/oom_score_adj").read())
print(json.dumps({"names": names, "within": within, "left": available_bytes(), "oom_score": oom_score}))
"""


def test_every_library_fails_with_an_error_that_is_known_and_what_is_within_the_limit_is_had():
    done = subprocess.run([sys.executable, "-c", GREEDY], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert result["names"] == dict.fromkeys(["numpy", "python", "torch", "arrow", "scipy", "lightgbm"], True)
    assert result["within"] == 2_000_000
    assert result["left"] < 40_000_000
    assert result["oom_score"] == 1000


def test_a_limit_of_the_process_counts(monkeypatch):
    free = available_bytes()
    assert free is not None
    monkeypatch.setattr(resource, "getrlimit", lambda limit: (2**30, 2**30))
    assert 0 <= available_bytes() < min(free, 2**30)


@pytest.mark.parametrize(
    ("system", "options", "line", "files"),
    [
        ("cgroup2", "rw", "0::/job/step", ("memory.max", "memory.current", "inactive_file")),
        (
            "cgroup",
            "rw,memory",
            "4:cpu,memory:/job/step",
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ),
    ],
)
@pytest.mark.parametrize("root", ["/", "/job"])
def test_a_control_group_and_those_above_it_count(tmp_path: Path, system, options, line, files, root):
    top = tmp_path / "fs"
    step = top / Path("/job/step").relative_to(root)
    step.mkdir(parents=True)
    (tmp_path / "cgroup").write_text(f"1:cpuset:/other\n{line}\n")
    (tmp_path / "mountinfo").write_text(
        f"31 23 0:28 / / rw - tmpfs tmpfs rw\n41 31 0:38 {root} {top} rw shared:3 - {system} name {options}\n"
    )
    for folder, limit, used in ((step, "max", "300"), (step.parent, "1000", "400")):
        for file, text in zip(files, (limit, used), strict=False):
            (folder / file).write_text(f"{text}\n")
        (folder / "memory.stat").write_text(f"anon 5\n{files[2]} 150\nactive_file 7\n")
    assert list(_free_in_cgroups(tmp_path)) == [1000 - 400 + 150]


def test_an_error_that_came_of_another_is_known():
    ended = TrainingError("training ended.")
    ended.__cause__ = RuntimeError(
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."
    )
    assert is_memory_error(ended)
    assert is_memory_error(RuntimeError("could not create a primitive"))
    assert not is_memory_error(TrainingError("the loss is nan after 3 steps."))


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("memory allocation of 8650768 bytes failed\nskipping backtrace printing", True),
        ("OpenBLAS error: Memory allocation still failed after 10 retries, giving up.", True),
        ("terminate called after throwing an instance of 'std::bad_alloc'", True),
        ("Traceback (most recent call last):\nValueError: no", False),
    ],
)
def test_a_log_is_understood(log, says):
    assert says_out_of_memory(log) is says
