"""What a downloaded file is called."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from zoo_runner.known_secrets import without_known


def file_name(url: str) -> str:
    """Make a plain, short file name of a URL's last path component."""
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", without_known(PurePosixPath(unquote(urlsplit(url).path)).name))
    return name.lstrip(".-")[-100:] or "download"
