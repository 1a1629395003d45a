"""What lower precision does to a network, before there is a card: ranges, and an emulation on ONNX Runtime."""
