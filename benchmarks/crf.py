"""CPU seconds of the `crf` rung's whole fit beside python-crfsuite's training alone on the same attributes, by turns.

    python benchmarks/crf.py [DATA] [--repeats 3] [--max-iterations 100]

DATA (or RUNGWISE_DATA) is the folder that holds ner/wnut17.train.conll. Our side finds the attributes in the sentences,
hands them over, has them trained and reads the weights; the other is given the attributes of each token as strings, and
hands them over and trains. Both have the same settings, and so many iterations at most. The last line is our seconds
over the other's, medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pycrfsuite

from rungwise.data.sentences import TOKENS_TYPE, flat_sentences
from rungwise.fitting import FitContext
from rungwise.kinds import InputKind, OutputKind
from rungwise.rungs.traditional.crf import Crf, CrfConfig
from rungwise.tags import Tags, tag_names

C2, MIN_COUNT = 1.0, 2


def read(file: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences and their tags, of two columns with a tab between."""
    blocks: list[list[list[str]]] = [[]]
    for line in file.read_text(encoding="utf-8").split("\n"):
        if line.strip():
            blocks[-1].append(line.rsplit("\t", 1))
        elif blocks[-1]:
            blocks.append([])
    blocks = [block for block in blocks if block]
    return [[row[0] for row in block] for block in blocks], [[row[1] for row in block] for block in blocks]


def ours(inputs: pa.ChunkedArray, targets: Tags, num_outputs: int, iterations: int) -> tuple[float, Crf]:
    """CPU seconds of a fit, and the fitted learner."""
    config = CrfConfig(c2=C2, min_count=MIN_COUNT, max_iterations=iterations, rare_types=0.0)
    learner = Crf(config, (InputKind.TOKENS, OutputKind.TAGS))
    start = time.process_time()
    learner.fit(inputs, targets, num_outputs=num_outputs, validation=None, context=FitContext())
    return time.process_time() - start, learner


def alone(sentences: list[list[list[str]]], tags: list[list[str]], iterations: int) -> float:
    """CPU seconds of handing over and training."""
    start = time.process_time()
    settings = {"c1": 0.0, "c2": C2, "max_iterations": iterations}
    trainer = pycrfsuite.Trainer("lbfgs", settings, verbose=False)
    for tokens, names in zip(sentences, tags, strict=True):
        trainer.append(tokens, names)
    with tempfile.TemporaryDirectory() as folder:
        trainer.train(str(Path(folder) / "model"))
    return time.process_time() - start


def as_strings(learner: Crf, inputs: pa.ChunkedArray) -> list[list[list[str]]]:
    """The attributes of each token of each sentence, as a user of python-crfsuite names them."""
    attributes, sentences = learner.attributes, flat_sentences(inputs)
    attributes.fit(sentences, min_count=MIN_COUNT)  # with those that got no weight
    named = ["|".join(f"{view}[{offset}]" for view, offset in template) for template in attributes.templates]
    names = [
        f"{name}={key}" for name, keys in zip(named, attributes.keys, strict=True) for key in keys.tolist()
    ]
    rows = attributes.rows(sentences, is_training=True)
    tokens = [[names[number] for number in row[row >= 0].tolist()] for row in rows]
    return [tokens[first:last] for first, last in pairwise(sentences.offsets.tolist())]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("--repeats", default=3, type=int)
    parser.add_argument("--max-iterations", default=100, type=int)
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the data folder, or set RUNGWISE_DATA")
    tokens, tags = read(options.data / "ner" / "wnut17.train.conll")
    names = tag_names(sorted({tag[2:] for row in tags for tag in row if tag != "O"}))
    number = {name: i for i, name in enumerate(names)}
    inputs = pa.chunked_array([tokens], TOKENS_TYPE)
    values = np.array([number[tag] for row in tags for tag in row])
    targets = Tags(values, flat_sentences(inputs).offsets)
    _, learner = ours(inputs, targets, len(names), 1)
    strings = as_strings(learner, inputs)
    both = []
    print("| fit | rungwise, CPU s | python-crfsuite alone, CPU s |\n|---|---|---|")
    for repeat in range(1, options.repeats + 1):
        whole, _ = ours(inputs, targets, len(names), options.max_iterations)
        both.append((whole, alone(strings, tags, options.max_iterations)))
        print(f"| {repeat} | {both[-1][0]:.2f} | {both[-1][1]:.2f} |", flush=True)
    mine, other = (statistics.median(side) for side in zip(*both, strict=True))
    print(f"ratio {mine / other:.3f}")


if __name__ == "__main__":
    main()
