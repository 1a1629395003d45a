"""Images of any task: whether files are whole, their pixels, and what is done with these, as data."""
