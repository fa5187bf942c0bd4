"""Token vectors that a network begins from."""

from __future__ import annotations

import torch
from torch import nn

from rungwise.layers.embedding import TokenEmbedding
from rungwise.preprocessing.pieces import PiecePreprocessor
from rungwise.preprocessing.sentences import SentencePreprocessor
from rungwise.preprocessing.tokens import TokenPreprocessor
from rungwise.rung import Preprocessor

__all__ = ["begin_from_vectors"]


def begin_from_vectors(network: nn.Module, preprocessor: Preprocessor) -> None:
    """Gives the network's tokens the vectors that its preprocessor has read, if any.

    Raises:
        ConfigError: if the network's vectors have another size.
    """
    if isinstance(preprocessor, PiecePreprocessor):
        preprocessor = preprocessor.texts
    if not isinstance(preprocessor, TokenPreprocessor | SentencePreprocessor) or preprocessor.vectors is None:
        return
    vectors = preprocessor.vectors
    for module in network.modules():
        if isinstance(module, TokenEmbedding):
            module.begin_from(torch.from_numpy(vectors.values), torch.from_numpy(vectors.is_known))
