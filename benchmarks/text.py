"""Rungs for texts beside what one would use instead: scikit-learn's pipeline, and the `transformers` library.

    python benchmarks/text.py DATA --parts linear [--sets trec sst2 r8]
    python benchmarks/text.py DATA --parts tuning --encoder FOLDER --hugging-face PYTHON [--sets trec]
    python benchmarks/text.py DATA --parts inference --encoder FOLDER --hugging-face PYTHON [--sets sst2]
    DATA holds text/{trec,sst2,r8}.{train,test}.csv

linear: each rung without a network against TfidfVectorizer and LogisticRegression or LinearSVC, by their defaults and
with pairs of words; all see the training file, a tenth of which ours choose by, and are judged on the test file.

tuning: `bert` from the weights in FOLDER against the Trainer of `transformers` (text_peers.py), examples a second and
test accuracy; each passes over all examples so often, one after the other.

inference: the fitted `bert`, as it learned and in int8, against the pipeline of `transformers` and ONNX Runtime in
int8, each in its own process, in turn: texts a second in batches, the median of single texts, and how many labels are
the same. All load the folder that `bert` saved.

PYTHON is one that has transformers, datasets, accelerate, onnx and onnxruntime.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from peers import run_peer
from rungwise.estimators import estimator_class
from rungwise.kinds import OutputKind

RUNGS = ("tfidf-logistic", "linear-svm", "nb-svm")
PEERS = Path(__file__).with_name("text_peers.py")
ROUNDS = 5
PEER_RATE = 2e-5


class Data:
    """A data set's training and test texts and labels; a tenth of the training part, by seed 0, is to choose by."""

    def __init__(self, folder: Path, name: str) -> None:
        train, test = (pd.read_csv(folder / "text" / f"{name}.{part}.csv") for part in ("train", "test"))
        self.name = name
        self.texts, self.labels = train["text"].to_numpy(), train["label"].astype(str).to_numpy()
        self.test_texts, self.test_labels = test["text"].to_numpy(), test["label"].astype(str).to_numpy()
        order = np.random.default_rng(0).permutation(len(train))
        self.valid, self.train = order[: len(order) // 10], order[len(order) // 10 :]

    def fit(self, rung: str, **settings: Any) -> Any:
        """The fitted estimator of a rung."""
        estimator = estimator_class(rung, OutputKind.LABEL)(random_state=0, **settings)
        validation = self.texts[self.valid], self.labels[self.valid]
        return estimator.fit(self.texts[self.train], self.labels[self.train], validation=validation)

    def accuracy(self, estimator: Any) -> float:
        """On test, in percent."""
        return 100 * float((estimator.predict(self.test_texts) == self.test_labels).mean())

    def said(self) -> dict[str, Any]:
        """For a peer: the same examples to learn from."""
        return {
            "train_texts": self.texts[self.train].tolist(),
            "train_labels": self.labels[self.train].tolist(),
            "test_texts": self.test_texts.tolist(),
            "test_labels": self.test_labels.tolist(),
        }


def compare_linear(data: Data) -> None:
    print(f"\n{data.name}\n\n| | test accuracy, % | fit, s |\n|---|---|---|")
    for rung in RUNGS:
        start = time.perf_counter()
        estimator = data.fit(rung)
        seconds = time.perf_counter() - start
        print(f"| `{rung}` | {data.accuracy(estimator):.1f} | {seconds:.1f} |")
    for words in (1, 2):
        for model in (LogisticRegression(max_iter=1000), LinearSVC()):
            pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, words)), model)
            start = time.perf_counter()
            pipeline.fit(data.texts, data.labels)
            seconds = time.perf_counter() - start
            name = f"scikit-learn {type(model).__name__}, {words} word{'s' * (words > 1)}"
            print(f"| {name} | {data.accuracy(pipeline):.1f} | {seconds:.1f} |")


def compare_tuning(data: Data, options: argparse.Namespace) -> Any:
    """Prints both sides; returns ours."""
    start = time.perf_counter()
    model = data.fit(
        "bert", pretrained=options.encoder, pooling="first", tuning_epochs=options.epochs, patience=100
    )
    whole = time.perf_counter() - start
    passes = [epoch for epoch in model.history_ if epoch.epoch >= 1]
    rate = len(data.train) * options.epochs / (passes[-1].seconds - model.history_[0].seconds)
    print(
        f"\n{data.name}: ours {rate:.1f} examples a second, {data.accuracy(model):.1f} % ({whole:.0f} s in all)"
    )
    if options.hugging_face:
        said = {"folder": options.encoder, "epochs": options.epochs, "rate": PEER_RATE}
        given = {**data.said(), **said}
        theirs = run_peer(options.hugging_face, PEERS, "trainer", given, threads=options.threads)
        their_rate = len(data.train) * options.epochs / theirs["seconds"]
        accuracy = 100 * theirs["accuracy"]
        print(f"Trainer {their_rate:.1f} examples a second, {accuracy:.1f} %: ours {rate / their_rate:.2f}×")
    return model


class Side:
    """One that answers line by line, in a process of its own: where a model has learned memory is in pieces."""

    def __init__(self, kind: str, options: argparse.Namespace, said: dict[str, Any], space: Path) -> None:
        self.file = space / f"{kind}.json"
        self.file.write_text(json.dumps({**said, "threads": options.threads}), encoding="utf-8")
        python = sys.executable if kind.startswith("ours") else options.hugging_face
        command = [python, PEERS, kind, self.file]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        while self._line() != "ready":
            pass

    def ask(self, what: str) -> Any:
        assert self.process.stdin is not None
        print(what, file=self.process.stdin, flush=True)
        return json.loads(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer ended with {self.process.wait()}")
        return line.strip()

    def close(self) -> None:
        self.process.kill()


def compare_inference(data: Data, model: Any, options: argparse.Namespace) -> None:
    texts, truth = data.test_texts[: options.texts].tolist(), data.test_labels[: options.texts]
    with tempfile.TemporaryDirectory() as name:
        space = Path(name)
        model.save(space / "model")
        said = {"test_texts": texts, "folder": str(space / "model")}
        kinds = ["ours", "ours-int8", *(["pipeline", "onnx"] if options.hugging_face else [])]
        sides = {kind: Side(kind, options, said, space) for kind in kinds}
        taken: dict[str, dict[str, list[float]]] = {side: {"batch": [], "single": []} for side in sides}
        for _ in range(ROUNDS):
            for what in ("batch", "single"):
                for side, asked in sides.items():
                    taken[side][what].append(asked.ask(what))
        labels = {side: asked.ask("labels") for side, asked in sides.items()}
        for asked in sides.values():
            asked.close()
    print(f"\n{data.name}, {options.threads} thread(s)\n")
    print("| | texts a second | single, ms | accuracy, % | same labels, % |\n|---|---|---|---|---|")
    for side in sides:
        batch, single = (statistics.median(taken[side][what]) for what in ("batch", "single"))
        accuracy = 100 * float(np.mean(np.array(labels[side]) == truth))
        same = 100 * float(np.mean(np.array(labels[side]) == np.array(labels["ours"])))
        print(f"| {side} | {len(texts) / batch:.1f} | {1000 * single:.1f} | {accuracy:.1f} | {same:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), help="the data folder")
    parser.add_argument("--parts", nargs="*", choices=("linear", "tuning", "inference"), default=["linear"])
    parser.add_argument("--sets", nargs="*", choices=("trec", "sst2", "r8"), default=["trec"])
    parser.add_argument("--encoder", help="a folder of BERT in Hugging Face's layout")
    parser.add_argument("--hugging-face", help="a Python that has transformers")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--texts", type=int, help="of the test file, for inference: the first so many")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the data folder, or set RUNGWISE_DATA")
    if options.encoder is None and set(options.parts) & {"tuning", "inference"}:
        parser.error("name the encoder's folder: --encoder")
    torch.set_num_threads(options.threads)
    for name in options.sets:
        data = Data(Path(options.data), name)
        if "linear" in options.parts:
            compare_linear(data)
        model = compare_tuning(data, options) if "tuning" in options.parts else None
        if "inference" in options.parts:
            model = model or data.fit("bert", pretrained=options.encoder, pooling="first", tuning="head")
            compare_inference(data, model, options)


if __name__ == "__main__":
    main()
