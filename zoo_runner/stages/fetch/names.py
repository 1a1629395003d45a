"""What a downloaded file is called."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from zoo_runner.known_secrets import without_known
from zoo_runner.manifest.wheel_address import wheel_address


def file_name(url: str) -> str:
    """Make a plain, short file name of a URL's last path component."""
    wheel = wheel_address(url)
    plain = PurePosixPath(unquote(urlsplit(url).path)).name if wheel is None else wheel.file_name
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", without_known(plain))
    return name.lstrip(".-")[-100:] or "download"
