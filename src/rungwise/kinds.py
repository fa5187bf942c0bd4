"""The kinds that join tasks and rungs: a task declares one pair, a rung the pairs that it accepts."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["SENTENCE_KINDS", "ColumnKind", "InputKind", "OutputKind"]


class InputKind(StrEnum):
    """What goes into a model, one example a row."""

    TABLE = "table"
    TEXT = "text"
    IMAGE = "image"
    TOKENS = "tokens"
    PREDICATE = "predicate"


class OutputKind(StrEnum):
    """What comes out of a model."""

    LABEL = "label"
    NUMBER = "number"
    TAGS = "tags"


SENTENCE_KINDS = (InputKind.TOKENS, InputKind.PREDICATE)
"""Kinds of input whose every token gets a tag."""


class ColumnKind(StrEnum):
    """What a column of a table holds."""

    NUMBER = "number"
    CATEGORY = "category"
    DATE = "date"
    TEXT = "text"
    IMAGE = "image"
    IGNORE = "ignore"
