"""Runs what the benchmarks compare with, which has an interpreter and an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["run_peer"]


def run_peer(python: str, script: Path, kind: str, said: dict[str, Any], *, threads: int) -> Any:
    """What `python script kind said.json` prints in its last line, as JSON; what it says as errors goes through."""
    with tempfile.TemporaryDirectory() as space:
        file = Path(space) / "said.json"
        file.write_text(json.dumps({**said, "threads": threads}), encoding="utf-8")
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        command = [python, script, kind, file]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])
