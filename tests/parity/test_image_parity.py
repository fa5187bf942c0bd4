"""The image networks beside the same ones written with torch's own modules, and their parameters as published."""

import torch
from torch import nn

from rungwise.rung import ImageShape
from rungwise.rungs.cnn.cnn import CNN, CNNConfig, Padding
from rungwise.rungs.cnn.fast_cnn import FastCNN, FastCNNConfig
from rungwise.rungs.transformer.vit import ViT, ViTConfig

MNIST = ImageShape(num_examples=60_000, num_outputs=10, channels=1, height=28, width=28)
TEXTBOOK = CNNConfig(padding=Padding.VALID, batch_norm=False, dropout=0.0)

KERAS_PARAMETERS = [320, 18_496, 204_928, 1_290]
"""conv2d, conv2d_1, dense, dense_1 of `keras.Sequential([Conv2D(32, 3), MaxPooling2D(2), Conv2D(64, 3),
MaxPooling2D(2), Flatten(), Dense(128), Dense(10)]).summary()` for 28×28×1, by hand: (3·3·1 + 1)·32,
(3·3·32 + 1)·64, (5·5·64 + 1)·128, (128 + 1)·10."""


def images(generator_seed=0):
    return torch.randn(7, 1, 28, 28, generator=torch.Generator().manual_seed(generator_seed))


def test_the_textbook_cnn_has_the_textbooks_parameters():
    layers = [m for m in CNN(TEXTBOOK, MNIST).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert [sum(p.numel() for p in layer.parameters()) for layer in layers] == KERAS_PARAMETERS


def test_the_textbook_cnn_is_the_plain_stack_of_layers():
    ours = CNN(TEXTBOOK, MNIST).eval()
    plain = nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1600, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    with torch.no_grad():
        for one, other in zip(plain.parameters(), ours.parameters(), strict=True):
            one.copy_(other)
        assert torch.allclose(plain(images()), ours(images()), atol=1e-6)


def test_the_vit_is_torchs_own_encoder_over_patches():
    config = ViTConfig(class_token=True, patch_size=7, hidden_size=32, num_layers=2, intermediate_size=64)
    ours = ViT(config, MNIST).eval()
    layer = nn.TransformerEncoderLayer(
        32, config.num_heads, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    theirs = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    with torch.no_grad():
        ours.token.normal_(generator=torch.Generator().manual_seed(1))
        for block, encoder in zip(ours.blocks, theirs.layers, strict=True):
            pairs = {
                encoder.self_attn.in_proj_weight: block.attention.query_key_value.weight,
                encoder.self_attn.in_proj_bias: block.attention.query_key_value.bias,
                encoder.self_attn.out_proj.weight: block.attention.output.weight,
                encoder.self_attn.out_proj.bias: block.attention.output.bias,
                encoder.linear1.weight: block.expand.weight,
                encoder.linear1.bias: block.expand.bias,
                encoder.linear2.weight: block.contract.weight,
                encoder.linear2.bias: block.contract.bias,
            }
            for one, other in pairs.items():
                one.copy_(other)
        patches = images().unfold(2, 7, 7).unfold(3, 7, 7).reshape(7, 16, 49)
        kernel = ours.patches.projection.weight.flatten(1)
        tokens = patches @ kernel.T + ours.patches.projection.bias
        tokens = torch.cat([ours.token.expand(7, 1, 32), tokens], 1) + ours.positions
        expected = ours.linear(ours.norm(theirs(tokens)[:, 0]))
        assert torch.allclose(ours(images()), expected, atol=1e-5)


def test_fast_cnn_is_the_plain_stack_of_layers():
    ours = FastCNN(FastCNNConfig(channels=(6, 12)), MNIST).eval()
    layers = [nn.Conv2d(1, 8, 2), nn.GELU()]
    for before, after in ((8, 6), (6, 12)):
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.MaxPool2d(2, ceil_mode=True)]
        layers += [nn.BatchNorm2d(after), nn.GELU(), nn.Conv2d(after, after, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.GELU()]
    plain = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(12, 10)).eval()
    with torch.no_grad():
        for one, other in zip(plain.parameters(), ours.parameters(), strict=True):
            one.copy_(other)
        assert torch.allclose(plain(images()) / 9, ours(images()), atol=1e-6)


def test_the_first_layer_of_fast_cnn_makes_patches_uncorrelated():
    noise = torch.randn(400, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    smooth = nn.functional.avg_pool2d(noise, 3, stride=1, padding=1)
    network = FastCNN(FastCNNConfig(), MNIST)
    network.calibrate((part,) for part in smooth.split(150))
    with torch.no_grad():
        outputs = network.whitening(smooth).transpose(0, 1).flatten(1)  # filters, places of all images
    count = len(outputs) // 2
    assert torch.allclose(outputs[:count], -outputs[count:], atol=1e-5)
    products = outputs[:count] @ outputs[:count].T / outputs.shape[1]
    assert torch.allclose(products, torch.eye(count), atol=0.06)
