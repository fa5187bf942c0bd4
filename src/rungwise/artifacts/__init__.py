"""The model folder: JSON and safetensors, never code."""

from rungwise.artifacts.folder import SCHEMA_VERSION, load_model, model_bytes, save_model

__all__ = ["SCHEMA_VERSION", "load_model", "model_bytes", "save_model"]
