"""Manifests written from files: from a checkpoint and a data set, by what the plugin finds in them."""
