"""What a run says: pure functions of its folder, from the journal and the stored predictions to the verdict."""

from rungwise.evaluation.costs import Amount, Provenance, cost_frame, costs_of
from rungwise.evaluation.intervals import Difference, Score, paired
from rungwise.evaluation.leaderboard import leaderboard
from rungwise.evaluation.outcomes import Outcome, Results
from rungwise.evaluation.outlook import Outlook, outlook
from rungwise.evaluation.predictions import Predictions, read_predictions, write_predictions
from rungwise.evaluation.records import append_record, read_records, write_json
from rungwise.evaluation.resampling import bootstrap
from rungwise.evaluation.scores import scores
from rungwise.evaluation.significance import Comparison
from rungwise.evaluation.terms import Terms
from rungwise.evaluation.verdict import Verdict, verdict

__all__ = [
    "Amount",
    "Comparison",
    "Difference",
    "Outcome",
    "Outlook",
    "Predictions",
    "Provenance",
    "Results",
    "Score",
    "Terms",
    "Verdict",
    "append_record",
    "bootstrap",
    "cost_frame",
    "costs_of",
    "leaderboard",
    "outlook",
    "paired",
    "read_predictions",
    "read_records",
    "scores",
    "verdict",
    "write_json",
    "write_predictions",
]
