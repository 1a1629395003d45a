"""ONNX to what the backend loads."""
