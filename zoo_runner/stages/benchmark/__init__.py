"""How fast the model is."""
