"""Reads weights that other libraries wrote: torchvision's, timm's and Hugging Face's, from a file, a folder or the hub.

A pickled file (.pth, .pt, .bin) is read by torch's restricted unpickler, which makes tensors and runs nothing, and only
once: it is kept as safetensors in the user's cache, under a hash of its bytes.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import reprlib
import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from rungwise.artifacts.reading import read_text
from rungwise.errors import ConfigError, ModelError
from rungwise.files import cache_folder, replace_file
from rungwise.fitting import Pretrained

__all__ = ["read_description", "read_pretrained"]

_SAFE = "model.safetensors"
_PICKLED = "pytorch_model.bin"
_PICKLED_SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".tar", ".pkl")
_SUFFIXES = (".safetensors", *_PICKLED_SUFFIXES)
_TOKENIZER = "tokenizer.json"
_FILES = (_SAFE, _PICKLED, _TOKENIZER, "config.json", "preprocessor_config.json")
_WRAPPERS = ("state_dict", "model", "model_state_dict", "state_dict_ema")
"""Under which training scripts keep the weights beside other things, also one within another."""

_PREFIXES = r"^((module|_orig_mod)\.)+"
"""What `DataParallel` and `torch.compile` put before every name."""

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_MOST_CONFIG_BYTES = 2**24
_MOST_TOKENIZER_BYTES = 2**25


def read_pretrained(name: str) -> Pretrained:
    """The weights of a file, of a folder in Hugging Face's layout, or of a repository of the hub.

    Args:
        name: `weights.pth`, `weights.safetensors`, a folder that holds `model.safetensors` or `pytorch_model.bin`, or
            such as `microsoft/resnet-50`, for which the network is used.

    Raises:
        ConfigError: if there is no such thing.
        ModelError: if it can't be read, or holds no weights.
    """
    path = _found(name)
    if path.is_dir():
        return _of_folder(path, name)
    return Pretrained(name=name, weights=_arrays(_tensors(path)))


def read_description(name: str) -> Mapping[str, Any]:
    """What the `config.json` beside weights says of their network; empty for a file.

    Args:
        name: as `read_pretrained` takes it.

    Raises:
        ConfigError: if there is no such thing.
        ModelError: if it can't be read.
    """
    path = _found(name)
    return _json(path / "config.json") if path.is_dir() else {}


def _found(name: str) -> Path:
    """The file or folder of that name, here or from the hub."""
    path = Path(name).expanduser()
    if path.exists():
        return path
    if _HUB_NAME.fullmatch(name) and path.suffix.lower() not in _SUFFIXES:
        return _downloaded(name)
    raise ConfigError(
        f"pretrained={name!r}: there is no such file or folder; name a .safetensors or .pth file, a folder that holds "
        f"{_SAFE}, or a repository of the Hugging Face hub such as "
        "'microsoft/resnet-50' or 'sentence-transformers/all-MiniLM-L6-v2'."
    )


def _of_folder(folder: Path, name: str) -> Pretrained:
    file = next((folder / name for name in (_SAFE, _PICKLED) if (folder / name).is_file()), None)
    if file is None:
        parts = sorted(folder.glob("*.index.json"))
        raise ModelError(
            f"{folder} holds no weights: neither {_SAFE} nor {_PICKLED}."
            + (f" {parts[0].name} says that they are in several files; save them as one." if parts else "")
        )
    said = _json(folder / "preprocessor_config.json")
    config = _json(folder / "config.json")
    timm = config.get("pretrained_cfg") or {}
    if not isinstance(timm, dict):
        raise ModelError(
            f"{folder / 'config.json'}: pretrained_cfg is {reprlib.repr(timm)}; it must be an object, or left out."
        )
    tokenizer = folder / _TOKENIZER
    return Pretrained(
        name=name,
        weights=_arrays(_tensors(file)),
        mean=_channels(said.get("image_mean") or timm.get("mean"), folder),
        std=_channels(said.get("image_std") or timm.get("std"), folder),
        config=config,
        tokenizer=read_text(tokenizer.resolve(), _MOST_TOKENIZER_BYTES) if tokenizer.is_file() else None,
    )


def _json(file: Path) -> Mapping[str, Any]:
    """A JSON object, empty where there is no such file."""
    if not file.is_file():
        return {}
    try:
        if file.stat().st_size > _MOST_CONFIG_BYTES:
            raise ValueError("it is too large")
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file} can't be read: {error}.") from None
    if not isinstance(value, dict):
        raise ModelError(f"{file} holds no JSON object.")
    return value


def _channels(values: Any, folder: Path) -> tuple[float, ...] | None:
    """Three numbers for the channels, or None where nothing is said."""
    if values is None:
        return None
    if not (
        isinstance(values, list) and len(values) == 3 and all(isinstance(v, int | float) for v in values)
    ):
        raise ModelError(f"{folder}: mean and standard deviation must be three numbers, not {values!r}.")
    return tuple(map(float, values))


def _downloaded(name: str) -> Path:
    """The folder that the hub's client keeps a repository in."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise ConfigError(
            f"pretrained={name!r} is no file or folder here, and to look for it on the Hugging Face hub takes "
            "`pip install 'rungwise[hub]'`."
        ) from None
    try:
        folder: str = snapshot_download(name, allow_patterns=list(_FILES))
    except (OSError, ValueError) as error:  # what the hub's client raises for names, networks and answers
        said = str(error).strip() or type(error).__name__
        raise ConfigError(
            f"pretrained={name!r} is no file or folder here, and can't be had from the hub: {said.splitlines()[0]}"
        ) from None
    return Path(folder)


def _tensors(file: Path) -> dict[str, Tensor]:
    try:
        return _unpickled_once(file) if file.suffix.lower() in _PICKLED_SUFFIXES else load_file(file)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{file} can't be read as safetensors: {error}") from None


def _unpickled_once(file: Path) -> dict[str, Tensor]:
    """The tensors of a pickled file, or of its copy in the cache; a cache that can't be written is none."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:32]
    kept = cache_folder() / "pretrained" / digest / _SAFE
    if kept.is_file():
        with suppress(SafetensorError, OSError):
            return load_file(kept)
    tensors = _unpickled(file)
    with suppress(OSError, SafetensorError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        replace_file(kept, partial(save_file, tensors))
    return tensors


def _unpickled(file: Path) -> dict[str, Tensor]:
    """The tensors of a pickled file, by names without the prefixes that wrappers put before them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd pickles, which are then refused or are as good as others
            value = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise ModelError(
            f"{file} holds no weights that can be read safely ({said}); save the network's "
            "state_dict alone, as safetensors or by torch.save."
        ) from None
    while isinstance(value, Mapping):
        wrapped = [value[name] for name in _WRAPPERS if isinstance(value.get(name), Mapping)]
        if not wrapped:
            break
        value = wrapped[0]
    tensors = {
        str(name): tensor.contiguous().clone()
        for name, tensor in (value.items() if isinstance(value, Mapping) else ())
        if isinstance(tensor, Tensor) and _is_plain(tensor)
    }
    if not tensors:
        raise ModelError(
            f"{file} holds no weights: what it holds is {type(value).__name__}, not a state_dict."
        )
    return tensors


def _is_plain(tensor: Tensor) -> bool:
    """Whether it holds numbers, and not complex, quantised, sparse or absent ones."""
    is_dense = tensor.layout is torch.strided and tensor.device.type == "cpu"
    return is_dense and not (tensor.is_complex() or tensor.is_quantized)


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Numbers of 32 bits for those of 16; whole numbers, such as counts of batches, as they are."""
    return {
        re.sub(_PREFIXES, "", name): (tensor.float() if tensor.is_floating_point() else tensor).numpy()
        for name, tensor in tensors.items()
    }
