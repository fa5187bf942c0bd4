"""The worked example of docs/adding-a-rung.md, done as the page says, in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-rung.md").read_text(encoding="utf-8")

RUNGWISE = ("-c", "from rungwise.cli import main; main()")


@pytest.fixture
def run(tmp_path):
    """Runs Python in a copy of the repository that has the page's rung, and returns what it prints."""
    for folder in ("src", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    file = re.search(r"`(src/rungwise/rungs/.+?\.py)`", PAGE)[1]
    (tmp_path / file).write_text(code, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "src")}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    return run


@pytest.mark.slow
def test_one_file_is_a_rung_in_the_list_on_the_leaderboard_and_in_the_contract(run, tmp_path):
    assert "word-average" in run(*RUNGWISE, "rungs")
    assert "Iyyer" in run(*RUNGWISE, "rungs", "word-average")
    rows = "".join(f"a {word} film number {n},{word}\n" for n in range(60) for word in ("good", "bad"))
    (tmp_path / "films.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    run(*RUNGWISE, "fit", "films.csv", "--rungs", "word-average", "--budget", "60s")
    assert "word-average" in run(*RUNGWISE, "leaderboard", "runs/films")
    assert " passed" in run("-m", "pytest", "tests/contracts/test_rungs.py", "-k", "word-average")
