"""What detectors share: data sets, boxes, and mean average precision."""
