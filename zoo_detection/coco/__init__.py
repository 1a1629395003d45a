"""Data sets in the form of COCO, and the mean average precision that is published for them."""
