"""``python -m zoo_runner`` is ``zoo-run``."""

from zoo_runner.cli import main

if __name__ == "__main__":
    main()
