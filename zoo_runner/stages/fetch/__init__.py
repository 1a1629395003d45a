"""Weights and data set: found or downloaded, verified, and read."""
