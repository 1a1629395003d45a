"""Which stage lost the accuracy: the search after a red gate."""
