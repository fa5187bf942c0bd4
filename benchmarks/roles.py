"""Rungs that find semantic roles on English Web Treebank: F1 of arguments on its dev part, CPU seconds.

    python benchmarks/roles.py [DATA] [--rungs crf bilstm-crf bert] [--pretrained FOLDER] [--set bilstm-crf.epochs=9]

DATA (or RUNGWISE_DATA) is the folder that holds srl/ewt_propbank.{train,dev}.jsonl.gz. All learn from train, of whose
sentences a twentieth is to choose by, with all their predicates, and are judged on dev, once. `bert` takes part where
--pretrained names a folder of BERT in Hugging Face's layout.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rungwise.estimators import estimator_class
from rungwise.kinds import OutputKind

SHARE = 20
"""One sentence in so many is to choose by."""

Part = tuple[list[tuple[list[str], int]], list[list[str]]]
"""Sentences with a predicate, and their tags."""


def read(file: Path) -> Part:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(row["tokens"], row["predicate"]) for row in rows], [row["tags"] for row in rows]


def cut(part: Part, seed: int) -> tuple[Part, Part]:
    """To learn from, and to choose by: of each sentence all predicates are in one of them."""
    names: dict[tuple[str, ...], int] = {}
    numbers = [names.setdefault(tuple(tokens), len(names)) for tokens, _ in part[0]]
    is_chosen = np.random.default_rng(seed).permutation(len(names)) < len(names) // SHARE
    sides = []
    for side in (False, True):
        index = [row for row, number in enumerate(numbers) if is_chosen[number] == side]
        sides.append(([part[0][row] for row in index], [part[1][row] for row in index]))
    return sides[0], sides[1]


def value(text: str) -> Any:
    """A setting as JSON has it, or as it stands."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), help="the data folder")
    parser.add_argument("--rungs", nargs="*", default=["crf", "bilstm-crf", "bert"])
    parser.add_argument("--pretrained", help="a folder of BERT in Hugging Face's layout")
    parser.add_argument("--set", action="append", default=[], metavar="RUNG.SETTING=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the data folder, or set RUNGWISE_DATA")
    torch.set_num_threads(options.threads)
    folder = Path(options.data) / "srl"
    train, valid = cut(read(folder / "ewt_propbank.train.jsonl.gz"), options.seed)
    test = read(folder / "ewt_propbank.dev.jsonl.gz")
    print(
        f"{len(train[0])} predicates to learn from, {len(valid[0])} to choose by, {len(test[0])} to judge by\n"
    )
    print("| rung | F1 on dev | the best it chose by | CPU s | passes |\n|---|---|---|---|---|", flush=True)
    for rung in options.rungs:
        if rung == "bert" and options.pretrained is None:
            print("bert: left out, since --pretrained names no folder")
            continue
        given = [text.partition(".")[2].partition("=") for text in options.set if text.startswith(f"{rung}.")]
        settings = {name: value(text) for name, _, text in given}
        if rung == "bert":
            settings["pretrained"] = options.pretrained
        estimator = estimator_class(rung, OutputKind.TAGS)(random_state=options.seed, **settings)
        start = time.process_time()
        estimator.fit(*train, validation=valid)
        seconds = time.process_time() - start
        history = estimator.history_
        scores = [epoch.valid_score for epoch in history if epoch.valid_score is not None]
        best = f"{100 * max(scores):.1f}" if scores else ""
        f1 = 100 * estimator.score(*test)
        print(f"| {rung} | {f1:.1f} | {best} | {seconds:.0f} | {len(history)} |", flush=True)


if __name__ == "__main__":
    main()
