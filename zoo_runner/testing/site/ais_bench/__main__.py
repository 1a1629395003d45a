"""The command ``python -m ais_bench --model FILE.om …``."""

from __future__ import annotations

import sys

from .infer.command import main

if __name__ == "__main__":
    sys.exit(main())
