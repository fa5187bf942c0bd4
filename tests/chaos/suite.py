"""The failure suite: `make chaos`, or `python tests/chaos/suite.py`.

A ladder of five rungs climbs on real data, once undisturbed; then again and again with a failure at a random moment.
It has survived if it comes, by itself or by `--resume`, to the very same bits.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from climbs import SUITE, Reference
from failures import KINDS, Outcome, attempt, why_not_here

SIDE_BY_SIDE = 2

_HEAD = (
    "| kind | tried | survived | results lost | resumed | processes left | longest over the budget |\n"
    "|---|---:|---:|---:|---:|---:|---:|"
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the suite; 1 if anything was lost, or not survived."""
    options = _options(arguments)
    folder = Path(options.folder or tempfile.mkdtemp(prefix="rungwise-chaos-")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    reference = Reference(folder, SUITE)
    print(
        f"Undisturbed: {reference.fit_seconds:.1f} s, from a prepared run on {reference.climb_seconds:.1f} s.",
        file=sys.stderr,
    )
    tries = [(kind, number) for kind in options.kinds for number in options.numbers]
    tries = [(kind, number) for kind, number in tries if why_not_here(kind) is None]

    def one(which: tuple[str, int]) -> Outcome:
        outcome = attempt(*which, reference, folder, options.seed)
        if not outcome.problems:
            shutil.rmtree(folder / f"{which[0]}-{which[1]}", ignore_errors=True)
        verdict = "; ".join(outcome.problems) or "survived"
        print(
            f"{outcome.name}, after {outcome.moment:.2f} s, {outcome.what}: {verdict}",
            file=sys.stderr,
            flush=True,
        )
        return outcome

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        outcomes = list(pool.map(one, tries))
    print(_HEAD)
    for kind in options.kinds:
        print(_row(kind, [outcome for outcome in outcomes if outcome.name.split()[0] == kind]))
    failed = [outcome for outcome in outcomes if outcome.problems]
    aborted = sum(outcome.is_aborted for outcome in outcomes)
    if aborted:
        print(
            f"\n{aborted} of the commands short of memory were ended by a library rather than with a sentence."
        )
    print(f"\nSeed {options.seed}, {(time.monotonic() - start) / 60:.0f} minutes.")
    for outcome in failed:
        print(f"\n- {outcome.name}, after {outcome.moment:.2f} s, {outcome.what}; in {folder}")
        print("\n".join(f"  - {problem}" for problem in outcome.problems))
    if not failed and options.folder is None:
        shutil.rmtree(folder)
    return 1 if failed else 0


def _row(kind: str, outcomes: list[Outcome]) -> str:
    if reason := why_not_here(kind):
        return f"| {kind} | skipped: {reason} | | | | | |"
    survived = sum(not outcome.problems for outcome in outcomes)
    cells = [
        kind,
        len(outcomes),
        survived,
        sum(len(outcome.lost) for outcome in outcomes),
        sum(outcome.resumed for outcome in outcomes),
        sum(outcome.left for outcome in outcomes),
        max((f"{outcome.over:.1f} s" for outcome in outcomes if outcome.over is not None), default="–"),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tries", type=int, default=50, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="the number of the first try")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--seed", type=int, default=0, help="of every moment and choice")
    parser.add_argument("--folder", help="scratch space; kept")
    options = parser.parse_args(arguments)
    options.numbers = range(options.first, options.first + options.tries)
    return options


if __name__ == "__main__":
    raise SystemExit(main())
