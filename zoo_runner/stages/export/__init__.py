"""Checkpoint to ONNX, held against the network it came from."""
