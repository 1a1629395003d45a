"""How much is taken from a server and out of an archive where the manifest does not say how much it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from zoo_runner.errors import FetchError
from zoo_runner.files.bounds import Bound

DOWNLOAD: Final = Bound("ZOO_RUNNER_DOWNLOAD_LIMIT", 16 * 10**9)
"""Bytes of a download without ``size``: twice ImageNet's validation images, the largest usual set to score."""
UNPACKED: Final = Bound("ZOO_RUNNER_UNPACKED_LIMIT", 64 * 10**9)
"""Bytes that an archive unpacks to."""
MEMBERS: Final = Bound("ZOO_RUNNER_MEMBERS_LIMIT", 500_000)
"""Members of an archive: ImageNet's validation set has 50,000, COCO's largest 123,000."""
RATIO: Final = Bound("ZOO_RUNNER_RATIO_LIMIT", 200)
"""Bytes unpacked for one byte of the archive: images have about 1, annotations 10 to 20, bombs 1,000 and more."""
RATIO_FREE: Final = 10**9
"""Bytes that may be unpacked at any ratio: no harm is done with them."""
REDIRECTS: Final = 10
SLOWEST: Final = 1000
"""Bytes a second; a transfer that brings less for :data:`PATIENCE_S` is given up."""
PATIENCE: Final = "ZOO_RUNNER_DOWNLOAD_TIMEOUT"
PATIENCE_S: Final = 60.0


def too_much(archive: Path, most: str, remedy: str) -> FetchError:
    """Phrase that an archive holds more than is accepted.

    Args:
        archive: The archive.
        most: What is accepted, such as ``500,000 members``.
        remedy: How to have more accepted.
    """
    return FetchError(
        f"{archive}: refusing to unpack, nothing was written: expected at most {most}, found more. "
        f"If that is right, {remedy}"
    )
