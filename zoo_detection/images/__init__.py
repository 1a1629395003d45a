"""Pixels of annotated images."""
