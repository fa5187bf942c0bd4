"""The run: plan, budget, workers, results.

What stands here is imported where it is first used, so that a command can start its workers before its own imports.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rungwise.ladder.folder import free_folder
    from rungwise.ladder.growth import GrowthStep
    from rungwise.ladder.loading import load
    from rungwise.ladder.plan import parse_budget, plan_rungs
    from rungwise.ladder.run import Ladder
    from rungwise.ladder.states import FitState, Status, Step

__all__ = [
    "FitState",
    "GrowthStep",
    "Ladder",
    "Status",
    "Step",
    "free_folder",
    "load",
    "parse_budget",
    "plan_rungs",
]

_HOMES = {
    "FitState": "states",
    "GrowthStep": "growth",
    "Ladder": "run",
    "Status": "states",
    "Step": "states",
    "free_folder": "folder",
    "load": "loading",
    "parse_budget": "plan",
    "plan_rungs": "plan",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
