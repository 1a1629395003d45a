"""The way out for what a run makes: model files and the manifest in one folder or archive, by readable names."""
