"""An epoch of our text networks beside the same models written as tutorials write them, by turns.

    python benchmarks/text_epochs.py DATA [--sets r8 imdb-like sst2] [--rungs lstm textcnn transformer]
                                          [--examples 2000] [--epochs 3] [--threads 1]
    DATA holds text/r8.train.csv and text/sst2.train.csv

Same tokens, sizes, dropout, pooling, learning rate and (on average) examples a step. The tutorial's batches are drawn
at random and padded to their longest text, its arithmetic is fp32, its optimizer `torch.optim.Adam`. `imdb-like` has
texts of SST-2's words in lengths as IMDb's reviews have them: a log-normal distribution with the median 174 words and a
standard deviation of 0.72. The first epoch of each side, which compiles kernels, isn't counted.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from pyarrow import csv
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from rungwise import registry
from rungwise.fitting import FitContext
from rungwise.kinds import OutputKind
from rungwise.preprocessing.tokens import TokenPreprocessor, Tokens
from rungwise.training.losses import Objective
from rungwise.training.seeds import seeded
from rungwise.training.trainer import Trainer

MEDIAN_WORDS, SPREAD = 174, 0.72
PAD = 0


class TutorialLSTM(nn.Module):
    """The rung's model, as `nn.LSTM` offers it."""

    def __init__(self, config: Any, vocab_size: int, num_classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, config.embedding_dim, padding_idx=PAD)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.lstm = nn.LSTM(
            config.embedding_dim,
            config.hidden_size,
            config.num_layers,
            batch_first=True,
            bidirectional=config.bidirectional,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear((1 + config.bidirectional) * config.hidden_size, num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding_dropout(self.embedding(tokens)))
        states = states.masked_fill((tokens == PAD)[:, :, None], -torch.inf)
        return self.linear(self.dropout(states.amax(1)))


class TutorialTextCNN(nn.Module):
    """The rung's model, as in any tutorial on Kim's paper."""

    def __init__(self, config: Any, vocab_size: int, num_classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, config.embedding_dim, padding_idx=PAD)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.embedding_dim, config.num_filters, width, padding=width - 1)
            for width in config.widths
        )
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(len(config.widths) * config.num_filters, num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding_dropout(self.embedding(tokens)).transpose(1, 2)
        strongest = [convolution(x).relu().amax(2) for convolution in self.convolutions]
        return self.linear(self.dropout(torch.cat(strongest, 1)))


class TutorialTransformer(nn.Module):
    """The rung's model, as `nn.TransformerEncoder` offers it."""

    def __init__(self, config: Any, vocab_size: int, num_classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, config.hidden_size, padding_idx=PAD)
        self.positions = nn.Parameter(torch.randn(config.max_tokens, config.hidden_size) * 0.02)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        layer = nn.TransformerEncoderLayer(
            config.hidden_size,
            config.num_heads,
            config.intermediate_size,
            config.dropout,
            activation=str(config.activation),
            batch_first=True,
            norm_first=config.pre_norm,
        )
        norm = nn.LayerNorm(config.hidden_size) if config.pre_norm else None
        self.encoder = nn.TransformerEncoder(layer, config.num_layers, norm, enable_nested_tensor=False)
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(config.hidden_size, num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        is_padding = tokens == PAD
        x = self.embedding_dropout(self.embedding(tokens) + self.positions[: tokens.shape[1]])
        x = self.encoder(x, src_key_padding_mask=is_padding).masked_fill(is_padding[:, :, None], 0)
        return self.linear(self.dropout(x.sum(1) / (~is_padding).sum(1)[:, None]))


TUTORIALS = {"lstm": TutorialLSTM, "textcnn": TutorialTextCNN, "transformer": TutorialTransformer}


class Tutorial:
    """The loop of a tutorial."""

    def __init__(self, model: nn.Module, config: Any, train: Tokens, targets: Tensor) -> None:
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        self.loader = DataLoader(
            list(zip(texts_of(train), targets, strict=True)),
            batch_size=config.batch_size,
            shuffle=True,
            collate_fn=lambda rows: (
                pad_sequence([row[0] for row in rows], batch_first=True),
                torch.stack([row[1] for row in rows]),
            ),
        )

    def epoch(self) -> None:
        self.model.train()
        for tokens, targets in self.loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(tokens), targets)
            loss.backward()
            self.optimizer.step()


class Ours:
    """The rung under the common loop, an epoch at a time."""

    def __init__(self, name: str, config: Any, train: Tokens, targets: Tensor, shape: Any) -> None:
        objective = Objective(OutputKind.LABEL, config.label_smoothing)
        network = registry.rung(name).build(config, shape)  # type: ignore[union-attr]
        augment: Callable[..., Any] = lambda inputs, _, **__: inputs  # noqa: E731
        self.trainer = Trainer(network, config, FitContext(), objective, augment)
        self.trainer.prepare((train, targets), None)

    def epoch(self) -> None:
        self.trainer.epoch_step = 0
        for batch in self.trainer.batches(0):
            self.trainer.step(batch)


def texts_of(tokens: Tokens) -> list[Tensor]:
    return [
        torch.from_numpy(tokens.tokens[start:end].astype(np.int64))
        for start, end in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)
    ]


def read(data: Path, name: str, count: int) -> tuple[list[str], list[str]]:
    """So many texts of a set, drawn by a fixed seed, and their labels."""
    file = data / "text" / f"{'r8' if name == 'r8' else 'sst2'}.train.csv"
    table = csv.read_csv(file)
    texts, labels = table["text"].to_pylist(), table["label"].to_pylist()
    rng = np.random.default_rng(0)
    if name == "imdb-like":
        lengths = np.exp(rng.normal(np.log(MEDIAN_WORDS), SPREAD, count)).astype(int)
        words = words_of(texts, rng)
        texts = [" ".join(next(words) for _ in range(max(10, length))) for length in lengths]
        return texts, [labels[number % len(labels)] for number in range(count)]
    order = rng.permutation(len(texts))[:count].tolist()
    return [texts[number] for number in order], [labels[number] for number in order]


def words_of(texts: list[str], rng: np.random.Generator) -> Iterator[str]:
    while True:
        yield from texts[rng.integers(len(texts))].split()


def seconds(work: Callable[[], None]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(name: str, texts: list[str], labels: list[str], num_epochs: int) -> str:
    """One row of the table."""
    config = registry.rung(name).config(epochs=num_epochs)
    preprocessor = TokenPreprocessor(config)
    column = pa.chunked_array([texts])
    preprocessor.fit(column)
    train = preprocessor.examples(column)
    classes, numbers = np.unique(labels, return_inverse=True)
    owners = np.arange(len(labels)) if train.owners is None else train.owners
    targets = torch.from_numpy(numbers[owners].astype(np.int64))
    shape = preprocessor.shape(num_examples=len(train), num_outputs=len(classes))
    with seeded(0, "cpu"):
        theirs = Tutorial(TUTORIALS[name](config, shape.vocab_size, len(classes)), config, train, targets)
        ours = Ours(name, config, train, targets, shape)
        theirs.epoch(), ours.epoch()
        found = np.array([[seconds(theirs.epoch), seconds(ours.epoch)] for _ in range(num_epochs)])
    wall, cpu = np.median(found[:, 0] / found[:, 1], axis=0)
    both = np.median(found[:, :, 1], axis=0)
    rates = len(train) / both
    return (
        f"| {name} | {len(train)} of {train.lengths.mean():.0f} tokens | {both[1]:.2f} | {both[0]:.2f} | "
        f"{rates[1]:.0f} / {rates[0]:.0f} | {cpu:.1f}× | {wall:.1f}× | {ours.trainer.precision} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("--sets", nargs="+", default=["r8", "imdb-like", "sst2"])
    parser.add_argument("--rungs", nargs="+", default=list(TUTORIALS), choices=list(TUTORIALS))
    parser.add_argument("--examples", default=2000, type=int)
    parser.add_argument("--epochs", default=3, type=int)
    parser.add_argument("--threads", default=1, type=int)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data folder, or set RUNGWISE_DATA")
    torch.set_num_threads(arguments.threads)
    print(
        "| set | rung | examples | ours, CPU s | tutorial, CPU s | examples/s | by CPU | by wall | ours in |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in arguments.sets:
        texts, labels = read(arguments.data, name, arguments.examples)
        for rung in arguments.rungs:
            print(f"| {name} {compare(rung, texts, labels, arguments.epochs)}", flush=True)


if __name__ == "__main__":
    main()
