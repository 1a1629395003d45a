"""Double of ``atc``, the Ascend model compiler, for ONNX models with static shapes, with gears or with ranges."""
