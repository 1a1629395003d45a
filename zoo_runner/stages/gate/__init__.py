"""Figures to a verdict."""
