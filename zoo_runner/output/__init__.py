"""The output folder: what a run leaves there, and whose the files are that are there already."""
