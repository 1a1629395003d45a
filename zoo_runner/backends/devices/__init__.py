"""Several devices for one model, each in a process of its own."""
