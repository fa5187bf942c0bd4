"""Which devices there are."""

from __future__ import annotations

import torch

from rungwise.errors import ConfigError

__all__ = ["check_device"]


def check_device(name: str) -> None:
    """Sees that a tensor can be made there.

    Raises:
        ConfigError: if there is no such device.
    """
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"device {name!r} can't be used here ({reason}); take cpu, or cuda or mps where there is one."
        ) from None
