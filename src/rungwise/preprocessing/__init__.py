"""Raw inputs to arrays; what is fitted is JSON or arrays, so that a model folder can carry it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rungwise.kinds import InputKind
from rungwise.rung import Preprocessor

__all__ = ["preprocessor_for"]


def preprocessor_for(kind: InputKind) -> Callable[[Any], Preprocessor]:
    """The preprocessor that feeds networks of an input kind; call it with the rung's config."""
    match kind:
        case InputKind.TABLE:
            from rungwise.preprocessing.table import TablePreprocessor

            return TablePreprocessor
        case InputKind.TEXT:
            from rungwise.preprocessing.tokens import TokenPreprocessor

            return TokenPreprocessor
        case InputKind.IMAGE:
            from rungwise.preprocessing.pixels import PixelPreprocessor

            return PixelPreprocessor
        case InputKind.TOKENS | InputKind.PREDICATE:
            return _sentence_preprocessor


def _sentence_preprocessor(config: Any) -> Preprocessor:
    """Words as they are for networks over words, in pieces for those over a tokenizer's."""
    from rungwise.preprocessing.sentences import SentenceNetworkConfig, SentencePreprocessor

    if isinstance(config, SentenceNetworkConfig):
        return SentencePreprocessor(config)
    from rungwise.preprocessing.pieces import PiecePreprocessor

    return PiecePreprocessor(config)
