"""Commands of ``zoo-run``, one a module."""
