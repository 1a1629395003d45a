"""Inference with compiled models."""
