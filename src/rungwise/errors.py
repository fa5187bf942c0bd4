"""Every error that Rungwise raises on purpose.

RungwiseError
├── DataError(ValueError)          a file, row or column can't be used
├── ConfigError(ValueError)        a setting can't be used
├── UnknownNameError(LookupError)  no rung, task, metric or column has that name
├── RunError(ValueError)           a run folder can't be used
├── ModelError(ValueError)         a model folder can't be loaded
└── TrainingError(RuntimeError)    training can't go on

A message says what is wrong, the value got, what is allowed and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ConfigError",
    "DataError",
    "ModelError",
    "RunError",
    "RungwiseError",
    "TrainingError",
    "UnknownNameError",
]


class RungwiseError(Exception):
    """An error whose message is meant for the user; the CLI prints it and exits with 2."""


class DataError(RungwiseError, ValueError):
    """Data can't be used; the message names the file, row and column where there are any.

    Args:
        problem: what is wrong and what to do, one sentence.
        file: the file's name as the user gave it.
        row: 1 for the first record after the header.
        column: the column's name.
        line: of a file whose records have several, 1 for the first.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: object | None = None,
        row: int | None = None,
        column: object | None = None,
        line: int | None = None,
    ) -> None:
        self.problem, self.file, self.row, self.column, self.line = problem, file, row, column, line
        where = [str(file)] if file is not None else []
        where += [f"line {line}"] if line is not None else []
        where += [f"row {row}"] if row is not None else []
        where += [f"column {str(column)!r}"] if column is not None else []
        message = f"{', '.join(where)}: {problem}" if where else problem
        super().__init__(message.encode(errors="backslashreplace").decode())  # names of files may be no text


class ConfigError(RungwiseError, ValueError):
    """A setting can't be used; all the problems of a configuration come in one error."""


class UnknownNameError(RungwiseError, LookupError):
    """Nothing has that name; the message suggests the nearest that does.

    Args:
        kind: what was looked up, such as "rung".
        name: the name got.
        known: the names that would have done; many aren't told where the hint says where they are listed.
        hint: where that is.
    """

    _MOST, _MOST_BESIDE_HINT = 50, 20

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        known = list(known)[:1000]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        if near:
            suggestion = f"; did you mean {near[0]!r}?"
        elif hint and len(known) > self._MOST_BESIDE_HINT:
            suggestion = f", and none of {len(known)} is spelt like it."
        else:
            some = ", ".join(known[: self._MOST]) + (", …" if len(known) > self._MOST else "")
            suggestion = f"; known: {some}."
        super().__init__(f"{kind} {name!r} is unknown{suggestion}{' ' + hint if hint else ''}")


class RunError(RungwiseError, ValueError):
    """A run folder is missing, incomplete, in use, or would be overwritten."""


class ModelError(RungwiseError, ValueError):
    """A model folder is missing, damaged, or from a version that can't be read."""


class TrainingError(RungwiseError, RuntimeError):
    """Training can't go on: the loss is not finite, or the budget is too small for one step."""
