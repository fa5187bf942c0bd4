import subprocess
import sys

import pytest

from rungwise.errors import ConfigError, UnknownNameError
from rungwise.kinds import InputKind, OutputKind
from rungwise.metrics import metric
from rungwise.tasks import task, task_for, task_names


@pytest.mark.parametrize("name", task_names())
def test_a_task_is_found_by_its_name_and_by_its_pair(name):
    assert task(name).name == name
    assert task_for(task(name).pair) is task(name)


@pytest.mark.parametrize("name", task_names())
def test_every_metric_of_a_task_is_for_what_comes_out(name):
    assert task(name).default_metric in task(name).metrics
    for metric_name in task(name).metrics:
        assert metric(metric_name).output is task(name).pair[1]


def test_unknown_task_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'text-classification'"):
        task("text-clasification")


def test_a_pair_without_a_task_is_an_error():
    with pytest.raises(ConfigError, match="no task takes image and gives number; there are"):
        task_for((InputKind.IMAGE, OutputKind.NUMBER))


def test_listing_tasks_imports_nothing_heavy():
    code = (
        "import sys; from rungwise.tasks import task, task_names; [task(name) for name in task_names()];"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'sklearn', 'torch', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
