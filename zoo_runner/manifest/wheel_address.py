"""Addresses of files in Python's packages: ``pypi:NAME==VERSION/member``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

FORM: Final = "pypi:NAME==VERSION, or pypi:NAME==VERSION/FILE for one file in that wheel, without '..'"
"""What such an address looks like."""
SCHEME: Final = "pypi"
_ADDRESS: Final = re.compile(
    r"(?i:pypi):"
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?)"
    r"=="
    r"(?P<version>[0-9](?:[0-9A-Za-z.!+_-]{0,62}[0-9A-Za-z])?)"
    r"(?:/(?P<member>[^?#%\\]+))?",
    re.ASCII,
)
"""No name that pip could take for an option, no wildcard, and nothing that a URL gives another meaning to."""


@dataclass(frozen=True)
class WheelAddress:
    """One version of a package, and what of it is meant.

    Attributes:
        name: Name of the package.
        version: Its version, one only.
        member: File in the wheel; empty where the wheel itself is meant.
    """

    name: str
    version: str
    member: str = ""

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.name}=={self.version}"

    @property
    def file_name(self) -> str:
        """What the file is called: for a wheel without the tags, which are known only once pip has chosen one."""
        wheel = f"{_normal(self.name)}-{self.version}.whl"
        return PurePosixPath(self.member).name if self.member else wheel

    def is_wheel(self, file: str) -> bool:
        """Say whether a file's name is that of a wheel of the package."""
        return file.endswith(".whl") and _normal(file.partition("-")[0]) == _normal(self.name)


def wheel_address(url: str) -> WheelAddress | None:
    """Return what an address asks for; ``None`` of one that is not of that form."""
    match = _ADDRESS.fullmatch(url)
    if match is None:
        return None
    member = match["member"] or ""
    if member and (".." in member.split("/") or str(PurePosixPath(member)) != member or not member.isprintable()):
        return None
    if member.startswith("/") or member == ".":
        return None
    return WheelAddress(match["name"], match["version"], member)


def _normal(name: str) -> str:
    """Return a package's name as wheels have it."""
    return re.sub(r"[-_.]+", "_", name).lower()
