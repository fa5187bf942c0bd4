"""The published networks: their parameters, outputs beside slow references, and other libraries' names for weights.

The references are written from the papers and the names of torchvision's weights alone, layer after layer, in plain
functions.
"""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from rungwise import registry
from rungwise.estimators import estimator_class
from rungwise.fitting import Pretrained
from rungwise.kinds import OutputKind
from rungwise.rung import ImageShape
from rungwise.training.pretrained import load_pretrained

PUBLISHED = [
    ("alexnet", {"width": 64}, 224, 61_100_840),
    ("inception", {"width": 32}, 299, 27_161_264),
    ("resnet", {"width": 64, "depth": 18}, 224, 11_689_512),
    ("resnet", {"width": 64, "depth": 34}, 224, 21_797_672),
    ("resnet", {"width": 64, "depth": 50}, 224, 25_557_032),
    ("resnet", {"width": 64, "depth": 101}, 224, 44_549_160),
    ("densenet", {"growth_rate": 32, "depth": 121}, 224, 7_978_856),
    ("densenet", {"growth_rate": 32, "depth": 169}, 224, 14_149_480),
    ("vit", {"size": "tiny"}, 224, 5_717_416),
    ("vit", {"size": "small"}, 224, 22_050_664),
    ("vit", {"size": "base"}, 224, 86_567_656),
]
"""Of torchvision's and timm's models with 1,000 classes; Inception-v3's with its auxiliary head."""

NAMES = {
    "alexnet": ["convolutions.0.weight", "dense.1.weight", "linear.bias"],
    "inception": [
        "Conv2d_1a_3x3.conv.weight",
        "Mixed_5b.branch3x3dbl_3.bn.running_var",
        "Mixed_6a.branch3x3.conv.weight",
        "Mixed_6e.branch7x7dbl_5.conv.weight",
        "AuxLogits.conv1.conv.weight",
        "Mixed_7a.branch7x7x3_4.bn.bias",
        "Mixed_7c.branch3x3dbl_3b.conv.weight",
        "Mixed_7c.branch_pool.conv.weight",
        "fc.weight",
    ],
    "resnet": ["conv1.weight", "bn1.running_mean", "layer2.0.downsample.0.weight", "layer4.1.bn2.bias"],
    "densenet": [
        "features.conv0.weight",
        "features.denseblock4.denselayer16.norm2.running_var",
        "features.transition3.conv.weight",
        "features.norm5.bias",
        "classifier.weight",
    ],
}
"""Some of the names that torchvision gives its weights, and for AlexNet our own."""


def shape(side, *, channels=3, outputs=5):
    return ImageShape(num_examples=1, num_outputs=outputs, channels=channels, height=side, width=side)


def build(name, settings, of):
    rung = registry.rung(name)
    return rung.build(registry.make_config(rung.config, settings), of)


@pytest.mark.parametrize(("name", "settings", "side", "parameters"), PUBLISHED)
def test_a_published_network_has_the_published_parameters(name, settings, side, parameters):
    with torch.device("meta"):
        network = build(name, settings, shape(side, outputs=1000))
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert set(NAMES.get(name, [])) <= set(network.state_dict())


# ----------------------------------------------------------------------------------------------- references


def scrambled(network):
    """The network ready to predict, with norms that do something."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight")):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif tensor.ndim == 1:
                tensor.normal_(0, 0.2, generator=generator)
    return network.eval()


def normed(w, name, x, eps=1e-5):
    mean, var = w[f"{name}.running_mean"], w[f"{name}.running_var"]
    x = (x - mean[:, None, None]) / (var[:, None, None] + eps).sqrt()
    return x * w[f"{name}.weight"][:, None, None] + w[f"{name}.bias"][:, None, None]


def dense(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def resnet(w, x):
    x = F.conv2d(x, w["conv1.weight"], stride=2, padding=3)
    x = F.max_pool2d(F.relu(normed(w, "bn1", x)), 3, 2, 1)
    for stage in (1, 2, 3, 4):
        block = 0
        while f"layer{stage}.{block}.conv1.weight" in w:
            at = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            if f"{at}.conv3.weight" in w:
                y = F.relu(normed(w, f"{at}.bn1", F.conv2d(x, w[f"{at}.conv1.weight"])))
                y = F.conv2d(y, w[f"{at}.conv2.weight"], stride=stride, padding=1)
                y = F.relu(normed(w, f"{at}.bn2", y))
                y = normed(w, f"{at}.bn3", F.conv2d(y, w[f"{at}.conv3.weight"]))
            else:
                y = F.conv2d(x, w[f"{at}.conv1.weight"], stride=stride, padding=1)
                y = F.relu(normed(w, f"{at}.bn1", y))
                y = normed(w, f"{at}.bn2", F.conv2d(y, w[f"{at}.conv2.weight"], padding=1))
            if f"{at}.downsample.0.weight" in w:
                x = F.conv2d(x, w[f"{at}.downsample.0.weight"], stride=stride)
                x = normed(w, f"{at}.downsample.1", x)
            x, block = F.relu(x + y), block + 1
    return dense(w, "fc", x.mean((2, 3)))


def densenet(w, x):
    x = F.conv2d(x, w["features.conv0.weight"], stride=2, padding=3)
    x = F.max_pool2d(F.relu(normed(w, "features.norm0", x)), 3, 2, 1)
    for block in (1, 2, 3, 4):
        layer = 1
        while f"features.denseblock{block}.denselayer{layer}.conv1.weight" in w:
            at = f"features.denseblock{block}.denselayer{layer}"
            y = F.conv2d(F.relu(normed(w, f"{at}.norm1", x)), w[f"{at}.conv1.weight"])
            y = F.conv2d(F.relu(normed(w, f"{at}.norm2", y)), w[f"{at}.conv2.weight"], padding=1)
            x, layer = torch.cat((x, y), 1), layer + 1
        if block < 4:
            at = f"features.transition{block}"
            x = F.conv2d(F.relu(normed(w, f"{at}.norm", x)), w[f"{at}.conv.weight"])
            x = F.avg_pool2d(x, 2)
    return dense(w, "classifier", F.relu(normed(w, "features.norm5", x)).mean((2, 3)))


def alexnet(w, x):
    for layer, stride, padding in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
        x = F.conv2d(
            x, w[f"features.{layer}.weight"], w[f"features.{layer}.bias"], stride=stride, padding=padding
        )
        x = F.relu(x)
        if layer in (0, 3, 10):
            x = F.max_pool2d(x, 3, 2)
    x = F.adaptive_avg_pool2d(x, 6).flatten(1)
    x = F.relu(dense(w, "classifier.1", x))
    x = F.relu(dense(w, "classifier.4", x))
    return dense(w, "classifier.6", x)


def inception(w, x):
    def conv(name, x, stride=1, padding=0):
        x = F.conv2d(x, w[f"{name}.conv.weight"], stride=stride, padding=padding)
        return F.relu(normed(w, f"{name}.bn", x, eps=1e-3))

    x = conv("Conv2d_1a_3x3", x, stride=2)
    x = conv("Conv2d_2a_3x3", x)
    x = conv("Conv2d_2b_3x3", x, padding=1)
    x = F.max_pool2d(x, 3, 2)
    x = conv("Conv2d_3b_1x1", x)
    x = conv("Conv2d_4a_3x3", x)
    x = F.max_pool2d(x, 3, 2)
    for at in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        first = conv(f"{at}.branch1x1", x)
        second = conv(f"{at}.branch5x5_2", conv(f"{at}.branch5x5_1", x), padding=2)
        third = conv(f"{at}.branch3x3dbl_2", conv(f"{at}.branch3x3dbl_1", x), padding=1)
        third = conv(f"{at}.branch3x3dbl_3", third, padding=1)
        fourth = conv(f"{at}.branch_pool", F.avg_pool2d(x, 3, 1, 1))
        x = torch.cat((first, second, third, fourth), 1)
    first = conv("Mixed_6a.branch3x3", x, stride=2)
    second = conv("Mixed_6a.branch3x3dbl_2", conv("Mixed_6a.branch3x3dbl_1", x), padding=1)
    second = conv("Mixed_6a.branch3x3dbl_3", second, stride=2)
    x = torch.cat((first, second, F.max_pool2d(x, 3, 2)), 1)
    for at in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        first = conv(f"{at}.branch1x1", x)
        second = conv(f"{at}.branch7x7_2", conv(f"{at}.branch7x7_1", x), padding=(0, 3))
        second = conv(f"{at}.branch7x7_3", second, padding=(3, 0))
        third = conv(f"{at}.branch7x7dbl_1", x)
        for number, padding in ((2, (3, 0)), (3, (0, 3)), (4, (3, 0)), (5, (0, 3))):
            third = conv(f"{at}.branch7x7dbl_{number}", third, padding=padding)
        fourth = conv(f"{at}.branch_pool", F.avg_pool2d(x, 3, 1, 1))
        x = torch.cat((first, second, third, fourth), 1)
    auxiliary = F.avg_pool2d(x, 5, 3)
    auxiliary = conv("AuxLogits.conv1", conv("AuxLogits.conv0", auxiliary)).mean((2, 3))
    first = conv("Mixed_7a.branch3x3_2", conv("Mixed_7a.branch3x3_1", x), stride=2)
    second = conv("Mixed_7a.branch7x7x3_2", conv("Mixed_7a.branch7x7x3_1", x), padding=(0, 3))
    second = conv("Mixed_7a.branch7x7x3_3", second, padding=(3, 0))
    second = conv("Mixed_7a.branch7x7x3_4", second, stride=2)
    x = torch.cat((first, second, F.max_pool2d(x, 3, 2)), 1)
    for at in ("Mixed_7b", "Mixed_7c"):
        first = conv(f"{at}.branch1x1", x)
        second = conv(f"{at}.branch3x3_1", x)
        third = conv(f"{at}.branch3x3dbl_2", conv(f"{at}.branch3x3dbl_1", x), padding=1)
        parts = [first]
        for part, name in ((second, "branch3x3_2"), (third, "branch3x3dbl_3")):
            parts.append(conv(f"{at}.{name}a", part, padding=(0, 1)))
            parts.append(conv(f"{at}.{name}b", part, padding=(1, 0)))
        x = torch.cat((*parts, conv(f"{at}.branch_pool", F.avg_pool2d(x, 3, 1, 1))), 1)
    return dense(w, "fc", x.mean((2, 3))), dense(w, "AuxLogits.fc", auxiliary)


def vit(w, x, heads):
    def layer_norm(name, x):
        centred = x - x.mean(-1, keepdim=True)
        x = centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
        return x * w[f"{name}.weight"] + w[f"{name}.bias"]

    patch = w["conv_proj.weight"].shape[-1]
    x = F.conv2d(x, w["conv_proj.weight"], w["conv_proj.bias"], stride=patch).flatten(2).transpose(1, 2)
    x = torch.cat((w["class_token"].expand(len(x), 1, -1), x), 1) + w["encoder.pos_embedding"]
    layer = 0
    while f"encoder.layers.encoder_layer_{layer}.ln_1.weight" in w:
        at = f"encoder.layers.encoder_layer_{layer}"
        y = layer_norm(f"{at}.ln_1", x)
        y = y @ w[f"{at}.self_attention.in_proj_weight"].T + w[f"{at}.self_attention.in_proj_bias"]
        query, key, value = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in y.chunk(3, 2))
        scores = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5
        y = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        x = x + dense(w, f"{at}.self_attention.out_proj", y)
        y = dense(w, f"{at}.mlp.0", layer_norm(f"{at}.ln_2", x))
        x = x + dense(w, f"{at}.mlp.3", 0.5 * y * (1 + torch.erf(y / 2**0.5)))
        layer += 1
    return dense(w, "heads.head", layer_norm("encoder.ln", x)[:, 0])


def images(side, number=2):
    return torch.randn(number, 3, side, side, generator=torch.Generator().manual_seed(0))


def assert_same(ours, reference, inputs):
    with torch.no_grad():
        expected, got = reference(inputs), ours(inputs)
        assert expected.std() > 0.01
        torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("depth", [18, 50])
def test_resnet_computes_what_the_reference_does(depth):
    ours = scrambled(build("resnet", {"depth": depth, "width": 8, "stem": "large"}, shape(70))).double()
    assert_same(ours, lambda x: resnet(ours.state_dict(), x), images(70).double())


def test_densenet_computes_what_the_reference_does():
    ours = scrambled(build("densenet", {"depth": 121, "growth_rate": 8, "stem": "large"}, shape(70))).double()
    assert_same(ours, lambda x: densenet(ours.state_dict(), x), images(70).double())


def test_alexnet_computes_what_the_reference_does():
    ours = scrambled(build("alexnet", {"width": 8}, shape(130))).double()
    theirs = to_torchvision_alexnet(ours.state_dict())
    assert_same(ours, lambda x: alexnet(theirs, x), images(130).double())


def test_inception_and_its_auxiliary_head_compute_what_the_reference_does():
    ours = scrambled(build("inception", {"width": 8}, shape(299))).double()
    weights, inputs = ours.state_dict(), images(299).double()
    assert_same(ours, lambda x: inception(weights, x)[0], inputs)
    ours.training = True  # of the network itself: its norms stay as they are
    assert_same(lambda x: ours(x)[1], lambda x: inception(weights, x)[1], inputs)


def test_vit_computes_what_the_reference_does():
    ours = scrambled(build("vit", {"size": "tiny"}, shape(48))).double()
    theirs = to_torchvision_vit(ours.state_dict())
    assert_same(ours, lambda x: vit(theirs, x, 3), images(48).double())


@pytest.mark.parametrize("name", ["alexnet", "densenet", "inception", "resnet", "vit"])
def test_the_head_reads_the_features(name):
    network = build(name, {}, shape(28)).eval()
    head = network.get_submodule(registry.rung(name).head)
    with torch.no_grad():
        torch.testing.assert_close(head(network.features(images(28))), network(images(28)))


# --------------------------------------------------------------------------------------------------- layouts


def changed(weights, rules):
    names = {}
    for name in weights:
        new = name
        for old, replacement in rules:
            new = re.sub(old, replacement, new)
        names[name] = new
    return {names[name]: tensor.clone() for name, tensor in weights.items()}


def to_torchvision_alexnet(weights):
    rules = [("^convolutions", "features"), ("^dense", "classifier"), ("^linear", "classifier.6")]
    return changed(weights, rules)


def to_old_torchvision_densenet(weights):
    return changed(weights, [(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2")])


def to_transformers_resnet(weights):
    theirs = {}
    for name, tensor in weights.items():
        match re.split(r"\.", name):
            case ["conv1", end]:
                new = f"resnet.embedder.embedder.convolution.{end}"
            case ["bn1", end]:
                new = f"resnet.embedder.embedder.normalization.{end}"
            case ["fc", end]:
                new = f"classifier.1.{end}"
            case [stage, block, "downsample", number, end]:
                kind = ("convolution", "normalization")[int(number)]
                new = f"resnet.encoder.stages.{int(stage[-1]) - 1}.layers.{block}.shortcut.{kind}.{end}"
            case [stage, block, layer, end]:
                kind = "convolution" if layer.startswith("conv") else "normalization"
                at = f"resnet.encoder.stages.{int(stage[-1]) - 1}.layers.{block}"
                new = f"{at}.layer.{int(layer[-1]) - 1}.{kind}.{end}"
        theirs[new] = tensor.clone()
    return theirs


def with_axis(weights, token, positions):
    weights[token], weights[positions] = weights[token][None, None], weights[positions][None]
    return weights


def to_torchvision_vit(weights):
    rules = [
        (r"^patches\.projection", "conv_proj"),
        (r"^token$", "class_token"),
        (r"^positions$", "encoder.pos_embedding"),
        (r"^norm\.", "encoder.ln."),
        (r"^linear\.", "heads.head."),
        (r"^blocks\.", "encoder.layers.encoder_layer_"),
        (r"attention\.query_key_value\.", "self_attention.in_proj_"),
        (r"attention\.output", "self_attention.out_proj"),
        (r"attention_norm", "ln_1"),
        (r"feed_forward_norm", "ln_2"),
        (r"expand", "mlp.0"),
        (r"contract", "mlp.3"),
    ]
    return with_axis(changed(weights, rules), "class_token", "encoder.pos_embedding")


def to_timm_vit(weights):
    rules = [
        (r"^patches\.projection", "patch_embed.proj"),
        (r"^token$", "cls_token"),
        (r"^positions$", "pos_embed"),
        (r"^linear\.", "head."),
        (r"attention\.query_key_value", "attn.qkv"),
        (r"attention\.output", "attn.proj"),
        (r"attention_norm", "norm1"),
        (r"feed_forward_norm", "norm2"),
        (r"expand", "mlp.fc1"),
        (r"contract", "mlp.fc2"),
    ]
    return with_axis(changed(weights, rules), "cls_token", "pos_embed")


def to_transformers_vit(weights, *, on_disk=True):
    """The names in files, and those that transformers 5 has in memory."""
    layers, output, expand, contract = (
        ("encoder.layer", "attention.output.dense", "intermediate.dense", "output.dense")
        if on_disk
        else ("layers", "attention.o_proj", "mlp.fc1", "mlp.fc2")
    )
    rules = [
        (r"^(patches\.projection|token|positions)", r"vit.embeddings.\1"),
        (r"embeddings\.patches", "embeddings.patch_embeddings"),
        (r"embeddings\.token", "embeddings.cls_token"),
        (r"embeddings\.positions", "embeddings.position_embeddings"),
        (r"^norm\.", "vit.layernorm."),
        (r"^linear\.", "classifier."),
        (r"^blocks\.", f"vit.{layers}."),
        (r"attention_norm", "layernorm_before"),
        (r"feed_forward_norm", "layernorm_after"),
        (r"attention\.output", output),
        (r"expand", expand),
        (r"contract", contract),
    ]
    theirs = changed(weights, rules)
    parts = (
        [f"attention.attention.{part}" for part in ("query", "key", "value")]
        if on_disk
        else [f"attention.{part}_proj" for part in "qkv"]
    )
    for name in [name for name in theirs if "query_key_value" in name]:
        for part, tensor in zip(parts, theirs.pop(name).chunk(3), strict=True):
            theirs[name.replace("attention.query_key_value", part)] = tensor
    return with_axis(theirs, "vit.embeddings.cls_token", "vit.embeddings.position_embeddings")


LAYOUTS = [
    ("alexnet", {"width": 2}, "torchvision", to_torchvision_alexnet),
    ("densenet", {"growth_rate": 2, "depth": 121}, "torchvision", to_old_torchvision_densenet),
    ("resnet", {"width": 2}, "transformers", to_transformers_resnet),
    ("resnet", {"width": 2, "depth": 50}, "transformers", to_transformers_resnet),
    ("vit", {"class_token": True}, "timm", to_timm_vit),
    ("vit", {"class_token": True}, "torchvision", to_torchvision_vit),
    ("vit", {"class_token": True}, "transformers", to_transformers_vit),
    ("vit", {"class_token": True}, "transformers", lambda w: to_transformers_vit(w, on_disk=False)),
]


def to_timm_inception(weights):
    return {name: tensor.clone() for name, tensor in weights.items() if not name.startswith("AuxLogits.")}


INCEPTION_WITHOUT_AUXILIARY = ("inception", {"width": 2}, "timm", to_timm_inception)


@pytest.mark.parametrize(("name", "settings", "library", "to_theirs"), LAYOUTS)
def test_weights_under_another_librarys_names_become_ours(name, settings, library, to_theirs):
    ours = build(name, settings, shape(16)).state_dict()
    theirs = to_theirs(ours)
    assert not set(theirs) & set(ours) - {
        n for n in ours if n.startswith(("features.", "norm.", "classifier."))
    }
    back = registry.rung(name).layouts[library](theirs)
    assert set(back) == set(ours)
    assert all(torch.equal(back[key], ours[key]) for key in ours)


@pytest.mark.parametrize(
    ("name", "settings", "library", "to_theirs"), [*LAYOUTS, INCEPTION_WITHOUT_AUXILIARY]
)
def test_a_probe_is_fitted_on_another_librarys_weights(name, settings, library, to_theirs, tmp_path):
    del library
    network = scrambled(build(name, settings, shape(24, outputs=7)))
    save_file(to_theirs(network.state_dict()), tmp_path / "theirs.safetensors")
    rung = registry.rung(name)
    settings = {
        **settings,
        "input_size": 24,
        "pretrained": str(tmp_path / "theirs.safetensors"),
        "tuning": "head",
    }
    pixels = np.random.default_rng(0).integers(0, 256, (12, 24, 24, 3), dtype=np.uint8)
    model = estimator_class(name, OutputKind.LABEL)(**settings, random_state=0)
    learned = model.fit(pixels, np.arange(12) % 2).learner_.network.state_dict()
    new = (f"{rung.head}.", f"{rung.auxiliary}.")
    for key, tensor in network.state_dict().items():
        assert key.startswith(new) or torch.equal(learned[key], tensor), key


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("depth", [18, 50])
def test_resnet_computes_what_transformers_does(depth):
    transformers = pytest.importorskip("transformers")
    kind, blocks = {18: ("basic", [2, 2, 2, 2]), 50: ("bottleneck", [3, 4, 6, 3])}[depth]
    widths = [(8 if depth == 18 else 32) * 2**stage for stage in range(4)]
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=widths, depths=blocks, layer_type=kind, num_labels=5
    )
    theirs = scrambled(transformers.ResNetForImageClassification(config))
    ours = build("resnet", {"depth": depth, "width": 8, "stem": "large"}, shape(70)).eval()
    ours.load_state_dict(registry.rung("resnet").layouts["transformers"](theirs.state_dict()))
    assert_same(ours, lambda x: theirs(x).logits, images(70))


@pytest.mark.filterwarnings("ignore")
def test_vit_computes_what_transformers_does():
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=192,
        num_attention_heads=3,
        intermediate_size=768,
        image_size=48,
        num_labels=5,
        layer_norm_eps=1e-6,
    )
    theirs = scrambled(transformers.ViTForImageClassification(config))
    ours = build("vit", {"size": "tiny"}, shape(48)).eval()
    ours.load_state_dict(registry.rung("vit").layouts["transformers"](theirs.state_dict()))
    assert_same(ours, lambda x: theirs(x).logits, images(48))


BESIDE = [
    ("alexnet", {"width": 64, "stem": "large"}, "alexnet", "alexnet", 224),
    ("densenet", {"growth_rate": 32, "depth": 121, "stem": "large"}, "densenet121", "densenet121", 224),
    ("inception", {"width": 32, "stem": "large"}, "inception_v3", "inception_v3", 299),
    ("resnet", {"width": 64, "depth": 18, "stem": "large"}, "resnet18", "resnet18", 224),
    ("resnet", {"width": 64, "depth": 50, "stem": "large"}, "resnet50", "resnet50", 224),
    ("vit", {"size": "base"}, "vit_b_16", "vit_base_patch16_224", 224),
]
"""A rung, the settings of a published size, its names in torchvision and in timm, and its pixels a side."""


def assert_loads(theirs, name, settings, side):
    """A network that takes the weights of another library's gives the same outputs."""
    theirs = scrambled(theirs.eval())
    rung = registry.rung(name)
    ours = build(name, settings, shape(side, outputs=1000)).eval()
    weights = {key: tensor.numpy() for key, tensor in theirs.state_dict().items()}
    load_pretrained(ours, rung, Pretrained(name="theirs", weights=weights))
    with torch.no_grad():
        reached = ours.features(images(side))
        head = [module for module in theirs.modules() if isinstance(module, nn.Linear)][-1]
        assert torch.allclose(head(reached), theirs(images(side)), atol=1e-4, rtol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "settings", "function", "_", "side"), BESIDE)
def test_the_network_computes_what_torchvision_does(name, settings, function, _, side):
    models = pytest.importorskip("torchvision.models", exc_type=ImportError)
    assert_loads(getattr(models, function)(weights=None), name, settings, side)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "settings", "_", "function", "side"), BESIDE)
def test_the_network_computes_what_timm_does(name, settings, _, function, side):
    timm = pytest.importorskip("timm", exc_type=ImportError)
    if name == "alexnet":
        pytest.skip("timm has none")
    assert_loads(timm.create_model(function, pretrained=False), name, settings, side)
