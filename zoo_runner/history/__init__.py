"""Earlier runs: the ledger of them, how figures move, and what they propose for a manifest."""
