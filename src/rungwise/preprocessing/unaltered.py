"""What preprocessors share that show every example as it is."""

# B examples of a batch

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.rung import Examples

__all__ = ["Unaltered"]


class Unaltered(ABC):
    """A `Preprocessor` with one view of each example, which trains on batches as they are."""

    @abstractmethod
    def examples(self, inputs: Any) -> Examples:
        """Inputs (N) -> the preprocessed examples."""

    def views(self, inputs: Any) -> list[Examples]:
        """Those of `examples` alone."""
        return [self.examples(inputs)]

    def augment(
        self, batch: tuple[Any, ...], generator: Any, *, index: NDArray[np.int64], epoch: int
    ) -> tuple[Any, ...]:
        """The batch as it was: tokens made unknown at random taught TextCNN and LSTM nothing."""
        del generator, index, epoch
        return batch
