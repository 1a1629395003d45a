"""The backends that come with the runner; they enter through the same entry points as any other."""
