"""The output folder: the files that a run writes there, and whether zoo-run wrote those that are there already."""
