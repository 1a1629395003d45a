"""Classification of images: readers, top-k, how often it is right, and the plugin that is configured by YAML alone."""
