"""The page's sections: each a module that makes what it shows, and a template of the same name that shows it.

A module has `section(content)`, which returns what its template is given as `section`, or None where it has nothing to
show. A new section is these two files and a line here.
"""

from rungwise.language import Message, say

__all__ = ["SECTIONS"]

SECTIONS: dict[str, Message | None] = {
    "sentence": None,
    "next": say("What to do next"),
    "score": say("Score against cost"),
    "leaderboard": say("Leaderboard"),
    "beside": say("Beside the recommended rung"),
    "forecast": say("Forecast"),
    "costs": say("What it costs"),
    "predicates": None,
    "errors": say("Where it errs"),
    "slices": say("Slices"),
    "label_errors": say("Labels to look at"),
    "calibration": say("Calibration"),
    "robustness": say("Robustness"),
    "curves": say("Learning curves"),
    "sheets": say("What networks see in training"),
    "facts": say("The run"),
}
"""As they stand on the page: module → heading, None where it has none."""
