"""Fuzzes `load_model` with edited golden folders: what comes is a `ModelError` or a model that predicts, or a finding.

Coverage of rungwise's own code guides it; a crash, a hang, a runaway memory and any other exception are findings. It
runs in an environment of its own, since it needs atheris (Python 3.11 or 3.12):

    python3.11 -m venv fuzzing && fuzzing/bin/pip install --editable . atheris
    fuzzing/bin/python fuzz/load_model.py corpus -max_total_time=3600 -timeout=30 -rss_limit_mb=6000

    fuzzing/bin/python fuzz/load_model.py --show FILE      what a file of libFuzzer's says, as JSON

A finding that is fixed goes, as that JSON, into `tests/artifacts/corpus/`, which pytest replays.
"""

from __future__ import annotations

import itertools
import json
import logging
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "artifacts"))

with atheris.instrument_imports(include=["rungwise"]):
    from edits import draw, judge, write

    from rungwise import registry

    for _name in registry.rung_names():  # so that no first case seems slow
        registry.rung(_name)

_ROOT = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
_numbers = itertools.count()


def test_one_input(data: bytes) -> None:
    """One folder: written, judged, deleted."""
    case, edits = draw(data)
    folder = _ROOT / str(next(_numbers))
    try:
        write(case, edits, folder)
        judge(folder)
    except BaseException:
        print(json.dumps([case, edits]), file=sys.stderr, flush=True)
        raise
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Shows a case, or fuzzes with libFuzzer's arguments."""
    if sys.argv[1:2] == ["--show"]:
        print(json.dumps(draw(Path(sys.argv[2]).read_bytes())))
        return
    logging.disable()
    warnings.simplefilter("ignore")  # of numbers that overflow in a stranger's model
    atheris.Setup([*sys.argv, "-max_len=200"], test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
