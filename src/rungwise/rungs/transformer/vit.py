"""Vision Transformer: an image as a row of patches, read by self-attention.

Idea:
    Cut the image into patches, take each for a token, and let every patch look at every other. Nothing says that
    neighbours belong together: the network learns it, so it needs more images than a convolution does.
Formula:
    x = W · patch + P[position]; num_layers times x ← x + attention(norm(x)), x ← x + W₂ GELU(W₁ norm(x));
    softmax(V · mean(norm(x)) + c).
Source:
    Dosovitskiy et al. (2021), An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale, ICLR,
    https://arxiv.org/abs/2010.11929.
Deviations:
    Far smaller; the mean of the patches for the class token (`class_token=True` gives the paper's form), and no dropout
    unless told otherwise. Patches scale with the image; at the far borders they are filled up with its mean.
Cost:
    num_layers · (8 C² + 4 C · intermediate_size) a patch and 4 C T² an image and layer, which doesn't grow with
    the size of the image while patches do.
Wins:
    With millions of images, or pretrained.
Loses:
    On small data to convolutions.
"""

# B images, C channels, H height, W width, T patches (and the class token), E hidden_size

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.attention import SelfAttention
from rungwise.layers.patches import PatchEmbedding, num_patches
from rungwise.preprocessing.pixels import ImageNetworkConfig
from rungwise.rung import Cost, ImageShape, NetworkRung, Optimizer
from rungwise.rungs._memory import attention_floats, network_bytes

__all__ = ["RUNG", "ViT", "ViTConfig"]

_AUTO_PATCHES = 7
"""Patches along the shorter side, about, if their size isn't given."""

_SMALLEST_PATCH = 2
_POSITION_STD = 0.02


@dataclass(frozen=True, kw_only=True)
class ViTConfig(ImageNetworkConfig):
    """The network's settings, and defaults of training that suit it.

    Attributes:
        patch_size: pixels a side; None to take it from the image's size.
        hidden_size: channels of a patch.
        num_layers: blocks of attention and feed-forward.
        num_heads: of attention, a divisor of `hidden_size`.
        intermediate_size: channels inside the feed-forward layers.
        class_token: decide by a token of its own instead of the patches' mean.
        dropout: share of each layer's output and of attention set to zero in training.
    """

    patch_size: int | None = None
    hidden_size: int = 64
    num_layers: int = 4
    num_heads: int = 4
    intermediate_size: int = 128
    class_token: bool = False
    dropout: float = 0.0
    epochs: int = 5
    batch_size: int = 128
    optimizer: Optimizer = Optimizer.MUON
    learning_rate: float = 5e-3
    label_smoothing: float = 0.1
    patience: int = 100
    min_steps: int = 600


class ViT(nn.Module):
    """Images (B, C, H, W) -> outputs (B, num_outputs)."""

    def __init__(self, config: ViTConfig, shape: ImageShape) -> None:
        super().__init__()
        if config.num_heads < 1 or config.hidden_size % config.num_heads:
            raise ConfigError(
                f"hidden_size={config.hidden_size} must be a multiple of num_heads={config.num_heads}."
            )
        self.has_class_token = config.class_token
        size = config.hidden_size
        self.patches = PatchEmbedding(shape.channels, size, _patch_size(config, shape))
        self.positions = nn.Parameter(torch.randn(_num_tokens(config, shape), size) * _POSITION_STD)
        if config.class_token:
            self.token = nn.Parameter(torch.zeros(size))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(size)
        self.linear = nn.Linear(size, shape.num_outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> outputs (B, num_outputs)."""
        x: Tensor = self.patches(images)  # (B, T, E)
        if self.has_class_token:
            x = torch.cat([self.token.to(x.dtype).expand(len(x), 1, -1), x], dim=1)
        x = x + self.positions
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        outputs: Tensor = self.linear(x[:, 0] if self.has_class_token else x.mean(1))
        return outputs


class Block(nn.Module):
    """x (B, T, E) -> x (B, T, E), normalised before each layer."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.attention = SelfAttention(config.hidden_size, config.num_heads, config.dropout)
        self.attention_norm = nn.LayerNorm(config.hidden_size)
        self.expand = nn.Linear(config.hidden_size, config.intermediate_size)
        self.contract = nn.Linear(config.intermediate_size, config.hidden_size)
        self.feed_forward_norm = nn.LayerNorm(config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, E) -> x (B, T, E)."""
        bias = x.new_zeros(1, 1, 1, x.shape[1])  # no patch is padding
        x = x + self.dropout(self.attention(self.attention_norm(x), bias))
        inner = F.gelu(self.expand(self.feed_forward_norm(x)))
        outer: Tensor = self.dropout(self.contract(self.dropout(inner)))
        return x + outer


def _patch_size(config: ViTConfig, shape: ImageShape) -> int:
    if config.patch_size is not None:
        return config.patch_size
    return max(_SMALLEST_PATCH, min(shape.height, shape.width) // _AUTO_PATCHES)


def _num_tokens(config: ViTConfig, shape: ImageShape) -> int:
    return num_patches(shape.height, shape.width, _patch_size(config, shape)) + config.class_token


def cost(config: ViTConfig, shape: ImageShape) -> Cost:
    """Products of patches, blocks, attention and the last layer."""
    size, inner, tokens = config.hidden_size, config.intermediate_size, _num_tokens(config, shape)
    patch = shape.channels * _patch_size(config, shape) ** 2
    block_weights = 4 * size**2 + 2 * size * inner
    block_others = 4 * size + inner + size + 4 * size  # biases and norms
    parameters = (patch + 1) * size + (tokens + config.class_token) * size + 2 * size
    parameters += config.num_layers * (block_weights + block_others) + (size + 1) * shape.num_outputs
    predict = 2.0 * patch * size * (tokens - config.class_token) + 2 * size * shape.num_outputs
    predict += config.num_layers * (2 * block_weights * tokens + 4 * size * tokens**2)
    memory = network_bytes(
        config,
        shape,
        parameters=parameters,
        floats=tokens * config.num_layers * attention_floats(size, inner, config.num_heads, tokens),
        example_bytes=0,
    )
    passes = shape.num_examples * config.num_epochs(shape.num_examples)
    return Cost(parameters, predict, 3 * predict * passes, memory)


RUNG = NetworkRung(
    class_name="ViT",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.NUMBER)}),
    config=ViTConfig,
    cost=cost,
    build=ViT,
)
