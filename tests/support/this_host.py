"""Makes the process of the tests one on a host with stand-ins."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def enter(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on the host with this environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for folder in reversed(environment["PYTHONPATH"].split(os.pathsep)):
        monkeypatch.syspath_prepend(folder)


def forget_tools() -> None:
    """Let the next host's tools be imported, and not this one's."""
    for name in [name for name in sys.modules if name.partition(".")[0] in {"ais_bench", "aclruntime"}]:
        del sys.modules[name]
