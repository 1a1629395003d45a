"""Manifests: their schema, and how they are read."""
