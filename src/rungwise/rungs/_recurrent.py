"""What the networks of gated units share: their settings and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from rungwise.layers.sequence import Pooling
from rungwise.preprocessing.text_settings import WordNetworkConfig
from rungwise.rung import Cost, TextShape
from rungwise.rungs._memory import network_cost, text_network_bytes

__all__ = ["GatedConfig", "gated_cost"]


@dataclass(frozen=True, kw_only=True)
class GatedConfig(WordNetworkConfig):
    """Settings of a network of gated units.

    Attributes:
        embedding_dim: size of a word vector.
        hidden_size: units of a layer and direction.
        num_layers: layers, one over the other.
        bidirectional: each layer also reads from the end.
        pooling: what of the last layer's states goes on.
        embedding_dropout: share of the word vectors' entries set to zero in training.
        dropout: share of each layer's output, and of the pooled states, set to zero in training.
    """

    epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 3e-3
    label_smoothing: float = 0.1
    embedding_dim: int = 200
    hidden_size: int = 200
    num_layers: int = 1
    bidirectional: bool = True
    pooling: Pooling = Pooling.MAX
    embedding_dropout: float = 0.5
    dropout: float = 0.5

    def vector_size(self) -> int:
        """Numbers of a token's vector."""
        return self.embedding_dim


def gated_cost(config: GatedConfig, shape: TextShape, *, num_products: int) -> Cost:
    """Of a network whose units have so many products a step, each with two biases as in `nn.LSTM` and `nn.GRU`."""
    num_directions = 1 + config.bidirectional
    num_features = num_directions * config.hidden_size
    sizes = [config.embedding_dim] + [num_features] * (config.num_layers - 1)
    step_weights = sum(num_products * num_features * (size + config.hidden_size) for size in sizes)
    biases = config.num_layers * 2 * num_products * num_features
    linear_weights = num_features * shape.num_outputs
    query = num_features * (config.pooling is Pooling.ATTENTION)
    parameters = config.vector_parameters(shape.vocab_size) + step_weights + biases
    parameters += linear_weights + shape.num_outputs + query
    predict = 2 * (step_weights + query) * shape.mean_tokens + 2 * linear_weights
    memory = text_network_bytes(
        config,
        shape,
        parameters=parameters,
        token_floats=3 * sum(sizes) + 4 * num_products * config.num_layers * num_features,
        products=3 * num_directions * config.num_layers,
    )
    return network_cost(config, shape, parameters, predict, memory)
