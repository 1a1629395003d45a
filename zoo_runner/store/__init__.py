"""The store: what runs keep for later runs, by key, with the hash of every file."""
