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
    Far smaller, unless `size="tiny"`, small or base asks for a published size, whose patches are of 16 pixels; the mean
    of the patches for the class token (`class_token=True` gives the paper's form), and no dropout unless told
    otherwise. Patches scale with the image; at the far borders they are filled up with its mean.
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

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rungwise.errors import ConfigError
from rungwise.kinds import InputKind, OutputKind
from rungwise.layers.encoder import EncoderBlock
from rungwise.layers.patches import PatchEmbedding, num_patches
from rungwise.preprocessing.pixels import PretrainedConfig
from rungwise.rung import Cost, ImageShape, NetworkRung, Weights
from rungwise.rungs._memory import attention_floats, network_bytes, network_cost
from rungwise.rungs._weights import joined_heads, renamed
from rungwise.settings import Optimizer

__all__ = ["RUNG", "ViT", "ViTConfig", "ViTSize"]

_AUTO_PATCHES = 7
"""Patches along the shorter side, about, if their size isn't given."""

_SMALLEST_PATCH = 2
_POSITION_STD = 0.02
_NORM_EPS, _PUBLISHED_NORM_EPS = 1e-5, 1e-6


class ViTSize(StrEnum):
    """The network's size: published, or of the other settings."""

    OWN = "own"
    TINY = "tiny"
    SMALL = "small"
    BASE = "base"


_PUBLISHED = {ViTSize.TINY: (192, 3), ViTSize.SMALL: (384, 6), ViTSize.BASE: (768, 12)}
"""Channels and heads."""

_PUBLISHED_LAYERS, _PUBLISHED_EXPANSION, _PUBLISHED_PATCH = 12, 4, 16


@dataclass(frozen=True, kw_only=True)
class ViTConfig(PretrainedConfig):
    """The network's settings, and defaults of training that suit it.

    Attributes:
        size: a published one decides hidden_size, num_layers, num_heads, intermediate_size and class_token.
        patch_size: pixels a side; None to take it from the image's size.
        hidden_size: channels of a patch.
        num_layers: blocks of attention and feed-forward.
        num_heads: of attention, a divisor of `hidden_size`.
        intermediate_size: channels inside the feed-forward layers.
        class_token: decide by a token of its own instead of the patches' mean.
        dropout: share of each layer's output and of attention set to zero in training.
    """

    size: ViTSize = ViTSize.OWN
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

    def __post_init__(self) -> None:
        """Checks that a published size stands alone, and the patches.

        Raises:
            ConfigError: if settings say otherwise what it decides, or patches have no pixels.
        """
        super().__post_init__()
        if self.patch_size is not None and self.patch_size < 1:
            raise ConfigError(f"patch_size={self.patch_size}: must be at least 1, or None.")
        decided = ("hidden_size", "num_layers", "num_heads", "intermediate_size", "class_token")
        given = [f.name for f in fields(self) if f.name in decided and getattr(self, f.name) != f.default]
        if self.size is not ViTSize.OWN and given:
            raise ConfigError(
                f"size={self.size.value!r} decides {', '.join(given)}; leave them out, or use 'own'."
            )


class _Dimensions(NamedTuple):
    """What the network is built of: as configured, or as published."""

    hidden_size: int
    num_layers: int
    num_heads: int
    intermediate_size: int
    class_token: bool
    norm_eps: float


def _dimensions(config: ViTConfig) -> _Dimensions:
    if config.size is not ViTSize.OWN:
        size, heads = _PUBLISHED[config.size]
        return _Dimensions(
            size, _PUBLISHED_LAYERS, heads, _PUBLISHED_EXPANSION * size, True, _PUBLISHED_NORM_EPS
        )
    return _Dimensions(
        config.hidden_size,
        config.num_layers,
        config.num_heads,
        config.intermediate_size,
        config.class_token,
        _NORM_EPS,
    )


class ViT(nn.Module):
    """Images (B, C, H, W) -> outputs (B, num_outputs)."""

    def __init__(self, config: ViTConfig, shape: ImageShape) -> None:
        super().__init__()
        dimensions = _dimensions(config)
        size = dimensions.hidden_size
        self.has_class_token = dimensions.class_token
        self.patches = PatchEmbedding(shape.channels, size, _patch_size(config, shape))
        self.positions = nn.Parameter(torch.randn(_num_tokens(config, shape), size) * _POSITION_STD)
        if self.has_class_token:
            self.token = nn.Parameter(torch.zeros(size))
        self.blocks = nn.ModuleList(
            EncoderBlock(
                size,
                dimensions.num_heads,
                dimensions.intermediate_size,
                config.dropout,
                norm_eps=dimensions.norm_eps,
            )
            for _ in range(dimensions.num_layers)
        )
        self.norm = nn.LayerNorm(size, eps=dimensions.norm_eps)
        self.linear = nn.Linear(size, shape.num_outputs)

    def features(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> (B, E)."""
        x: Tensor = self.patches(images)  # (B, T, E)
        if self.has_class_token:
            x = torch.cat([self.token.to(x.dtype).expand(len(x), 1, -1), x], dim=1)
        x = x + self.positions
        for block in self.blocks:
            x = block(x, None)  # no patch is padding
        x = self.norm(x)
        return x[:, 0] if self.has_class_token else x.mean(1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> outputs (B, num_outputs)."""
        outputs: Tensor = self.linear(self.features(images))
        return outputs


def _patch_size(config: ViTConfig, shape: ImageShape) -> int:
    if config.patch_size is not None:
        return config.patch_size
    if config.size is not ViTSize.OWN:
        return _PUBLISHED_PATCH
    return max(_SMALLEST_PATCH, min(shape.height, shape.width) // _AUTO_PATCHES)


def _num_tokens(config: ViTConfig, shape: ImageShape) -> int:
    patches = num_patches(shape.height, shape.width, _patch_size(config, shape))
    return patches + _dimensions(config).class_token


def cost(config: ViTConfig, shape: ImageShape) -> Cost:
    """Products of patches, blocks, attention and the last layer."""
    dimensions = _dimensions(config)
    size, inner, layers = dimensions.hidden_size, dimensions.intermediate_size, dimensions.num_layers
    tokens = _num_tokens(config, shape)
    patch = shape.channels * _patch_size(config, shape) ** 2
    block_weights = 4 * size**2 + 2 * size * inner
    block_others = 4 * size + inner + size + 4 * size  # biases and norms
    parameters = (patch + 1) * size + (tokens + dimensions.class_token) * size + 2 * size
    parameters += layers * (block_weights + block_others) + (size + 1) * shape.num_outputs
    predict = 2.0 * patch * size * (tokens - dimensions.class_token) + 2 * size * shape.num_outputs
    predict += layers * (2 * block_weights * tokens + 4 * size * tokens**2)
    memory = network_bytes(
        config,
        shape,
        parameters=parameters,
        floats=tokens * layers * attention_floats(size, inner, dimensions.num_heads, tokens),
        example_bytes=0,
    )
    return network_cost(config, shape, parameters, predict, memory)


def _from_timm(weights: Weights) -> Weights:
    """The names of timm's `vit_*_patch16_*` -> ours."""
    return _flat(
        renamed(
            weights,
            {
                r"^patch_embed\.proj\.": "patches.projection.",
                r"^cls_token$": "token",
                r"^pos_embed$": "positions",
                r"\.norm1\.": ".attention_norm.",
                r"\.norm2\.": ".feed_forward_norm.",
                r"\.attn\.qkv\.": ".attention.query_key_value.",
                r"\.attn\.proj\.": ".attention.output.",
                r"\.mlp\.fc1\.": ".expand.",
                r"\.mlp\.fc2\.": ".contract.",
                r"^head\.": "linear.",
            },
        )
    )


def _from_torchvision(weights: Weights) -> Weights:
    """The names of torchvision's `vit_*_16`, older or newer -> ours."""
    return _flat(
        renamed(
            weights,
            {
                r"^conv_proj\.": "patches.projection.",
                r"^class_token$": "token",
                r"^encoder\.pos_embedding$": "positions",
                r"^encoder\.layers\.encoder_layer_": "blocks.",
                r"^encoder\.ln\.": "norm.",
                r"\.ln_1\.": ".attention_norm.",
                r"\.ln_2\.": ".feed_forward_norm.",
                r"\.self_attention\.in_proj_": ".attention.query_key_value.",
                r"\.self_attention\.out_proj\.": ".attention.output.",
                r"\.mlp\.(0|linear_1)\.": ".expand.",
                r"\.mlp\.(3|linear_2)\.": ".contract.",
                r"^heads\.head\.": "linear.",
            },
        )
    )


def _from_transformers(weights: Weights) -> Weights:
    """The names of `transformers.ViTForImageClassification`, in files or in memory -> ours."""
    weights = renamed(
        weights,
        {
            r"^vit\.": "",
            r"^embeddings\.patch_embeddings\.projection\.": "patches.projection.",
            r"^embeddings\.cls_token$": "token",
            r"^embeddings\.position_embeddings$": "positions",
            r"^(encoder\.layer|layers)\.": "blocks.",
            r"^layernorm\.": "norm.",
            r"\.layernorm_before\.": ".attention_norm.",
            r"\.layernorm_after\.": ".feed_forward_norm.",
            r"\.attention\.attention\.([qkv])\w+\.": r".attention.\1.",
            r"\.attention\.([qkv])_proj\.": r".attention.\1.",
            r"\.attention\.(output\.dense|o_proj)\.": ".attention.output.",
            r"\.(intermediate\.dense|mlp\.fc1)\.": ".expand.",
            r"(blocks\.\d+)\.(output\.dense|mlp\.fc2)\.": r"\1.contract.",
            r"^classifier\.": "linear.",
        },
    )
    return _flat(joined_heads(weights, ("q", "k", "v")))


def _flat(weights: Weights) -> Weights:
    """Without the axis of one that others have before positions and class token."""
    return {
        name: t[0] if name == "positions" else t.flatten() if name == "token" else t
        for name, t in weights.items()
    }


RUNG = NetworkRung(
    class_name="ViT",
    accepts=frozenset({(InputKind.IMAGE, OutputKind.LABEL), (InputKind.IMAGE, OutputKind.NUMBER)}),
    config=ViTConfig,
    cost=cost,
    build=ViT,
    head="linear",
    layouts={
        "timm": _from_timm,
        "torchvision": _from_torchvision,
        "transformers": _from_transformers,
    },
)
