"""Replay: a failed gate as one file, and that file looked at again on a machine without card, data set or torch."""
