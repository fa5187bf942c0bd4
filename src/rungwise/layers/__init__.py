"""Shared torch modules."""
