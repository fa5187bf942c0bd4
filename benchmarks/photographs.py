"""Climbs the whole image ladder on a folder of many photographs of mixed sizes, and prints its time and its memory.

    python benchmarks/photographs.py DATA [--count 10000] [--budgets default,10m] [--rungs A,B]

DATA is the data folder (or RUNGWISE_DATA), of which the hymenoptera photographs are taken: windows of them, scaled
to 200 to 1,600 pixels a side, some mirrored, grey, turned by EXIF or with transparency, JPEG at quality 85 or PNG.
Making them is no part of any time.

Reading is what passes until the climb begins, decoding most of it; the first run decodes, a second one finds the pixels
kept. Over is the time from then until the command has ended, less its budget; the bar is 2 s or 2 %, the larger.

Memory is seen from outside, several times a second: the resident set of each process of the command's tree, and the
kernel's own high-water mark of each. The model's own is what the rung's formula expects its training to hold beside a
bare process (`cost.fit_bytes`): weights, moments, activations, features. Above it is a worker's peak less that; for the
command itself, which has no model, it is the whole. The bar is 2 GB above the model's own, in each process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from rungwise.evaluation import read_records
from rungwise.ladder import parse_budget

DEFAULT = "default"
MOST_ABOVE = 2e9
SAMPLE_SECONDS = 0.2
SIDES = (200, 1600)
ROTATED_BY_EXIF = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


# ------------------------------------------------------------------------------------------- photographs


def make_photographs(data: Path, folder: Path, count: int) -> None:
    """Writes so many photographs into a sub-folder a class."""
    rng = np.random.default_rng(0)
    files = sorted((data / "image" / "hymenoptera").rglob("*.jpg"))
    for number in range(count):
        file = files[number % len(files)]
        with Image.open(file) as photograph:
            image = window(photograph.convert("RGB"), rng)
        to = folder / file.parent.name / f"{number:06}"
        to.parent.mkdir(parents=True, exist_ok=True)
        save(image, to, rng)


def window(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A part of the image, scaled to a size of its own, with some noise so that it compresses as photographs do."""
    width, height = (round(side * rng.uniform(0.6, 1)) for side in image.size)
    left, top = rng.integers(image.width - width + 1), rng.integers(image.height - height + 1)
    part = image.crop((left, top, left + width, top + height))
    if rng.random() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    sides = np.exp(rng.uniform(*np.log(SIDES))) * np.exp(rng.uniform(-0.3, 0.3, 2))
    size = tuple(int(side) for side in sides.clip(*SIDES))
    return part.resize(size, Image.Resampling.BICUBIC).filter(ImageFilter.UnsharpMask(2, 80))


def save(image: Image.Image, to: Path, rng: np.random.Generator) -> None:
    """In one of the forms that photographs come in."""
    kind, exif = rng.random(), Image.Exif()
    if kind < 0.05:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        image.save(to.with_suffix(".png"), compress_level=1)
        return
    if kind < 0.15:
        image = image.convert("L")
    elif kind < 0.35:
        orientation = int(rng.choice(list(ROTATED_BY_EXIF)))
        image, exif[0x0112] = image.transpose(ROTATED_BY_EXIF[orientation]), orientation
    image.save(to.with_suffix(".jpg"), quality=85, exif=exif, progressive=kind > 0.9)


# ------------------------------------------------------------------------------------------------ memory


class Watch(threading.Thread):
    """Looks at a process and all that it has started until it ends.

    Attributes:
        peaks: process number -> its largest resident set in bytes.
        together: the largest sum of all of them at one time; pages that several map count for each.
    """

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root, self.over = root, threading.Event()
        self.peaks: dict[int, int] = {}
        self.together = 0

    def run(self) -> None:
        """Looks until `over` is set."""
        while not self.over.wait(SAMPLE_SECONDS):
            now = {number: status(number) for number in tree(self.root)}
            for number, sizes in now.items():
                self.peaks[number] = max(self.peaks.get(number, 0), sizes.get("VmHWM", 0))
            self.together = max(self.together, sum(sizes.get("VmRSS", 0) for sizes in now.values()))


def status(number: int) -> dict[str, int]:
    """The sizes in a process's /proc/…/status, in bytes; nothing of one that has ended."""
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(value) * 1024 for name, value, _ in pairs}


def tree(root: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found = [root]
    for number in found:
        found += children.get(number, [])
    return found


# ------------------------------------------------------------------------------------------------- climb


def climb(photographs: Path, budget: str, run: Path, rungs: str | None) -> bool:
    """Runs the command, prints what it took, and returns whether the bars are met."""
    command = [sys.executable, "-m", "rungwise", "fit", str(photographs), "--out", str(run)]
    command += [] if budget == DEFAULT else ["--budget", budget]
    command += [] if rungs is None else ["--rungs", rungs]
    started = time.time()
    process = subprocess.Popen(command, stdout=sys.stderr)
    watch = Watch(process.pid)
    watch.start()
    code = process.wait()
    ended = time.time()
    watch.over.set()
    watch.join()
    if code:
        raise SystemExit(f"the command ended with code {code}")
    records = read_records(run)
    begun = (run / "config.json").stat().st_mtime
    seconds = parse_budget(next(record["budget"] for record in records if record["type"] == "climb"))
    over = ended - begun - seconds
    is_kept = over <= max(2.0, 0.02 * seconds)
    print(f"\n## {photographs.name}, budget {budget}\n")
    print(
        "| reading s | climb s | budget s | over s | promise | command peak MB | any process MB | together MB |"
    )
    print("|--:|--:|--:|--:|---|--:|--:|--:|")
    promise = "kept" if is_kept else "BROKEN"
    print(
        f"| {begun - started:.1f} | {ended - begun:.1f} | {seconds:.0f} | {over:+.1f} | {promise}"
        f" | {watch.peaks[process.pid] / 1e6:.0f} | {max(watch.peaks.values()) / 1e6:.0f}"
        f" | {watch.together / 1e6:.0f} |\n"
    )
    print("| rung | status | fit s | model's own MB | peak MB | above MB | bar |")
    print("|---|---|--:|--:|--:|--:|---|")
    are_met = [watch.peaks[process.pid] <= MOST_ABOVE]
    for record in records:
        if record["type"] != "rung":
            continue
        own, peak = record["cost"]["fit_bytes"], record.get("peak_memory_bytes")
        if peak is None:
            print(f"| {record['rung']} | {record['status']}: {record['reason']} | | {own / 1e6:.0f} | | | |")
            continue
        above = max(0.0, peak - own)
        are_met.append(above <= MOST_ABOVE)
        told = "met" if are_met[-1] else "MISSED"
        cells = (record["rung"], record["status"], f"{record['fit_seconds']:.0f}")
        print(f"| {' | '.join(cells)} | {own / 1e6:.0f} | {peak / 1e6:.0f} | {above / 1e6:.0f} | {told} |")
    sys.stdout.flush()
    return is_kept and all(are_met)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", nargs="?", default=os.environ.get("RUNGWISE_DATA"), type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--budgets", default=f"{DEFAULT},10m")
    parser.add_argument("--rungs", help="the rungs that climb; all when left out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RUNGWISE_CACHE"] = str(Path(folder) / "cache")  # so that the first run decodes
        photographs = Path(folder) / f"{options.count} photographs"
        make_photographs(options.data, photographs, options.count)
        budgets = options.budgets.split(",")
        are_met = [
            climb(photographs, budget, Path(folder) / f"run{number}", options.rungs)
            for number, budget in enumerate(budgets)
        ]
    print("\nall bars are met" if all(are_met) else "\nA BAR IS MISSED")


if __name__ == "__main__":
    main()
