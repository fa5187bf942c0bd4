"""Which rungs climb, and in which order: by the cost that their formulas give for this data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow.compute as pc

from rungwise import registry
from rungwise.data import Dataset, are_even, num_folds
from rungwise.data.sentences import flat_sentences
from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.ladder.choices import check_kinds, check_pretrained, make_config, seen
from rungwise.preprocessing.columns import fit_sample
from rungwise.preprocessing.scaling import Scaling
from rungwise.preprocessing.sentences import readings
from rungwise.preprocessing.table import TableFeatures
from rungwise.rung import Cost, ImageShape, Pair, SentenceShape, Shape, TableShape, TextShape
from rungwise.scripts import UNSPACED
from rungwise.settings import NetworkConfig

__all__ = [
    "Plan",
    "choose_rungs",
    "estimate_shape",
    "expected_peak_bytes",
    "facts_of",
    "from_random",
    "on_request",
    "parse_budget",
    "plan_folds",
    "plan_rungs",
]

_BASELINE = "baseline"
_SAMPLE_TEXTS = 2_000
_WORD = r"[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]"
_ALONE = f"[{UNSPACED}]"
_LARGEST_VOCABULARY = 30_000

_FEW_FOLDS, _MANY_FOLDS, _FEW_ROWS, _LEAST_ROOM = 5, 10, 20_000, 3
"""Parts of train that rungs are chosen by, at least and at most, up to how many rows of train, and for how many there
must be room."""

_FOLD_FLOPS = 4e9
"""For a second of the budget, operations that fits of further folds may have: about a tenth of it."""

_PROCESS_BYTES = 355e6
"""Of a worker that has fitted nothing, 301 MB (`benchmarks/memory.py`), and what a network imports for its training."""

Plan = dict[str, Cost]
"""The rungs that climb, in order, with the cost that each is expected to have."""


def parse_budget(budget: str | float) -> float:
    """A budget in seconds: `90`, `"90s"`, `"10m"` or `"1h30m"`.

    Raises:
        ConfigError: if it is no such thing, or not positive.
    """
    text = str(budget).strip().lower()
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s?)?", text)
    seconds = (
        sum(float(n or 0) * unit for n, unit in zip(match.groups(), (3600, 60, 1), strict=True))
        if match
        else 0
    )
    if seconds <= 0:
        raise ConfigError(f"budget {budget!r} is no time; write seconds, or such as 90s, 10m or 1h30m.")
    return seconds


def choose_rungs(
    pair: Pair, rungs: Sequence[str] | None, settings: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """The rungs that the user named, or all that accept the pair; the baseline is always one.

    Of the rungs that climb on request alone, all are those that have a setting.

    Raises:
        UnknownNameError: if there is no such rung.
        ConfigError: if a rung doesn't accept the pair.
    """
    accepting = registry.rungs_for(pair)
    for name in rungs or ():
        registry.check_name(name, accepting)
        if name not in accepting:
            raise ConfigError(
                f"rung {name!r} doesn't take {pair[0]} input for {pair[1]} output; "
                f"these do: {', '.join(accepting)}."
            )
    if rungs:
        return list(dict.fromkeys([_BASELINE, *rungs]))
    return [name for name in accepting if not registry.rung(name).on_request or name in settings]


def plan_rungs(
    dataset: Dataset,
    *,
    rungs: Sequence[str] | None,
    up_to: str | None,
    settings: Mapping[str, Mapping[str, Any]],
) -> Plan:
    """The rungs that climb on this data, cheapest first.

    Args:
        dataset: what they climb on.
        rungs: names, or None for all that accept the data's kinds.
        up_to: the last rung, or None.
        settings: of rungs, where they differ from the defaults.

    Raises:
        UnknownNameError: if there is no such rung.
        ConfigError: if a rung or a setting can't be used, weights to begin from among them.
        ModelError: if such weights can't be read.
    """
    names = choose_rungs(dataset.pair, rungs, settings)
    unused = [name for name in settings if name not in names]
    for name in unused:
        registry.check_name(name, names)
    if unused:
        raise ConfigError(
            f"settings are given for {', '.join(unused)}, which won't climb; rungs: {', '.join(names)}."
        )
    check_kinds(settings, dataset.pair[1])
    shape, held = estimate_shape(dataset), _data_bytes(dataset, "*/*.arrow")
    costs = {name: _cost(name, shape, settings.get(name, {}), held) for name in names}
    order = sorted(names, key=lambda name: (costs[name].fit_flops, name))
    if up_to is not None:
        registry.check_name(up_to, order)
        if up_to not in order:
            raise ConfigError(f"rung {up_to!r} isn't on this ladder: {', '.join(order)}.")
        order = order[: order.index(up_to) + 1]
    check_pretrained(order, settings, shape)
    return {name: costs[name] for name in order}


def plan_folds(
    dataset: Dataset, plan: Plan, asked: int | None, *, budget: float, can_fold: bool, seeds: int
) -> tuple[int, int]:
    """How many parts of train rungs are chosen by: as many as were asked for, or what suits the data.

    The second is how many would suit the data where the budget is too short for them.

    Args:
        dataset: what they climb on.
        plan: the rungs, with their costs.
        asked: how many the user wants; None leaves it to this.
        budget: seconds for the climb.
        can_fold: whether the validation part was drawn from train without regard to time.
        seeds: that each rung is fitted with.

    Raises:
        ConfigError: if the data can't have so many.
    """
    reason, most = None, num_folds(dataset)
    if dataset.pair[1] is OutputKind.TAGS:
        reason = "sentences with tags are chosen by their validation part"
    elif not can_fold:
        reason = "the validation part is given, or the newest rows before the test part"
    elif seeds > 1:
        reason = "with several seeds rungs are chosen by the validation part"
    elif most < _LEAST_ROOM:
        reason = f"the {dataset.num('train'):,} rows of train are too few to set some aside"
    elif (asked or (asked is None and dataset.num("train") <= _FEW_ROWS)) and not are_even(dataset):
        reason = "groups, or equal inputs, are too large to set some aside"
    if asked and (reason or asked > most):
        raise ConfigError(f"folds={asked}: {reason or f'the data have room for {most} at most'}.")
    if asked is not None or reason:
        return asked or 0, 0
    flops = sum(cost.fit_flops for cost in plan.values())
    folds = int(min(_MANY_FOLDS, most, _FOLD_FLOPS * budget / max(flops, 1.0)))
    is_choice = len(plan) > 2  # of one rung beside the baseline there is little to choose
    few = min(_FEW_FOLDS, most)
    if dataset.num("train") > _FEW_ROWS or not is_choice:
        return 0, 0
    return (folds, 0) if folds >= few else (0, few)


def on_request(pair: Pair, plan: Plan) -> str | None:
    """A sentence on the rungs that don't climb because nobody named them."""
    names = [name for name in registry.rungs_for(pair) if registry.rung(name).on_request and name not in plan]
    if not names:
        return None
    return f"{', '.join(names)}: with pretrained weights, `--set {names[0]}.pretrained=…`"


def from_random(plan: Plan, settings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence on each rung that is made for pretrained weights, and was named without any."""
    return [
        f"{name} begins from random weights; `--set {name}.pretrained=…` names others."
        for name in plan
        if registry.rung(name).on_request and not settings.get(name, {}).get("pretrained")
    ]


def _cost(name: str, shape: Shape, settings: Mapping[str, Any], held: float) -> Cost:
    """What the rung's formula gives; the inputs and labels that its worker takes in hand are part of the memory."""
    rung = registry.rung(name)
    config = make_config(name, settings)
    shape = seen(config, shape)
    cost = rung.cost(config.for_training() if isinstance(config, NetworkConfig) else config, shape)
    return replace(cost, fit_bytes=cost.fit_bytes + held)


def facts_of(plan: Plan, dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Rung → what its record says of it beside the result."""
    return {
        rung: {
            "order": order,
            "family": registry.rung_family(rung),
            "cost": asdict(cost),
            "expected_memory_bytes": expected_peak_bytes(dataset, cost),
        }
        for order, (rung, cost) in enumerate(plan.items())
    }


def expected_peak_bytes(dataset: Dataset, cost: Cost) -> float:
    """What the worker of a fit is expected to hold at its peak, mapped data and its own libraries included."""
    return _PROCESS_BYTES + _data_bytes(dataset, "*/*") + cost.fit_bytes


def _data_bytes(dataset: Dataset, pattern: str) -> float:
    """Of the files of the parts that are called so."""
    return float(sum(file.stat().st_size for file in dataset.folder.glob(pattern)))


def estimate_shape(dataset: Dataset) -> Shape:
    """The problem's size before any preprocessing is fitted."""
    num_examples = dataset.num("train")
    num_outputs = dataset.num_outputs
    inputs = dataset.inputs("train")
    match dataset.pair[0]:
        case InputKind.IMAGE:
            _, height, width, channels = inputs.shape
            return ImageShape(
                num_examples=num_examples,
                num_outputs=num_outputs,
                channels=channels,
                height=height,
                width=width,
            )
        case InputKind.TEXT:
            sample = inputs.slice(0, _SAMPLE_TEXTS)
            words = pc.sum(pc.count_substring_regex(sample, _WORD)).as_py() or 0
            alone = pc.sum(pc.count_substring_regex(sample, _ALONE)).as_py() or 0
            mean_tokens = (words + alone) / max(1, len(sample))
            return TextShape(
                num_examples=num_examples,
                num_outputs=num_outputs,
                vocab_size=_vocabulary(mean_tokens, num_examples),
                mean_tokens=mean_tokens,
                max_tokens=max(1, math.ceil(4 * mean_tokens)),
            )
        case InputKind.TOKENS | InputKind.PREDICATE:
            sentences = flat_sentences(inputs)
            lengths = np.diff(sentences.offsets)
            return SentenceShape(
                num_examples=num_examples,
                num_outputs=num_outputs,
                has_predicates=dataset.pair[0] is InputKind.PREDICATE,
                readings=readings(sentences),
                vocab_size=_vocabulary(lengths.mean(), num_examples),
                mean_tokens=float(lengths.mean()),
                max_tokens=int(lengths.max()),
            )
        case InputKind.TABLE:
            features = TableFeatures(Scaling.STANDARD)
            features.fit(fit_sample(inputs))
            return TableShape(
                num_examples=num_examples,
                num_outputs=num_outputs,
                num_numbers=features.num_numbers,
                cardinalities=features.columns.cardinalities,
            )


def _vocabulary(mean_tokens: float, num_examples: int) -> int:
    """Different tokens, which grow with the root of all (Heaps' law)."""
    return int(min(_LARGEST_VOCABULARY, 10 * math.sqrt(max(1.0, mean_tokens) * num_examples)))
