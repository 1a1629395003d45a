"""AIPP, what `atc.aipp` asks for: the model takes 8-bit pixels and normalises them itself, in or before the graph."""
