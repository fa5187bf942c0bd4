"""The run: plan, budget, workers, results."""

from rungwise.ladder.folder import free_folder
from rungwise.ladder.loading import load
from rungwise.ladder.plan import parse_budget, plan_rungs
from rungwise.ladder.run import Ladder
from rungwise.ladder.states import FitState, Status, Step

__all__ = ["FitState", "Ladder", "Status", "Step", "free_folder", "load", "parse_budget", "plan_rungs"]
