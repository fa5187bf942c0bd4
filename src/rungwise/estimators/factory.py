"""Makes an estimator class of a rung: its parameters are the rung's settings, then those that all share."""

from __future__ import annotations

import inspect
from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import Any

from rungwise import registry
from rungwise.errors import UnknownNameError
from rungwise.estimators.estimator import SHARED_PARAMETERS, RungClassifier, RungEstimator, RungRegressor
from rungwise.estimators.tagger import RungTagger
from rungwise.kinds import OutputKind

__all__ = ["class_names", "estimator_class", "estimator_named"]

_SUFFIX = {OutputKind.LABEL: "Classifier", OutputKind.NUMBER: "Regressor", OutputKind.TAGS: "Tagger"}
_BASES: dict[OutputKind, type[RungEstimator]] = {
    OutputKind.LABEL: RungClassifier,
    OutputKind.NUMBER: RungRegressor,
    OutputKind.TAGS: RungTagger,
}


def class_names() -> list[str]:
    """The names that `estimator_named` knows; every rung is imported."""
    return [
        stem + suffix
        for stem, name in registry.rung_class_names().items()
        for output, suffix in _SUFFIX.items()
        if output in {pair[1] for pair in registry.rung(name).accepts}
    ]


def estimator_named(name: str) -> type[RungEstimator]:
    """The class behind a public name such as `TextCNNClassifier`.

    Raises:
        UnknownNameError: if no rung has that name, or the rung has no such output.
    """
    stems = registry.rung_class_names()
    for output, suffix in _SUFFIX.items():
        stem = name.removesuffix(suffix)
        if (
            stem != name
            and stem in stems
            and output in {pair[1] for pair in registry.rung(stems[stem]).accepts}
        ):
            return estimator_class(stems[stem], output)
    raise UnknownNameError("estimator", name, class_names())


@cache
def estimator_class(rung_name: str, output: OutputKind) -> type[RungEstimator]:
    """The estimator class of a rung for one kind of output.

    Raises:
        UnknownNameError: if there is no such rung, or it has no such output.
    """
    rung = registry.rung(rung_name)
    outputs = sorted({pair[1] for pair in rung.accepts})
    if output not in outputs:
        raise UnknownNameError(f"output of rung {rung_name!r}", output, outputs)
    parameters = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=_plain(field.default))
        for field in fields(rung.config)
    ]
    signature = inspect.Signature(
        [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD), *parameters, *SHARED_PARAMETERS]
    )

    def __init__(self: Any, **values: Any) -> None:  # noqa: N807
        bound = signature.bind(self, **values)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if name != "self":
                setattr(self, name, value)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    name = rung.class_name + _SUFFIX[output]
    body = {
        "__init__": __init__,
        "__doc__": _docstring(rung_name),
        "__module__": "rungwise",
        "rung_name": rung_name,
    }
    return type(name, (_BASES[output],), body)


def _plain(default: Any) -> Any:
    """A setting's default as scikit-learn allows it: an option of an enum by its name."""
    return str(default) if isinstance(default, StrEnum) else default


def _docstring(rung_name: str) -> str:
    card = registry.card(rung_name)
    return "\n\n".join([card.title, *(f"{name}: {text}" for name, text in card.sections.items())])
