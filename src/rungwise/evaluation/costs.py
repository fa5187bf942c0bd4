"""What a rung costs to train, to keep and to ask: amounts, and how each is known.

Pure functions of the journal's records. Those of earlier versions lack some fields: what hangs on them is unavailable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rungwise.evaluation.outcomes import Outcome
from rungwise.evaluation.terms import Cost, Terms
from rungwise.evaluation.wording import (
    bytes_text,
    count_text,
    joules_text,
    number_text,
    rate_text,
    seconds_text,
)
from rungwise.language import Message, clauses, say

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CORE_WATTS",
    "QUANTITIES",
    "Amount",
    "Group",
    "Provenance",
    "Quantity",
    "cost_frame",
    "costs_as_dicts",
    "costs_of",
    "is_disturbed",
    "spent",
]

CORE_WATTS = 4.0
"""Of a busy core where nothing better is known: CodeCarbon's `DEFAULT_POWER_PER_CORE`, for processors that aren't
in its table (codecarbon/core/cpu.py, 3.3). What a machine draws beside its cores is left out."""

_MILLION, _HOUR = 1e6, 3600.0
_FREE = 0.8
"""Of a core: a process that had less while it answered one by one wasn't alone on the machine."""

_NO_TIME = say("there was no time to measure it, or the run is of a version that didn't")


class Provenance(StrEnum):
    """How an amount is known."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Amount:
    """Of something that a rung costs.

    Attributes:
        value: in the quantity's unit; None where it is unavailable.
        provenance: how it is known.
        note: what it is of, how it was estimated, or why it is unavailable; "" where nothing is to be said.
    """

    value: float | None
    provenance: Provenance
    note: str = ""


class Group(StrEnum):
    """What rungs cost something for."""

    TRAIN = "train"
    KEEP = "keep"
    ASK = "ask"
    BATCH = "batch"


@dataclass(frozen=True)
class _Rung:
    """What amounts follow from."""

    record: Mapping[str, Any]
    num_train: int
    price_per_hour: float | None


@dataclass(frozen=True)
class Quantity:
    """Something that rungs cost.

    Attributes:
        name: in tables for programs; those of the leaderboard are called as there.
        title: in tables for people, in its group.
        unit: of its values.
        group: what it is spent for.
        text: how a value is written.
        of: the amount.
    """

    name: str
    title: str
    unit: str
    group: Group
    text: Callable[[float], str]
    of: Callable[[_Rung], Amount]


# ------------------------------------------------------------------------------------------------- amounts


def _measured(value: float | None, note: str = "") -> Amount:
    return _unavailable(_NO_TIME) if value is None else Amount(float(value), Provenance.MEASURED, note)


def _estimated(value: float, note: str) -> Amount:
    return Amount(value, Provenance.ESTIMATED, note)


def _unavailable(note: str) -> Amount:
    return Amount(None, Provenance.UNAVAILABLE, note)


def _field(name: str, note: str = "") -> Callable[[_Rung], Amount]:
    return lambda rung: _measured(rung.record.get(name), note)


def _formula(name: str, note: str) -> Callable[[_Rung], Amount]:
    def amount(rung: _Rung) -> Amount:
        value = rung.record.get("cost", {}).get(name)
        return _unavailable(_NO_TIME) if value is None else _estimated(float(value), note)

    return amount


_ONLY_NETWORKS = say("operations are counted in networks alone, where there was time")


def _predict_counted(rung: _Rung) -> Amount:
    flops = rung.record.get("counted_flops")
    note = say("products and convolutions of the network, over some test examples")
    return _measured(flops["predict"], note) if flops else _unavailable(_ONLY_NETWORKS)


def _fit_counted(rung: _Rung) -> Amount:
    flops, history = rung.record.get("counted_flops"), rung.record.get("history")
    if not flops or not history or not rung.num_train:
        return _unavailable(_ONLY_NETWORKS)
    total = flops["step"] * rung.num_train * history[-1]["epoch"]
    return _estimated(
        total, say("the passes forward and back of one example, counted, by examples and epochs")
    )


def _latency(rung: _Rung) -> Amount:
    return _measured(rung.record.get("latency_seconds"), _disturbed(rung))


_LONGER = say("others worked on the machine meanwhile, so it is longer than it would be")


def is_disturbed(record: Mapping[str, Any]) -> bool:
    """Whether others worked on the machine while a rung's answers were timed, by its record."""
    return bool(record.get("core_share", 1.0) < _FREE)


def _disturbed(rung: _Rung, said: Message = _LONGER) -> Message:
    """What is said of times that the machine wasn't free for."""
    return said if is_disturbed(rung.record) else Message("")


def _tail(field: str, least: int) -> Callable[[_Rung], Amount]:
    def amount(rung: _Rung) -> Amount:
        value, count = rung.record.get(field), rung.record.get("num_calls")
        if value is None and count is not None:
            return _unavailable(
                say("it takes {count} calls to know it, and there was time for fewer", count=least)
            )
        return _measured(value, _disturbed(rung))

    return amount


def _throughput(rung: _Rung) -> Amount:
    note = say("in batches of {size}", size=rung.record.get("batch_size"))
    disturbed = _disturbed(
        rung, say("others worked on the machine meanwhile, so it is less than it would be")
    )
    return _measured(rung.record.get("throughput"), clauses([note, disturbed]) if disturbed else note)


# -------------------------------------------------------------------------------------------------- energy


def _energy(rung: _Rung, field: str, cpu_seconds: float | None, times: float = 1.0) -> Amount:
    joules = rung.record.get(field)
    if joules is None or cpu_seconds is None:
        return _unavailable(_NO_TIME)
    cpu, gpu = joules["cpu_joules"], joules["gpu_joules"]
    if gpu is None:
        return _unavailable(say("NVML doesn't tell what the card took (pip install 'rungwise[energy]')"))
    card = [say("NVML's count of the whole card")] if gpu else []
    if cpu is not None:
        note = say("RAPL's count of processors and memory, the share of its CPU seconds")
        return _measured(times * (cpu + gpu), clauses([note, *card]))
    power = rung.record.get("core_power") or {}
    watts = power.get("watts") or CORE_WATTS
    source = power.get("note") or say("CodeCarbon's assumption for unknown processors")
    note = say(
        "no counter (RAPL) told it: {watts} W for each CPU second ({source})",
        watts=f"{watts:.2g}",
        source=source,
    )
    return _estimated(times * (watts * cpu_seconds + gpu), clauses([note, *card]))


def _fit_energy(rung: _Rung) -> Amount:
    return _energy(rung, "fit_energy", rung.record.get("fit_cpu_seconds"))


def _million_energy(rung: _Rung) -> Amount:
    return _energy(rung, "answer_energy", rung.record.get("answer_cpu_seconds"), _MILLION)


# --------------------------------------------------------------------------------------------------- price


def _price(rung: _Rung, seconds: float | None, note: str) -> Amount:
    if rung.price_per_hour is None:
        return _unavailable(say("give what an hour of the machine costs: --price-per-hour"))
    if seconds is None:
        return _unavailable(_NO_TIME)
    said = say("at {price} an hour, {note}", price=number_text(rung.price_per_hour), note=note)
    return _estimated(rung.price_per_hour * seconds / _HOUR, said)


_ONE_PROCESS = say("by one process on one core that always has work")


def _fit_price(rung: _Rung) -> Amount:
    return _price(rung, rung.record.get("fit_seconds"), say("as if the machine did nothing else"))


def _batch_seconds(record: Mapping[str, Any]) -> float | None:
    """For one example in batches."""
    throughput = record.get("throughput")
    return 1 / throughput if throughput else None


def _million_price(rung: _Rung) -> Amount:
    seconds = _batch_seconds(rung.record)
    return _price(rung, None if seconds is None else _MILLION * seconds, _ONE_PROCESS)


def _million_price_alone(rung: _Rung) -> Amount:
    seconds = rung.record.get("latency_mean_seconds")
    return _price(rung, None if seconds is None else _MILLION * seconds, _ONE_PROCESS)


# --------------------------------------------------------------------------------------------- the quantities

_IMPORTS = say("CPU seconds of a new interpreter, once, for the libraries that any rung may need")

QUANTITIES = (
    Quantity("fit_time", say("time"), "s", Group.TRAIN, seconds_text, _field("fit_seconds")),
    Quantity("fit_cpu_time", say("CPU time"), "s", Group.TRAIN, seconds_text, _field("fit_cpu_seconds")),
    Quantity(
        "peak_memory_bytes", say("memory"), "bytes", Group.TRAIN, bytes_text, _field("peak_memory_bytes")
    ),
    Quantity(
        "fit_flops",
        say("FLOPs by formula"),
        "operations",
        Group.TRAIN,
        count_text,
        _formula("fit_flops", say("by the rung's formula, of all the epochs that were planned")),
    ),
    Quantity("fit_flops_counted", say("FLOPs counted"), "operations", Group.TRAIN, count_text, _fit_counted),
    Quantity("fit_energy", say("energy"), "J", Group.TRAIN, joules_text, _fit_energy),
    Quantity("fit_price", say("price"), "currency", Group.TRAIN, number_text, _fit_price),
    Quantity("parameters", say("parameters"), "numbers", Group.KEEP, count_text, _field("parameters")),
    Quantity("model_bytes", say("model"), "bytes", Group.KEEP, bytes_text, _field("model_bytes")),
    Quantity(
        "start_time", say("load and first answer"), "s", Group.KEEP, seconds_text, _field("start_seconds")
    ),
    Quantity(
        "import_time", say("imports"), "s", Group.KEEP, seconds_text, _field("import_cpu_seconds", _IMPORTS)
    ),
    Quantity("latency", "p50", "s", Group.ASK, seconds_text, _latency),
    Quantity("latency_p95", "p95", "s", Group.ASK, seconds_text, _tail("latency_p95_seconds", 20)),
    Quantity("latency_p99", "p99", "s", Group.ASK, seconds_text, _tail("latency_p99_seconds", 100)),
    Quantity(
        "predict_flops",
        say("FLOPs by formula"),
        "operations",
        Group.ASK,
        count_text,
        _formula("predict_flops", say("by the rung's formula")),
    ),
    Quantity(
        "predict_flops_counted", say("FLOPs counted"), "operations", Group.ASK, count_text, _predict_counted
    ),
    Quantity(
        "million_price_alone",
        say("price of a million"),
        "currency",
        Group.ASK,
        number_text,
        _million_price_alone,
    ),
    Quantity("throughput", say("throughput"), "examples/s", Group.BATCH, rate_text, _throughput),
    Quantity("million_energy", say("energy of a million"), "J", Group.BATCH, joules_text, _million_energy),
    Quantity(
        "million_price", say("price of a million"), "currency", Group.BATCH, number_text, _million_price
    ),
)
"""All that rungs cost, in the order of tables: whatever shows costs goes by these. Answers are by one thread of the
CPU: the latency of one example, and examples in batches, of which energy and price are meant."""


def costs_of(outcome: Outcome, price_per_hour: float | None = None) -> dict[str, Amount]:
    """Name of a quantity → what a finished rung costs of it.

    Args:
        outcome: of the rung.
        price_per_hour: of the machine, in any currency.

    Raises:
        ConfigError: if the price is no number above 0.
    """
    Terms(price_per_hour=price_per_hour)
    rung = _Rung(outcome.record, outcome.num_train, price_per_hour)
    return {quantity.name: quantity.of(rung) for quantity in QUANTITIES}


def costs_as_dicts(costs: Mapping[str, Amount]) -> dict[str, dict[str, Any]]:
    """Name of a quantity → its unit, value, provenance and note, as JSON has them."""
    units = {quantity.name: quantity.unit for quantity in QUANTITIES}
    return {name: {"unit": units[name], **asdict(amount)} for name, amount in costs.items()}


def spent(outcome: Outcome, cost: Cost) -> float | None:
    """What a rung takes of a cost, to be compared with others; None where that isn't known.

    The price is that of predictions in batches, which goes as their seconds do; so is the energy.
    """
    match cost:
        case Cost.PRICE:
            return _batch_seconds(outcome.record)
        case Cost.ENERGY:
            return costs_of(outcome)["million_energy"].value
        case _:
            value: float | None = outcome.record.get(_FIELDS[cost])
            return value


_FIELDS = {Cost.TRAIN: "fit_cpu_seconds", Cost.SIZE: "model_bytes", Cost.LATENCY: "latency_seconds"}


# -------------------------------------------------------------------------------------------------- tables


def cost_frame(costs: Mapping[str, Mapping[str, Amount]]) -> pd.DataFrame:
    """One row a rung: `NAME`, NaN where it is unavailable, and `NAME_provenance` of each quantity.

    Args:
        costs: rung → its costs, by `costs_of`.
    """
    import pandas as pd

    columns = [column for each in QUANTITIES for column in (each.name, f"{each.name}_provenance")]
    rows = []
    for rung, amounts in costs.items():
        row: dict[str, Any] = {"rung": rung}
        for name, amount in amounts.items():
            row |= {name: amount.value, f"{name}_provenance": amount.provenance.value}
        rows.append(row)
    table = pd.DataFrame(rows, columns=["rung", *columns])
    return table.astype({quantity.name: "float64" for quantity in QUANTITIES})
