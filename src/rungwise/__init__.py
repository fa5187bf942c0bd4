"""How large a model does your data need? Climb from linear models to Transformers, and see which rung pays.

    import rungwise as rw

    ladder = rw.Ladder("text-classification", budget="10m").fit("reviews.csv", target="label")
    ladder.leaderboard()
    ladder.recommended.predict(["great film"])

Everything is imported where it is first used: `rw.Ladder`, `rw.load`, and one estimator for each rung and kind of
output, such as `rw.TextCNNClassifier`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rungwise.ladder import Ladder, load

__version__ = "0.1.0"
__all__ = ["Ladder", "__version__", "load"]

_HOMES = {"Ladder": "rungwise.ladder", "load": "rungwise.ladder"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name.endswith(("Classifier", "Regressor", "Tagger")):
        from rungwise.errors import UnknownNameError
        from rungwise.estimators import estimator_named

        try:
            return estimator_named(name)
        except UnknownNameError as error:
            raise AttributeError(f"rungwise: {error}") from None
    raise AttributeError(f"module 'rungwise' has no attribute {name!r}")


def __dir__() -> list[str]:
    from rungwise.estimators import class_names

    return sorted([*__all__, *class_names()])
