"""Segmentation of images: how far the regions of a prediction cover those of the annotation."""
