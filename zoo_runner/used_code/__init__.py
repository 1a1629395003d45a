"""Records which code a step used, so that its results are reused only as long as that code is the same."""
