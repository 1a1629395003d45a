"""The CANN toolkit of this machine: where it is, which release, and whether its environment is set."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HOMES = ("ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH")
"""Variables that set_env.sh sets to the toolkit's folder; the second is the newer name."""
UNKNOWN = "unknown"
DEFAULT_SET_ENV = Path("/usr/local/Ascend/ascend-toolkit/set_env.sh")

_SET_ENV = (
    DEFAULT_SET_ENV,
    Path("/usr/local/Ascend/cann/set_env.sh"),
    Path("~/Ascend/ascend-toolkit/set_env.sh"),
)
# version.cfg names each component's internal and release version: toolkit_running_version=[7.3.0.1.231:8.0.RC2].
_COMPONENTS = ("toolkit", "compiler", "runtime")
# version.info of a component: version_dir is the release, Version an internal number in some releases.
_INFO_KEYS = ("version_dir", "Version")


@dataclass(frozen=True, kw_only=True)
class Cann:
    """What was found.

    Attributes:
        home: The toolkit's folder; ``None`` when set_env.sh has not been sourced.
        version: The release, such as ``8.0.RC2``; :data:`UNKNOWN` where no version file tells.
        atc: The compiler found on PATH.
    """

    home: Path | None
    version: str
    atc: Path | None

    @property
    def sourced(self) -> bool:
        """Whether set_env.sh was sourced in this environment."""
        return self.home is not None


def detect(environ: Mapping[str, str] | None = None) -> Cann:
    """Look at an environment (this process's by default) without changing or running anything."""
    env = os.environ if environ is None else environ
    home = next((Path(env[name]) for name in HOMES if env.get(name) and Path(env[name]).is_dir()), None)
    atc = shutil.which("atc", path=env.get("PATH", ""))
    return Cann(home=home, version=_version(home), atc=Path(atc) if atc else None)


def is_stand_in(version: str) -> bool:
    """Say whether a tool calls itself an imitation in its version, in whatever spelling packaging allows."""
    return "standin" in re.sub(r"[^a-z]", "", version.lower())


def source_command() -> str:
    """Return the command that sets the environment, with the script that is on this machine."""
    found = next((path for path in _SET_ENV if path.expanduser().is_file()), DEFAULT_SET_ENV)
    return f"source {found}"


def _version(home: Path | None) -> str:
    if home is None:
        return UNKNOWN
    found = (*_from_config(home / "version.cfg"), *_from_info(home / "compiler" / "version.info"), UNKNOWN)
    return found[0]


def _from_config(path: Path) -> tuple[str, ...]:
    values = dict(_assignments(path))
    found = [
        values[key]
        for state in ("running", "installed")
        for component in _COMPONENTS
        if (key := f"{component}_{state}_version") in values
    ]
    return tuple(text for value in found if (text := value.strip("[]").rpartition(":")[2].strip()))


def _from_info(path: Path) -> tuple[str, ...]:
    values = dict(_assignments(path))
    return tuple(values[key].strip("[]") for key in _INFO_KEYS if values.get(key))


def _assignments(path: Path) -> Iterator[tuple[str, str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # absent in some releases
        return
    for match in re.finditer(r"^\s*([A-Za-z_]+)\s*=\s*(\S.*?)\s*$", text, re.MULTILINE):
        yield match[1], match[2]
