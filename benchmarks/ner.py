"""Rungs that find named entities beside spaCy's and Flair's training on the same files: test F1 of spans, CPU seconds.

    python benchmarks/ner.py [DATA] --peers PYTHON [--rungs crf bilstm-crf bert] [--pretrained FOLDER]
    python benchmarks/ner.py [DATA] --peers PYTHON --rows 40 --passes 2 --steps 100     to see that it works

DATA (or RUNGWISE_DATA) is the folder that holds ner/wnut17.{train,dev,test}.conll. All learn from train, choose on dev
and are judged on test, once, by the exact spans, each with so many threads; seconds are those of the whole fit, of CPU.
`bert` takes part where --pretrained names a folder of BERT in Hugging Face's layout.

PYTHON is one that has spaCy, Flair or both (`pip install spacy flair`, 2 GB with torch); one that it hasn't is left
out, and said. Their settings are those of their documentation (ner_peers.py); Flair's word vectors would have to be
downloaded, so its words are one-hot, beside its vectors of characters. Training may take hours; --passes
bounds Flair's, and --steps spaCy's. The last lines are what ours has more in F1, and our seconds over theirs.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crf import read
from peers import run_peer
from rungwise.estimators import estimator_class
from rungwise.kinds import OutputKind
from rungwise.tags import Tags, span_counts, span_f1, tag_names

PEERS = Path(__file__).with_name("ner_peers.py")
PARTS = ("train", "dev", "test")

Part = tuple[list[list[str]], list[list[str]]]
"""Sentences and their tags."""


def f1(truth: list[list[str]], said: list[list[str]]) -> float:
    """Of exact spans, in percent."""
    names = {tag[2:] for tags in (truth, said) for row in tags for tag in row if tag != "O"}
    number = {name: i for i, name in enumerate(tag_names(sorted(names)))}
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in truth])]).astype(np.int64)
    sides = [Tags(np.array([number[tag] for row in tags for tag in row]), offsets) for tags in (truth, said)]
    return 100 * span_f1(span_counts(*sides))


def our_sides(
    parts: dict[str, Part], options: argparse.Namespace
) -> Iterator[tuple[str, list[list[str]], float]]:
    """Rung by rung: its name, its tags of test, and its CPU seconds."""
    for rung in options.rungs:
        settings: dict[str, Any] = {}
        if rung == "bert":
            if options.pretrained is None:
                print("bert: left out, since --pretrained names no folder", flush=True)
                continue
            settings["pretrained"] = options.pretrained
        estimator = estimator_class(rung, OutputKind.TAGS)(random_state=options.seed, **settings)
        start = time.process_time()
        estimator.fit(*parts["train"], validation=parts["dev"])
        seconds = time.process_time() - start
        yield f"rungwise {rung}", estimator.predict(parts["test"][0]), seconds


def their_sides(
    parts: dict[str, Part], options: argparse.Namespace
) -> Iterator[tuple[str, list[list[str]], float]]:
    """The same of each peer that there is."""
    if options.peers is None:
        return
    said = {"seed": options.seed, "passes": options.passes, "steps": options.steps, **parts}
    for kind in ("spacy", "flair"):
        given = run_peer(options.peers, PEERS, kind, said, threads=options.threads)
        if "missing" in given:
            print(f"{kind}: left out, since {options.peers} hasn't got it ({given['missing']})", flush=True)
            continue
        yield f"{kind} {given['version']}", given["tags"], given["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("--peers", help="a Python that has spaCy, Flair or both")
    parser.add_argument("--rungs", nargs="*", default=["crf", "bilstm-crf", "bert"])
    parser.add_argument("--pretrained", help="a folder of BERT in Hugging Face's layout, for bert")
    parser.add_argument("--rows", type=int, help="sentences at most of train, and of dev and test")
    parser.add_argument("--passes", type=int, default=100, help="of Flair at most; its own default is 100")
    parser.add_argument(
        "--steps", type=int, default=20_000, help="of spaCy at most; its own default is 20,000"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the data folder, or set RUNGWISE_DATA")
    torch.set_num_threads(options.threads)
    parts = {part: read(options.data / "ner" / f"wnut17.{part}.conll") for part in PARTS}
    parts = {part: (tokens[: options.rows], tags[: options.rows]) for part, (tokens, tags) in parts.items()}
    print("| | F1 on test, % | CPU s |\n|---|---|---|")
    scores: list[dict[str, tuple[float, float]]] = []
    for sides in (our_sides(parts, options), their_sides(parts, options)):
        scores.append({})
        for name, tags, seconds in sides:
            scores[-1][name] = f1(parts["test"][1], tags), seconds
            print(f"| {name} | {scores[-1][name][0]:.1f} | {seconds:.1f} |", flush=True)
    for ours, (our_f1, our_seconds) in scores[0].items():
        for theirs, (their_f1, their_seconds) in scores[1].items():
            print(
                f"{ours} beside {theirs}: F1 {our_f1 - their_f1:+.1f}, ratio {our_seconds / their_seconds:.3f}"
            )


if __name__ == "__main__":
    main()
