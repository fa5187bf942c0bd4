"""EfficientNet-Lite beside a slow reference, written from the names of efficientnet_lite_pytorch's weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rungwise.fitting import Pretrained
from rungwise.rung import ImageShape
from rungwise.rungs.cnn.efficientnet import RUNG, EfficientNet, EfficientNetConfig, Variant
from rungwise.training.pretrained import load_pretrained

STRIDES = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
"""Of the sixteen blocks of Lite0."""


def reference(weights, images):
    """Images (B, 3, H, W) -> outputs (B, 1000), layer after layer."""

    def conv(x, name, stride=1, groups=1):
        kernel = weights[f"{name}.weight"]
        size = kernel.shape[-1]
        pads = []
        for side in (x.shape[3], x.shape[2]):
            missing = max((int(np.ceil(side / stride)) - 1) * stride + size - side, 0)
            pads += [missing // 2, missing - missing // 2]
        return F.conv2d(F.pad(x, pads), kernel, stride=stride, groups=groups)

    def norm(x, name):
        mean, var, scale, bias = (
            weights[f"{name}.{kind}"][:, None, None]
            for kind in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-3).sqrt() * scale + bias

    x = norm(conv(images, "_conv_stem", stride=2), "_bn0").clamp(0, 6)
    for number, stride in enumerate(STRIDES):
        block = f"_blocks.{number}"
        before = x
        if f"{block}._expand_conv.weight" in weights:
            x = norm(conv(x, f"{block}._expand_conv"), f"{block}._bn0").clamp(0, 6)
        x = norm(conv(x, f"{block}._depthwise_conv", stride, groups=x.shape[1]), f"{block}._bn1").clamp(0, 6)
        x = norm(conv(x, f"{block}._project_conv"), f"{block}._bn2")
        if x.shape == before.shape:
            x = x + before
    x = norm(conv(x, "_conv_head"), "_bn1").clamp(0, 6)
    return x.mean((2, 3)) @ weights["_fc.weight"].T + weights["_fc.bias"]


def random_weights():
    """As efficientnet_lite_pytorch names and shapes them for Lite0."""
    generator = torch.Generator().manual_seed(0)
    weights = {}

    def conv(name, *shape):
        weights[f"{name}.weight"] = torch.randn(shape, generator=generator) / np.sqrt(np.prod(shape[1:]))

    def norm(name, channels):
        ranges = {"weight": (0.5, 1.5), "bias": (-1, 1), "running_mean": (-0.5, 0.5), "running_var": (0.5, 2)}
        for kind, (low, high) in ranges.items():
            weights[f"{name}.{kind}"] = low + (high - low) * torch.rand(channels, generator=generator)
        weights[f"{name}.num_batches_tracked"] = torch.tensor(7)

    conv("_conv_stem", 32, 3, 3, 3)
    norm("_bn0", 32)
    channels = [32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]
    kernels = [3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3]
    for number, (before, after, kernel) in enumerate(zip(channels, channels[1:], kernels, strict=False)):
        block, inner = f"_blocks.{number}", before if number == 0 else 6 * before
        if number:
            conv(f"{block}._expand_conv", inner, before, 1, 1)
            norm(f"{block}._bn0", inner)
        conv(f"{block}._depthwise_conv", inner, 1, kernel, kernel)
        norm(f"{block}._bn1", inner)
        conv(f"{block}._project_conv", after, inner, 1, 1)
        norm(f"{block}._bn2", after)
    conv("_conv_head", 1280, 320, 1, 1)
    norm("_bn1", 1280)
    conv("_fc", 1000, 1280)
    weights["_fc.bias"] = torch.randn(1000, generator=generator)
    return weights


@pytest.mark.parametrize("size", [(64, 64), (75, 61)])
def test_lite0_gives_what_the_reference_gives_of_the_same_weights(size):
    weights = random_weights()
    shape = ImageShape(num_examples=2, num_outputs=1000, channels=3, height=224, width=224)
    network = EfficientNet(EfficientNetConfig(), shape).eval()
    load_pretrained(
        network, RUNG, Pretrained(name="random", weights={name: w.numpy() for name, w in weights.items()})
    )
    network.classifier.load_state_dict({"weight": weights["_fc.weight"], "bias": weights["_fc.bias"]})
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(network(images), reference(weights, images), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("variant", "parameters"),
    list(zip(Variant, (4_652_008, 5_416_680, 6_092_072, 8_197_096, 13_006_568), strict=True)),
)
def test_the_sizes_have_the_parameters_that_timm_gives_for_them(variant, parameters):
    shape = ImageShape(num_examples=1, num_outputs=1000, channels=3, height=224, width=224)
    with torch.device("meta"):
        network = EfficientNet(EfficientNetConfig(variant=variant), shape)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
