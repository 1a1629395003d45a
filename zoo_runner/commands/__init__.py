"""Commands of ``zoo-run`` beside ``run``, one a module."""
