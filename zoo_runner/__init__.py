"""Run, score and gate accelerator model-zoo recipes from one manifest."""
