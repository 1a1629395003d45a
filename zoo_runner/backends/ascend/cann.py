"""The CANN of this machine: where it is, which release, and whether its environment is set.

Results belong to the release that computed them. Where no file names it, the content of its libraries does. Where those
are not found either, nobody can tell two releases apart, and what one run made is not for the next.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

HOMES = ("ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH")
"""Variables that set_env.sh sets to the toolkit's folder, or to several with colons between; the second is newer."""
UNKNOWN = "unknown"
LIBRARY = "libascendcl.so"
"""What aclruntime calls of CANN."""
DEFAULT_SET_ENV = Path("/usr/local/Ascend/ascend-toolkit/set_env.sh")

_SET_ENV = (
    DEFAULT_SET_ENV,
    Path("/usr/local/Ascend/cann/set_env.sh"),
    Path("~/Ascend/ascend-toolkit/set_env.sh"),
)
# version.cfg names each component's internal and release version: toolkit_running_version=[7.3.0.1.231:8.0.RC2].
_COMPONENTS = ("toolkit", "compiler", "runtime")
# version.info of a component: version_dir is the release, and Version an internal number, up to 8.3; since 8.5
# version_dir is only a folder's name, and Version the release. The release is the first that has a number.
_INFO_KEYS = ("version_dir", "Version", "version")
_PARTS = ("compiler", "runtime", "toolkit")
_INSTALLED = ("toolkit", "nnrt", "nnae")
_RELEASE = re.compile(r"\d+\.\d")
_LIBRARY_FOLDERS = ("lib64", "runtime/lib64", "acllib/lib64", "fwkacllib/lib64")
_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class Cann:
    """What was found.

    Attributes:
        home: The toolkit's folder; ``None`` when set_env.sh has not been sourced.
        version: The release, such as ``8.0.RC2``; where no file tells, :data:`UNKNOWN` and the hashes of what is there.
        atc: The compiler found on PATH.
        identified: Whether ``version`` is another one for another release: it was told, or has a hash.
        others: Releases that further folders tell, and the hash of a library from elsewhere: which of them computes is
            decided by the paths of libraries.
    """

    home: Path | None
    version: str
    atc: Path | None
    identified: bool = True
    others: tuple[str, ...] = ()

    @property
    def releases(self) -> str:
        """All that may compute, in words."""
        return " beside ".join((self.version, *self.others))

    @property
    def sourced(self) -> bool:
        """Whether set_env.sh was sourced in this environment."""
        return self.home is not None


def detect(environ: Mapping[str, str] | None = None) -> Cann:
    """Look at an environment (this process's by default) without changing or running anything."""
    env = os.environ if environ is None else environ
    homes = [
        Path(part) for name in HOMES for part in env.get(name, "").split(os.pathsep) if part and Path(part).is_dir()
    ]
    home = homes[0] if homes else None
    found = shutil.which("atc", path=env.get("PATH", ""))
    atc = Path(found) if found else None
    told = dict.fromkeys(version for each in homes for version in itertools.islice(_versions(each), 1))
    if told:
        version, *others = told
        return Cann(home=home, version=version, atc=atc, others=(*others, *_from_elsewhere(homes, env)))
    hashes = list(_contents(homes, atc, env))
    version = f"{UNKNOWN} ({', '.join(hashes)})" if hashes else UNKNOWN
    return Cann(home=home, version=version, atc=atc, identified=bool(hashes))


def is_stand_in(version: str) -> bool:
    """Say whether a tool calls itself an imitation in its version, in whatever spelling packaging allows."""
    return "standin" in re.sub(r"[^a-z]", "", version.lower())


def source_command() -> str:
    """Return the command that sets the environment, with the script that is on this machine."""
    found = next((path for path in _SET_ENV if path.expanduser().is_file()), DEFAULT_SET_ENV)
    return f"source {found}"


def _versions(home: Path) -> Iterator[str]:
    """Yield the releases that files below a folder tell, the most telling file first."""
    yield from _from_config(home / "version.cfg")
    for part in _PARTS:
        yield from _from_info(home / part / "version.info")
    for part in _PARTS:
        yield from _from_info(home / "share" / "info" / part / "version.info")
    machine = f"{platform.machine()}-linux"
    for package in _INSTALLED:
        for folder in (home, home / machine):
            yield from _from_info(folder / f"ascend_{package}_install.info")


def _contents(homes: Sequence[Path], atc: Path | None, env: Mapping[str, str]) -> Iterator[str]:
    """Yield the hashes of what tells releases apart where no file names them: what computes, and what compiles."""
    library = next(itertools.chain(_linked(env), _of_homes(homes)), None)
    for name, found in ((LIBRARY, library), ("atc", atc)):
        with suppress(OSError):
            if found is not None and (digest := _digest(found)):
                yield f"{name} {digest}"


def _from_elsewhere(homes: Sequence[Path], env: Mapping[str, str]) -> Iterator[str]:
    """Yield the hash of the library that is loaded, if it is of none of the folders that told a release."""
    with suppress(OSError):
        library = next(_linked(env), None)
        if library is None or any(library.is_relative_to(home) for home in homes):
            return
        if not any(library.samefile(own) for own in _of_homes(homes)):
            yield f"{LIBRARY} {_digest(library)}"


def _linked(env: Mapping[str, str]) -> Iterator[Path]:
    """Yield the libraries that the system's loader would find, the one that it takes first."""
    folders = (Path(part) for part in env.get("LD_LIBRARY_PATH", "").split(os.pathsep) if part)
    return (path for folder in folders if (path := folder / LIBRARY).is_file())


def _of_homes(homes: Sequence[Path]) -> Iterator[Path]:
    """Yield the libraries of the toolkit's folders."""
    folders = (home / folder for home in homes for folder in _LIBRARY_FOLDERS)
    return (path for folder in folders if (path := folder / LIBRARY).is_file())


def _digest(path: Path) -> str:
    """Return the beginning of a file's SHA-256, nothing of a script, which may call any release."""
    found = path.stat()
    return _read_digest(str(path), found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=16)
def _read_digest(path: str, _size: int, _mtime_ns: int) -> str:
    content = Path(path).read_bytes()
    return "" if content.startswith(b"#!") else hashlib.sha256(content).hexdigest()[:_DIGITS]


def _from_config(path: Path) -> tuple[str, ...]:
    values = dict(_assignments(path))
    found = [
        values[key]
        for state in ("running", "installed")
        for component in _COMPONENTS
        if (key := f"{component}_{state}_version") in values
    ]
    return tuple(text for value in found if _RELEASE.search(text := value.strip("[]").rpartition(":")[2].strip()))


def _from_info(path: Path) -> tuple[str, ...]:
    values = dict(_assignments(path))
    return tuple(text for key in _INFO_KEYS if _RELEASE.search(text := values.get(key, "").strip("[]")))


def _assignments(path: Path) -> Iterator[tuple[str, str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # absent in some releases
        return
    for match in re.finditer(r"^\s*([A-Za-z_]+)\s*=\s*(\S.*?)\s*$", text, re.MULTILINE):
        yield match[1], match[2]
