"""An epoch of our `lstm` rung beside the same model written as tutorials write it, on SST-2, interleaved.

    python benchmarks/lstm_epoch.py DATA [--epochs 4] [--batch-size 128] [--threads 1]
    DATA holds text/sst2.{train,test}.csv

Same tokens, sizes, dropout, pooling, learning rate and (on average) examples a step. The tutorial's batches are drawn
at random and padded to their longest text, its arithmetic is fp32, its optimizer `torch.optim.Adam`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from pyarrow import csv
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from rungwise.fitting import FitContext
from rungwise.kinds import OutputKind
from rungwise.layers.sequence import Pooling
from rungwise.preprocessing.tokens import TokenPreprocessor, Tokens
from rungwise.rungs.rnn.lstm import LSTM, LSTMConfig
from rungwise.training.losses import Objective
from rungwise.training.seeds import seeded
from rungwise.training.trainer import Trainer, predict_outputs


class TutorialLSTM(nn.Module):
    """The rung's model, as `nn.LSTM` offers it."""

    def __init__(self, config: LSTMConfig, vocab_size: int, num_classes: int) -> None:
        super().__init__()
        assert config.pooling is Pooling.MAX
        self.embedding = nn.Embedding(vocab_size, config.embedding_dim, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=0.1)
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
        states = states.masked_fill((tokens == 0)[:, :, None], -torch.inf)
        return self.linear(self.dropout(states.amax(1)))


class Tutorial:
    """The loop of a tutorial."""

    def __init__(self, config: LSTMConfig, train: Tokens, targets: Tensor, vocab_size: int) -> None:
        torch.manual_seed(0)
        self.model = TutorialLSTM(config, vocab_size, int(targets.max()) + 1)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        self.loader = DataLoader(
            list(zip(_texts(train), targets, strict=True)),
            batch_size=config.batch_size,
            shuffle=True,
            collate_fn=lambda rows: (
                pad_sequence([row[0] for row in rows], batch_first=True),
                torch.stack([row[1] for row in rows]),
            ),
        )

    def epoch(self) -> int:
        self.model.train()
        for tokens, targets in self.loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(tokens), targets)
            loss.backward()
            self.optimizer.step()
        return len(self.loader)

    def accuracy(self, test: Tokens, targets: Tensor) -> float:
        self.model.eval()
        with torch.no_grad():
            right = [self.model(text[None]).argmax(1) for text in _texts(test)]
        return (torch.cat(right) == targets).float().mean().item()


class Ours:
    """The rung under the common loop, an epoch at a time."""

    def __init__(
        self, config: LSTMConfig, train: Tokens, targets: Tensor, preprocessor: TokenPreprocessor
    ) -> None:
        self.config, self.context = config, FitContext()
        shape = preprocessor.shape(num_examples=len(train), num_outputs=int(targets.max()) + 1)
        torch.manual_seed(0)
        objective = Objective(OutputKind.LABEL, config.label_smoothing)
        self.trainer = Trainer(LSTM(config, shape), config, self.context, objective, preprocessor.augment)
        self.trainer.prepare((train, targets), None)

    def epoch(self) -> int:
        before = self.trainer.step_number
        for batch in self.trainer.batches(0):
            self.trainer.step(batch)
        return self.trainer.step_number - before

    def accuracy(self, test: Tokens, targets: Tensor) -> float:
        outputs = predict_outputs(self.trainer.network, test, self.config, self.context)
        return (outputs.argmax(1) == targets).float().mean().item()


def _texts(tokens: Tokens) -> list[Tensor]:
    return [
        torch.from_numpy(tokens.tokens[start:end].astype(np.int64))
        for start, end in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)
    ]


def _timed(work: Callable[[], int]) -> tuple[int, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    steps = work()
    return steps, time.perf_counter() - wall, time.process_time() - cpu


def _read(file: Path) -> tuple[pa.ChunkedArray, Tensor]:
    table = csv.read_csv(file)
    return table["text"], torch.from_numpy((table["label"].to_numpy() == "positive").astype(np.int64))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("--epochs", default=4, type=int)
    parser.add_argument("--batch-size", default=LSTMConfig.batch_size, type=int)
    parser.add_argument("--threads", default=1, type=int)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the data folder, or set RUNGWISE_DATA")
    torch.set_num_threads(arguments.threads)

    config = LSTMConfig(epochs=arguments.epochs, batch_size=arguments.batch_size)
    texts, targets = _read(arguments.data / "text" / "sst2.train.csv")
    test_texts, test_targets = _read(arguments.data / "text" / "sst2.test.csv")
    preprocessor = TokenPreprocessor(config)
    preprocessor.fit(texts)
    train, test = preprocessor.examples(texts), preprocessor.examples(test_texts)

    with seeded(0, "cpu"):
        tutorial = Tutorial(config, train, targets, preprocessor.tokenizer.get_vocab_size())
        ours = Ours(config, train, targets, preprocessor)
        print(f"{len(train)} sentences, {arguments.threads} threads, our precision: {ours.trainer.precision}")
        ratios = []
        for number in range(1, arguments.epochs + 1):
            theirs, mine = _timed(tutorial.epoch), _timed(ours.epoch)
            ratios.append((theirs[1] / mine[1], theirs[2] / mine[2]))
            for name, (steps, wall, cpu) in (("tutorial", theirs), ("ours", mine)):
                rate = len(train) / wall
                print(
                    f"epoch {number} {name:8} {steps:4} steps {wall:6.2f} s {cpu:6.2f} CPU s {rate:7.0f} sentences/s"
                )
        wall, cpu = np.median(ratios, axis=0)
        print(f"ratio (median over epochs): {wall:.2f} in wall seconds, {cpu:.2f} in CPU seconds")
        scores = tutorial.accuracy(test, test_targets), ours.accuracy(test, test_targets)
        print(
            f"test accuracy after {arguments.epochs} epochs: tutorial {scores[0]:.4f}, ours {scores[1]:.4f}"
        )


if __name__ == "__main__":
    main()
