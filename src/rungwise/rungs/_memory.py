"""The pieces that the rungs' cost formulas share: the bytes that fits hold at their peak, and a network's whole cost.

Bytes are estimates from above for ordinary data; `benchmarks/memory.py` compares them with what was measured.
"""

# N examples, D features, K scores

from __future__ import annotations

from typing import TYPE_CHECKING

from rungwise.preprocessing.table import CHUNK_ROWS, num_dense_features
from rungwise.rung import Cost, SentenceShape, Shape, TableShape, TextShape
from rungwise.rungs._solver import MAX_ROUNDED
from rungwise.settings import NetworkConfig

if TYPE_CHECKING:
    from rungwise.preprocessing.sentences import SentenceNetworkConfig
    from rungwise.preprocessing.text_settings import TextNetworkConfig

__all__ = [
    "ATTENTION_PRODUCTS",
    "DOUBLE",
    "FLOAT",
    "LBFGS_VECTORS",
    "attention_floats",
    "dense_bytes",
    "network_bytes",
    "network_cost",
    "solver_bytes",
    "table_bytes",
    "text_network_bytes",
]

FLOAT, DOUBLE = 4, 8

_NUMBER_COPIES, _CODE_COPIES = 5, 2
"""Of a table's numbers while they are scaled, and of its codes while they are put together."""

_SCORE_COPIES = 6
"""Of every example's scores, while a loss and its gradient are made of them."""

ATTENTION_PRODUCTS = 20
"""Of matrices with different shapes in a step of a Transformer: all blocks have the same."""

LBFGS_VECTORS = 25
"""Points and slopes that L-BFGS remembers, and those that it makes."""

_SOLVER_MATRICES = 4
"""The curvature, its root, and what they are made of."""

_WEIGHT_COPIES = 7
"""A network's weights, their gradients, two moments, the best weights, and what a checkpoint copies of them."""

_FORWARD_AND_BACKWARD = 3.0
"""Times the operations of a forward pass."""

_FIRST_STEP = 60e6
"""What torch takes at the first step of any training."""

_KERNEL_BYTES, _MOST_KERNELS = 0.35e6, 1024
"""Of a product in bf16, which oneDNN compiles for each shape that it meets, and how many it keeps."""

_ORDER_BYTES = 16
"""Of an example's target, and of its place in an epoch."""

_TOKEN_BYTES, _TEXTS_AT_ONCE = 200, 2048
"""Of a token as the tokenizer gives it, and texts that are tokenised together."""


def table_bytes(shape: TableShape, rows: int) -> float:
    """So many rows of numbers and codes, while they are made."""
    columns = _NUMBER_COPIES * shape.num_numbers + _CODE_COPIES * len(shape.cardinalities)
    return rows * DOUBLE * columns


def dense_bytes(shape: TableShape) -> float:
    """The dense features of all rows (N, D), made some rows at a time."""
    made = table_bytes(shape, min(shape.num_examples, CHUNK_ROWS))
    return FLOAT * shape.num_examples * num_dense_features(shape) + made


def solver_bytes(shape: Shape, num_features: int, num_scores: int) -> float:
    """What `LinearProblem` needs beside the features."""
    vectors = LBFGS_VECTORS * num_features * num_scores
    matrices = _SOLVER_MATRICES * num_features**2 if num_features <= MAX_ROUNDED else 0
    return DOUBLE * (vectors + matrices) + FLOAT * _SCORE_COPIES * shape.num_examples * num_scores


def network_bytes(
    config: NetworkConfig, shape: Shape, *, parameters: float, floats: float, example_bytes: float
) -> float:
    """A network in training.

    Args:
        config: of the training.
        shape: of the problem.
        parameters: of the network.
        floats: of one example that the backward pass needs, and of its gradients.
        example_bytes: of a preprocessed example, while it is made.
    """
    batch = min(shape.num_examples, config.batch_size) * floats
    examples = shape.num_examples * (example_bytes + _ORDER_BYTES)
    return _FIRST_STEP + FLOAT * (_WEIGHT_COPIES * parameters + batch) + examples


def network_cost(
    config: NetworkConfig,
    shape: Shape,
    parameters: float,
    predict_flops: float,
    fit_bytes: float,
    *,
    own_flops: float = 0.0,
    kept_flops: float = 0.0,
) -> Cost:
    """Of a network whose training is so many predictions of all examples, each with a backward pass twice as dear.

    Args:
        config: of the training.
        shape: of the problem.
        parameters: of the network.
        predict_flops: for one example.
        fit_bytes: of the training.
        own_flops: of these, those that examples don't share which are read together.
        kept_flops: of these, those of weights that learn nothing, which no backward pass comes to.
    """
    passes = config.for_training().num_epochs(num_read(shape))
    flops = num_read(shape) * (predict_flops - own_flops) + shape.num_examples * own_flops
    kept = (_FORWARD_AND_BACKWARD - 1) * num_read(shape) * kept_flops
    return Cost(parameters, predict_flops, (_FORWARD_AND_BACKWARD * flops - kept) * passes, fit_bytes)


def num_read(shape: Shape) -> int:
    """Examples that a network reads in an epoch, one for all those that it reads together."""
    share = shape.readings if isinstance(shape, SentenceShape) else 1.0
    return max(1, round(share * shape.num_examples))


def text_network_bytes(
    config: TextNetworkConfig | SentenceNetworkConfig,
    shape: TextShape,
    *,
    parameters: float,
    token_floats: float,
    products: int,
) -> float:
    """A network over tokens, whose batches have ever other shapes.

    Args:
        config: of the training.
        shape: of the problem.
        parameters: of the network.
        token_floats: of one token that the backward pass needs, and of its gradients.
        products: of matrices with different shapes in a step.
    """
    mean, longest = (min(tokens, config.max_tokens) for tokens in (shape.mean_tokens, shape.max_tokens))
    num_steps = config.num_epochs(num_read(shape)) * -(-num_read(shape) // config.batch_size)
    kernels = _KERNEL_BYTES * min(_MOST_KERNELS, products * num_steps)
    tokenized = _TOKEN_BYTES * mean * min(shape.num_examples, _TEXTS_AT_ONCE)
    network = network_bytes(
        config,
        shape,
        parameters=parameters,
        floats=max(mean, longest / config.batch_size) * token_floats,  # one text may fill a batch
        example_bytes=2 * FLOAT * mean,
    )
    return network + kernels + tokenized


def attention_floats(hidden_size: int, intermediate_size: int, num_heads: int, num_tokens: float) -> float:
    """Of one token, in one block of attention and feed-forward, for the backward pass."""
    return 16 * hidden_size + 5 * intermediate_size + 4 * num_heads * num_tokens
