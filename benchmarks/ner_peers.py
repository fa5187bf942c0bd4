"""What `ner.py` compares with, in an environment of its own: `ner_peers.py KIND ARGUMENTS.json`.

KIND spacy: a blank English pipeline, trained by what `spacy train` calls, with the settings that `spacy init config
--lang en --pipeline ner --optimize efficiency` writes: tok2vec and a transition-based parser, which dev says when to
stop and which of. KIND flair: the SequenceTagger of Flair's tutorial, a BiLSTM-CRF of 256 states, over OneHotEmbeddings
and CharacterEmbeddings of the characters of train, trained by ModelTrainer.train with a rate of 0.1 and batches of 32,
which dev anneals.

Prints the tags of test, and the CPU seconds of the training, which no imports belong to.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

KIND, SAID = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

Spans = Sequence[tuple[int, int, str]]
"""First token, the token behind the last, type."""


def tags_of(spans: Spans, length: int) -> list[str]:
    tags = ["O"] * length
    for start, end, name in spans:
        tags[start:end] = [f"B-{name}", *[f"I-{name}"] * (end - start - 1)]
    return tags


def spacy_side(space: Path) -> dict[str, Any]:
    import spacy
    from spacy.cli.init_config import init_config
    from spacy.cli.train import train
    from spacy.tokens import Doc, DocBin

    nlp = spacy.blank("en")
    for part in ("train", "dev"):
        pairs = zip(*SAID[part], strict=True)
        docs = [Doc(nlp.vocab, words=words, ents=tags) for words, tags in pairs]
        DocBin(docs=docs).to_disk(space / f"{part}.spacy")
    config = init_config(lang="en", pipeline=["ner"], optimize="efficiency")
    config.to_disk(space / "config.cfg")
    paths = {f"paths.{part}": str(space / f"{part}.spacy") for part in ("train", "dev")}
    start = time.process_time()
    train(
        space / "config.cfg",
        space / "trained",
        overrides={**paths, "training.seed": SAID["seed"], "training.max_steps": SAID["steps"]},
    )
    seconds = time.process_time() - start
    best = spacy.load(space / "trained" / "model-best")
    docs = best.pipe(Doc(best.vocab, words=words) for words in SAID["test"][0])
    tags = [tags_of([(ent.start, ent.end, ent.label_) for ent in doc.ents], len(doc)) for doc in docs]
    return {"tags": tags, "seconds": seconds, "version": spacy.__version__}


def flair_side(space: Path) -> dict[str, Any]:
    import flair
    import torch
    from flair.data import Corpus, Dictionary, Sentence
    from flair.datasets import FlairDatapointDataset
    from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings
    from flair.models import SequenceTagger
    from flair.trainers import ModelTrainer

    torch.set_num_threads(SAID["threads"])
    flair.set_seed(SAID["seed"])
    flair.device = torch.device("cpu")
    parts = [
        FlairDatapointDataset([labelled(*row) for row in zip(*SAID[part], strict=True)])
        for part in ("train", "dev")
    ]
    start = time.process_time()
    corpus = Corpus(train=parts[0], dev=parts[1], sample_missing_splits=False)
    types = corpus.make_label_dictionary("ner", add_unk=False)
    words = OneHotEmbeddings.from_corpus(corpus)
    characters = Dictionary()  # those of train: its own list would be downloaded
    for character in sorted({c for tokens in SAID["train"][0] for token in tokens for c in token}):
        characters.add_item(character)
    tagger = SequenceTagger(
        hidden_size=256,
        embeddings=StackedEmbeddings([words, CharacterEmbeddings(characters)]),
        tag_dictionary=types,
        tag_type="ner",
    )
    ModelTrainer(tagger, corpus).train(
        space / "flair",
        learning_rate=0.1,
        mini_batch_size=32,
        max_epochs=SAID["passes"],
        embeddings_storage_mode="none",
    )
    seconds = time.process_time() - start
    # `SequenceTagger.load` of 0.15.1 gives a model that finds nothing, where these weights find much
    best = torch.load(space / "flair" / "best-model.pt", weights_only=False)
    tagger.load_state_dict(best["state_dict"])
    asked = [Sentence(tokens) for tokens in SAID["test"][0]]
    tagger.predict(asked)
    return {
        "tags": [said_by(sentence) for sentence in asked],
        "seconds": seconds,
        "version": flair.__version__,
    }


def labelled(tokens: list[str], tags: list[str]) -> Any:
    """A sentence of Flair's with its entities."""
    from flair.data import Sentence

    sentence = Sentence(tokens)
    assert len(sentence) == len(tokens)
    starts = [n for n, tag in enumerate(tags) if tag.startswith("B-")]
    for start in starts:
        end = start + 1
        while end < len(tags) and tags[end].startswith("I-"):
            end += 1
        sentence[start:end].add_label("ner", tags[start][2:])
    return sentence


def said_by(sentence: Any) -> list[str]:
    spans = [
        (span[0].idx - 1, span[-1].idx, span.get_label("ner").value) for span in sentence.get_spans("ner")
    ]
    return tags_of(spans, len(sentence))


def main() -> None:
    random.seed(SAID["seed"])
    printed, sys.stdout = sys.stdout, sys.stderr  # training speaks much; the answer alone is the output
    with tempfile.TemporaryDirectory() as space:
        try:
            answer = {"spacy": spacy_side, "flair": flair_side}[KIND](Path(space))
        except ImportError as error:
            answer = {"missing": str(error)}
    print(json.dumps(answer), file=printed)


if __name__ == "__main__":
    main()
