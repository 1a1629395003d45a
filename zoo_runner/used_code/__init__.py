"""Which code a step used, so that its results are reused only while that code is the same."""
