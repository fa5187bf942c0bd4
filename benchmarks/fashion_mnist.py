"""Seconds to an accuracy on Fashion-MNIST: the `cnn` rung beside the same network as PyTorch's tutorial trains it.

    python benchmarks/fashion_mnist.py [DATA] [--seeds 3] [--threads 1] [--targets 90 91]

DATA (or RUNGWISE_DATA) is the folder that holds image/fashion-mnist.

Both train the textbook form of the network on all 60,000 images, are scored on the 10,000 test images after the same
numbers of images, and take turns, so that a busy machine slows both. Scoring isn't timed. The tutorial: a data set
that makes a tensor of one image at a time, a `DataLoader` with batches of 64, fp32, Adam at 1e-3, a constant rate.
Ours: the rung's own optimizer, rate, batches and precision, with as many epochs planned as the target needs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from rungwise.data.images import LABEL, read_idx
from rungwise.fitting import FitContext
from rungwise.kinds import OutputKind
from rungwise.preprocessing.pixels import PixelPreprocessor
from rungwise.rung import ImageShape
from rungwise.rungs.cnn.cnn import CNN, CNNConfig, Padding
from rungwise.training.losses import Objective
from rungwise.training.seeds import seeded
from rungwise.training.trainer import Trainer, predict_outputs

IMAGES_BETWEEN_SCORES = 7_680
"""A multiple of both batch sizes: an eighth of an epoch, about."""

PLANNED_EPOCHS = {90.0: 2, 91.0: 3}
"""Target accuracy in percent -> the passes that our learning rate falls over."""

TUTORIAL_EPOCHS = 12

Point = tuple[float, float]
"""CPU seconds of training so far, test accuracy in percent."""


@dataclass(frozen=True)
class Data:
    """Images uint8 (N, H, W, 1) and class indices (N,)."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def read(folder: Path) -> Data:
    source = read_idx(folder, folder=None)
    labels = source.table[LABEL].to_numpy().copy()
    parts = {name: slice(rows.start, rows.stop) for name, rows in source.parts.items()}
    train, test = ((np.array(source.images[parts[name]]), labels[parts[name]]) for name in ("train", "test"))
    return Data(train, test)


# ------------------------------------------------------------------------------------------- the tutorial's way


class TutorialDataset(Dataset):
    """torchvision's FashionMNIST with its transform ToTensor, in the same steps."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = torch.from_numpy(images[..., 0]), torch.from_numpy(labels)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index].numpy())
        pixels = torch.from_numpy(np.array(image, np.uint8, copy=True)).view(28, 28, 1)
        return pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255), int(self.labels[index])


class TutorialCNN(nn.Module):
    """The textbook form, as it is written by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(64 * 5 * 5, 128)
        self.fc2 = nn.Linear(128, 10)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


def tutorial(data: Data, seed: int) -> Iterator[Point]:
    with seeded(seed, "cpu"):
        model = TutorialCNN()
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(TutorialDataset(*data.train), batch_size=64, shuffle=True, generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()
    test = torch.from_numpy(data.test[0]).permute(0, 3, 1, 2).float() / 255
    seconds, seen, next_score = 0.0, 0, IMAGES_BETWEEN_SCORES
    start = time.process_time()
    for _ in range(TUTORIAL_EPOCHS):
        for images, labels in loader:
            loss = loss_function(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(images)
            if seen >= next_score:
                seconds += time.process_time() - start
                next_score += IMAGES_BETWEEN_SCORES
                with torch.no_grad():
                    outputs = torch.cat([model(part) for part in test.split(1000)])
                yield seconds, accuracy(outputs, data)
                start = time.process_time()


# ------------------------------------------------------------------------------------------------ our way


class PausingTrainer(Trainer):
    """The common loop, as an iterator over the steps."""

    def steps(self) -> Iterator[int]:
        """Trains; yields the images seen after each step."""
        seen = 0
        for epoch in range(self.num_epochs):
            for batch in self.batches(epoch):
                self.step(batch)
                seen += len(batch[1])
                yield seen


def ours(data: Data, seed: int, epochs: int) -> Iterator[Point]:
    start = time.process_time()
    config = CNNConfig(padding=Padding.VALID, epochs=epochs, shift=0.0)
    preprocessor = PixelPreprocessor(config)
    preprocessor.fit(data.train[0])
    shape = preprocessor.shape(num_examples=len(data.train[0]), num_outputs=10)
    assert isinstance(shape, ImageShape)
    with seeded(seed, "cpu"):
        network = CNN(config, shape)
    context = FitContext(seed=seed)
    objective = Objective(OutputKind.LABEL, config.label_smoothing)
    trainer = PausingTrainer(network, config, context, objective, preprocessor.augment)
    trainer.prepare((preprocessor.examples(data.train[0]), torch.from_numpy(data.train[1])), None)
    test = preprocessor.examples(data.test[0])
    seconds, next_score = 0.0, IMAGES_BETWEEN_SCORES
    for seen in trainer.steps():
        is_last = trainer.step_number == trainer.total_steps
        if seen >= next_score or is_last:
            seconds += time.process_time() - start
            next_score += IMAGES_BETWEEN_SCORES
            yield seconds, accuracy(predict_outputs(network, test, config, context), data)
            start = time.process_time()


# -------------------------------------------------------------------------------------------- side by side


def accuracy(outputs: Tensor, data: Data) -> float:
    return 100 * float((outputs.argmax(1).numpy() == data.test[1]).mean())


def side_by_side(data: Data, seed: int, target: float) -> tuple[float, float]:
    """Seconds to the target (ours, the tutorial's), taking turns until both are there."""
    runs = {"ours": ours(data, seed, PLANNED_EPOCHS[target]), "tutorial": tutorial(data, seed)}
    reached: dict[str, float] = {}
    best = dict.fromkeys(runs, 0.0)
    while len(reached) < len(runs):
        for name in [name for name in runs if name not in reached]:
            point = next(runs[name], None)
            if point is None:
                reached[name] = float("inf")
                continue
            best[name] = max(best[name], point[1])
            if point[1] >= target:
                reached[name] = point[0]
    print(
        f"seed {seed}, {target:g} %: "
        + ", ".join(f"{n} {reached[n]:.1f} s (best {best[n]:.2f})" for n in runs)
    )
    return reached["ours"], reached["tutorial"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), help="the data folder")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--targets", type=float, nargs="+", choices=PLANNED_EPOCHS, default=[90.0])
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the data folder, or set RUNGWISE_DATA")
    torch.set_num_threads(options.threads)
    data = read(Path(options.data) / "image" / "fashion-mnist")
    for target in options.targets:
        pairs = [side_by_side(data, seed, target) for seed in range(options.seeds)]
        mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(theirs / mine for mine, theirs in pairs)
        print(
            f"to {target:g} %: ours {mine:.1f}, tutorial {theirs:.1f} CPU seconds (medians); {ratio:.1f} times sooner"
        )


if __name__ == "__main__":
    main()
