"""Images as rows of patches, which a Transformer takes for tokens."""

# B images, C channels, H height, W width, T patches

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["PatchEmbedding", "num_patches"]


def num_patches(height: int, width: int, patch_size: int) -> int:
    """T: patches that cover an image, those at its far borders filled up."""
    return -(-height // patch_size) * -(-width // patch_size)


class PatchEmbedding(nn.Module):
    """Images (B, C, H, W) -> a vector for each patch (B, T, hidden_size), row after row.

    Args:
        in_channels: C.
        hidden_size: of the vectors.
        patch_size: pixels a side.
    """

    def __init__(self, in_channels: int, hidden_size: int, patch_size: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.projection = nn.Conv2d(in_channels, hidden_size, patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> (B, T, hidden_size)."""
        height, width = images.shape[2:]
        images = F.pad(images, (0, -width % self.patch_size, 0, -height % self.patch_size))
        patches: Tensor = self.projection(images)
        return patches.flatten(2).transpose(1, 2)
