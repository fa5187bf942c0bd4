"""What a climb, and a command, make of failures, mostly without a process: launchers and workers are scripted."""

import errno
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pytest

from rungwise.cli import main
from rungwise.errors import RunError
from rungwise.evaluation.predictions import Predictions, read_predictions, write_predictions
from rungwise.evaluation.records import append_record, read_records, write_json
from rungwise.ladder.climb import Climb
from rungwise.ladder.folder import Paths, full_disk_said
from rungwise.ladder.jobs import Job
from rungwise.ladder.memory import claim_buffers
from rungwise.ladder.processes import LauncherError, end_left_behind

_LOOKS = 3
"""After so many looks at it, a fit that nothing happens to has its result."""


class ScriptedLauncher:
    """Its workers end well, but for those of guilty rungs, which take the launcher and all its workers along."""

    pid, import_cpu_seconds = 0, None

    def __init__(self, guilty):
        self.guilty, self.is_lost = guilty, False

    def wait_until_ready(self, seconds):
        pass

    def start(self, file):
        if self.is_lost:
            raise LauncherError("it is gone")
        return ScriptedWorker(self, Job.read(file))

    def close(self):
        self.is_lost = True


class ScriptedWorker:
    pid = 0

    def __init__(self, launcher, job):
        self.launcher, self.job, self.num_looks = launcher, job, 0

    def exit_code(self):
        self.num_looks += 1
        if self.job.rung in self.launcher.guilty:
            self.launcher.is_lost = True
        if self.launcher.is_lost:
            return -signal.SIGKILL
        if self.num_looks < _LOOKS:
            return None
        write_json(self.job.result_file, {"status": "done"})
        return 0

    def wake(self):
        pass

    def kill(self):
        pass


@pytest.fixture
def paths(tmp_path):
    (tmp_path / "logs").mkdir()
    append_record(tmp_path, {"type": "run"})
    return Paths(tmp_path)


def records_of_a_climb(paths, rungs, guilty, monkeypatch, *, num_seeds=1, budget=60.0, launcher=None):
    monkeypatch.setattr("rungwise.ladder.climb.make_launcher", lambda logs: ScriptedLauncher(guilty))
    climb = Climb(
        paths,
        [
            Job(kind="fit", run=str(paths.run), rung=rung, repeat=repeat)
            for repeat in range(num_seeds)
            for rung in rungs
        ],
        facts={rung: {"order": order, "cost": {"fit_bytes": 0.0}} for order, rung in enumerate(rungs)},
        unmeasured=[],
        budget=budget,
        elapsed=0.0,
        results_seconds=lambda num_fits: 0.0,
        num_workers=2,
        observe=lambda step: None,
        launcher=launcher,
    )
    climb.run()
    return {(r["rung"], r["repeat"]): r for r in read_records(paths.run) if "status" in r}


@pytest.mark.parametrize("guilty", ["a", "b", "d", "abd"])
def test_fits_that_end_their_launcher_cost_only_their_own_rows(paths, guilty, monkeypatch):
    records = records_of_a_climb(paths, ["a", "b", "c", "d"], guilty, monkeypatch)
    statuses = {rung: record["status"] for (rung, _), record in records.items()}
    assert statuses == {rung: "failed" if rung in guilty else "done" for rung in "abcd"}
    assert records[guilty[0], 0]["reason"] == "its process was killed, most likely for want of memory"


def test_a_climb_keeps_its_budget_where_workers_can_not_be_started_any_more(paths, monkeypatch):
    def wait(self, seconds):
        time.sleep(max(0.0, seconds))
        raise LauncherError("it is late")

    launcher, start = ScriptedLauncher("b"), time.monotonic()
    launcher.wait_until_ready = lambda seconds: None
    monkeypatch.setattr(ScriptedLauncher, "wait_until_ready", wait)
    records = records_of_a_climb(paths, ["a", "b", "c"], "b", monkeypatch, budget=1.5, launcher=launcher)
    assert time.monotonic() - start < 2.5
    assert records["a", 0]["reason"] == "stopped by: it is late"


@pytest.mark.parametrize("num_late", [1, 2])
def test_a_launcher_that_hangs_while_it_imports_takes_nothing_of_the_budget(paths, monkeypatch, num_late):
    waits = []

    def wait(self, seconds):
        waits.append(seconds)
        if len(waits) <= num_late:
            time.sleep(seconds)
            raise LauncherError("it is late")

    monkeypatch.setattr(ScriptedLauncher, "wait_until_ready", wait)
    monkeypatch.setattr("rungwise.ladder.climb.READY_SECONDS", (1.0, 1.5))
    if num_late == 1:
        records = records_of_a_climb(paths, ["a", "b", "c"], "", monkeypatch, budget=1.5)
        assert {record["status"] for record in records.values()} == {"done"}
    else:
        with pytest.raises(LauncherError, match="it is late"):
            records_of_a_climb(paths, ["a"], "", monkeypatch, budget=1.5)
        assert read_records(paths.run)[-1]["elapsed"] < 0.5
    assert waits == [1.0, 1.5]


def test_further_seeds_are_fitted_though_the_first_fit_must_begin_once_more(paths, monkeypatch):
    records = records_of_a_climb(paths, ["a", "b"], "a", monkeypatch, num_seeds=2)
    assert records["b", 1]["status"] == "done"


class FailingLauncher(ScriptedLauncher):
    """The fits of its guilty rungs fail by themselves."""

    def start(self, file):
        job = Job.read(file)
        if job.rung in self.guilty:
            write_json(job.result_file, {"status": "failed", "reason": "it can't be done"})
        return ScriptedWorker(ScriptedLauncher(()), job)


def test_further_seeds_are_not_fitted_where_the_first_gave_no_result(paths, monkeypatch):
    launcher = FailingLauncher("b")
    records = records_of_a_climb(paths, ["a", "b"], "", monkeypatch, num_seeds=2, launcher=launcher)
    assert records["a", 1]["status"] == "done"
    assert records["b", 1]["status"] == "skipped"
    assert records["b", 1]["reason"] == "the first seed gave no result"


def test_a_folder_that_may_not_be_written_is_said_in_a_sentence(paths, monkeypatch):
    def append(run, record):
        raise PermissionError(errno.EACCES, "Permission denied", str(run / "journal.jsonl"))

    monkeypatch.setattr("rungwise.ladder.climb.append_record", append)
    with (
        pytest.raises(RunError, match=r"can't be written .*Permission denied.* then --resume"),
        full_disk_said(paths.run),
    ):
        records_of_a_climb(paths, ["a"], "", monkeypatch)


def test_a_want_of_memory_is_not_taken_for_damage(tmp_path, monkeypatch):
    write_predictions(tmp_path, "a", "test", Predictions(np.arange(3), np.arange(3)))

    def read(self, **options):
        raise pa.ArrowMemoryError("malloc of size 64 failed")

    monkeypatch.setattr("pyarrow.parquet.ParquetFile.read", read)
    with pytest.raises(MemoryError, match="malloc of size 64 failed"):
        read_predictions(tmp_path, "a", "test")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("libtorch.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
        SystemError("error return without exception set"),
        pa.ArrowException("Unknown error: Failed to launch worker thread: Resource temporarily unavailable"),
    ],
)
def test_a_command_that_wants_memory_says_so_in_a_sentence(error, monkeypatch, capsys):
    def run(**options):
        raise error

    monkeypatch.setattr("rungwise.cli.rungwise.main", run)
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err.startswith("error: out of memory")


def test_an_error_that_is_no_users_is_raised_as_it_is(monkeypatch):
    def run(**options):
        raise RuntimeError("a fault")

    monkeypatch.setattr("rungwise.cli.rungwise.main", run)
    with pytest.raises(RuntimeError, match="a fault"):
        main()


def test_products_of_matrices_that_would_hang_for_want_of_memory_are_not_tried(monkeypatch):
    monkeypatch.setattr("rungwise.ladder.memory.available_bytes", lambda: 60_000_000)
    with pytest.raises(MemoryError, match="60 MB are left, and 100 MB is the least"):
        claim_buffers()


class StuckLauncher(ScriptedLauncher):
    """Its fits never end; what is rescued of them does."""

    def start(self, file):
        return StuckWorker(self, Job.read(file))


class StuckWorker(ScriptedWorker):
    def exit_code(self):
        return super().exit_code() if self.job.kind == "rescue" else None


@pytest.mark.parametrize("is_kept", [True, False], ids=["with a checkpoint", "without one"])
def test_a_fit_that_never_ends_is_ended_in_time(paths, monkeypatch, is_kept):
    monkeypatch.setattr("rungwise.ladder.climb.make_launcher", lambda logs: StuckLauncher(()))
    job = Job(kind="fit", run=str(paths.run), rung="a")
    if is_kept:
        job.checkpoint_file.parent.mkdir()
        job.checkpoint_file.touch()
    climb = Climb(
        paths,
        [job],
        facts={"a": {"order": 2, "cost": {"fit_bytes": 0.0}}},
        unmeasured=[],
        budget=3.0,
        elapsed=0.0,
        results_seconds=lambda num_fits: 0.0,
        num_workers=1,
        observe=lambda step: None,
    )
    climb.run()
    assert climb.elapsed() < 5
    [record] = [record for record in read_records(paths.run) if record["type"] == "rung"]
    assert record["status"] == ("done" if is_kept else "failed")
    assert is_kept or record["reason"].startswith("gave no result within its share of the budget")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_lost_launcher_has_left_is_ended(tmp_path):
    (tmp_path / "workers.lock").touch()
    with (tmp_path / "workers.lock").open() as lock:
        left = subprocess.Popen(["sleep", "600"], pass_fds=[lock.fileno()], start_new_session=True)
    end_left_behind(tmp_path)
    assert left.wait(timeout=5) == -signal.SIGKILL
