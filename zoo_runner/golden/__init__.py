"""Golden bundles: what each stage gave for a few samples in a run that is trusted, to hold later runs against."""
