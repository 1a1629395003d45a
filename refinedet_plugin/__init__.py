"""RefineDet (arXiv:1711.06897) as a plugin of zoo_runner."""
