"""Multilayer perceptron for tables: each number and category becomes a vector, and dense layers mix them.

Idea:
    A plain network smooths over thresholds, which tables are full of. So a number first goes through waves of learned
    frequencies, or through bins, and a category through a learned vector; then dense layers see all of them.
Formula:
    z_j = ReLU(W_j [sin 2πc_j x_j, cos 2πc_j x_j] + b_j) for a number x_j, z_k = E_k[x_k] for a category;
    h_0 = [z], h_l = dropout(ReLU(W_l h_{l-1} + b_l)), output = W h_L + b.
Source:
    Gorishniy, Rubachev & Babenko (2022), On embeddings for numerical features in tabular deep learning, NeurIPS 35,
    https://arxiv.org/abs/2203.05556 (its MLP-PLR, and MLP-PLE-LR under `piecewise-linear`).
Deviations:
    Numbers are scaled to normal scores of their ranks, the bins are quantiles of that distribution.
Cost:
    A product of layer and batch for each layer, forwards and backwards, and about as much for the numbers' vectors.
Wins:
    Many rows, smooth dependence on many numbers at once, several thousand examples or more.
Loses:
    Few rows, columns that don't matter; mostly somewhat behind gradient boosting at many times its cost.
"""

# B batch, F numbers, K categories, T bins, W waves, E embedding, C outputs

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn

from rungwise.kinds import InputKind, OutputKind
from rungwise.preprocessing.table import Scaling
from rungwise.rung import Cost, NetworkRung, TableShape
from rungwise.rungs._memory import network_bytes, table_bytes
from rungwise.settings import NetworkConfig

__all__ = ["MLP", "RUNG", "MLPConfig", "NumberEmbedding", "PeriodicEmbedding", "PiecewiseLinearEmbedding"]


class NumberEmbedding(StrEnum):
    """What a number enters the first layer as: itself, its place among bins, or waves of it."""

    NONE = "none"
    PIECEWISE_LINEAR = "piecewise-linear"
    PERIODIC = "periodic"


@dataclass(frozen=True, kw_only=True)
class MLPConfig(NetworkConfig):
    """Settings of the multilayer perceptron; training settings as in `NetworkConfig`.

    Attributes:
        hidden_size: units of a hidden layer.
        num_layers: hidden layers.
        dropout: of each hidden layer.
        number_embedding: what a number enters as.
        embedding_size: length of a number's vector (E).
        num_bins: of the piecewise linear embedding (T).
        num_waves: of the periodic embedding (W).
        wave_scale: deviation of the waves' first frequencies.
        category_size: length of a category's vector.
        scaling: of the numbers.
    """

    epochs: int = 30
    batch_size: int = 256
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    patience: int = 30  # the best weights come with the last, smallest steps
    hidden_size: int = 256
    num_layers: int = 3
    dropout: float = 0.3
    number_embedding: NumberEmbedding = NumberEmbedding.PERIODIC
    embedding_size: int = 16
    num_bins: int = 32
    num_waves: int = 24
    wave_scale: float = 0.2
    category_size: int = 8
    scaling: Scaling = Scaling.QUANTILE


class FeatureLinear(nn.Module):
    """A linear layer of its own for each feature: (B, F, in) -> (B, F, out)."""

    def __init__(self, num_features: int, in_features: int, out_features: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(
            torch.empty(num_features, in_features, out_features).uniform_(-bound, bound)
        )
        self.bias = nn.Parameter(torch.empty(num_features, out_features).uniform_(-bound, bound))

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, F, in) -> (B, F, out)."""
        mixed = torch.baddbmm(self.bias[:, None], features.transpose(0, 1), self.weight)  # (F, B, out)
        return mixed.transpose(0, 1)


class PeriodicEmbedding(nn.Module):
    """Numbers as waves of learned frequencies, mixed for each: (B, F) -> (B, F, E)."""

    def __init__(self, num_numbers: int, num_waves: int, wave_scale: float, embedding_size: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(num_numbers, num_waves) * wave_scale)
        self.mix = FeatureLinear(num_numbers, 2 * num_waves, embedding_size)

    def forward(self, numbers: Tensor) -> Tensor:
        """Numbers (B, F) -> (B, F, E)."""
        angles = 2 * math.pi * self.frequencies * numbers[..., None]  # (B, F, W)
        mixed: Tensor = self.mix(torch.cat([angles.sin(), angles.cos()], dim=-1))
        return mixed.relu()


class PiecewiseLinearEmbedding(nn.Module):
    """Numbers as how far they have come through each of T bins, mixed for each: (B, F) -> (B, F, E).

    The bins are equally likely under the normal distribution that the numbers are scaled to.
    """

    def __init__(self, num_numbers: int, num_bins: int, embedding_size: int) -> None:
        super().__init__()
        self.num_bins = num_bins
        self.mix = FeatureLinear(num_numbers, num_bins, embedding_size)

    def forward(self, numbers: Tensor) -> Tensor:
        """Numbers (B, F) -> (B, F, E)."""
        place = torch.special.ndtr(numbers)[..., None] * self.num_bins
        bins = torch.arange(self.num_bins, device=numbers.device, dtype=numbers.dtype)
        mixed: Tensor = self.mix((place - bins).clamp(0, 1))
        return mixed.relu()


class MLP(nn.Module):
    """Dense layers over embedded numbers and categories."""

    def __init__(self, config: MLPConfig, shape: TableShape) -> None:
        super().__init__()
        self.embed_numbers = _number_embedding(config, shape.num_numbers)
        self.first_codes: Tensor
        starts = torch.tensor([0, *shape.cardinalities]).cumsum(0)
        self.register_buffer("first_codes", starts[:-1], persistent=False)
        num_codes = sum(shape.cardinalities)
        self.embed_codes = nn.Embedding(num_codes, config.category_size) if num_codes else None
        layers: list[nn.Module] = []
        size = _input_size(config, shape)
        for _ in range(config.num_layers):
            layers += [nn.Linear(size, config.hidden_size), nn.ReLU(), nn.Dropout(config.dropout)]
            size = config.hidden_size
        self.layers = nn.Sequential(*layers, nn.Linear(size, shape.num_outputs))

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Numbers (B, F) float32, codes (B, K) int64 -> outputs (B, C)."""
        parts = [self.embed_numbers(numbers).flatten(1)]
        if self.embed_codes is not None:
            parts.append(self.embed_codes(codes + self.first_codes).flatten(1))
        outputs: Tensor = self.layers(torch.cat(parts, dim=1))
        return outputs


def _number_embedding(config: MLPConfig, num_numbers: int) -> nn.Module:
    match config.number_embedding:
        case NumberEmbedding.PERIODIC if num_numbers:
            return PeriodicEmbedding(num_numbers, config.num_waves, config.wave_scale, config.embedding_size)
        case NumberEmbedding.PIECEWISE_LINEAR if num_numbers:
            return PiecewiseLinearEmbedding(num_numbers, config.num_bins, config.embedding_size)
        case _:
            return nn.Identity()


def _input_size(config: MLPConfig, shape: TableShape) -> int:
    size = 1 if config.number_embedding is NumberEmbedding.NONE else config.embedding_size
    return shape.num_numbers * size + len(shape.cardinalities) * config.category_size


def cost(config: MLPConfig, shape: TableShape) -> Cost:
    """A product each of the numbers' vectors and of each layer; training takes three times as much."""
    width = {
        NumberEmbedding.NONE: 0,
        NumberEmbedding.PIECEWISE_LINEAR: config.num_bins,
        NumberEmbedding.PERIODIC: 2 * config.num_waves,
    }[config.number_embedding]
    embedding = config.embedding_size if width else 0
    waves = config.num_waves if config.number_embedding is NumberEmbedding.PERIODIC else 0
    sizes = [_input_size(config, shape)] + config.num_layers * [config.hidden_size] + [shape.num_outputs]
    dense = sum(a * b for a, b in itertools.pairwise(sizes))
    parameters = (
        shape.num_numbers * (waves + (width + 1) * embedding)
        + sum(shape.cardinalities) * config.category_size
        + dense
        + sum(sizes[1:])
    )
    flops = 2 * (shape.num_numbers * width * embedding + dense)
    return Cost(
        parameters=parameters,
        predict_flops=flops,
        fit_flops=3 * flops * shape.num_examples * config.num_epochs(shape.num_examples),
        fit_bytes=network_bytes(
            config,
            shape,
            parameters=parameters,
            floats=shape.num_numbers * (3 * width + 4 * embedding) + 4 * sum(sizes),
            example_bytes=table_bytes(shape, 1),
        ),
    )


RUNG = NetworkRung(
    class_name="MLP",
    accepts=frozenset({(InputKind.TABLE, OutputKind.LABEL), (InputKind.TABLE, OutputKind.NUMBER)}),
    config=MLPConfig,
    cost=cost,
    build=MLP,
)
