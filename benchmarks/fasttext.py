"""Our `fasttext` beside the fastText package, which an environment of its own has: accuracy on test, and CPU seconds.

    python benchmarks/fasttext.py DATA --peer PYTHON [--sets trec sst2 r8]
    DATA holds text/{trec,sst2,r8}.{train,test}.csv; PYTHON is an interpreter that imports `fasttext` (`fasttext-wheel`)

Both get one thread and the same lower-cased words and signs. The package trains on all of the training texts, once with
its defaults and once as its tutorial ends: word pairs, 25 passes, a learning rate of 0.5
(https://fasttext.cc/docs/en/supervised-tutorial.html). Ours keeps a tenth of them for validation.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

TUTORIAL = {"wordNgrams": 2, "epoch": 25, "lr": 0.5, "bucket": 200_000}

PEER = """
import json, sys, time
import fasttext
train, test, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
start = time.process_time()
model = fasttext.train_supervised(train, thread=1, verbose=0, **settings)
seconds = time.process_time() - start
rows = [line.split(" ", 1) for line in open(test, encoding="utf-8")]
hits = [model.f.predict(text, 1, 0.0, "strict")[0][1] == label for label, text in rows]
print(json.dumps([sum(hits) / len(hits), seconds]))
"""
"""Asks the package below its Python layer, which NumPy 2 breaks."""


def read(file: Path) -> tuple[list[str], list[str]]:
    """Texts as words and signs in lower case, and labels."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    texts = [" ".join(re.findall(r"\w+|[^\w\s]", row["text"].lower())) for row in rows]
    return texts, [row["label"] for row in rows]


def peer(python: str, train: Path, test: Path, settings: dict[str, float]) -> tuple[float, float]:
    """Accuracy and CPU seconds of the package."""
    command = [python, "-c", PEER, str(train), str(test), json.dumps(settings)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    accuracy, seconds = json.loads(done.stdout.splitlines()[-1])
    return accuracy, seconds


def ours(train: tuple[list[str], list[str]], test: tuple[list[str], list[str]]) -> tuple[float, float]:
    """Accuracy and CPU seconds of the rung with its defaults."""
    import rungwise as rw

    order = np.random.default_rng(0).permutation(len(train[0]))
    kept, held = np.split(order, [9 * len(order) // 10])
    texts, labels = (np.array(part, dtype=object) for part in train)
    start = time.process_time()
    model = rw.FastTextClassifier(random_state=0)
    model.fit(list(texts[kept]), labels[kept], validation=(list(texts[held]), labels[held]))
    seconds = time.process_time() - start
    return float((model.predict(test[0]) == np.array(test[1])).mean()), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--sets", nargs="+", default=["trec", "sst2", "r8"])
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data folder, or set RUNGWISE_DATA")
    print("| set | ours | CPU s | package, defaults | CPU s | package, tutorial | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for name in arguments.sets:
        train, test = (read(arguments.data / "text" / f"{name}.{part}.csv") for part in ("train", "test"))
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / part for part in ("train", "test")]
            for file, (texts, labels) in zip(files, (train, test), strict=True):
                lines = [f"__label__{label} {text}\n" for text, label in zip(texts, labels, strict=True)]
                file.write_text("".join(lines), encoding="utf-8")
            found = [ours(train, test), *(peer(arguments.peer, *files, kwargs) for kwargs in ({}, TUTORIAL))]
        cells = " | ".join(f"{100 * accuracy:.1f} | {seconds:.1f}" for accuracy, seconds in found)
        print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
