"""Samples to predictions: preprocess, infer and postprocess, overlapped."""
