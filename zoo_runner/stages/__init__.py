"""The steps of a run, each a function of its inputs."""
