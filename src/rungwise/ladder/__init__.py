"""The run: plan, budget, workers, results."""

from rungwise.ladder.climb import RungState, Status, Step
from rungwise.ladder.folder import free_folder
from rungwise.ladder.plan import parse_budget, plan_rungs
from rungwise.ladder.run import Ladder, load

__all__ = ["Ladder", "RungState", "Status", "Step", "free_folder", "load", "parse_budget", "plan_rungs"]
