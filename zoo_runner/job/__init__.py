"""One run before it starts: its options, the recipe it follows, and what its stages share."""
