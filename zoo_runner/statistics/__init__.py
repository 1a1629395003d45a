"""How sure a figure is: bootstrap resampling."""
