"""Writes the held-out test images of the sample.

    python tools/sample/testset.py --out refinedet_plugin/sample/VOCdevkit

Scene numbers begin at 10 000 000; training begins at 2^32 (see ``train.py``), so no scene is in both.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sample.scenes import draw_scene
from sample.vocdir import write_voc

FIRST_SCENE: Final = 10_000_000


def write_testset(out: Path, count: int) -> None:
    """Write ``count`` scenes as a VOCdevkit folder; the same number gives the same bytes."""
    write_voc(out, ((f"{index + 1:06d}", draw_scene(FIRST_SCENE + index)) for index in range(count)))


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the VOCdevkit folder")
    parser.add_argument("--count", type=int, default=240)
    given = parser.parse_args()
    write_testset(given.out, given.count)
    print(f"{given.count} scenes in {given.out}")


if __name__ == "__main__":
    main()
