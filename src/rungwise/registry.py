"""Finds the rungs: every module in the folders of `rungwise.rungs` that ends with a `RUNG`.

Names come from file names and cards from docstrings, so that listing them imports no rung.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from rungwise.errors import ConfigError, UnknownNameError
from rungwise.rung import NetworkRung, Pair, Rung, TraditionalRung

__all__ = [
    "CARD_SECTIONS",
    "FAMILIES",
    "Card",
    "card",
    "check_name",
    "make_config",
    "rung",
    "rung_class_names",
    "rung_family",
    "rung_names",
    "rungs_for",
]

FAMILIES = ("traditional", "cnn", "rnn", "transformer")
"""The folders of `rungwise.rungs`, in the order in which the field went."""

CARD_SECTIONS = ("Idea", "Formula", "Source", "Deviations", "Cost", "Wins", "Loses")
"""The sections that a rung's docstring has, each at the start of a line and ended with a colon."""

_HINT = "`rungwise rungs` lists all, and with `--task` those of a task."


@dataclass(frozen=True)
class Card:
    """What a rung says of itself, read from its docstring.

    Attributes:
        name: the rung's name.
        family: the folder that it stands in.
        title: one line.
        sections: the text of each of `CARD_SECTIONS` that it has.
    """

    name: str
    family: str
    title: str
    sections: Mapping[str, str]


@cache
def _files() -> dict[str, Path]:
    folder = Path(__file__).parent / "rungs"
    files = [
        file for family in FAMILIES for file in sorted((folder / family).glob("*.py")) if file.name[0] != "_"
    ]
    return {file.stem.replace("_", "-"): file for file in files}


def rung_names() -> list[str]:
    """Every rung's name, by family, without importing one."""
    return list(_files())


def _file(name: str) -> Path:
    check_name(name, _files())
    return _files()[name]


def rung_family(name: str) -> str:
    """The family of a rung: one of `FAMILIES`.

    Raises:
        UnknownNameError: if there is no such rung.
    """
    return _file(name).parent.name


@cache
def rung(name: str) -> Rung:
    """The rung of that name.

    Raises:
        UnknownNameError: if there is no such rung.
    """
    file = _file(name)
    module = importlib.import_module(f"rungwise.rungs.{file.parent.name}.{file.stem}")
    declaration = getattr(module, "RUNG", None)
    if not isinstance(declaration, TraditionalRung | NetworkRung):
        raise ConfigError(
            f"{file}: a rung's file ends with `RUNG = TraditionalRung(...)` or `NetworkRung(...)`."
        )
    return declaration


@cache
def rungs_for(pair: Pair) -> list[str]:
    """The names of the rungs that accept a pair of kinds."""
    return [name for name in rung_names() if pair in rung(name).accepts]


def check_name(name: str, known: Iterable[str]) -> None:
    """Sees that there is a rung of that name.

    Raises:
        UnknownNameError: if there is none; it names those that would do.
    """
    if name not in _files():
        raise UnknownNameError("rung", name, known, _HINT)


@cache
def rung_class_names() -> dict[str, str]:
    """The stem of each rung's estimator names -> the rung's name, read from the files without importing them."""
    return {_literal(file, "class_name"): name for name, file in _files().items()}


def _literal(file: Path, keyword: str) -> str:
    """The value of a keyword argument of the call behind `RUNG =`."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            if getattr(node.targets[0], "id", None) != "RUNG":
                continue
            for argument in node.value.keywords:
                if argument.arg == keyword and isinstance(argument.value, ast.Constant):
                    return str(argument.value.value)
    raise ConfigError(
        f"{file}: `RUNG = ...({keyword}=...)` must be a literal string at the foot of the file."
    )


def card(name: str) -> Card:
    """A rung's card, read from its file without importing it.

    Raises:
        UnknownNameError: if there is no such rung.
    """
    file = _file(name)
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    title, _, rest = docstring.partition("\n")
    parts = re.split(rf"^({'|'.join(CARD_SECTIONS)}):", rest, flags=re.MULTILINE)
    sections = {section: _dedent(text) for section, text in zip(parts[1::2], parts[2::2], strict=True)}
    return Card(name, file.parent.name, title.strip(), sections)


def _dedent(text: str) -> str:
    first, _, rest = text.strip("\n").partition("\n")
    return f"{first.strip()}\n{textwrap.dedent(rest)}".strip()


def make_config(kind: type[Any], settings: Mapping[str, Any]) -> Any:
    """An instance of a config class, with every problem of the settings in one error.

    Raises:
        ConfigError: if a setting is unknown or of the wrong type.
    """
    types = get_type_hints(kind)
    problems = [
        f"there is no setting {name!r} ({_known_settings(name, list(types))})"
        for name in settings
        if name not in types
    ]
    values = {}
    for name, value in settings.items():
        if name not in types:
            continue
        try:
            values[name] = _coerce(types[name], value)
        except (TypeError, ValueError) as error:
            problems.append(f"{name}={value!r}: {error}")
    if problems:
        raise ConfigError("; ".join(problems))
    return kind(**{field.name: values.get(field.name, field.default) for field in fields(kind)})


def _known_settings(name: str, known: list[str]) -> str:
    """What to write instead of a setting that isn't there."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    suggestion = f"did you mean {near[0]!r}? " if near else ""
    return f"{suggestion}it has {', '.join(known) or 'no settings'}"


def _coerce(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"allowed are {', '.join(kind)}") from None
    if get_origin(kind) is UnionType:
        kinds = get_args(kind)
        return None if value is None else _coerce(next(k for k in kinds if k is not NoneType), value)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError("must be a list")
        return tuple(_coerce(get_args(kind)[0], item) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (bool, int, float, str) and not isinstance(value, kind):
        raise TypeError("must be true or false" if kind is bool else f"must be {kind.__name__}")
    if kind is int and isinstance(value, bool):
        raise TypeError("must be int")
    return value
