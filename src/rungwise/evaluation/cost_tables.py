"""What rungs cost, written for people: for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rungwise.evaluation.costs import QUANTITIES, Amount, Group, Provenance, Quantity
from rungwise.evaluation.wording import code, listed
from rungwise.language import Message, say

__all__ = ["CostTable", "cost_tables"]

_TITLES = {
    Group.TRAIN: say("to train"),
    Group.KEEP: say("to keep and start"),
    Group.ASK: say("to ask about one example"),
    Group.BATCH: say("to ask in batches"),
}

_MARKS = {Provenance.MEASURED: "", Provenance.ESTIMATED: "~", Provenance.UNAVAILABLE: "–"}


@dataclass(frozen=True)
class CostTable:
    """What rungs cost in one way.

    Attributes:
        group: what for.
        title: the same in words.
        titles: of its columns, those in which nothing is known left out.
        rows: rung → cells, such as "2.1 ms", "~3.4 kJ" of an estimate, and "–".
        values: rung → the numbers that stand there.
        notes: what amounts are of, how they were estimated, and why they are unavailable.
    """

    group: Group
    title: Message
    titles: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]
    values: Mapping[str, tuple[float | None, ...]]
    notes: tuple[Message, ...]


def cost_tables(costs: Mapping[str, Mapping[str, Amount]]) -> list[CostTable]:
    """A table for each group of quantities.

    Args:
        costs: rung → its costs, by `costs_of`.
    """
    tables = []
    for group, title in _TITLES.items():
        own = [quantity for quantity in QUANTITIES if quantity.group is group]
        known = [q for q in own if any(amounts[q.name].value is not None for amounts in costs.values())]
        rows = {rung: tuple(_cell(q, amounts[q.name]) for q in known) for rung, amounts in costs.items()}
        values = {rung: tuple(amounts[q.name].value for q in known) for rung, amounts in costs.items()}
        titles = tuple(quantity.title for quantity in known)
        tables.append(CostTable(group, title, titles, rows, values, _notes(costs, own)))
    return tables


def _cell(quantity: Quantity, amount: Amount) -> str:
    written = "" if amount.value is None else quantity.text(amount.value)
    return f"{_MARKS[amount.provenance]}{written}"


def _notes(costs: Mapping[str, Mapping[str, Amount]], quantities: Sequence[Quantity]) -> tuple[Message, ...]:
    """What is to be said of amounts, once where it is the same of several quantities or rungs."""
    said: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for quantity in quantities:
        rungs: dict[tuple[str, str], list[str]] = {}
        for rung, amounts in costs.items():
            amount = amounts[quantity.name]
            if amount.note:
                rungs.setdefault((_MARKS[amount.provenance], amount.note), []).append(rung)
        for (mark, note), of in rungs.items():
            some = () if len(of) == len(costs) else tuple(of)
            said.setdefault((mark, note, some), []).append(quantity.title)
    return tuple(_note(*key, titles) for key, titles in said.items())


def _note(mark: str, note: str, rungs: Sequence[str], titles: Sequence[str]) -> Message:
    what: Message = listed(titles)
    if rungs:
        what = say("{titles} of {rungs}", titles=what, rungs=listed(map(code, rungs)))
    how = say("{mark} {note}", mark=mark, note=note) if mark else note
    return say("{what}: {how}.", what=what, how=how)
