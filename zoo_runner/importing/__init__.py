"""Published recipes of the Ascend zoo, read: from their commands and tables to a manifest that says the same."""
