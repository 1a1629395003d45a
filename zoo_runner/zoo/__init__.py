"""A folder of manifests as one: its models, the last verdict on each, and which of them are to be run again."""
