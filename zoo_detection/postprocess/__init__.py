"""What makes detections of a network's outputs, chosen and configured by a manifest."""
