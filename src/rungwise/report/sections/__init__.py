"""The page's sections: each a module that makes what it shows, and a template of the same name that shows it.

A module has `section(content)`, which returns what its template is given as `section`, or None where it has nothing to
show. A new section is these two files and a line here.
"""

ORDER = (
    "sentence",
    "next",
    "score",
    "leaderboard",
    "beside",
    "forecast",
    "costs",
    "predicates",
    "errors",
    "slices",
    "label_errors",
    "calibration",
    "robustness",
    "curves",
    "sheets",
    "facts",
)
"""As they stand on the page."""
