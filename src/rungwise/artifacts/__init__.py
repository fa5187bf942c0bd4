"""The model folder: JSON and safetensors, never code."""

from rungwise.artifacts.checkpoint import load_checkpoint
from rungwise.artifacts.description import SCHEMA_VERSION
from rungwise.artifacts.folder import is_model_folder, load_model, model_bytes, save_model
from rungwise.artifacts.verify import FileState, Verification, model_folders, verify_model

__all__ = [
    "SCHEMA_VERSION",
    "FileState",
    "Verification",
    "is_model_folder",
    "load_checkpoint",
    "load_model",
    "model_bytes",
    "model_folders",
    "save_model",
    "verify_model",
]
