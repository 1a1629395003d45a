"""Image files: whether they are whole, and their pixels."""
